//! Tables in the form that the caller accepts, and answers that the caller has already.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::StreamReader;
use axum::http::StatusCode;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::reports::{Working, export};

const FORMS: [&str; 4] =
    ["text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"];

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let values = batch.column_by_name(column).unwrap().as_string::<i32>();
    values.iter().map(|value| value.unwrap_or_default().to_owned()).collect()
}

/// The values of one column of text in an answer of any form.
fn column(form: &str, body: &[u8], name: &str) -> Vec<String> {
    match form {
        "text/csv" => {
            let mut lines = std::str::from_utf8(body).unwrap().lines();
            let place = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
            lines.map(|line| line.split(',').nth(place).unwrap().to_owned()).collect()
        }
        "application/x-ndjson" => {
            let lines = std::str::from_utf8(body).unwrap().lines();
            let rows = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
            rows.map(|row| row[name].as_str().unwrap().to_owned()).collect()
        }
        "application/vnd.apache.arrow.stream" => {
            let batches = StreamReader::try_new(body, None).unwrap();
            batches.flat_map(|batch| texts(&batch.unwrap(), name)).collect()
        }
        _ => {
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::copy_from_slice(body)).unwrap();
            reader.build().unwrap().flat_map(|batch| texts(&batch.unwrap(), name)).collect()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_whole_in_every_form() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let paged = working.get("disagreements?limit=1").await.expect(StatusCode::OK);
    assert!(paged["next_cursor"].is_string());
    for form in FORMS {
        let answer = working.ask("disagreements", &[("accept", form)]).await;
        assert_eq!(
            (answer.status, answer.header("content-type").unwrap().split(';').next()),
            (StatusCode::OK, Some(form))
        );
        assert_eq!(column(form, &answer.body, "item_id"), ["reviews/task/3", "reviews/task/4"], "{form}");
        let none = working.ask("disagreements?label=nobody-said-so", &[("accept", form)]).await;
        assert_eq!(column(form, &none.body, "item_id"), [""; 0], "{form}");

        let figures = working.ask("agreement", &[("accept", form)]).await;
        let names = column(form, &figures.body, "measure");
        assert!(names.iter().any(|name| name == "krippendorff_alpha"), "{form}: {names:?}");
        let paged = working.ask("disagreements?limit=1", &[("accept", form)]).await;
        assert!(paged.refused(400, "invalid_query").contains("the whole list"));
        working.ask("disagreements?from=yesterday", &[("accept", form)]).await.refused(400, "invalid_request");
    }
    let detail = working.ask("disagreements", &[("accept", "image/png")]).await.refused(406, "not_acceptable");
    assert!(FORMS.iter().all(|form| detail.contains(form)), "{detail}");
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_within_a_row_survive_every_form() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let csv = working.ask("disagreements", &[("accept", "text/csv")]).await;
    let csv = csv.text();
    assert!(csv.lines().nth(1).unwrap().contains(r#""[""good"",""bad""]""#), "{csv}");
    let arrow = working.ask("disagreements", &[("accept", "application/vnd.apache.arrow.stream")]).await;
    let batch = StreamReader::try_new(&arrow.body[..], None).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.column_by_name("score").unwrap().as_primitive::<Float64Type>().values(), &[1.0, 1.0]);
    let labels = batch.column_by_name("labels").unwrap().as_list::<i32>().value(1);
    assert_eq!(labels.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["bad", "good"]);
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_comes_whole_in_every_form() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let mut newer = export();
    newer[0]["annotations"][0]["updated_at"] = "2026-09-01T00:00:00.000000Z".into();
    newer[0]["annotations"][0]["result"][0]["value"]["choices"][0] = "bad".into();
    working.import(newer.to_string()).await;
    let page = working.get("diff?from=1&to=2").await.expect(StatusCode::OK);
    let expected: Vec<&str> = page["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(!expected.is_empty());
    for form in FORMS {
        let answer = working.ask("diff?from=1&to=2", &[("accept", form)]).await;
        assert_eq!(column(form, &answer.body, "id"), expected, "{form}");
        let same = working.ask("diff?from=2&to=2", &[("accept", form)]).await;
        assert_eq!(same.status, StatusCode::OK);
    }
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_snapshot_says_is_not_sent_twice() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    for path in
        ["agreement", "annotators/agreement", "disagreements", "disagreements?limit=1", "items/1", "diff?from=1&to=1"]
    {
        let first = working.get(path).await;
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path} has no ETag")).to_owned();
        let again = working.ask(path, &[("if-none-match", &tag)]).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}");
        let csv = working.ask(path, &[("if-none-match", &tag), ("accept", "text/csv, application/json;q=0.5")]).await;
        let expected = if path.starts_with("items") { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        if !path.contains("limit") {
            assert_eq!(csv.status, expected, "{path}: another form is another answer");
        }
    }
    let tag = working.get("disagreements").await.header("etag").unwrap().to_owned();
    let other = working.ask("disagreements?min_score=0.5", &[("if-none-match", &tag)]).await;
    assert_eq!(other.status, StatusCode::OK, "another filter is another answer");
    let mut more = export();
    more[1]["annotations"][0]["updated_at"] = "2026-09-01T00:00:00.000000Z".into();
    working.import(more.to_string()).await;
    assert_eq!(
        working.ask("disagreements", &[("if-none-match", &tag)]).await.status,
        StatusCode::OK,
        "a newer snapshot"
    );
    working.end().await;
}
