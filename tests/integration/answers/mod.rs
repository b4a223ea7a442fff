//! Answers as they are read bucket by bucket, against SQL over the same files.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use assay::engine::TableSet;
use assay::jobs::import::{ImportRequest, Input};
use assay::reports::answers::Answers;
use assay::store::Project;
use serde_json::{Value, json};

use crate::support::{TestApp, choice, request, task};

const CLASSIFIED: &str = include_str!("classified.sql");

/// What SQL and the answers are compared by, as lines of text.
#[derive(Debug, Default, PartialEq)]
struct Said {
    items: i64,
    statuses: Vec<String>,
    labels: Vec<String>,
    controls: Vec<String>,
    marks: Vec<String>,
}

async fn sql(test: &TestApp, tables: &TableSet, rest: &str) -> Vec<RecordBatch> {
    test.app.engine.query(tables, &format!("WITH classified AS ({CLASSIFIED}) {rest}"), vec![]).await.unwrap()
}

/// The rows of a query, their columns in order.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let cell = |batch: &RecordBatch, column: usize, row: usize| {
        let column = batch.column(column);
        match column.is_null(row) {
            true => "-".to_owned(),
            false => match column.data_type() {
                arrow::datatypes::DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
                arrow::datatypes::DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
                _ => column.as_primitive::<Int64Type>().value(row).to_string(),
            },
        }
    };
    let rows = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(move |row| {
            (0..batch.num_columns()).map(|column| cell(batch, column, row)).collect::<Vec<_>>().join(" | ")
        })
    });
    rows.collect()
}

async fn by_sql(test: &TestApp, tables: &TableSet) -> Said {
    let items = sql(test, tables, "SELECT count(*) FROM selected_items").await;
    let statuses = sql(test, tables, "SELECT status, count(*) FROM classified GROUP BY status ORDER BY status").await;
    let labels = sql(
        test,
        tables,
        "SELECT r.control, r.label, count(*) FILTER (WHERE c.status = 'used'), count(*) FILTER (WHERE c.status = 'prediction')
         FROM results AS r JOIN classified AS c ON c.annotation_id = r.annotation_id
         WHERE c.status IN ('used', 'prediction') AND r.control IS NOT NULL AND r.label IS NOT NULL
         GROUP BY r.control, r.label ORDER BY r.control, r.label",
    );
    let controls = sql(
        test,
        tables,
        "SELECT r.control, r.type,
                CASE WHEN max(r.label_index) > 0 OR max(r.result_index - f.first_index) > 0 THEN 1 ELSE 0 END,
                CASE WHEN count(*) FILTER (WHERE r.bbox IS NOT NULL OR r.points IS NOT NULL OR r.start IS NOT NULL
                                           OR r.start_text IS NOT NULL) > 0 THEN 1 ELSE 0 END,
                count(DISTINCT r.annotation_id) FILTER (WHERE c.status = 'used')
         FROM results AS r
         JOIN classified AS c ON c.annotation_id = r.annotation_id
         JOIN (SELECT annotation_id, control, min(result_index) AS first_index FROM results GROUP BY annotation_id, control) AS f
           ON f.annotation_id = r.annotation_id AND f.control = r.control
         WHERE r.control IS NOT NULL GROUP BY r.control, r.type ORDER BY r.control, r.type",
    );
    let marks = sql(
        test,
        tables,
        "SELECT c.item_id, c.rater_id, c.annotation_id, r.control, r.type, r.label, r.number
         FROM classified AS c JOIN results AS r ON r.annotation_id = c.annotation_id
         WHERE c.status = 'used' AND r.control IS NOT NULL
         ORDER BY c.item_id, c.rater_id, c.annotation_id, r.control, r.type, r.result_index, r.label_index",
    );
    Said {
        items: items[0].column(0).as_primitive::<Int64Type>().value(0),
        statuses: lines(&statuses),
        labels: lines(&labels.await),
        controls: lines(&controls.await),
        marks: lines(&marks.await),
    }
}

fn by_answers(answers: &Answers) -> Said {
    let label = |code: u32| answers.labels()[code as usize].clone();
    let mut statuses: Vec<String> =
        answers.statuses().iter().map(|(status, n)| format!("{} | {n}", status.as_str())).collect();
    statuses.sort();
    let labels = answers.label_counts().into_iter().map(|((control, code), counted)| {
        format!("{control} | {} | {} | {}", label(code), counted.annotations, counted.predictions)
    });
    let controls = answers.seen_controls().into_iter().map(|(code, seen)| {
        let (name, kind) = &answers.controls()[code as usize];
        format!("{name} | {kind} | {} | {} | {}", u8::from(seen.several), u8::from(seen.regions), seen.answers)
    });
    let mut marks = Vec::new();
    for (item, given) in answers.used() {
        for given in given {
            let rater = &answers.raters()[given.rater() as usize];
            for (code, (name, kind)) in (0..).zip(answers.controls()) {
                for (mark, number) in given.marks(code) {
                    let mark = mark.map_or("-".to_owned(), label);
                    let number = number.map_or("-".to_owned(), |number| number.to_string());
                    marks.push(format!("{item} | {rater} | {} | {name} | {kind} | {mark} | {number}", given.id()));
                }
            }
        }
    }
    Said { items: answers.n_items() as i64, statuses, labels: labels.collect(), controls: controls.collect(), marks }
}

/// Compares both for the whole of the newest snapshot and for a slice; returns how many marks there were in the whole.
async fn compare(test: &TestApp, project: &Project, slices: &[(&str, &str)]) -> usize {
    let newest = test.newest(project).await;
    let files = test.app.data_files(&project.id, newest.number).await.unwrap();
    let mut marks = 0;
    let slice_of = |(field, value): &(&str, &str)| BTreeMap::from([((*field).to_owned(), (*value).to_owned())]);
    for slice in std::iter::once(BTreeMap::new()).chain(slices.iter().map(slice_of)) {
        let tables = TableSet::new(&files).with_slice(&slice);
        let expected = by_sql(test, &tables).await;
        let answers = test.app.reports.answers(&test.app, project, newest.number, &slice).await.unwrap();
        assert_eq!(by_answers(&answers), expected, "{slice:?}");
        marks = marks.max(expected.marks.len());
    }
    marks
}

/// Buckets so small that a few items fill several.
async fn import(test: &TestApp, project: &str, inputs: Vec<Input>) -> Project {
    test.run(ImportRequest { bucket_bytes: 2000, ..request(project, inputs) }).await.unwrap();
    test.project(project).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_demo_project_says_what_sql_says() {
    let test = TestApp::new().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut projects = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let project = import(&test, &name, vec![Input { path, name: format!("{name}.json") }]).await;
        assert!(compare(&test, &project, &[("language", "en"), ("language", "no such")]).await > 0, "{name}");
        projects += 1;
    }
    assert!(projects >= 6);
}

/// Repeats by one annotator (9 and 10: the longer id is the higher), drafts, skipped ones, ground truth, predictions, nothing said.
fn thorny() -> Value {
    let with = |mut annotation: Value, field: &str, value: Value| {
        annotation[field] = value;
        annotation
    };
    let mut first = task(
        1,
        vec![
            choice(9, 1, "a", 0),
            choice(10, 1, "b", 1),
            choice(11, 2, "a", 0),
            with(choice(99, 2, "c", 0), "was_cancelled", json!(true)),
            with(choice(98, 3, "c", 0), "ground_truth", json!(true)),
            with(choice(12, 4, "x", 0), "result", json!([])),
        ],
    );
    first["drafts"] = json!([with(choice(500, 2, "d", 0), "user", json!("x@example.com"))]);
    first["predictions"] = json!([{"id": 7, "model_version": "m", "score": 0.5, "task": 1,
        "created_at": "2026-01-05T10:00:00.000000Z", "updated_at": "2026-01-05T10:00:00.000000Z",
        "result": [{"id": "p", "from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": ["a", "b"]}}]}]);
    let several = json!([
        {"id": "r1", "from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": ["a", "b"]}},
        {"id": "r2", "from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 4}},
        {"id": "r3", "from_name": "box", "to_name": "image", "type": "rectanglelabels", "original_width": 10, "original_height": 10,
         "value": {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "rotation": 0, "rectanglelabels": ["car"]}},
        {"id": "r4", "from_name": "area", "to_name": "image", "type": "polygonlabels", "original_width": 10, "original_height": 10,
         "value": {"points": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "polygonlabels": ["car"]}},
        {"id": "r5", "from_name": "span", "to_name": "text", "type": "labels", "value": {"start": 0, "end": 3, "labels": ["name"]}},
    ]);
    let mut tasks = vec![first, task(2, vec![]), task(3, vec![with(choice(20, 5, "a", 0), "result", several)])];
    for n in 4..40_u64 {
        let mut item = task(
            n,
            vec![choice(n * 100, n % 3, "a", 0), choice(n * 100 + 1, 7, if n % 2 == 0 { "a" } else { "b" }, 0)],
        );
        item["data"]["language"] = json!(if n % 4 == 0 { "fr" } else { "de" });
        tasks.push(item);
    }
    json!(tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_shapes_and_slices_are_those_of_sql_over_several_buckets() {
    let test = TestApp::new().await;
    let project = import(&test, "thorny", test.inputs(&[&thorny()])).await;
    assert!(test.newest(&project).await.buckets > 2, "several buckets");
    assert!(compare(&test, &project, &[("language", "fr"), ("language", "de")]).await > 70);

    // A newer export changes some buckets; the others are not read again, and all still agree.
    let mut newer = thorny();
    newer[5]["updated_at"] = json!("2026-09-01T00:00:00.000000Z");
    newer[5]["annotations"][0]["updated_at"] = json!("2026-09-01T00:00:00.000000Z");
    newer[5]["annotations"][0]["result"][0]["value"]["choices"] = json!(["z"]);
    let project = import(&test, "thorny", test.inputs(&[&newer])).await;
    assert_eq!(test.newest(&project).await.number, 2);
    compare(&test, &project, &[("language", "fr")]).await;
}
