//! From an upload to its figures, with a worker at work.

use std::time::Duration;

use assay::jobs::publish::publication;
use assay::jobs::runner;
use assay::lake::Format;
use assay::store::DEFAULT_WORKSPACE;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use url::form_urlencoded;

use super::{Answer, Client, Service};
use crate::support::{choice, task};

const CONFIG: &str = r#"<View><Text name="text" value="$text"/><Choices name="sentiment" toName="text" choice="single">
    <Choice value="good"/><Choice value="bad"/></Choices></View>"#;

/// A service with a worker, and the project `reviews`.
pub(super) struct Working {
    pub(super) service: Service,
    stop: CancellationToken,
    worker: tokio::task::JoinHandle<()>,
}

impl Working {
    pub(super) async fn new() -> Self {
        Self::publishing(None).await
    }

    /// With a worker that publishes after each import.
    async fn publishing(format: Option<Format>) -> Self {
        let service = Service::new().await;
        service.make_project("reviews").await;
        let stop = CancellationToken::new();
        let worker = tokio::spawn(runner::work(service.app().clone(), format, stop.clone()));
        Self { service, stop, worker }
    }

    fn client(&self) -> &Client {
        &self.service.client
    }

    /// Uploads a file and waits for its job to end.
    pub(super) async fn import(&self, body: impl Into<Body>) -> Value {
        self.import_with(CONFIG, body).await
    }

    /// What the page of the project at this address shows.
    pub(super) async fn page(&self, rest: &str) -> String {
        let app = self.service.app().clone();
        let project = app.db.find_project(DEFAULT_WORKSPACE, "reviews").await.unwrap();
        let router = assay::api::router(app, assay::web::router(), &crate::support::settings(1));
        let path = format!("/w/default/projects/{}{rest}", project.id);
        let request = Request::get(&path).header("host", "127.0.0.1").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    pub(super) async fn import_with(&self, config: &str, body: impl Into<Body>) -> Value {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("filename", "export.json")
            .append_pair("config", config)
            .finish();
        let request = self.client().request(Method::POST, &format!("/v1/projects/reviews/imports?{query}"));
        let job = self.client().send(request.body(body.into()).unwrap()).await.expect(StatusCode::ACCEPTED);
        self.client().job_end(job["id"].as_str().unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.client().get(&format!("/v1/projects/reviews/{path}")).await
    }

    pub(super) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = self.client().request(Method::GET, &format!("/v1/projects/reviews/{path}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.client().send(request.body(Body::empty()).unwrap()).await
    }

    /// The worker removes an upload right after its job has ended.
    async fn uploads_are_removed(&self) {
        let folder = self.service.app().temp.join("uploads");
        for _ in 0..100 {
            if std::fs::read_dir(&folder).unwrap().next().is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("uploads are left in {}", folder.display());
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.worker.await.unwrap();
    }
}

/// Four items by two annotators who agree on the first two.
pub(super) fn export() -> Value {
    let item = |n: u64, first: &str, second: &str| {
        task(n, vec![choice(n * 10, 1, first, 0), choice(n * 10 + 1, 2, second, 0)])
    };
    let mut items =
        vec![item(1, "good", "good"), item(2, "bad", "bad"), item(3, "good", "bad"), item(4, "bad", "good")];
    items[3]["data"]["language"] = json!("fr");
    json!(items)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_publishes_after_each_import_and_a_failure_fails_no_import() {
    let working = Working::publishing(Some(Format::Delta)).await;
    let project = working.service.app().db.find_project(DEFAULT_WORKSPACE, "reviews").await.unwrap();
    let place = publication(working.service.app(), &project);
    for snapshot in 1..=2 {
        let export = json!([task(snapshot, vec![choice(snapshot * 10, 1, "good", 0)])]);
        assert_eq!(working.import(export.to_string()).await["state"], "done");
        let mut published = None;
        for _ in 0..200 {
            published = place.manifest().await.unwrap().filter(|manifest| manifest.snapshot == snapshot as i64);
            if published.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(published.expect("the snapshot is published").has(Format::Delta));
    }
    let path = format!("{}/manifest.json", place.place().folder());
    working.service.app().lake.put(&path, b"broken".to_vec()).await.unwrap();
    let export = json!([task(3, vec![choice(30, 1, "good", 0)])]);
    assert_eq!(working.import(export.to_string()).await["state"], "done");
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_a_snapshot_and_a_report() {
    let working = Working::new().await;
    let detail = working.get("agreement").await.refused(404, "snapshot_not_found");
    assert!(detail.contains("import an export first"), "{detail}");
    let job = working.import(export().to_string()).await;
    assert_eq!(
        (&job["state"], &job["error"], &job["result"]["snapshot"]),
        (&json!("done"), &Value::Null, &json!(1)),
        "{job}"
    );
    working.uploads_are_removed().await;
    let audit = working.client().get("/v1/audit?limit=1").await.expect(StatusCode::OK);
    assert_eq!((&audit["items"][0]["action"], &audit["items"][0]["outcome"]), (&json!("import"), &json!("done")));

    let project = working.client().get("/v1/projects/reviews").await.expect(StatusCode::OK);
    let counts = &project["snapshot"];
    assert_eq!(
        (&counts["number"], &counts["items"], &counts["annotations"], &counts["raters"]),
        (&json!(1), &json!(4), &json!(8), &json!(2))
    );
    assert_eq!(working.get("snapshots").await.expect(StatusCode::OK)["items"], json!([counts]));
    let listed = working.client().get("/v1/projects").await.expect(StatusCode::OK);
    assert_eq!(listed["items"], json!([project]));

    let report = working.get("agreement").await.expect(StatusCode::OK);
    let agreement = figure(&report, "percent_agreement");
    assert_eq!(
        (&agreement["value"], &agreement["n_items"], &agreement["n_ratings"]),
        (&json!(0.5), &json!(4), &json!(8))
    );
    let german = working.get("agreement?slice=language=de&control=sentiment").await.expect(StatusCode::OK);
    assert_eq!(figure(&german, "percent_agreement")["n_items"], 3);
    working.get("agreement?slice=language").await.refused(400, "invalid_query");

    let csv = working.ask("agreement", &[("accept", "text/csv")]).await;
    assert_eq!((csv.status, csv.header("content-type")), (StatusCode::OK, Some("text/csv; charset=utf-8")));
    assert_eq!(csv.text().lines().count(), report["measures"].as_array().unwrap().len() + 1);
    working.ask("agreement", &[("accept", "image/png")]).await.refused(406, "not_acceptable");
    working.end().await;
}

fn figure<'a>(report: &'a Value, measure: &str) -> &'a Value {
    let measures = report["measures"].as_array().unwrap();
    measures
        .iter()
        .find(|m| m["measure"] == measure && m["scope"]["by"] == "overall")
        .unwrap_or_else(|| panic!("{report}"))
}

/// The figures of one kind as (value of the split, items, value).
fn parts(report: &Value, by: &str, measure: &str) -> Vec<(String, u64, Option<f64>)> {
    let measures = report["measures"].as_array().unwrap().iter();
    let wanted = measures.filter(|m| m["scope"]["by"] == by && m["measure"] == measure);
    let part = |m: &Value| {
        let value = m["scope"]["value"].as_str().unwrap().to_owned();
        (value, m["n_items"].as_u64().unwrap(), m["value"].as_f64())
    };
    wanted.map(part).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_split_by_time_and_by_a_slice_field() {
    let working = Working::new().await;
    let mut tasks = export();
    tasks.as_array_mut().unwrap().push(task(5, vec![choice(50, 1, "good", 0)]));
    for annotation in tasks[3]["annotations"].as_array_mut().unwrap() {
        annotation["updated_at"] = json!("2026-02-03T10:00:00Z");
    }
    tasks[4]["annotations"][0]["updated_at"] = json!("2026-03-03T10:00:00Z");
    tasks[4]["data"].as_object_mut().unwrap().remove("language");
    assert_eq!(working.import(tasks.to_string()).await["state"], "done");

    let plain = working.get("agreement").await;
    let tag = plain.header("etag").unwrap().to_owned();
    let report = working.get("agreement?period=month&by_slice=language").await.expect(StatusCode::OK);
    let months = parts(&report, "period", "percent_agreement");
    assert_eq!(months[..2], [("2026-01".into(), 3, Some(2.0 / 3.0)), ("2026-02".into(), 1, Some(0.0))]);
    assert_eq!(months[2], ("2026-03".into(), 0, None), "nobody else answered the item");
    let reasons: Vec<&Value> = report["measures"].as_array().unwrap().iter().map(|m| &m["undefined_reason"]).collect();
    assert!(reasons.contains(&&json!("one_rater")), "{report}");
    let control = &report["data"]["controls"][0];
    assert_eq!(control["time"], json!({ "period": "month", "periods": 3, "shown": 3, "items_without": 0 }));
    let slices = parts(&report, "slice", "percent_agreement");
    assert_eq!(slices, [("de".into(), 3, Some(2.0 / 3.0)), ("fr".into(), 1, Some(0.0))]);
    assert_eq!(control["by_slice"], json!({ "field": "language", "values": 2, "shown": 2, "items_without": 1 }));

    // A slice's figures are those of a report of that slice.
    let german = working.get("agreement?slice=language=de").await.expect(StatusCode::OK);
    let of_slice = report["measures"].as_array().unwrap().iter();
    for part in of_slice.filter(|m| m["scope"]["value"] == "de") {
        let alone = figure(&german, part["measure"].as_str().unwrap());
        for key in ["value", "ci_low", "ci_high", "n_items", "n_ratings", "undefined_reason"] {
            assert_eq!(part[key], alone[key], "{} {key}", part["measure"]);
        }
    }
    for other in ["agreement?period=day", "agreement?by_slice=language", "annotators/agreement"] {
        assert_eq!(working.ask(other, &[("if-none-match", &tag)]).await.status, StatusCode::OK, "{other}");
    }
    working.get("agreement?period=year").await.refused(400, "invalid_query");
    let detail = working.get("agreement?by_slice=speech").await.refused(400, "invalid_request");
    assert!(detail.contains("this project's fields are language, text"), "{detail}");
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_annotators_figures_can_be_had_alone() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let whole = working.get("agreement").await.expect(StatusCode::OK);
    let answer = working.get("annotators/agreement?control=sentiment").await;
    let report = answer.expect(StatusCode::OK);
    let by = |report: &Value| -> Vec<Value> {
        let about = ["annotator", "pair", "without_annotator"].map(|by| json!(by));
        let measures = report["measures"].as_array().unwrap().iter();
        measures.filter(|m| about.contains(&m["scope"]["by"])).cloned().collect()
    };
    assert_eq!(report["measures"].as_array().unwrap(), &by(&whole));
    assert!(by(&whole).len() >= 6, "{whole}");
    assert_eq!(report["data"]["raters"], whole["data"]["raters"]);
    let tag = answer.header("etag").unwrap();
    let again = working.ask("annotators/agreement?control=sentiment", &[("if-none-match", tag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    let csv = working.ask("annotators/agreement", &[("accept", "text/csv")]).await;
    assert_eq!(csv.text().lines().count(), by(&whole).len() + 1);
    working.get("annotators/agreement?period=day").await.refused(400, "invalid_query");
    working.get("annotators/agreement?snapshot=7").await.refused(404, "snapshot_not_found");
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_report_is_not_sent_again() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let first = working.get("agreement").await;
    let tag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let again = working.ask("agreement", &[("if-none-match", &tag)]).await;
    assert_eq!(
        (again.status, again.body.len(), again.header("etag")),
        (StatusCode::NOT_MODIFIED, 0, Some(tag.as_str()))
    );
    for other in ["agreement?control=sentiment", "agreement?slice=language=de"] {
        assert_eq!(working.ask(other, &[("if-none-match", &tag)]).await.status, StatusCode::OK, "{other}");
    }
    let csv = [("if-none-match", tag.as_str()), ("accept", "text/csv")];
    assert_eq!(working.ask("agreement", &csv).await.status, StatusCode::OK);

    let more = json!([task(9, vec![choice(90, 1, "good", 0), choice(91, 2, "good", 0)])]);
    assert_eq!(working.import(more.to_string()).await["result"]["snapshot"], 2);
    assert_eq!(working.ask("agreement", &[("if-none-match", &tag)]).await.status, StatusCode::OK);
    let old = working.ask("agreement?snapshot=1", &[("if-none-match", &tag)]).await;
    assert_eq!(old.status, StatusCode::NOT_MODIFIED, "an old snapshot stays what it was");
    working.get("agreement?snapshot=3").await.refused(404, "snapshot_not_found");
    let snapshots = working.get("snapshots?limit=1").await.expect(StatusCode::OK);
    assert_eq!(snapshots["items"][0]["number"], 2);
    let next = format!("snapshots?cursor={}", snapshots["next_cursor"].as_str().unwrap());
    assert_eq!(working.get(&next).await.expect(StatusCode::OK)["items"][0]["number"], 1);
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disagreements_are_filtered_and_read_page_by_page() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let found = async |query: &str| {
        let page = working.get(&format!("disagreements{query}")).await.expect(StatusCode::OK);
        let mut ids: Vec<String> =
            page["items"].as_array().unwrap().iter().map(|item| item["item_id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let (three, four) = ("reviews/task/3", "reviews/task/4");
    assert_eq!(found("").await, [three, four]);
    assert_eq!(found("?control=sentiment&min_score=1").await, [three, four]);
    assert_eq!(found("?label=good&other_label=bad").await, [three, four]);
    assert_eq!(found("?annotator=reviews/user/1&other_annotator=reviews/user/2").await, [three, four]);
    assert_eq!(found("?annotator=reviews/user/7").await, [] as [&str; 0]);
    assert_eq!(found("?slice=language=fr").await, [four]);
    assert_eq!(found("?from=2026-01-06T10:00:00Z&to=2026-01-07T00:00:00Z").await, [three, four]);
    assert_eq!(found("?from=2026-01-07T00:00:00Z").await, [] as [&str; 0]);
    working.get("disagreements?from=yesterday").await.refused(400, "invalid_request");
    working.get("disagreements?min_score=high").await.refused(400, "invalid_query");
    working.get("disagreements?lable=good").await.refused(400, "invalid_query");

    let first = working.get("disagreements?limit=1").await;
    let page = first.expect(StatusCode::OK);
    let link = first.header("link").unwrap();
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let second = working.client().get(next).await.expect(StatusCode::OK);
    let id = |page: &Value| page["items"][0]["item_id"].as_str().unwrap().to_owned();
    let mut both = [id(&page), id(&second)];
    both.sort();
    assert_eq!(both, [three, four]);
    assert_eq!(second["next_cursor"], Value::Null);
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = format!("disagreements?limit=1&label=good&cursor={cursor}");
    working.get(&other).await.refused(400, "invalid_cursor");
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_found_by_its_id_however_it_is_written() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let item = working.get("items/reviews%2Ftask%2F3").await.expect(StatusCode::OK);
    assert_eq!(
        (&item["item_id"], &item["data"]["text"], &item["snapshot"]),
        (&json!("reviews/task/3"), &json!("text 3"), &json!(1))
    );
    let labels: Vec<&Value> =
        item["annotations"].as_array().unwrap().iter().map(|a| &a["results"][0]["labels"][0]).collect();
    assert_eq!(labels, ["good", "bad"]);
    for other in ["items/reviews/task/3", "items/3", "items/3?snapshot=1"] {
        assert_eq!(working.get(other).await.expect(StatusCode::OK), item, "{other}");
    }
    for missing in ["items/99", "items/reviews%2Ftask%2F99", "items/x/y/z/3"] {
        working.get(missing).await.refused(404, "item_not_found");
    }
    working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_imported_fails_its_job_and_nothing_else() {
    let working = Working::new().await;
    working.import(export().to_string()).await;
    let job = working.import("<html>502 Bad Gateway</html>").await;
    assert_eq!(job["state"], "failed");
    let error = job["error"].as_str().unwrap();
    assert!(error.contains("export.json"), "{error}");
    let project = working.client().get("/v1/projects/reviews").await.expect(StatusCode::OK);
    assert_eq!(project["snapshot"]["number"], 1);
    working.uploads_are_removed().await;
    let audit = working.client().get("/v1/audit?limit=1").await.expect(StatusCode::OK);
    assert!(audit["items"][0]["outcome"].as_str().unwrap().starts_with("failed: "), "{audit}");
    working.end().await;
}

#[tokio::test]
async fn readiness_asks_the_storage() {
    let service = Service::new().await;
    service.client.get("/readyz").await.expect(StatusCode::OK);
    std::fs::remove_file(service.test.folder.path().join("data/_assay.json")).unwrap();
    let answer = service.client.get("/readyz").await;
    assert!(answer.refused(503, "not_ready").contains("storage"));
    service.client.get("/healthz").await.expect(StatusCode::OK);
    service.app().db.close().await;
    assert!(service.client.get("/readyz").await.refused(503, "not_ready").contains("database"));
    service.client.get("/healthz").await.expect(StatusCode::OK);
    assert_eq!(service.client.get("/metrics").await.status, StatusCode::OK);
    for path in ["/v1/projects", "/w/default/"] {
        service.client.get(path).await.refused(503, "unavailable");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retired_snapshots_are_gone_although_their_reports_are_in_memory() {
    let working = Working::new().await;
    let mut cursor = String::new();
    for minute in [0, 5] {
        let export = json!([
            task(1, vec![choice(10, 1, "good", minute), choice(11, 2, "bad", 0)]),
            task(2, vec![choice(20, 1, "good", minute), choice(21, 2, "bad", 0)]),
        ]);
        assert_eq!(working.import(export.to_string()).await["state"], "done");
        if minute == 0 {
            working.get("agreement?snapshot=1").await.expect(StatusCode::OK);
            let page = working.get("disagreements?limit=1").await.expect(StatusCode::OK);
            cursor = page["next_cursor"].as_str().unwrap().to_owned();
        }
    }
    let first = working.get("agreement?snapshot=1").await;
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(working.ask("agreement?snapshot=1", &[("if-none-match", &etag)]).await.status, StatusCode::NOT_MODIFIED);
    working.get(&format!("disagreements?limit=1&cursor={cursor}")).await.expect(StatusCode::OK);

    let db = &working.service.app().db;
    let project = db.find_project("default", "reviews").await.unwrap();
    let by = assay::store::Retirement::Erasure;
    db.retire_snapshots(&project.id, &[1], by, None, assay::store::now_micros()).await.unwrap();
    for path in ["agreement?snapshot=1", "disagreements?snapshot=1", &format!("disagreements?limit=1&cursor={cursor}")]
    {
        assert!(working.get(path).await.refused(410, "gone").contains("erasure"), "{path}");
    }
    let known = working.ask("agreement?snapshot=1", &[("if-none-match", &etag)]).await;
    known.refused(410, "gone");
    working.get("agreement").await.expect(StatusCode::OK);
    working.end().await;
}
