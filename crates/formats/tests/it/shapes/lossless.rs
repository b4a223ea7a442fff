//! Values that find no column, whatever shape they have, are in `raw`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::shape;
use crate::exports::config;
use crate::support::results_of;

#[test]
fn unknown_types_are_kept_whole() {
    shape(
        r#"{"id":"z","type":"hologram","from_name":"h","to_name":"scene","value":{"mesh":{"a":[1,[2,{"b":null}]]},"hologram":{"depth":3},"n":null},"origin":"manual","fancy":[true]}"#,
        &[&[
            "control=h",
            "target=scene",
            "type=hologram",
            "region_id=z",
            "label_index=0",
            r#"raw={"origin":"manual","fancy":[true],"value":{"hologram":{"depth":3},"mesh":{"a":[1,[2,{"b":null}]]}}}"#,
        ]],
    );
}

#[test]
fn half_a_box_is_kept_as_written() {
    for (value, raw) in [
        (r#"{"x":1,"y":2,"width":3,"choices":["a"]}"#, r#"raw={"value":{"width":3}}"#),
        (
            r#"{"x":1,"y":2,"radiusX":3,"radiusY":4,"rotation":5,"choices":["a"]}"#,
            r#"raw={"value":{"radiusX":3,"radiusY":4,"rotation":5}}"#,
        ),
        (r#"{"x":1,"choices":["a"]}"#, r#"raw={"value":{"x":1}}"#),
    ] {
        let rows = results_of(&format!(r#"[{{"type":"choices","value":{value}}}]"#));
        assert_eq!(rows[0].last().unwrap(), raw);
    }
}

#[test]
fn several_texts_beside_labels_are_kept() {
    let rows = results_of(r#"[{"type":"textarea","value":{"labels":["a"],"text":["one","two"]}}]"#);
    assert_eq!(rows[0].last().unwrap(), r#"raw={"value":{"text":["one","two"]}}"#);
}

#[test]
fn fields_of_another_type_are_kept_as_written() {
    shape(
        r#"{"type":"choices","id":17,"score":"high","from_name":{"a":["b"]},"to_name":["c"],"original_width":"192px","value":{"choices":["a"]}}"#,
        &[&[
            "type=choices",
            "label=a",
            "label_index=0",
            r#"raw={"id":17,"from_name":{"a":["b"]},"to_name":["c"],"score":"high","original_width":"192px"}"#,
        ]],
    );
}

#[test]
fn labels_outside_the_value_do_not_replace_those_inside() {
    shape(
        r#"{"type":"labels","value":{"labels":["inside"]},"labels":["outside"]}"#,
        &[&["type=labels", "label=inside", "label_index=0", r#"raw={"labels":["outside"]}"#]],
    );
    shape(
        r#"{"type":"labels","value":{"labels":["inside"]},"labels":null}"#,
        &[&["type=labels", "label=inside", "label_index=0"]],
    );
}

#[test]
fn two_positions_of_one_region_are_both_kept() {
    shape(
        r#"{"type":"labels","value":{"start":1,"end":2,"globalOffsets":{"start":3,"end":4},"ranges":[{"start":5,"end":6}]}}"#,
        &[&[
            "type=labels",
            "label_index=0",
            "start=3",
            "end=4",
            "unit=code_point",
            r#"raw={"value":{"ranges":[{"start":5,"end":6}],"start":1,"end":2}}"#,
        ]],
    );
    shape(
        r#"{"type":"relation","from_id":"a","to_id":"b","value":{"start":"x","end":"y"}}"#,
        &[&[
            "type=relation",
            "label_index=0",
            "start_text=a",
            "end_text=b",
            r#"raw={"value":{"start":"x","end":"y"}}"#,
        ]],
    );
}

const KINDS: [&str; 14] = [
    "choices",
    "labels",
    "textarea",
    "rating",
    "number",
    "datetime",
    "pairwise",
    "ranker",
    "taxonomy",
    "relation",
    "rectanglelabels",
    "ellipselabels",
    "keypointlabels",
    "hologram",
];
const FIELDS: [&str; 10] =
    ["id", "from_name", "to_name", "score", "parentID", "original_width", "from_id", "to_id", "direction", "labels"];
const VALUE_FIELDS: [&str; 25] = [
    "choices",
    "labels",
    "rectanglelabels",
    "text",
    "rating",
    "number",
    "datetime",
    "selected",
    "ranker",
    "taxonomy",
    "start",
    "end",
    "startOffset",
    "globalOffsets",
    "ranges",
    "x",
    "y",
    "width",
    "height",
    "rotation",
    "radiusX",
    "points",
    "sequence",
    "channel",
    "hologram",
];

/// A value of some JSON type whose leaves are numbers and texts that occur nowhere else: each becomes its own when it is built.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!("text")), Just(json!(0)), Just(json!(0.5)), Just(Value::Null)];
    let list = prop_oneof![
        prop::collection::vec(Just(json!("text")), 1..3).prop_map(Value::from),
        prop::collection::vec(Just(json!(0)), 1..3).prop_map(Value::from),
        Just(json!([["text", "text"], ["text"]])),
        Just(json!([[0, 0.5], [0, 0]])),
        Just(json!([{ "start": 0, "end": 0 }])),
        Just(json!([{ "start": 0, "end": 0, "more": "text" }, { "start": 0, "end": 0 }])),
        Just(json!([{ "frame": 0, "enabled": true, "x": 0.5, "y": 0, "time": 0 }])),
        Just(json!([{ "frame": 0, "shape": ["text"] }])),
        Just(json!(["text", 0, { "a": "text" }])),
    ];
    let object = prop_oneof![
        Just(json!({ "start": 0, "end": 0 })),
        Just(json!({ "start": 0, "end": 0, "more": "text" })),
        Just(json!({ "_": ["text"], "bucket": ["text", "text"] })),
        Just(json!({ "a": { "b": ["text", 0] } })),
    ];
    prop_oneof![3 => leaf, 3 => list, 1 => object]
}

fn any_result() -> impl Strategy<Value = Value> {
    let fields = |names: &'static [&'static str], most| {
        prop::collection::btree_map(prop::sample::select(names), any_value(), 0..most)
    };

    (prop::sample::select(&KINDS[..]), fields(&FIELDS, 4), fields(&VALUE_FIELDS, 6), any_value()).prop_map(
        move |(kind, fields, value, own)| {
            let mut value: Map<String, Value> = value.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            value.insert(kind.to_owned(), own);
            let mut result: Map<String, Value> =
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            result.insert("value".to_owned(), Value::Object(value));
            let mut result = Value::Object(result);

            tell_apart(&mut result, &mut 0);
            result["type"] = json!(kind);
            result
        },
    )
}

/// Numbers every leaf, so that it can be found again: texts become `t1001t`, numbers 1002 or 1003.5.
fn tell_apart(value: &mut Value, number: &mut u32) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| tell_apart(item, number)),
        Value::Object(fields) => fields.values_mut().for_each(|field| tell_apart(field, number)),
        Value::String(text) => {
            *number += 1;
            *text = format!("t{}t", 1000 + *number);
        }
        Value::Number(_) => {
            *number += 1;
            let half = value.is_f64();
            let whole = 1000 + *number;
            *value = if half { json!(f64::from(whole) + 0.5) } else { json!(whole) };
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, found)),
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_a_result_holds_is_in_its_rows(result in any_result()) {
        let rows = results_of(&format!("[{result}]"));
        let cells = rows.concat().join("\n");
        let mut all = Vec::new();
        leaves(&result, &mut all);
        for leaf in all {
            prop_assert!(cells.contains(&leaf), "{leaf} of {result} is lost:\n{cells}");
        }
    }
}
