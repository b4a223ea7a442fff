//! Exports of the shapes that Label Studio writes, for tests that cut, split or damage them.

use proptest::prelude::*;
use serde_json::{Value, json};

/// As many cases as PROPTEST_CASES says, 64 unless it is set; failures print their input and leave no file behind.
pub fn config() -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "proptest's own setting: its default of 256 cases is too slow here")]
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if is_set { default } else { ProptestConfig { cases: 64, ..default } }
}

/// Texts that a splitter or parser may stumble over.
const TEXTS: [&str; 12] = [
    "plain",
    "",
    "{[}],:",
    "}]}]}]",
    "a \"quote\"",
    "\\",
    "\\\"",
    "tab\tand\nline\u{1}",
    "Анна 日本語 é",
    "🙂👩‍👩‍👧",
    "\u{2028}\u{feff}",
    "[{\"id\":1}]",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&TEXTS[..]), 1..4).prop_map(|parts| parts.concat())
}

fn result() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::collection::vec(text(), 0..3).prop_map(|labels| json!({ "type": "choices", "value": { "choices": labels } })),
        (text(), 0..90u32).prop_map(|(text, start)| json!({ "type": "labels", "meta": { "text": [text.clone()] },
            "value": { "start": start, "end": start + 9, "text": text, "labels": ["PER", "ORG"] } })),
        (0.0..100.0f64).prop_map(|x| json!({ "type": "rectanglelabels", "original_width": 192, "original_height": 144,
            "value": { "x": x, "y": 7.5, "width": 9, "height": 8, "rotation": 0, "rectanglelabels": ["car"] } })),
        (0.0..100.0f64).prop_map(|x| json!({ "type": "polygonlabels", "score": 0.5,
            "value": { "points": [[x, 1], [2, 3.5], [4, 5]], "closed": true, "polygonlabels": ["roof"] } })),
        Just(json!({ "type": "brushlabels", "value": { "format": "rle", "rle": [0, 1, 255], "brushlabels": ["x"] } })),
        text().prop_map(|text| json!({ "type": "textarea", "value": { "text": [text, "two"] } })),
        Just(json!({ "type": "ranker", "value": { "ranker": { "_": ["a"], "best": ["b", "c"] } } })),
        Just(json!({ "type": "taxonomy", "value": { "taxonomy": [["A", "B"], ["C"]] } })),
        Just(json!({ "type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["of"] })),
        Just(json!({ "type": "videorectangle", "value": { "framesCount": 9, "labels": ["Man"],
            "sequence": [{ "frame": 1, "enabled": true, "x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "time": 0.04 }] } })),
    ]
    .prop_map(|mut result| {
        if result["type"] != "relation" {
            result["id"] = json!("r");
            result["from_name"] = json!("control");
            result["to_name"] = json!("text");
        }
        result["origin"] = json!("manual");
        result
    })
}

fn author() -> impl Strategy<Value = Value> {
    prop_oneof![
        (1..5).prop_map(|id| json!(id)),
        Just(json!({ "id": 4, "email": "carla@example.com", "first_name": "Carla", "last_name": "Díaz" })),
        Just(Value::Null),
    ]
}

fn annotation() -> impl Strategy<Value = Value> {
    (author(), prop::collection::vec(result(), 0..4), any::<bool>()).prop_map(|(author, results, cancelled)| {
        json!({ "completed_by": author, "result_count": results.len(), "result": results, "was_cancelled": cancelled,
            "ground_truth": false, "created_at": "2026-02-11T14:17:00.420421Z", "updated_at": "2026-02-11T14:17:00.420421Z",
            "lead_time": 20.966, "prediction": {}, "unique_id": "57a7a3b0", "import_id": null, "parent_prediction": null })
    })
}

fn task() -> impl Strategy<Value = Value> {
    (text(), prop::collection::vec(annotation(), 0..3), prop::option::of(result()), any::<bool>()).prop_map(
        |(text, annotations, predicted, ids)| {
            let predictions = match (predicted, ids) {
                (None, _) => json!([]),
                (Some(_), true) => json!([1424]),
                (Some(result), false) => json!([{ "result": [result], "model_version": "v1", "score": 0.4 }]),
            };
            let drafts = json!([{ "user": "ann@example.com", "result": [], "created_ago": "0\u{a0}minutes" }]);
            json!({ "annotations": annotations, "predictions": predictions, "drafts": if ids { drafts } else { json!([]) },
                "data": { "text": text, "n": 1.5 }, "meta": {}, "created_at": "2026-01-05T08:16:48.674300Z", "total_annotations": 1 })
        },
    )
}

/// Gives tasks, annotations, drafts and predictions their ids.
fn number(tasks: &mut [Value]) {
    let mut id = 0;
    for task in tasks {
        id += 1;
        task["id"] = json!(id);
        for list in ["annotations", "drafts", "predictions"] {
            for record in task[list].as_array_mut().into_iter().flatten().filter(|record| record.is_object()) {
                id += 1;
                record["id"] = json!(id);
            }
        }
    }
}

/// The tasks of an export, not yet written.
pub fn tasks() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(task(), 1..6).prop_map(|mut tasks| {
        number(&mut tasks);
        tasks
    })
}

/// How an export is written: the same content, other bytes.
#[derive(Debug, Clone, Copy)]
pub enum Style {
    Compact,
    Pretty,
    /// Everything beyond ASCII is escaped, as surrogate pairs where it must be.
    Escaped,
}

pub fn style() -> impl Strategy<Value = Style> {
    prop::sample::select(&[Style::Compact, Style::Pretty, Style::Escaped][..])
}

pub fn write(tasks: &[Value], style: Style) -> String {
    match style {
        Style::Compact => serde_json::to_string(tasks).unwrap(),
        Style::Pretty => format!("\r\n{}\n", serde_json::to_string_pretty(tasks).unwrap()),
        Style::Escaped => {
            let compact = serde_json::to_string(tasks).unwrap();
            let mut escaped = String::new();
            for unit in compact.encode_utf16() {
                match u8::try_from(unit) {
                    Ok(byte) if byte.is_ascii() => escaped.push(char::from(byte)),
                    _ => escaped.push_str(&format!("\\u{unit:04x}")),
                }
            }
            escaped
        }
    }
}

/// A whole export.
pub fn export() -> impl Strategy<Value = String> {
    (tasks(), style()).prop_map(|(tasks, style)| write(&tasks, style))
}
