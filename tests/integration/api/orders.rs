//! What is ordered through the API is done once, by a worker, with its row in the audit trail.

use assay::jobs::runner;
use assay::jobs::schedule::enqueue_due;
use assay::store::{Role, now_micros};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Answer, Client, Service};
use crate::support::{choice, task};

/// Works on what is queued until nothing waits.
async fn work(service: &Service) {
    let stop = CancellationToken::new();
    while runner::work_once(service.app(), "worker", None, &stop).await.unwrap() {}
}

async fn with_key(client: &Client, key: &str, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    client.send(request.header("idempotency-key", key).body(Body::from(body.to_string())).unwrap()).await
}

async fn reviews() -> Service {
    let service = Service::new().await;
    let tasks = |label: &str, minute| -> Vec<Value> {
        let answers = |n| vec![choice(n * 10, 1, "good", 0), choice(n * 10 + 1, 2, label, minute)];
        (1..40).map(|n| task(n, answers(n))).collect()
    };
    service.test.import("reviews", &[&json!(tasks("good", 0))]).await.unwrap();
    service.test.import("reviews", &[&json!(tasks("bad", 5))]).await.unwrap();
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_is_a_job_that_is_done_once() {
    let service = reviews().await;
    let client = &service.client;
    let project = service.test.project("reviews").await;
    let order = async |route: &str, body: Value| {
        let path = if route == "sweeps" { "/v1/sweeps".to_owned() } else { format!("/v1/projects/reviews/{route}") };
        let answer = with_key(client, route, &path, &body).await;
        let queued = answer.expect(StatusCode::ACCEPTED);
        assert_eq!(answer.location(), format!("/v1/jobs/{}", queued["id"].as_str().unwrap()));
        assert_eq!(client.get(answer.location()).await.expect(StatusCode::OK), queued);
        let again = with_key(client, route, &path, &body).await;
        assert_eq!(
            (again.expect(StatusCode::ACCEPTED), again.header("idempotency-replayed")),
            (queued.clone(), Some("true"))
        );
        with_key(client, route, &path, &json!({ "other": true })).await.refused(422, "invalid_body");
        work(&service).await;
        let ended = client.get(answer.location()).await.expect(StatusCode::OK);
        assert_eq!((&ended["state"], &ended["attempts"]), (&json!("done"), &json!(1)), "{route}: {ended}");
        let rows = client.get("/v1/audit?limit=500").await.expect(StatusCode::OK);
        let of_job = |row: &&Value| row["job_id"] == queued["id"];
        let rows: Vec<&Value> = rows["items"].as_array().unwrap().iter().filter(of_job).collect();
        let [row] = rows.as_slice() else { panic!("{route}: {rows:?}") };
        assert_eq!((&row["action"], &row["outcome"]), (&queued["kind"], &json!("done")), "{route}");
        ended["result"].clone()
    };

    let report = order("reports", json!({ "control": "sentiment" })).await;
    let path = report["path"].as_str().unwrap();
    let lake = &service.app().lake;
    for table in ["measures", "disagreements"] {
        assert!(lake.exists(&format!("{path}/{table}.parquet")).await.unwrap(), "{path}/{table}");
    }

    let compacted = order("compactions", json!({ "buckets": 4 })).await;
    assert_eq!((&compacted["snapshot"], &compacted["buckets"]), (&json!(3), &json!(4)));
    let newest = service.test.newest(&project).await;
    assert_eq!((newest.number, newest.buckets, newest.job_id.is_some()), (3, 4, true));
    service.test.check_snapshot(&project, 3).await;

    let published = order("publications", json!({ "tables": ["items", "annotations"], "format": "delta" })).await;
    assert_eq!((&published["snapshot"], &published["changed"]), (&json!(3), &json!(true)));
    let manifest = assay::jobs::publish::publication(service.app(), &project).manifest().await.unwrap().unwrap();
    let names: Vec<&str> = manifest.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!((manifest.snapshot, names), (3, vec!["items", "annotations", "measures", "disagreements"]));

    let retained = order("retentions", json!({ "keep": "last=2" })).await;
    assert_eq!((&retained["retired"][0]["number"], &retained["kept"][1]["number"]), (&json!(1), &json!(2)));
    client.get("/v1/projects/reviews/snapshots/1").await.refused(410, "gone");

    let swept = order("sweeps", json!({ "project": "reviews" })).await;
    assert_eq!((&swept["files"], &swept["held_back"]), (&json!(0), &json!([])), "nothing is old enough");
    with_key(client, "all", "/v1/sweeps", &json!({ "older_than": "12h" })).await.expect(StatusCode::ACCEPTED);
    work(&service).await;
    let jobs = client.get("/v1/jobs?state=done").await.expect(StatusCode::OK);
    assert_eq!(jobs["items"].as_array().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_cannot_be_is_refused() {
    let service = reviews().await;
    let client = &service.client;
    for (route, body, said) in [
        ("projects/reviews/compactions", json!({ "buckets": 3 }), "power of two"),
        ("projects/reviews/compactions", json!({ "bucket": 4 }), "unknown field"),
        ("projects/reviews/retentions", json!({ "keep": "first=1" }), "no rule \"first\""),
        ("projects/reviews/retentions", json!({}), "missing field `keep`"),
        ("projects/reviews/publications", json!({ "keep": 0 }), "keep"),
        ("projects/reviews/publications", json!({ "tables": ["people"] }), "people"),
        ("projects/reviews/reports", json!({ "kind": "drift" }), "drift"),
        ("projects/reviews/erasures", json!({}), "one of the two"),
        ("projects/reviews/erasures", json!({ "annotator": "a", "item": "b" }), "one of the two"),
        ("projects/reviews/erasures", json!({ "annotator": "  " }), "one of the two"),
        ("sweeps", json!({ "older_than": "1h" }), "12h or more"),
    ] {
        let detail = client.post(&format!("/v1/{route}"), &body).await.refused(422, "invalid_body");
        assert!(detail.contains(said), "{route} {body}: {detail}");
    }
    client.post("/v1/sweeps", &json!({ "project": "other" })).await.refused(404, "project_not_found");
    client.post("/v1/projects/other/compactions", &json!({})).await.refused(404, "project_not_found");
    assert_eq!(client.get("/v1/jobs").await.expect(StatusCode::OK)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn upkeep_that_takes_away_is_for_owners_and_admins_and_erasure_for_owners() {
    let service = reviews().await;
    let (admin, analyst) =
        (service.with_key("default", Role::Admin).await, service.with_key("default", Role::Analyst).await);
    let viewer = service.with_key("default", Role::Viewer).await;
    let owner = service.with_key("default", Role::Owner).await;
    let orders = [
        ("projects/reviews/retentions", json!({ "keep": "last=1" }), false),
        ("sweeps", json!({}), false),
        ("projects/reviews/schedules", json!({ "kind": "sweep", "cron": "0 2 * * *" }), false),
        ("projects/reviews/compactions", json!({}), true),
        ("projects/reviews/publications", json!({}), true),
        ("projects/reviews/reports", json!({}), true),
    ];
    for (route, body, analysts_may) in &orders {
        let path = format!("/v1/{route}");
        viewer.post(&path, body).await.refused(403, "role_not_allowed");
        let answer = analyst.post(&path, body).await;
        if *analysts_may {
            answer.expect(StatusCode::ACCEPTED);
        } else {
            answer.refused(403, "role_not_allowed");
            let accepted = admin.post(&path, body).await.status;
            assert!(matches!(accepted, StatusCode::ACCEPTED | StatusCode::CREATED), "{route}: {accepted}");
        }
    }
    let body = json!({ "item": "7" });
    for client in [&viewer, &analyst, &admin] {
        client.post("/v1/projects/reviews/erasures", &body).await.refused(403, "role_not_allowed");
    }
    owner.post("/v1/projects/reviews/erasures", &body).await.expect(StatusCode::ACCEPTED);
    // Who may not ask for it may not stop it either.
    let jobs = owner.get("/v1/jobs?limit=500").await.expect(StatusCode::OK);
    let of_kind = |kind: &str| {
        let job = jobs["items"].as_array().unwrap().iter().find(|job| job["kind"] == kind).unwrap();
        format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap())
    };
    let (erasure, retention) = (of_kind("erase"), of_kind("retain"));
    for (path, refused, allowed) in [(&erasure, [&analyst, &admin], &owner), (&retention, [&viewer, &analyst], &admin)]
    {
        for client in refused {
            client.post(path, &Value::Null).await.refused(403, "role_not_allowed");
        }
        allowed.post(path, &Value::Null).await.expect(StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_tried_again() {
    let service = reviews().await;
    let client = &service.client;
    // Of a snapshot that there is not yet.
    let queued =
        client.post("/v1/projects/reviews/reports", &json!({ "snapshot": 3 })).await.expect(StatusCode::ACCEPTED);
    let path = format!("/v1/jobs/{}", queued["id"].as_str().unwrap());
    client.post(&format!("{path}/retry"), &Value::Null).await.refused(409, "conflict");
    work(&service).await;
    let failed = client.get("/v1/jobs?state=failed").await.expect(StatusCode::OK);
    assert_eq!(
        (&failed["items"][0]["id"], failed["items"][0]["error"].as_str()),
        (&queued["id"], Some("snapshot \"3\" does not exist"))
    );

    service.test.import("reviews", &[&json!([task(99, vec![])])]).await.unwrap();
    let again = client.post(&format!("{path}/retry"), &Value::Null).await.expect(StatusCode::ACCEPTED);
    assert_eq!((&again["state"], &again["attempts"]), (&json!("queued"), &json!(1)));
    client.post(&format!("{path}/retry"), &Value::Null).await.refused(409, "conflict");
    work(&service).await;
    let done = client.get(&path).await.expect(StatusCode::OK);
    assert_eq!((&done["state"], &done["result"]["snapshot"]), (&json!("done"), &json!(3)));
    assert_eq!(client.get("/v1/jobs?state=failed").await.expect(StatusCode::OK)["items"], json!([]));
    let rows = client.get("/v1/audit").await.expect(StatusCode::OK);
    let of_job: Vec<(&Value, &Value)> = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["job_id"] == queued["id"])
        .map(|row| (&row["action"], &row["outcome"]))
        .collect();
    assert_eq!(of_job[0], (&json!("job.retry"), &json!("done")));
    assert!(of_job[1].1.as_str().unwrap().starts_with("failed: "), "{of_job:?}");

    let erasure = client.post("/v1/projects/reviews/erasures", &json!({ "annotator": "nobody@example.com" })).await;
    let erasure = erasure.expect(StatusCode::ACCEPTED);
    work(&service).await;
    let path = format!("/v1/jobs/{}", erasure["id"].as_str().unwrap());
    let failed = client.get(&path).await.expect(StatusCode::OK);
    assert_eq!(
        (&failed["state"], failed["error"].as_str()),
        (&json!("failed"), Some("the project has no annotator of that name"))
    );
    let detail = client.post(&format!("{path}/retry"), &Value::Null).await.refused(409, "conflict");
    assert!(detail.contains("ask for the erasure again"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_queues_its_last_due_time_once() {
    let service = reviews().await;
    let client = &service.client;
    let (path, body) = (
        "/v1/projects/reviews/schedules",
        json!({ "kind": "retain", "cron": "30  2 * * *", "payload": { "keep": "last=1" } }),
    );
    let answer = with_key(client, "s", path, &body).await;
    let made = answer.expect(StatusCode::CREATED);
    assert_eq!(with_key(client, "s", path, &body).await.expect(StatusCode::CREATED), made);
    assert_eq!(
        (&made["cron"], &made["payload"], &made["actor"]),
        (&json!("30 2 * * *"), &json!({ "keep": "last=1" }), &json!("local"))
    );
    assert_eq!(client.get(path).await.expect(StatusCode::OK)["items"], json!([made]));
    for (body, said) in [
        (json!({ "kind": "retain", "cron": "30 2 * *", "payload": { "keep": "last=1" } }), "five fields"),
        (json!({ "kind": "retain", "cron": "30 2 * * *" }), "missing field `keep`"),
        (json!({ "kind": "erase", "cron": "30 2 * * *", "payload": { "item": "1" } }), "cannot be scheduled"),
        (json!({ "kind": "export", "cron": "30 2 * * *" }), "no \"export\""),
    ] {
        let detail = client.post(path, &body).await.refused(422, "invalid_body");
        assert!(detail.contains(said), "{body}: {detail}");
    }

    let day = 24 * 3600 * 1_000_000;
    assert_eq!(enqueue_due(service.app(), now_micros()).await.unwrap(), 0, "not due yet");
    // Nobody was there for ten days; then several servers look at once.
    let later = now_micros() + 10 * day;
    let looks: Vec<_> = (0..4).map(|_| enqueue_due(service.app(), later)).collect();
    let queued: usize = futures::future::join_all(looks).await.into_iter().map(Result::unwrap).sum();
    assert_eq!(queued, 1);
    let jobs = client.get("/v1/jobs").await.expect(StatusCode::OK);
    let [job] = jobs["items"].as_array().unwrap().as_slice() else { panic!("{jobs}") };
    assert_eq!((&job["kind"], &job["schedule_id"], &job["priority"]), (&json!("retain"), &made["id"], &json!(2)));
    let next: jiff::Timestamp =
        client.get(path).await.expect(StatusCode::OK)["items"][0]["next_at"].as_str().unwrap().parse().unwrap();
    assert!(next.as_microsecond() > later && next.as_microsecond() <= later + day, "{next}");
    client.get("/v1/projects/reviews/snapshots/1").await.expect(StatusCode::OK);

    let id = made["id"].as_str().unwrap();
    let delete = async |id: &str| {
        let request = client.request(Method::DELETE, &format!("{path}/{id}"));
        client.send(request.body(Body::empty()).unwrap()).await
    };
    delete("nothing").await.refused(404, "schedule_not_found");
    assert_eq!(delete(id).await.status, StatusCode::NO_CONTENT);
    delete(id).await.refused(404, "schedule_not_found");
    assert_eq!(enqueue_due(service.app(), later + 10 * day).await.unwrap(), 0);
    let audit = client.get("/v1/audit").await.expect(StatusCode::OK);
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"schedule.add") && actions.contains(&"schedule.remove"), "{actions:?}");
}
