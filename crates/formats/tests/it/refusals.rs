//! Tasks that cannot be trusted.

use crate::support::read;

#[track_caller]
fn refused(file: &str, parts: &[&str]) {
    let message = read(file).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_task_without_data_is_refused() {
    refused(
        r#"[{"id":1,"annotation_id":2}]"#,
        &["export.json: task 1, byte 1: the task has no data; export the project", "JSON-MIN"],
    );
    refused(r#"[{"id":1,"data":[]}]"#, &["task 1, byte 16: the task's data must be an object, found a list"]);
}

#[test]
fn a_list_that_occurs_twice_is_refused() {
    for list in ["annotations", "predictions", "drafts"] {
        refused(
            &format!(r#"[{{"id":1,"data":{{}},"{list}":[],"{list}":[]}}]"#),
            &["task 1", &format!("duplicate field `{list}`")],
        );
    }
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    for depth in [200, 20_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let file = format!("[{{\"id\":1,\"data\":{{\"n\":{}1{}}}}}]", open.repeat(depth), close.repeat(depth));
            refused(&file, &["task 1", "recursion limit"]);
        }
    }
}
