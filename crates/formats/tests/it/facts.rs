//! What trips importers of Label Studio's JSON, by the numbers of the list that these facts were collected in.
//! Numbers that are missing concern webhooks (6), other formats (8) or the labelling config (18).

use crate::support::{annotation, cell, column, read, results_of, row, task_with};

#[test]
fn fact_01_predictions_that_are_ids_only_are_counted_and_kept() {
    let ids = read(r#"[{"id":7,"data":{},"predictions":[1424,1476],"drafts":[39]}]"#).unwrap();
    assert_eq!((ids.counts.prediction_ids, ids.counts.draft_ids, ids.counts.predictions), (2, 1, 0));
    assert_eq!(column(&ids.items, "raw"), [r#"{"predictions":[1424,1476],"drafts":[39]}"#]);
    assert_eq!(ids.annotations.num_rows(), 0);
}

#[test]
fn fact_01_bodies_of_predictions_are_annotations_of_models() {
    let bodies = read(
        r#"[{"id":7,"data":{},"predictions":[{"id":459,"result":[{"type":"choices","value":{"choices":["a"]},"score":0.5}],
           "model_version":"baseline-v1","created_ago":"10 months","score":0.387233,"cluster":null,"mislabeling":0.0,
           "created_at":"2026-01-13T09:11:31.518671Z","updated_at":"2026-01-13T09:11:31.518671Z","task":7,"project":7},
           {"id":460,"result":[],"model_version":"","score":null}]}]"#,
    )
    .unwrap();
    assert_eq!((bodies.counts.prediction_ids, bodies.counts.predictions), (0, 2));
    assert_eq!(column(&bodies.items, "raw"), [""]);
    let hash = format!("content_hash={}", cell(&bodies.annotations, "content_hash", 0));
    let expected = [
        "annotation_id=demo/prediction/459",
        "item_id=demo/task/7",
        "source=demo",
        "native_id=459",
        "kind=prediction",
        "rater_id=demo/model/baseline-v1",
        "rater_kind=model",
        "model_version=baseline-v1",
        "score=0.387233",
        "created_at=1768295491518671",
        "updated_at=1768295491518671",
        "cancelled=false",
        "ground_truth=false",
        "draft=false",
        "result_count=1",
        &hash,
        r#"raw={"mislabeling":0.0,"task":7,"project":7}"#,
    ];
    assert_eq!(row(&bodies.annotations, 0), expected);
    assert_eq!(cell(&bodies.annotations, "rater_id", 1), "demo/model/");
    assert_eq!(column(&bodies.results, "rater_kind"), ["model"]);
    assert_eq!(column(&bodies.results, "score"), ["0.5"]);
}

#[test]
fn fact_02_the_annotator_is_a_number_an_object_an_email_or_nobody() {
    let whole = read(
        r#"[{"id":7,"data":{},
           "annotations":[{"id":1,"result":[],"completed_by":3},
             {"id":2,"result":[],"completed_by":{"id":4,"email":"carla@example.com","first_name":"Carla","last_name":"Díaz"}},
             {"id":3,"result":[],"completed_by":{"id":6,"email":"eva@example.com","first_name":"Eva","last_name":""}},
             {"id":4,"result":[],"completed_by":null},{"id":5,"result":[]}],
           "drafts":[{"id":4,"result":[],"user":"bo@example.com"},{"id":5,"result":[],"user":null}]}]"#,
    )
    .unwrap();
    let raters = [
        "demo/user/3",
        "demo/user/4",
        "demo/user/6",
        "demo/deleted-user/4",
        "demo/deleted-user/5",
        "demo/user/bo@example.com",
        "demo/deleted-user/draft-5",
    ];
    assert_eq!(column(&whole.annotations, "rater_id"), raters);
    let rater = |id: &str| whole.raters.iter().find(|rater| rater.rater_id == id).unwrap();
    let carla = rater("demo/user/4");
    assert_eq!((carla.name.as_deref(), carla.email.as_deref()), (Some("Carla Díaz"), Some("carla@example.com")));
    assert_eq!(rater("demo/user/6").name.as_deref(), Some("Eva"));
    assert_eq!(rater("demo/user/bo@example.com").email.as_deref(), Some("bo@example.com"));
    let deleted: Vec<bool> = raters.iter().map(|id| rater(id).deleted).collect();
    assert_eq!(deleted, [false, false, false, true, true, false, true]);
}

#[test]
fn fact_02_an_annotator_who_cannot_be_told_makes_a_reject() {
    for (author, found) in [
        ("true", "must be a number, an object or an e-mail, found true"),
        ("[3]", "must be a number, an object or an e-mail, found a list"),
        (r#"{"first_name":"Bo"}"#, "has neither id nor email"),
    ] {
        let whole = read(annotation(&format!(r#""result":[],"completed_by":{author}"#))).unwrap();
        assert_eq!(whole.annotations.num_rows(), 0);
        assert!(cell(&whole.rejects, "reason", 0).contains(found), "{}", cell(&whole.rejects, "reason", 0));
    }
}

#[test]
fn fact_03_the_copied_prediction_is_ignored() {
    let with = |copy: &str| {
        read(annotation(&format!(r#""completed_by":3,"result":[],"parent_prediction":459,"prediction":{copy}"#)))
            .unwrap()
    };
    let copied = with(r#"{"id":459,"result":[{"type":"choices","value":{"choices":["a"]}}],"model_version":"v1"}"#);
    let none = with("{}");
    assert_eq!(copied.annotations, none.annotations);
    assert_eq!((copied.counts.annotations, copied.counts.predictions, copied.results.num_rows()), (1, 0, 0));
    assert_eq!(cell(&copied.annotations, "from_prediction_id", 0), "demo/prediction/459");
    assert_eq!(cell(&copied.annotations, "raw", 0), "");
    let alone = read(annotation(r#""completed_by":3,"result":[],"prediction":{"id":459}"#)).unwrap();
    assert_eq!(cell(&alone.annotations, "from_prediction_id", 0), "");
}

#[test]
fn fact_04_imported_annotations_keep_their_source_id_and_are_counted_again() {
    // Annotations that came in by the import API say result_count 0 and ground_truth true.
    let imported = read(annotation(
        r#""completed_by":3,"result":[{"type":"choices","value":{"choices":["a","b"]}}],"ground_truth":true,"result_count":0,"import_id":555001"#,
    ))
    .unwrap();
    assert_eq!(column(&imported.annotations, "result_count"), ["1"]);
    assert_eq!(column(&imported.annotations, "ground_truth"), ["true"]);
    assert_eq!(column(&imported.annotations, "raw"), [r#"{"import_id":555001}"#]);
    assert_eq!(imported.counts.results, 1);
    let unsaid = read(annotation(r#""completed_by":3,"result":[]"#)).unwrap();
    assert_eq!(column(&unsaid.annotations, "ground_truth"), ["false"]);
}

#[test]
fn fact_05_a_ground_truth_that_was_cleared_shows_though_updated_at_did_not_change() {
    let with = |ground_truth: bool| {
        let fields = format!(
            r#""completed_by":3,"result":[],"ground_truth":{ground_truth},"updated_at":"2026-01-13T09:11:31.518671Z""#
        );
        read(annotation(&fields)).unwrap().annotations
    };
    let (set, cleared) = (with(true), with(false));
    assert_eq!(column(&set, "updated_at"), column(&cleared, "updated_at"));
    assert_ne!(column(&set, "content_hash"), column(&cleared, "content_hash"));
}

#[test]
fn fact_07_flattened_exports_are_told_from_whole_ones() {
    // JSON-MIN: a row per annotation, with its answers and data side by side.
    let error = read(
        r#"[{"text":"hello","id":337,"ner":[{"start":0,"end":3,"labels":["PER"]}],"annotator":4,"annotation_id":1005,"lead_time":14.0}]"#,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "export.json: task 1, byte 1: the task has no data; export the project from Label Studio as JSON: JSON-MIN and CSV drop \
         what the reports need"
    );
}

#[test]
fn fact_09_choices_hold_the_alias_as_written() {
    let rows = results_of(r#"[{"type":"choices","value":{"choices":["pos","Sports, news & more"]}}]"#);
    assert_eq!((rows[0][1].as_str(), rows[1][1].as_str()), ("label=pos", "label=Sports, news & more"));
}

#[test]
fn fact_10_rankers_come_in_three_shapes_of_one_meaning() {
    let labels = |ranker: &str| {
        let results = format!(r#"[{{"type":"ranker","value":{{"ranker":{ranker}}}}}]"#);
        let rows = read(task_with(&results)).unwrap().results;
        [column(&rows, "label"), column(&rows, "rank"), column(&rows, "text")]
    };
    assert_eq!(labels(r#"["b","a"]"#), [["b", "a"], ["1", "2"], ["", ""]]);
    assert_eq!(labels(r#"{"rank":["b","a"]}"#), [["b", "a"], ["1", "2"], ["rank", "rank"]]);
    assert_eq!(labels(r#"{"_":["b"],"bucket":["a"]}"#), [["b", "a"], ["1", "1"], ["_", "bucket"]]);
}

#[test]
fn fact_11_a_pair_s_target_may_be_itself_and_its_choice_any_word() {
    for selected in ["left", "right", "none", "custom-left-class"] {
        let results = format!(
            r#"[{{"type":"pairwise","from_name":"pref","to_name":"pref","value":{{"selected":"{selected}"}}}}]"#
        );
        let rows = read(task_with(&results)).unwrap().results;
        assert_eq!(column(&rows, "label"), [selected]);
        assert_eq!((cell(&rows, "control", 0), cell(&rows, "target", 0)), ("pref".into(), "pref".into()));
    }
}

#[test]
fn fact_12_video_labels_belong_to_the_box() {
    let rows = read(task_with(
        r#"[{"type":"videorectangle","from_name":"box","to_name":"video","id":"r","value":{"sequence":[{"frame":1,"enabled":true}],"labels":["Man"]}},
            {"type":"timelinelabels","from_name":"line","to_name":"video","id":"s","value":{"ranges":[{"start":4,"end":9}],"timelinelabels":["Intro"]}}]"#,
    ))
    .unwrap()
    .results;
    assert_eq!(column(&rows, "control"), ["box", "line"]);
    assert_eq!(column(&rows, "label"), ["Man", "Intro"]);
    assert_eq!(
        (cell(&rows, "start", 1), cell(&rows, "end", 1), cell(&rows, "unit", 1)),
        ("4".into(), "9".into(), "frame".into())
    );
}

#[test]
fn fact_13_offsets_and_the_text_they_meant_stay_as_written() {
    // 🙂 is one code point and two UTF-16 units: which of them an export counts shows only beside the text.
    for (start, end) in [(2, 6), (3, 7)] {
        let whole = read(format!(
            r#"[{{"id":7,"data":{{"text":"🙂 Анна"}},"annotations":[{{"id":70,"completed_by":3,"result":[{{"type":"labels","value":{{"start":{start},"end":{end},"text":"\u0410нна","labels":["PER"]}}}}]}}]}}]"#
        ))
        .unwrap();
        assert_eq!(cell(&whole.results, "start", 0), start.to_string());
        assert_eq!(cell(&whole.results, "end", 0), end.to_string());
        assert_eq!(cell(&whole.results, "text", 0), "Анна");
        assert_eq!(cell(&whole.items, "data", 0), r#"{"text":"🙂 Анна"}"#);
    }
}

#[test]
fn fact_14_positions_that_are_texts_are_kept_as_texts() {
    let position = |result: &str| {
        let rows = read(task_with(&format!("[{result}]"))).unwrap().results;
        ["start", "end", "unit", "start_text", "end_text"].map(|name| cell(&rows, name, 0))
    };
    let broken = "0NaN-NaN-NaN NaN:NaN:NaN";
    assert_eq!(
        position(&format!(
            r#"{{"type":"timeserieslabels","value":{{"start":"{broken}","end":"{broken}","timeserieslabels":["Run"]}}}}"#
        )),
        ["", "", "", broken, broken]
    );
    assert_eq!(
        position(
            r#"{"type":"hypertextlabels","value":{"start":"/p[1]","end":"/p[2]","startOffset":0,"endOffset":1,"globalOffsets":{"start":0,"end":10}}}"#
        ),
        ["0", "10", "code_point", "/p[1]", "/p[2]"]
    );
    assert_eq!(
        position(r#"{"type":"paragraphlabels","value":{"start":"0","end":"2","startOffset":1,"endOffset":5}}"#),
        ["", "", "", "0", "2"]
    );
}

#[test]
fn fact_15_an_empty_result_is_an_answer_and_a_skip_may_carry_results() {
    let empty = read(annotation(r#""completed_by":3,"result":[],"was_cancelled":false"#)).unwrap();
    assert_eq!(
        (cell(&empty.annotations, "cancelled", 0), cell(&empty.annotations, "result_count", 0)),
        ("false".into(), "0".into())
    );
    assert_eq!((empty.results.num_rows(), empty.counts.annotations), (0, 1));
    let skipped =
        read(annotation(r#""completed_by":3,"result":[{"type":"rating","value":{"rating":1}}],"was_cancelled":true"#))
            .unwrap();
    assert_eq!(
        (cell(&skipped.annotations, "cancelled", 0), cell(&skipped.annotations, "result_count", 0)),
        ("true".into(), "1".into())
    );
    assert_eq!(column(&skipped.results, "number"), ["1"]);
}

#[test]
fn fact_16_times_relative_to_the_export_do_not_change_the_content() {
    let with = |ago: &str| {
        let fields = format!(r#""result":[],"user":"a@b.c","created_ago":"{ago}""#);
        read(format!(r#"[{{"id":7,"data":{{}},"drafts":[{{"id":1,{fields}}}],"predictions":[{{"id":2,{fields}}}]}}]"#))
            .unwrap()
    };
    let (one, other) = (with("10\u{a0}months, 1\u{a0}week"), with("0\u{a0}minutes"));
    assert_eq!((one.items, one.annotations), (other.items, other.annotations));
}

#[test]
fn fact_17_ids_are_whole_numbers_and_the_unique_id_is_no_content() {
    let with = |more: &str| read(annotation(&format!(r#""completed_by":3,"result":[]{more}"#))).unwrap().annotations;
    let (export, api) = (with(r#","unique_id":"57a7a3b0-3db5""#), with(""));
    assert_eq!(column(&export, "content_hash"), column(&api, "content_hash"));
    assert_eq!(column(&export, "raw"), [r#"{"unique_id":"57a7a3b0-3db5"}"#]);
    let large = read(r#"[{"id":9223372036854775807,"data":{"label_config_hash":-9223372036854775808}}]"#).unwrap();
    assert_eq!(column(&large.items, "native_id"), ["9223372036854775807"]);
    assert_eq!(column(&large.items, "data"), [r#"{"label_config_hash":-9223372036854775808}"#]);
}

#[test]
fn fact_19_lead_times_are_as_sent() {
    for (lead_time, seconds) in
        [("20.966", "20.966"), ("0", "0"), ("null", ""), ("-3.5", "-3.5"), ("1e9", "1000000000")]
    {
        let whole = read(annotation(&format!(r#""completed_by":3,"result":[],"lead_time":{lead_time}"#))).unwrap();
        assert_eq!(column(&whole.annotations, "lead_time_s"), [seconds]);
        assert_eq!(column(&whole.annotations, "raw"), [""]);
    }
}

#[test]
fn fact_20_two_annotations_of_one_person_on_a_task_are_both_kept() {
    let whole = read(
        r#"[{"id":7,"data":{},"annotations":[{"id":1,"completed_by":3,"result":[]},{"id":2,"completed_by":3,"result":[]}]}]"#,
    )
    .unwrap();
    assert_eq!(column(&whole.annotations, "annotation_id"), ["demo/annotation/1", "demo/annotation/2"]);
    assert_eq!(column(&whole.annotations, "rater_id"), ["demo/user/3", "demo/user/3"]);
    assert_eq!(whole.raters.len(), 1);
}
