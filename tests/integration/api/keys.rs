use assay::store::{DEFAULT_WORKSPACE, Permission, Role, Scopes};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Client, Service};

#[tokio::test]
async fn a_key_is_made_used_listed_and_revoked() {
    let service = Service::new().await;
    // The first key, made on the machine itself; it closes the server.
    let made = service.client.post("/v1/keys", &json!({ "name": "first", "role": "owner" })).await;
    let first = made.expect(StatusCode::CREATED);
    service.client.get("/v1/keys").await.refused(401, "unauthorized");
    let owner = Client { key: Some(first["secret"].as_str().unwrap().to_owned()), ..service.client.clone() };

    let body = json!({ "name": "nightly", "role": "analyst", "scopes": ["import", "read"], "expires_at": "2126-01-31T00:00:00Z" });
    let made = owner.post("/v1/keys", &body).await;
    let nightly = made.expect(StatusCode::CREATED);
    let (id, secret) = (nightly["id"].as_str().unwrap(), nightly["secret"].as_str().unwrap());
    assert_eq!(made.location(), format!("/v1/keys/{id}"));
    assert_eq!(
        (&nightly["scopes"], &nightly["state"], &nightly["expires_at"]),
        (&json!(["read", "import"]), &json!("active"), &json!("2126-01-31T00:00:00Z"))
    );
    assert!(secret.starts_with(&format!("{}_", nightly["prefix"].as_str().unwrap())));
    let importer = Client { key: Some(secret.to_owned()), ..service.client.clone() };
    importer.post("/v1/projects", &json!({ "name": "p" })).await.expect(StatusCode::CREATED);
    importer.get("/v1/keys").await.refused(403, "role_not_allowed");
    let me = importer.get("/v1/me").await.expect(StatusCode::OK);
    assert_eq!(me["actor"], format!("key:{id}"));
    assert_eq!(
        (&me["role"], &me["permissions"], &me["key"]["id"]),
        (&json!("analyst"), &json!(["read", "import"]), &json!(id))
    );
    assert_eq!(importer.get("/v1/workspace").await.expect(StatusCode::OK)["id"], "default");

    let list = owner.get("/v1/keys").await;
    assert!(!list.text().contains(&secret[secret.len() - 20..]) && !list.text().contains("secret"), "{}", list.text());
    let names: Vec<Value> = list.json()["items"].as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["nightly", "first"]);
    assert_ne!(owner.get(&format!("/v1/keys/{id}")).await.expect(StatusCode::OK)["last_used_at"], Value::Null);

    let revoke = format!("/v1/keys/{id}/revoke");
    let revoked = owner.post(&revoke, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(owner.post(&revoke, &json!({})).await.expect(StatusCode::OK)["revoked_at"], revoked["revoked_at"]);
    importer.get("/v1/me").await.refused(401, "unauthorized");
    owner.post("/v1/keys/none/revoke", &json!({})).await.refused(404, "key_not_found");

    let page = owner.get("/v1/keys?limit=1").await.expect(StatusCode::OK);
    let next = format!("/v1/keys?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = owner.get(&next).await.expect(StatusCode::OK);
    assert_eq!((&rest["items"][0]["name"], &rest["next_cursor"]), (&json!("first"), &Value::Null));
}

#[tokio::test]
async fn nobody_hands_out_more_than_they_have() {
    let service = Service::new().await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let admin = service.with_key(DEFAULT_WORKSPACE, Role::Admin).await;
    let only = |scopes: &[Permission]| Scopes::of(Role::Owner, scopes).unwrap();
    let clerk =
        service.with_scopes(DEFAULT_WORKSPACE, Role::Owner, only(&[Permission::Access, Permission::Read])).await;

    admin.post("/v1/keys", &json!({ "name": "x", "role": "admin" })).await.expect(StatusCode::CREATED);
    for (client, body) in [
        (&admin, json!({ "name": "x", "role": "owner" })),
        (&admin, json!({ "name": "x", "role": "owner", "scopes": ["read"] })),
        (&clerk, json!({ "name": "x", "role": "analyst" })),
        (&clerk, json!({ "name": "x", "role": "owner" })),
    ] {
        client.post("/v1/keys", &body).await.refused(403, "more_than_own_rights");
    }
    clerk.post("/v1/keys", &json!({ "name": "x", "role": "viewer" })).await.expect(StatusCode::CREATED);
    let owners = owner.get("/v1/me").await.expect(StatusCode::OK)["key"]["id"].as_str().unwrap().to_owned();
    admin.post(&format!("/v1/keys/{owners}/revoke"), &json!({})).await.refused(403, "more_than_own_rights");
    owner.get("/v1/me").await.expect(StatusCode::OK);

    // A key that ends makes none that outlives it.
    let body = json!({ "name": "short", "role": "admin", "expires_at": "2126-01-01T00:00:00Z" });
    let short = owner.post("/v1/keys", &body).await.expect(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned();
    let short = Client { key: Some(short), ..service.client.clone() };
    for body in [
        json!({ "name": "x", "role": "viewer" }),
        json!({ "name": "x", "role": "viewer", "expires_at": "2126-01-01T00:00:01Z" }),
    ] {
        short.post("/v1/keys", &body).await.refused(403, "more_than_own_rights");
    }
    let body = json!({ "name": "x", "role": "viewer", "expires_at": "2126-01-01T00:00:00Z" });
    short.post("/v1/keys", &body).await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_key_that_cannot_be_made_says_why() {
    let service = Service::new().await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    for (body, part) in [
        (json!({ "name": " ", "role": "viewer" }), "1 to 200 characters"),
        (
            json!({ "name": "x", "role": "viewer", "scopes": ["audit"] }),
            "the role viewer does not have the scope audit",
        ),
        (json!({ "name": "x", "role": "viewer", "scopes": [] }), "at least one scope"),
        (json!({ "name": "x", "role": "viewer", "expires_at": "tomorrow" }), "2026-11-24T10:00:00Z"),
        (json!({ "name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z" }), "expired before it is made"),
        (json!({ "name": "x", "role": "root" }), "root"),
        (json!({ "name": "x", "role": "viewer", "scope": ["read"] }), "scope"),
    ] {
        let detail = owner.post("/v1/keys", &body).await.refused(422, "invalid_body");
        assert!(detail.contains(part), "{detail}");
    }
}

#[tokio::test]
async fn a_repeat_finds_its_key_and_not_its_secret() {
    let service = Service::new().await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let send = async |name: &str| {
        let request = owner.request(Method::POST, "/v1/keys").header(CONTENT_TYPE, "application/json");
        let body = json!({ "name": name, "role": "viewer" }).to_string();
        owner.send(request.header("idempotency-key", "once").body(Body::from(body)).unwrap()).await
    };
    let first = send("a").await.expect(StatusCode::CREATED);
    let again = send("a").await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!((&again.json()["id"], &again.json()["secret"]), (&first["id"], &Value::Null));
    send("b").await.refused(422, "idempotency_key_reused");
    assert_eq!(service.app().db.list_keys(DEFAULT_WORKSPACE).await.unwrap().len(), 2);

    // The secret is nowhere at rest: neither in the database nor in its log.
    let secret = first["secret"].as_str().unwrap().rsplit('_').next().unwrap().as_bytes().to_vec();
    let mut searched = 0;
    for entry in std::fs::read_dir(service.test.folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
            searched += bytes.len();
        }
    }
    assert!(searched > 4096);
}
