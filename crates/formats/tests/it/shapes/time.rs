//! Regions of audio, time series and video.

use super::shape;
use crate::support::{column, read, results_of, task_with};

#[test]
fn audio_segments_are_in_seconds() {
    shape(
        r#"{"original_length":35.42486210240268,"value":{"start":0.1643697659008066,"end":4,"channel":0,"labels":["Noise"]},"id":"2Yc7iAfLzp","from_name":"speaker","to_name":"audio","type":"labels","origin":"manual"}"#,
        &[&[
            "control=speaker",
            "target=audio",
            "type=labels",
            "region_id=2Yc7iAfLzp",
            "label=Noise",
            "label_index=0",
            "start=0.1643697659008066",
            "end=4",
            "unit=second",
            r#"raw={"original_length":35.42486210240268,"origin":"manual","value":{"channel":0}}"#,
        ]],
    );
}

#[test]
fn time_series_with_dates_keep_them_as_written() {
    shape(
        r#"{"value":{"start":"2026-03-01 08:10:35.632867","end":"2026-03-01 08:19:34.526296","instant":false,"timeserieslabels":["Run"]},"type":"timeserieslabels"}"#,
        &[&[
            "type=timeserieslabels",
            "label=Run",
            "label_index=0",
            "start_text=2026-03-01 08:10:35.632867",
            "end_text=2026-03-01 08:19:34.526296",
            r#"raw={"value":{"instant":false}}"#,
        ]],
    );
}

#[test]
fn time_series_with_a_numeric_axis_are_in_its_unit() {
    shape(
        r#"{"value":{"start":653,"end":653,"instant":true,"timeserieslabels":["Spike"]},"type":"timeserieslabels"}"#,
        &[&[
            "type=timeserieslabels",
            "label=Spike",
            "label_index=0",
            "start=653",
            "end=653",
            "unit=axis",
            r#"raw={"value":{"instant":true}}"#,
        ]],
    );
}

#[test]
fn timelines_are_in_frames() {
    let timeline = |ranges: &str| {
        format!(r#"{{"value":{{"ranges":[{ranges}],"timelinelabels":["Intro"]}},"type":"timelinelabels"}}"#)
    };
    let range = ["type=timelinelabels", "label=Intro", "label_index=0", "start=42", "end=213", "unit=frame"];
    shape(&timeline(r#"{"start":42,"end":213}"#), &[&range]);
    let several = r#"raw={"value":{"ranges":[{"start":42,"end":213},{"start":300,"end":301}]}}"#;
    shape(&timeline(r#"{"start":42,"end":213},{"start":300,"end":301}"#), &[&[&range[..], &[several]].concat()]);
    let more = r#"raw={"value":{"ranges":[{"start":42,"end":213,"auto":"x"}]}}"#;
    shape(&timeline(r#"{"start":42,"end":213,"auto":"x"}"#), &[&[&range[..], &[more]].concat()]);
    shape(&timeline(""), &[&[&range[..3], &[r#"raw={"value":{"ranges":[]}}"#]].concat()]);
}

/// A video region with these frames.
fn video(frames: &str) -> String {
    format!(
        r#"[{{"value":{{"framesCount":100,"duration":4.0,"sequence":[{frames}],"labels":["Man"]}},"from_name":"box","type":"videorectangle"}}]"#
    )
}

#[test]
fn video_boxes_carry_the_labels_and_every_key_frame() {
    let frames = r#"{"frame":1,"enabled":true,"rotation":0,"x":52.098219796373954,"y":8.5,"width":23.3,"height":34.9,"time":0.04},{"frame":98,"enabled":false,"x":27,"y":39,"width":23,"height":34,"rotation":1.5}"#;
    let expected = [
        "control=box",
        "type=videorectangle",
        "label=Man",
        "label_index=0",
        "frames=[{frame: 1, enabled: true, x: 52.098219796373954, y: 8.5, width: 23.3, height: 34.9, rotation: 0.0, time: 0.04}, \
         {frame: 98, enabled: false, x: 27.0, y: 39.0, width: 23.0, height: 34.0, rotation: 1.5, time: }]",
        r#"raw={"value":{"framesCount":100,"duration":4.0}}"#,
    ];
    assert_eq!(results_of(&video(frames)), [expected]);
}

#[test]
fn frames_that_the_export_filled_in_are_left_out() {
    // The export option interpolate_key_frames=true.
    let key = r#"{"frame":1,"enabled":true,"rotation":0,"x":1,"y":2,"width":3,"height":4,"time":0.04}"#;
    let auto = r#"{"frame":2,"enabled":true,"rotation":0,"x":1,"y":2,"width":3,"height":4,"time":0.08,"auto":true}"#;
    let filled = format!("{key},{auto}");
    assert_eq!(results_of(&video(key)), results_of(&video(&filled)));
    let hash = |frames: &str| column(&read(task_with(&video(frames))).unwrap().annotations, "content_hash");
    assert_eq!(hash(key), hash(&filled));
    assert_ne!(hash(key), hash(&format!("{key},{key}")));
}

#[test]
fn frames_with_unknown_fields_are_kept_as_written_too() {
    let odd = results_of(&video(r#"{"frame":1,"shape":"x"}"#));
    let raw = r#"raw={"value":{"framesCount":100,"duration":4.0,"sequence":[{"frame":1,"shape":"x"}]}}"#;
    assert_eq!(odd[0].last().unwrap(), raw);
}
