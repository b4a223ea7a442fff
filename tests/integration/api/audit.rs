use assay::store::{DEFAULT_WORKSPACE, Role};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Service;

#[tokio::test]
async fn the_trail_is_asked_by_actor_action_and_time() {
    let service = Service::new().await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let analyst = service.with_key(DEFAULT_WORKSPACE, Role::Analyst).await;
    for name in ["a", "b", "c"] {
        analyst.post("/v1/projects", &json!({ "name": name })).await.expect(StatusCode::CREATED);
    }
    owner.post("/v1/projects", &json!({ "name": "d" })).await.expect(StatusCode::CREATED);
    let actor = analyst.get("/v1/me").await.expect(StatusCode::OK)["actor"].as_str().unwrap().to_owned();
    let list = async |query: &str| owner.get(&format!("/v1/audit?{query}")).await.expect(StatusCode::OK);
    let count = |page: &Value| page["items"].as_array().unwrap().len();

    assert_eq!(count(&list("action=project.create").await), 4);
    let own = list(&format!("action=project.create&actor={actor}")).await;
    assert_eq!(count(&own), 3);
    // The first use of a key in an hour, however often it is used.
    let uses = list(&format!("action=key.use&actor={actor}")).await;
    assert_eq!((count(&uses), &uses["items"][0]["outcome"]), (1, &json!("done")));
    assert_eq!(count(&list("from=2126-01-01T00:00:00Z").await), 0);
    assert_eq!(count(&list("to=2020-01-01T00:00:00Z").await), 0);
    let second = own["items"][1]["started_at"].as_str().unwrap();
    assert_eq!(count(&list(&format!("actor={actor}&action=project.create&from={second}")).await), 2);
    assert_eq!(count(&list(&format!("actor={actor}&action=project.create&to={second}")).await), 1);

    // A cursor goes on with its own filter only.
    let page = list(&format!("limit=2&actor={actor}&action=project.create")).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(count(&list(&format!("limit=2&actor={actor}&action=project.create&cursor={cursor}")).await), 1);
    owner.get(&format!("/v1/audit?limit=2&actor={actor}&cursor={cursor}")).await.refused(400, "invalid_cursor");
    owner.get("/v1/audit?from=yesterday").await.refused(400, "invalid_query");
    analyst.get("/v1/audit").await.refused(403, "role_not_allowed");
}
