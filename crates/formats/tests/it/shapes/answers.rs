//! Controls that answer for the whole item.

use super::shape;

#[test]
fn every_choice_is_a_row() {
    shape(
        r#"{"id":"11fG1sBIKM","type":"choices","value":{"choices":["Positive"]},"origin":"manual","to_name":"text","from_name":"sentiment"}"#,
        &[&[
            "control=sentiment",
            "target=text",
            "type=choices",
            "region_id=11fG1sBIKM",
            "label=Positive",
            "label_index=0",
            r#"raw={"origin":"manual"}"#,
        ]],
    );
    shape(
        r#"{"type":"choices","value":{"choices":["Sports","News, \u00e9 & \"more\""]}}"#,
        &[
            &["type=choices", "label=Sports", "label_index=0"],
            &["type=choices", "label=News, é & \"more\"", "label_index=1"],
        ],
    );
}

#[test]
fn no_choice_is_an_answer_without_a_label() {
    shape(r#"{"type":"choices","value":{"choices":[]}}"#, &[&["type=choices", "label_index=0"]]);
    shape(r#"{"type":"choices","value":null}"#, &[&["type=choices", "label_index=0"]]);
}

#[test]
fn nested_choices_are_paths() {
    // Choices with allowNested="true" write what Taxonomy writes.
    shape(
        r#"{"type":"choices","value":{"choices":[["Animal","Dog"],["Plant"]]}}"#,
        &[&["type=choices", "label=Animal > Dog", "label_index=0"], &["type=choices", "label=Plant", "label_index=1"]],
    );
}

#[test]
fn ratings_and_numbers_are_numbers() {
    shape(r#"{"type":"rating","value":{"rating":4}}"#, &[&["type=rating", "label_index=0", "number=4"]]);
    shape(r#"{"type":"number","value":{"number":177.41}}"#, &[&["type=number", "label_index=0", "number=177.41"]]);
    shape(r#"{"type":"number","value":{"number":-3}}"#, &[&["type=number", "label_index=0", "number=-3"]]);
    shape(r#"{"type":"number","value":{"number":0}}"#, &[&["type=number", "label_index=0", "number=0"]]);
    shape(
        r#"{"type":"rating","value":{"rating":"4 stars"}}"#,
        &[&["type=rating", "label_index=0", r#"raw={"value":{"rating":"4 stars"}}"#]],
    );
}

#[test]
fn numbers_are_exact_to_the_last_bit() {
    shape(
        r#"{"type":"number","value":{"number":48.527120471682395}}"#,
        &[&["type=number", "label_index=0", "number=48.527120471682395"]],
    );
    shape(
        r#"{"type":"number","value":{"number":5e-324}}"#,
        &[&["type=number", "label_index=0", &format!("number={}", 5e-324)]],
    );
}

#[test]
fn every_text_of_a_text_area_is_a_row() {
    shape(
        r#"{"type":"textarea","value":{"text":["one\ntwo","","три 🙂"]},"from_name":"summary","to_name":"doc"}"#,
        &[
            &["control=summary", "target=doc", "type=textarea", "label_index=0", "text=one\ntwo"],
            &["control=summary", "target=doc", "type=textarea", "label_index=1", "text="],
            &["control=summary", "target=doc", "type=textarea", "label_index=2", "text=три 🙂"],
        ],
    );
    shape(r#"{"type":"textarea","value":{"text":"alone"}}"#, &[&["type=textarea", "label_index=0", "text=alone"]]);
    shape(r#"{"type":"textarea","value":{"text":[]}}"#, &[&["type=textarea", "label_index=0"]]);
}

#[test]
fn taxonomy_paths_are_labels() {
    shape(
        r#"{"type":"taxonomy","value":{"taxonomy":[["A","B"],["C"]]}}"#,
        &[&["type=taxonomy", "label=A > B", "label_index=0"], &["type=taxonomy", "label=C", "label_index=1"]],
    );
    shape(
        r#"{"type":"taxonomy","value":{"taxonomy":[["A > B"]]}}"#,
        &[&["type=taxonomy", "label=A > B", "label_index=0", r#"raw={"value":{"taxonomy":[["A > B"]]}}"#]],
    );
}

#[test]
fn dates_are_texts_in_the_tag_s_own_format() {
    for date in ["2025-01-01", "2025-01", "01.01.2025T00:00"] {
        shape(
            &format!(r#"{{"type":"datetime","value":{{"datetime":"{date}"}}}}"#),
            &[&["type=datetime", "label_index=0", &format!("text={date}")]],
        );
    }
}

#[test]
fn a_pair_s_choice_is_a_label() {
    shape(
        r#"{"id":"Njx1ujlyZj","type":"pairwise","value":{"selected":"right"},"origin":"manual","to_name":"pref","from_name":"pref"}"#,
        &[&[
            "control=pref",
            "target=pref",
            "type=pairwise",
            "region_id=Njx1ujlyZj",
            "label=right",
            "label_index=0",
            r#"raw={"origin":"manual"}"#,
        ]],
    );
}

#[test]
fn a_ranker_s_list_is_ranked_from_one() {
    shape(
        r#"{"type":"ranker","value":{"ranker":["d7","d4"]}}"#,
        &[
            &["type=ranker", "label=d7", "label_index=0", "rank=1"],
            &["type=ranker", "label=d4", "label_index=1", "rank=2"],
        ],
    );
}

#[test]
fn a_ranker_s_list_by_control_names_the_control() {
    shape(
        r#"{"type":"ranker","value":{"ranker":{"rank":["doc4","doc50"]}},"to_name":"results","from_name":"rank"}"#,
        &[
            &["control=rank", "target=results", "type=ranker", "label=doc4", "label_index=0", "text=rank", "rank=1"],
            &["control=rank", "target=results", "type=ranker", "label=doc50", "label_index=1", "text=rank", "rank=2"],
        ],
    );
}

#[test]
fn a_ranker_s_buckets_are_ranked_each() {
    shape(
        r#"{"type":"ranker","value":{"ranker":{"_":["d4"],"relevant":["d38","d50"]}}}"#,
        &[
            &["type=ranker", "label=d4", "label_index=0", "text=_", "rank=1"],
            &["type=ranker", "label=d38", "label_index=1", "text=relevant", "rank=1"],
            &["type=ranker", "label=d50", "label_index=2", "text=relevant", "rank=2"],
        ],
    );
}

#[test]
fn a_bucket_without_members_is_kept_as_written() {
    shape(
        r#"{"type":"ranker","value":{"ranker":{"_":[],"relevant":["d38"]}}}"#,
        &[&[
            "type=ranker",
            "label=d38",
            "label_index=0",
            "text=relevant",
            "rank=1",
            r#"raw={"value":{"ranker":{"_":[],"relevant":["d38"]}}}"#,
        ]],
    );
}
