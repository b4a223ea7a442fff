//! Regions of texts and images, what is said of one region, and relations between regions.

use super::shape;
use crate::support::results_of;

#[test]
fn a_span_with_two_labels_is_two_rows_of_one_result() {
    let span = ["text=Bank of America ", "start=0", "end=16", "unit=code_point", r#"raw={"origin":"manual"}"#];
    let row = |label, index| {
        [&["control=ner", "target=text", "type=labels", "region_id=Yh_zPvj3N_", label, index][..], &span].concat()
    };
    shape(
        r#"{"value":{"start":0,"end":16,"text":"Bank of America ","labels":["ORG","PER"]},"id":"Yh_zPvj3N_","from_name":"ner","to_name":"text","type":"labels","origin":"manual"}"#,
        &[&row("label=ORG", "label_index=0"), &row("label=PER", "label_index=1")],
    );
}

#[test]
fn a_region_keeps_its_score_note_and_parent() {
    shape(
        r#"{"type":"labels","id":"b","parentID":"a","score":0.9034,"meta":{"text":["a note"]},"value":{"start":1,"end":2,"text":"x","labels":["P"]}}"#,
        &[&[
            "type=labels",
            "region_id=b",
            "parent_region_id=a",
            "label=P",
            "label_index=0",
            "text=x",
            "start=1",
            "end=2",
            "unit=code_point",
            "score=0.9034",
            r#"raw={"meta":{"text":["a note"]}}"#,
        ]],
    );
}

#[test]
fn html_spans_count_from_the_beginning_of_the_text() {
    shape(
        r#"{"value":{"start":"/div[1]/p[1]/text()[1]","end":"/div[1]/p[2]/text()[1]","startOffset":3,"endOffset":10,"globalOffsets":{"start":3,"end":41},"text":"Sales grew","hypertextlabels":["Claim"]},"type":"hypertextlabels"}"#,
        &[&[
            "type=hypertextlabels",
            "label=Claim",
            "label_index=0",
            "text=Sales grew",
            "start=3",
            "end=41",
            "unit=code_point",
            "start_text=/div[1]/p[1]/text()[1]",
            "end_text=/div[1]/p[2]/text()[1]",
            r#"raw={"value":{"startOffset":3,"endOffset":10}}"#,
        ]],
    );
}

#[test]
fn paragraph_indices_are_texts() {
    shape(
        r#"{"value":{"start":"0","end":"1","startOffset":0,"endOffset":22,"text":"My order never came.","paragraphlabels":["request"]},"type":"paragraphlabels"}"#,
        &[&[
            "type=paragraphlabels",
            "label=request",
            "label_index=0",
            "text=My order never came.",
            "start_text=0",
            "end_text=1",
            r#"raw={"value":{"startOffset":0,"endOffset":22}}"#,
        ]],
    );
}

/// A result on an image of 192 × 144 pixels.
fn on_image(kind: &str, value: &str) -> String {
    format!(
        r#"{{"original_width":192,"original_height":144,"image_rotation":0,"value":{{{value}}},"id":"r","type":"{kind}"}}"#
    )
}

/// A row of such a result: the label, what lies between it and the size of the image, and what is in `raw` beside the rotation.
#[track_caller]
fn image_shape(kind: &str, value: &str, columns: &[&str], raw: &str) {
    let kind_cell = format!("type={kind}");
    let raw = format!(r#"raw={{"image_rotation":0{raw}}}"#);
    let expected = [
        &[kind_cell.as_str(), "region_id=r", "label=car", "label_index=0"],
        columns,
        &["original_width=192", "original_height=144", &raw],
    ];
    shape(&on_image(kind, value), &[&expected.concat()]);
}

#[test]
fn rectangles_are_boxes() {
    image_shape(
        "rectanglelabels",
        r#""x":2.406768070248626,"y":7.6,"width":9.5,"height":9.25,"rotation":29.187,"rectanglelabels":["car"]"#,
        &["bbox={x: 2.406768070248626, y: 7.6, width: 9.5, height: 9.25, rotation: 29.187}"],
        "",
    );
}

#[test]
fn a_box_without_a_rotation_is_not_rotated() {
    image_shape(
        "rectanglelabels",
        r#""x":2,"y":7,"width":9,"height":8,"rectanglelabels":["car"]"#,
        &["bbox={x: 2.0, y: 7.0, width: 9.0, height: 8.0, rotation: 0.0}"],
        "",
    );
}

#[test]
fn polygons_are_points() {
    image_shape(
        "polygonlabels",
        r#""points":[[70.15259504830865,47.75],[63.5,61],[40,48.8]],"closed":true,"polygonlabels":["car"]"#,
        &["points=[{x: 70.15259504830865, y: 47.75}, {x: 63.5, y: 61.0}, {x: 40.0, y: 48.8}]"],
        r#","value":{"closed":true}"#,
    );
}

#[test]
fn ellipses_are_their_centre_and_keep_their_radii() {
    image_shape(
        "ellipselabels",
        r#""x":69.4,"y":19,"radiusX":9.5,"radiusY":4.9,"rotation":75,"ellipselabels":["car"]"#,
        &["points=[{x: 69.4, y: 19.0}]"],
        r#","value":{"radiusX":9.5,"radiusY":4.9,"rotation":75}"#,
    );
}

#[test]
fn key_points_are_one_point_and_keep_the_size_of_their_dot() {
    image_shape(
        "keypointlabels",
        r#""x":49.6,"y":30.3,"width":0.75,"keypointlabels":["car"]"#,
        &["points=[{x: 49.6, y: 30.3}]"],
        r#","value":{"width":0.75}"#,
    );
}

#[test]
fn brushes_are_bytes() {
    image_shape(
        "brushlabels",
        r#""format":"rle","rle":[0,1,44,0,57,255],"brushlabels":["car"]"#,
        &["rle=00012c0039ff"],
        r#","value":{"format":"rle"}"#,
    );
    image_shape(
        "brushlabels",
        r#""format":"rle","rle":[0,256],"brushlabels":["car"]"#,
        &[],
        r#","value":{"format":"rle","rle":[0,256]}"#,
    );
}

#[test]
fn shapes_without_labels_are_regions_as_well() {
    shape(
        r#"{"type":"rectangle","value":{"x":1,"y":2,"width":3,"height":4,"rotation":0}}"#,
        &[&["type=rectangle", "label_index=0", "bbox={x: 1.0, y: 2.0, width: 3.0, height: 4.0, rotation: 0.0}"]],
    );
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
    shape(
        r#"{"from_id":"a","to_id":"b","type":"relation","direction":"left","labels":["x","y"]}"#,
        &[
            &["type=relation", "label=x", "label_index=0", "start_text=a", "end_text=b", "direction=left"],
            &["type=relation", "label=y", "label_index=1", "start_text=a", "end_text=b", "direction=left"],
        ],
    );
}

#[test]
fn per_region_answers_keep_their_region() {
    let rows = results_of(
        r#"[{"id":"r","type":"choices","from_name":"condition","value":{"x":1,"y":2,"width":3,"height":4,"rotation":0,"choices":["occluded"]}},
            {"id":"r","type":"rating","from_name":"conf","value":{"x":1,"y":2,"width":3,"height":4,"rotation":0,"rating":2}},
            {"id":"r","type":"textarea","from_name":"note","value":{"x":1,"y":2,"width":3,"height":4,"rotation":0,"text":["far"]}},
            {"id":"s","original_length":9.5,"type":"textarea","from_name":"transcript","value":{"start":1,"end":2,"channel":0,"text":["one","two"]}}]"#,
    );
    let bbox = "bbox={x: 1.0, y: 2.0, width: 3.0, height: 4.0, rotation: 0.0}";
    assert_eq!(rows[0], ["control=condition", "type=choices", "region_id=r", "label=occluded", "label_index=0", bbox]);
    assert_eq!(rows[1], ["control=conf", "type=rating", "region_id=r", "label_index=0", "number=2", bbox]);
    assert_eq!(rows[2], ["control=note", "type=textarea", "region_id=r", "label_index=0", "text=far", bbox]);
    let span = ["start=1", "end=2", "unit=second", r#"raw={"original_length":9.5,"value":{"channel":0}}"#];
    for (row, index, text) in [(3, "label_index=0", "text=one"), (4, "label_index=1", "text=two")] {
        let answer = ["control=transcript", "type=textarea", "region_id=s", index, text];
        assert_eq!(rows[row], [&answer[..], &span].concat());
    }
    assert_eq!(rows.len(), 5);
}

#[test]
fn the_answer_on_a_span_goes_before_the_span_s_own_text_and_labels() {
    // The region's fields are repeated beside the answer, in any order.
    let span = r#""start":0,"end":5,"text":"Hello","labels":["Greeting"]"#;
    let raw = r#"raw={"value":{"labels":["Greeting"]}}"#;
    shape(
        &format!(r#"{{"type":"choices","value":{{{span},"choices":["rude"]}}}}"#),
        &[&["type=choices", "label=rude", "label_index=0", "text=Hello", "start=0", "end=5", raw]],
    );
    shape(
        &format!(r#"{{"type":"taxonomy","value":{{{span},"taxonomy":[["A","B"]]}}}}"#),
        &[&["type=taxonomy", "label=A > B", "label_index=0", "text=Hello", "start=0", "end=5", raw]],
    );
    shape(
        r#"{"type":"datetime","value":{"start":0,"end":5,"text":"Hello","datetime":"2025-01"}}"#,
        &[&["type=datetime", "label_index=0", "text=2025-01", "start=0", "end=5", r#"raw={"value":{"text":"Hello"}}"#]],
    );
}
