//! Damaged exports: refused with a place in the file, or read into tables that hold together. Never a panic.

use assay_formats::FormatError;
use assay_formats::label_studio::SplitOptions;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::exports::{config, export, style, tasks, write};
use crate::splitting::Pieces;
use crate::support::{Whole, cell, column, read, read_from};

/// Damage to bytes: where it begins, where it ends, and what is put there.
#[derive(Debug, Clone)]
enum Damage {
    Cut(Index),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Delete(Index, Index),
    Duplicate(Index, Index),
    Move(Index, Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..5),
        prop::sample::select(
            &["{", "}", "[", "]", "\"", "\\", ",", ":", "null", "NaN", "1e999", "-", "\0", "\\ud800", "[[[[[["][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        place().prop_map(Damage::Cut),
        (place(), 1..=255u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (place(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place(), place()).prop_map(|(from, to)| Damage::Delete(from, to)),
        (place(), place()).prop_map(|(from, to)| Damage::Duplicate(from, to)),
        (place(), place(), place()).prop_map(|(from, to, at)| Damage::Move(from, to, at)),
    ]
}

fn inflict(damage: &Damage, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let range = |from: &Index, to: &Index| {
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        // Short ranges leave most of the file as it was.
        let end = from.max(to).min(from.min(to) + 200);
        from.min(to)..end
    };
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Flip(at, bits) => {
            let at = at.index(bytes.len());
            bytes[at] ^= bits;
        }
        Damage::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::Delete(from, to) => {
            bytes.drain(range(from, to));
        }
        Damage::Duplicate(from, to) => {
            let range = range(from, to);
            let copy = bytes[range.clone()].to_vec();
            bytes.splice(range.end..range.end, copy);
        }
        Damage::Move(from, to, at) => {
            let piece: Vec<u8> = bytes.drain(range(from, to)).collect();
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..at, piece);
        }
    }
}

/// Puts values of other types in the place of some, or takes values away.
fn replace(value: &mut Value, at: &mut usize, by: &Value) -> bool {
    if *at == 0 {
        *value = by.clone();
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| replace(item, at, by)),
        Value::Object(fields) => fields.values_mut().any(|field| replace(field, at, by)),
        _ => false,
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

fn other_value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(1),
        json!(-7),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("text"),
        json!("2026-01-05T08:16:48Z"),
        json!([]),
        json!([1]),
        json!([null]),
        json!(["a", 1]),
        json!([[1, 2], [3, 4]]),
        json!([{}]),
        json!({}),
        json!({ "id": 1 }),
        json!({ "start": 1, "end": 2 }),
        json!({ "result": [{ "type": "choices" }] }),
    ])
}

fn check_error(file: &[u8], error: &FormatError) -> Result<(), TestCaseError> {
    let message = error.to_string();
    prop_assert!(message.starts_with("export.json: "), "{message}");
    prop_assert!(message.contains(&format!("byte {}: ", error.byte)), "{message}");
    prop_assert!(error.byte <= file.len() as u64, "{message}: the file has {} bytes", file.len());
    prop_assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{message}");
    prop_assert!(!message.contains("fault of Assay"), "{message}");
    prop_assert!(message.len() < 1000, "{message}");
    Ok(())
}

/// What holds for all tables. Ids that occur twice are refused when an import merges its chunks: here each keeps its position.
fn check_tables(file: &[u8], whole: &Whole) -> Result<(), TestCaseError> {
    let items = column(&whole.items, "item_id");
    prop_assert_eq!(items.len(), whole.positions.len());
    prop_assert_eq!(items.len() as u64, whole.counts.items);
    for (number, (index, byte)) in whole.positions.iter().enumerate() {
        prop_assert_eq!(*index, number as u64);
        prop_assert_eq!(file[*byte as usize], b'{');
    }
    prop_assert!(whole.positions.is_sorted_by(|one, next| one.1 < next.1));
    for name in ["data", "meta", "raw"] {
        check_json(&column(&whole.items, name))?;
    }
    check_json(&column(&whole.annotations, "raw"))?;
    check_json(&column(&whole.results, "raw"))?;
    check_annotations(whole, &items)?;
    check_rejects(file, whole)
}

fn check_json(texts: &[String]) -> Result<(), TestCaseError> {
    for text in texts.iter().filter(|text| !text.is_empty()) {
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "{text}");
    }
    Ok(())
}

/// Annotations and their results stand in one order: each annotation is followed by as many results as it counts.
fn check_annotations(whole: &Whole, items: &[String]) -> Result<(), TestCaseError> {
    let counts = &whole.counts;
    prop_assert_eq!(whole.annotations.num_rows() as u64, counts.annotations + counts.drafts + counts.predictions);
    let (mut next, mut results) = (0, 0);
    for annotation in 0..whole.annotations.num_rows() {
        let of = |name: &str| cell(&whole.annotations, name, annotation);
        prop_assert!(items.contains(&of("item_id")), "the item {} is missing", of("item_id"));
        prop_assert!(whole.raters.iter().any(|rater| rater.rater_id == of("rater_id")), "{}", of("rater_id"));
        let count: u64 = of("result_count").parse().unwrap();
        results += count;
        for index in 0..count {
            let mut label_index = 0;
            while next < whole.results.num_rows() {
                let result = |name: &str| cell(&whole.results, name, next);
                if result("result_index") != index.to_string() || result("label_index") != label_index.to_string() {
                    break;
                }
                for name in ["annotation_id", "item_id", "rater_id", "rater_kind"] {
                    prop_assert_eq!(result(name), of(name));
                }
                label_index += 1;
                next += 1;
            }
            prop_assert!(label_index > 0, "result {index} of {} has no row", of("annotation_id"));
        }
    }
    prop_assert_eq!(next, whole.results.num_rows());
    prop_assert_eq!(results, counts.results);
    Ok(())
}

fn check_rejects(file: &[u8], whole: &Whole) -> Result<(), TestCaseError> {
    for reject in 0..whole.rejects.num_rows() {
        let of = |name: &str| cell(&whole.rejects, name, reject);
        prop_assert_eq!(of("file"), "export.json");
        prop_assert!(of("position").starts_with("task ") && !of("reason").is_empty());
        let byte: usize = of("position").rsplit(' ').next().unwrap().parse().unwrap();
        prop_assert!(file[byte..].starts_with(of("raw").as_bytes()), "{}: {}", of("position"), of("raw"));
    }
    Ok(())
}

fn check(file: &[u8]) -> Result<(), TestCaseError> {
    let outcome = read(file);
    prop_assert_eq!(&read_from(Pieces::new(file, &[7, 1, 300]), SplitOptions::new("export.json")), &outcome);
    match outcome {
        Err(error) => check_error(file, &error),
        Ok(whole) => check_tables(file, &whole),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damaged_bytes_are_refused_or_read_soundly(export in export(), damages in prop::collection::vec(damage(), 1..3)) {
        let mut bytes = export.into_bytes();
        for damage in &damages {
            inflict(damage, &mut bytes);
        }
        check(&bytes)?;
    }

    #[test]
    fn values_of_other_types_are_refused_or_read_soundly(
        tasks in tasks(), style in style(), others in prop::collection::vec((any::<Index>(), other_value()), 1..4),
    ) {
        let mut all = Value::Array(tasks);
        for (at, other) in &others {
            let mut at = 1 + at.index(nodes(&all).max(2) - 1);
            replace(&mut all, &mut at, other);
        }
        check(write(all.as_array().unwrap(), style).as_bytes())?;
    }

    #[test]
    fn a_cut_is_refused_wherever_it_is(export in export(), at in any::<Index>()) {
        let end = export.trim_end().len();
        let cut = &export.as_bytes()[..at.index(end)];
        let error = read(cut).unwrap_err();
        check_error(cut, &error)?;
        prop_assert_eq!(error.byte, cut.len() as u64);
        prop_assert!(["the file is empty", "the file ends"].iter().any(|start| error.problem.starts_with(start)), "{}", error);
    }

    #[test]
    fn undamaged_exports_are_read_whole(export in export()) {
        let whole = read(&export).unwrap();
        prop_assert_eq!(whole.rejects.num_rows(), 0);
        check(export.as_bytes())?;
    }

    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
        check(&bytes)?;
    }
}
