//! Pages of older snapshots, through the whole service.

use assay::store::{Retirement, now_micros};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{TestApp, choice, task};

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_the_snapshot_that_their_address_names() {
    let test = TestApp::new().await;
    let export = |label: &str, minute| json!([task(1, vec![choice(10, 1, "good", 0), choice(11, 2, label, minute)])]);
    test.import("reviews", &[&export("good", 0)]).await.unwrap();
    test.import("reviews", &[&export("bad", 5)]).await.unwrap();
    let project = test.project("reviews").await;
    let router = assay::api::router(test.app.clone(), assay::web::router(), &crate::support::settings(1));
    let get = async |rest: &str| {
        let path = format!("/w/default/projects/{}{rest}", project.id);
        let request = Request::get(&path).header("host", "127.0.0.1").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
    };
    let item = "/items/reviews%2Ftask%2F1";
    for rest in ["", "/agreement", "/disagreements", item, "/snapshots"] {
        let (status, older) = get(&format!("{rest}?snapshot=1")).await;
        assert_eq!(status, StatusCode::OK, "{rest}: {older}");
        assert!(older.contains("Snapshot 1 of ") && older.contains("not the newest"), "{rest}: {older}");
        let newest = format!("href=\"/w/default/projects/{}{rest}\">Show the newest", project.id);
        assert!(older.contains(&newest), "{rest}: {older}");
        for plain in [rest.to_owned(), format!("{rest}?snapshot=2")] {
            let (status, page) = get(&plain).await;
            assert!(status == StatusCode::OK && !page.contains("not the newest"), "{plain}: {page}");
        }
    }
    let (status, page) = get("/agreement?period=month&by_slice=language").await;
    assert!(
        status == StatusCode::OK && page.contains("2026-01") && page.contains("<th scope=\"row\">de</th>"),
        "{page}"
    );
    let (status, page) = get("/agreement?by_slice=speech").await;
    assert!(status == StatusCode::BAD_REQUEST && page.contains("this project's fields are language, text"), "{page}");
    let (_, then) = get("/disagreements?snapshot=1").await;
    let (_, now) = get("/disagreements").await;
    assert!(then.contains("No disagreements") && now.contains("reviews/task/1"), "{then}\n{now}");
    let (_, list) = get("/snapshots").await;
    for number in [1, 2] {
        let link = format!("/w/default/projects/{}?snapshot={number}", project.id);
        assert!(list.contains(&link), "{list}");
    }
    assert!(
        list.contains("~1 annotations") && list.contains("export-0.json") && list.contains("<td>test</td>"),
        "{list}"
    );

    test.app.db.retire_snapshots(&project.id, &[1], Retirement::Erasure, None, now_micros()).await.unwrap();
    for rest in ["", "/agreement", "/disagreements", item] {
        let (status, page) = get(&format!("{rest}?snapshot=1")).await;
        assert_eq!(status, StatusCode::GONE, "{rest}");
        assert!(page.contains("snapshot 1 was taken back by erasure"), "{rest}: {page}");
    }
    let (_, list) = get("/snapshots").await;
    assert!(list.contains("taken back by erasure") && !list.contains("?snapshot=1\""), "{list}");
}
