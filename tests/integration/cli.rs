//! The history of a project on the command line, with the binary as a user has it.

use std::process::Command;

use assay::app::App;
use assay::config::Config;
use assay::store::{AuditRow, DEFAULT_WORKSPACE, Retirement, now_micros};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{choice, task};

struct Shell {
    folder: TempDir,
}

impl Shell {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Runs `assay` in the folder: exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ASSAY_")) {
            command.env_remove(name);
        }
        let done = command.current_dir(self.folder.path()).args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
    }

    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(&[arguments, &["--format", "json"]].concat())).unwrap()
    }

    fn file(&self, name: &str, export: &Value) {
        std::fs::write(self.folder.path().join(name), export.to_string()).unwrap();
    }

    async fn app(&self) -> std::sync::Arc<App> {
        App::open(&Config::for_folder(&self.folder.path().join("assay-data"))).await.unwrap()
    }

    async fn audit(&self) -> Vec<AuditRow> {
        self.app().await.db.list_audit(DEFAULT_WORKSPACE, None, 100).await.unwrap()
    }
}

/// Two items; `label` is what annotator 2 says of the first, `minute` when.
fn export(label: &str, minute: u32) -> Value {
    json!([
        task(1, vec![choice(10, 1, "good", 0), choice(11, 2, label, minute)]),
        task(2, vec![choice(20, 1, "bad", 0), choice(21, 2, "bad", 0)]),
    ])
}

fn two_snapshots() -> Shell {
    let shell = Shell::new();
    shell.file("a.json", &export("good", 0));
    shell.file("b.json", &export("bad", 5));
    shell.succeed(&["import", "a.json", "--project", "reviews"]);
    shell.succeed(&["import", "b.json", "--project", "reviews"]);
    shell
}

#[test]
fn snapshots_are_listed_newest_first() {
    let shell = two_snapshots();
    let list = shell.json(&["snapshots", "--project", "reviews"]);
    let rows = list.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    let told = |row: &Value| {
        (
            row["number"].clone(),
            row["actor"].clone(),
            row["operation"].clone(),
            row["sources"].clone(),
            row["annotations"].clone(),
        )
    };
    assert_eq!(told(&rows[0]), (json!(2), json!("cli"), json!("import"), json!(["b.json"]), json!(4)));
    assert_eq!(told(&rows[1]), (json!(1), json!("cli"), json!("import"), json!(["a.json"]), json!(4)));
    assert_eq!(rows[0]["changes"]["annotations"], json!({ "new": 0, "changed": 1, "removed": 0 }));
    assert_eq!(rows[1]["changes"]["items"], json!({ "new": 2, "changed": 0, "removed": 0 }));
    assert!(rows[0]["retired_at"].is_null() && rows[0]["bytes"].as_u64().unwrap() > 0);

    let table = shell.succeed(&["snapshots", "--project", "reviews"]);
    assert!(table.contains("~1 annotations; b.json") && table.contains("+2 items, +4 annotations; a.json"), "{table}");
    let csv = shell.succeed(&["snapshots", "--project", "reviews", "--format", "csv", "--limit", "1"]);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0].len(), lines[1].len()), (2, 23, 23), "{csv}");
    assert_eq!((lines[0][15], lines[1][0], lines[1][15]), ("changed_annotations", "2", "1"), "{csv}");
    let (code, _, err) = shell.run(&["snapshots", "--project", "other"]);
    assert_eq!((code, err.as_str()), (1, "error: project \"other\" does not exist\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_an_older_snapshot_is_what_it_was() {
    let shell = two_snapshots();
    let agreement = |more: &[&str]| {
        let report = shell.json(&[&["report", "agreement", "--project", "reviews"], more].concat());
        let measures = report["measures"].as_array().unwrap().clone();
        let found = measures.iter().find(|m| m["measure"] == "percent_agreement" && m["scope"]["by"] == "overall");
        (report["snapshot"].clone(), found.unwrap()["value"].clone())
    };
    assert_eq!(agreement(&[]), (json!(2), json!(0.5)));
    assert_eq!(agreement(&["--snapshot", "1"]), (json!(1), json!(1.0)));
    assert_eq!(agreement(&["--snapshot", "2"]), (json!(2), json!(0.5)));

    let app = shell.app().await;
    let project = app.db.find_project(DEFAULT_WORKSPACE, "reviews").await.unwrap();
    app.db.retire_snapshots(&project.id, &[1], Retirement::Retention, None, now_micros()).await.unwrap();
    for command in [
        ["report", "agreement", "--project", "reviews", "--snapshot", "1"].as_slice(),
        &["diff", "1", "2", "--project", "reviews"],
        &["diff", "2", "1", "--project", "reviews"],
    ] {
        let (code, out, err) = shell.run(command);
        assert_eq!((code, out.as_str()), (1, ""), "{command:?}");
        assert!(err.contains("snapshot 1 was taken back by retention"), "{command:?}: {err}");
    }
    let (code, _, err) = shell.run(&["report", "agreement", "--project", "reviews", "--snapshot", "9"]);
    assert_eq!((code, err.as_str()), (1, "error: snapshot \"9\" does not exist\n"));
    let list = shell.json(&["snapshots", "--project", "reviews"]);
    assert_eq!((&list[1]["number"], &list[1]["retired_by"]), (&json!(1), &json!("retention")));
    assert!(list[1]["retired_at"].is_string());
    let table = shell.succeed(&["snapshots", "--project", "reviews"]);
    assert!(table.contains("; retired by retention 20"), "{table}");
}

#[test]
fn a_difference_is_told_in_lines_json_and_csv() {
    let shell = two_snapshots();
    let report = shell.json(&["diff", "1", "2", "--project", "reviews"]);
    assert_eq!(report["counts"]["annotations"], json!({ "added": 0, "changed": 1, "removed": 0 }));
    assert_eq!(
        report["entries"][0]["results"][0]["fields"],
        json!([{ "field": "label", "old": "good", "new": "bad" }])
    );
    let lines = shell.succeed(&["diff", "1", "2", "--project", "reviews"]);
    for line in [
        "~ annotation reviews/annotation/11 on reviews/task/1\n",
        "    updated_at: \"2026-01-06T10:00:00Z\" → \"2026-01-06T10:05:00Z\"\n",
        "    ~ result sentiment r11: label \"good\" → \"bad\"\n",
    ] {
        assert!(lines.contains(line), "{line} is missing in {lines}");
    }
    let csv = shell.succeed(&["diff", "2", "1", "--project", "reviews", "--format", "csv"]);
    let expected = [
        "kind,change,id,item_id,result,field,old,new",
        "annotation,changed,reviews/annotation/11,reviews/task/1,,updated_at,2026-01-06T10:05:00Z,2026-01-06T10:00:00Z",
        "annotation,changed,reviews/annotation/11,reviews/task/1,changed sentiment r11,label,bad,good",
    ];
    assert_eq!(csv.lines().collect::<Vec<_>>(), expected);
    let none = shell.succeed(&["diff", "1", "2", "--project", "reviews", "--limit", "0"]);
    assert!(none.ends_with("… and more: --limit\n"), "{none}");
}

#[test]
fn a_full_import_says_what_it_removed() {
    let shell = two_snapshots();
    shell.file("c.json", &json!([task(1, vec![choice(10, 1, "good", 0)])]));
    let out = shell.succeed(&["import", "c.json", "--project", "reviews", "--mode", "full"]);
    let line = |name: &str| {
        let line = out.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{out}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("items"), ["items", "0", "0", "1", "1"]);
    assert_eq!(line("annotations"), ["annotations", "0", "0", "1", "3"]);
    let again = shell.json(&["import", "c.json", "--project", "reviews", "--mode", "full"]);
    assert_eq!(
        (&again["committed"], &again["mode"], &again["items"]["removed"]),
        (&json!(false), &json!("full"), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_import_stands_in_the_audit_trail_however_it_ended() {
    let shell = Shell::new();
    shell.file("a.json", &export("good", 0));
    shell.file("bad.json", &json!([{ "id": "x", "data": {} }]));
    shell.succeed(&["import", "a.json", "--project", "reviews"]);
    shell.succeed(&["import", "a.json", "--project", "reviews"]);
    let (code, _, _) = shell.run(&["import", "bad.json", "--project", "reviews"]);
    assert_eq!(code, 1);
    let (code, _, _) = shell.run(&["import", "a.json", "--project", "a/b"]);
    assert_eq!(code, 1);

    let id = shell.app().await.db.find_project(DEFAULT_WORKSPACE, "reviews").await.unwrap().id;
    let rows = shell.audit().await;
    let told: Vec<_> = rows.iter().rev().map(|row| (row.target.as_str(), row.outcome.as_deref().unwrap())).collect();
    assert_eq!((told.len(), told[0], told[1]), (4, ("reviews", "done"), (id.as_str(), "done")));
    assert!(told[2].0 == id && told[2].1.starts_with("failed: ") && told[2].1.contains("bad.json"), "{told:?}");
    assert!(told[3].0 == "a/b" && told[3].1.starts_with("failed: project name"), "{told:?}");
    for row in &rows {
        assert_eq!((row.actor.as_str(), row.action.as_str(), &row.job_id), ("cli", "import", &None));
        assert!(row.finished_at.is_some_and(|end| end >= row.started_at));
    }
}
