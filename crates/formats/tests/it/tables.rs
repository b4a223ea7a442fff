//! Whole tasks, and the tables they become.

use assay_formats::schema;

use crate::support::{annotation, cell, column, read, row};

#[test]
fn the_order_of_fields_does_not_matter() {
    let after = r#"[{"annotations":[{"result":[{"value":{"choices":["a"]},"type":"choices"}],"id":1,"completed_by":2}],"predictions":[4],"data":{},"id":9}]"#;
    let before = r#"[{"id":9,"data":{},"predictions":[4],"annotations":[{"completed_by":2,"id":1,"result":[{"type":"choices","value":{"choices":["a"]}}]}]}]"#;
    let (one, other) = (read(after).unwrap(), read(before).unwrap());
    assert_eq!((one.items, one.annotations, one.results), (other.items, other.annotations, other.results));
}

#[test]
fn tables_are_what_readers_can_read() {
    use arrow::datatypes::DataType;
    fn plain(of: &DataType) -> bool {
        match of {
            DataType::List(element) => !matches!(element.data_type(), DataType::List(_)) && plain(element.data_type()),
            DataType::Struct(fields) => fields.iter().all(|field| plain(field.data_type())),
            DataType::Map(entries, _) => plain(entries.data_type()),
            DataType::Dictionary(..) | DataType::Union(..) | DataType::Null => false,
            _ => true,
        }
    }
    for schema in [schema::items(), schema::annotations(), schema::results(), schema::raters(), schema::rejects()] {
        assert_eq!(schema.metadata()[schema::VERSION_KEY], schema::VERSION.to_string());
        assert!(schema.fields().iter().all(|field| plain(field.data_type())));
    }
}

#[test]
fn a_task_is_an_item_and_what_has_no_column_is_in_raw() {
    let whole = read(
        r#" [ {"id": 12, "inner_id":1, "data": {"text":"caf\u00e9","nested":{"a":[1],"b":true,"c":null},"n":1.50},
             "meta":{"split":"test"}, "created_at":"2026-01-05T08:16:48.674300Z", "updated_at":"2026-02-11T14:17:00Z",
             "file_upload":"272c05d0-reviews.csv","comment_authors":[2],"updated_by":null,"annotations":[],"drafts":[],"predictions":[],
             "total_annotations":3,"cancelled_annotations":0,"total_predictions":1} ] "#,
    )
    .unwrap();
    let hash = format!("content_hash={}", cell(&whole.items, "content_hash", 0));
    let expected = [
        "item_id=demo/task/12",
        "source=demo",
        "native_id=12",
        r#"data={"text":"caf\u00e9","nested":{"a":[1],"b":true,"c":null},"n":1.50}"#,
        r#"meta={"split":"test"}"#,
        "slices={text: café, nested.b: true, n: 1.50, meta.split: test}",
        "created_at=1767601008674300",
        "updated_at=1770819420000000",
        &hash,
        r#"raw={"inner_id":1,"file_upload":"272c05d0-reviews.csv","comment_authors":[2]}"#,
    ];
    assert_eq!(row(&whole.items, 0), expected);
    assert_eq!((whole.counts.items, &whole.positions[..]), (1, &[(0, 3)][..]));
}

#[test]
fn slices_have_each_name_once() {
    let whole = read(r#"[{"id":1,"data":{"a.b":"x","a":{"b":"y"},"meta":{"c":1}},"meta":{"c":2}}]"#).unwrap();
    assert_eq!(column(&whole.items, "slices"), ["{a.b: x, meta.c: 1}"]);
}

#[test]
fn slices_are_short_few_and_not_deep() {
    let slices =
        |data: &str| column(&read(format!(r#"[{{"id":1,"data":{data}}}]"#)).unwrap().items, "slices").remove(0);
    let (longest, longer) = ("x".repeat(256), "x".repeat(257));
    assert_eq!(slices(&format!(r#"{{"a":"{longest}","b":"{longer}"}}"#)), format!("{{a: {longest}}}"));
    assert_eq!(slices(&format!(r#"{{"{longest}":1,"{longer}":2,"{longer}":{{"a":3}}}}"#)), format!("{{{longest}: 1}}"));
    let many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
    assert_eq!(slices(&format!("{{{}}}", many.join(","))).matches(": ").count(), 64);
    let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(slices(&deep(16)), format!("{{{}: 1}}", vec!["a"; 16].join(".")));
    assert_eq!(slices(&deep(17)), "{}");
}

#[test]
fn an_annotation_is_a_row_and_what_has_no_column_is_in_raw() {
    let whole = read(annotation(
        r#""completed_by":3,"result":[],"was_cancelled":true,"ground_truth":true,"created_at":"2026-01-20T16:54:37.856754Z",
           "updated_at":"2026-01-25T07:21:27.592713Z","draft_created_at":null,"lead_time":4.056,"prediction":{},"result_count":0,
           "unique_id":"c010668e","last_action":null,"bulk_created":false,"task":1,"parent_prediction":1,"parent_annotation":5"#,
    ))
    .unwrap();
    let hash = format!("content_hash={}", cell(&whole.annotations, "content_hash", 0));
    let expected = [
        "annotation_id=demo/annotation/70",
        "item_id=demo/task/7",
        "source=demo",
        "native_id=70",
        "kind=annotation",
        "rater_id=demo/user/3",
        "rater_kind=human",
        "created_at=1768928077856754",
        "updated_at=1769325687592713",
        "lead_time_s=4.056",
        "cancelled=true",
        "ground_truth=true",
        "draft=false",
        "from_prediction_id=demo/prediction/1",
        "result_count=0",
        &hash,
        r#"raw={"unique_id":"c010668e","bulk_created":false,"task":1,"parent_annotation":5}"#,
    ];
    assert_eq!(row(&whole.annotations, 0), expected);
}

#[test]
fn a_draft_is_an_annotation_of_its_own() {
    let whole = read(
        r#"[{"id":7,"data":{},"drafts":[{"id":39,"user":"ann@example.com","created_username":"Ann ann@example.com, 2",
           "result":[{"type":"rating","value":{"rating":2}}],"lead_time":12.25,"was_postponed":false,"annotation":70}]}]"#,
    )
    .unwrap();
    let cells = ["annotation_id", "kind", "rater_id", "draft", "lead_time_s", "result_count", "raw"];
    assert_eq!(
        cells.map(|name| cell(&whole.annotations, name, 0)),
        [
            "demo/draft/39",
            "annotation",
            "demo/user/ann@example.com",
            "true",
            "12.25",
            "1",
            r#"{"created_username":"Ann ann@example.com, 2","was_postponed":false,"annotation":70}"#
        ]
    );
    assert_eq!((whole.counts.drafts, whole.counts.annotations, whole.counts.results), (1, 0, 1));
}

#[test]
fn fields_of_an_annotation_that_have_another_type_are_kept_as_written() {
    let whole = read(annotation(
        r#""completed_by":3,"result":[],"lead_time":"4 s","score":[0.5],"parent_prediction":{"id":1},"model_version":"m""#,
    ))
    .unwrap();
    let raw = r#"{"lead_time":"4 s","score":[0.5],"parent_prediction":{"id":1},"model_version":"m"}"#;
    assert_eq!(column(&whole.annotations, "raw"), [raw]);
}

#[test]
fn a_model_s_version_may_be_a_number() {
    let whole = read(
        r#"[{"id":7,"data":{},"predictions":[{"id":1,"result":[],"model_version":3},{"id":2,"result":[],"model_version":{"v":3}}]}]"#,
    )
    .unwrap();
    assert_eq!(column(&whole.annotations, "rater_id"), ["demo/model/3", "demo/model/"]);
    assert_eq!(column(&whole.annotations, "raw"), ["", r#"{"model_version":{"v":3}}"#]);
}

#[test]
fn an_annotation_that_cannot_be_used_is_a_reject_and_the_others_stay() {
    let faulty = [
        ("5", "cannot be read: invalid type: integer `5`, expected an annotation (an object)"),
        (r#"{"result":[]}"#, "has no id; export from Label Studio"),
        (r#"{"id":1,"result":{"a":1}}"#, "cannot be read: invalid type: map, expected a list of results"),
        (r#"{"id":1,"result":[7]}"#, "cannot be read: invalid type: integer `7`, expected a result (an object)"),
        (
            r#"{"id":1,"result":[{"type":"x","value":[1]}]}"#,
            "cannot be read: invalid type: sequence, expected an object",
        ),
        (r#"{"id":1,"result":[{"value":{}}]}"#, "result 1 must have a type (a text), found null"),
        (
            r#"{"id":1,"result":[],"created_at":"yesterday"}"#,
            "created_at must be a time such as 2026-01-31T12:00:00Z, found the text \"yesterday\"",
        ),
        (
            r#"{"id":1,"result":[],"was_cancelled":"true"}"#,
            "was_cancelled must be true or false, found the text \"true\"",
        ),
        (r#"{"id":1,"result":[],"ground_truth":1}"#, "ground_truth must be true or false, found the number 1"),
    ];
    for (annotation, reason) in faulty {
        let start = r#"[{"id":7,"data":{},"annotations":[{"id":2,"completed_by":3,"result":[]},"#;
        let whole = read(format!("{start}{annotation}]}}]")).unwrap();
        assert_eq!(column(&whole.annotations, "native_id"), ["2"], "{annotation}");
        let id = if reason.contains("cannot be read") || reason.contains("no id") { "" } else { " (id 1)" };
        let position = format!("task 1 (id 7), annotation 2{id}, byte {}", start.len());
        assert_eq!(column(&whole.rejects, "file"), ["export.json"]);
        assert_eq!(column(&whole.rejects, "position"), [position]);
        assert_eq!(column(&whole.rejects, "raw"), [annotation]);
        let found = cell(&whole.rejects, "reason", 0);
        assert!(found.starts_with(reason) && found.contains("export"), "{found}");
    }
}

#[test]
fn the_reason_of_a_reject_does_not_repeat_a_long_text() {
    let long = " at line 3 x".repeat(10_000);
    let whole = read(format!(r#"[{{"id":7,"data":{{}},"annotations":[{{"id":1,"result":"{long}"}}]}}]"#)).unwrap();
    let reason = cell(&whole.rejects, "reason", 0);
    assert!(
        reason.starts_with("cannot be read: invalid type: string \" at line 3 x") && reason.len() < 500,
        "{reason}"
    );
    assert!(reason.ends_with("; export the project from Label Studio again; if the file was edited, mend this place"));
}
