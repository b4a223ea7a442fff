//! One test per value shape and per fact that trips an importer.

use crate::support::{column, read, results_of, task_with};

#[track_caller]
fn shape(result: &str, expected: &[&[&str]]) {
    assert_eq!(results_of(&format!("[{result}]")), expected);
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
fn video_boxes_carry_the_labels_and_key_frames_only() {
    // Fact 12, and the export option that fills frames in.
    let video = |frames: &str| {
        format!(
            r#"[{{"value":{{"framesCount":100,"duration":4.0,"sequence":[{frames}],"labels":["Man"]}},"from_name":"box","type":"videorectangle"}}]"#
        )
    };
    let key = r#"{"frame":1,"enabled":true,"rotation":0,"x":1,"y":2,"width":3,"height":4,"time":0.04}"#;
    let auto = r#"{"frame":2,"enabled":true,"rotation":0,"x":1,"y":2,"width":3,"height":4,"time":0.08,"auto":true}"#;
    let expected = [
        "control=box",
        "type=videorectangle",
        "label=Man",
        "label_index=0",
        "frames=[{frame: 1, enabled: true, x: 1.0, y: 2.0, width: 3.0, height: 4.0, rotation: 0.0, time: 0.04}]",
        r#"raw={"value":{"framesCount":100,"duration":4.0}}"#,
    ];
    assert_eq!(results_of(&video(key)), [expected]);
    assert_eq!(results_of(&video(&format!("{key},{auto}"))), [expected]);
    let hash = |frames: &str| column(&read(task_with(&video(frames))).unwrap().annotations, "content_hash");
    assert_eq!(hash(key), hash(&format!("{key},{auto}")));
    assert_ne!(hash(key), hash(&format!("{key},{key}")));
    let odd = results_of(&video(r#"{"frame":1,"shape":"x"}"#));
    assert!(odd[0].last().unwrap().contains(r#""sequence":[{"frame":1,"shape":"x"}]"#));
}

#[test]
fn relations_link_regions() {
    shape(
        r#"{"from_id":"a","to_id":"b","type":"relation","direction":"right","labels":["org:founded_by"]}"#,
        &[&["type=relation", "label=org:founded_by", "label_index=0", "start_text=a", "end_text=b", "direction=right"]],
    );
    shape(
        r#"{"from_id":"a","to_id":"b","type":"relation","direction":"bi"}"#,
        &[&["type=relation", "label_index=0", "start_text=a", "end_text=b", "direction=bi"]],
    );
}

#[test]
fn per_region_answers_keep_their_region() {
    let rows = results_of(
        r#"[{"id":"r","type":"choices","from_name":"condition","value":{"x":1,"y":2,"width":3,"height":4,"rotation":0,"choices":["occluded"]}},
            {"id":"r","type":"rating","from_name":"conf","value":{"x":1,"y":2,"width":3,"height":4,"rotation":0,"rating":2}},
            {"id":"s","original_length":9.5,"type":"textarea","from_name":"transcript","value":{"start":1,"end":2,"channel":0,"text":["one","two"]}}]"#,
    );
    let bbox = "bbox={x: 1.0, y: 2.0, width: 3.0, height: 4.0, rotation: 0.0}";
    assert_eq!(rows[0], ["control=condition", "type=choices", "region_id=r", "label=occluded", "label_index=0", bbox]);
    assert_eq!(rows[1], ["control=conf", "type=rating", "region_id=r", "label_index=0", "number=2", bbox]);
    let span = ["start=1", "end=2", "unit=second", r#"raw={"original_length":9.5,"value":{"channel":0}}"#];
    assert_eq!(
        rows[2][..6],
        [&["control=transcript", "type=textarea", "region_id=s", "label_index=0", "text=one"][..], &span[..1]].concat()
    );
    assert_eq!(
        rows[3],
        [&["control=transcript", "type=textarea", "region_id=s", "label_index=1", "text=two"][..], &span].concat()
    );
}
