use assay::store::{DEFAULT_WORKSPACE, Permission, Role, Scopes, now_micros};
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Client, Service};

async fn add(client: &Client, email: &str, role: &str) -> super::Answer {
    client.post("/v1/members", &json!({ "email": email, "name": "Ada Lovelace", "role": role })).await
}

#[tokio::test]
async fn members_come_change_and_go() {
    let service = Service::new().await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let added = add(&owner, "Ada@Example.com", "owner").await;
    let ada = added.expect(StatusCode::CREATED);
    let path = format!("/v1/members/{}", ada["id"].as_str().unwrap());
    assert_eq!(
        (added.location(), &ada["email"], &ada["role"]),
        (path.as_str(), &json!("ada@example.com"), &json!("owner"))
    );
    add(&owner, "ada@example.com", "viewer").await.refused(409, "conflict");
    assert_eq!(owner.get(&path).await.expect(StatusCode::OK), ada);
    assert_eq!(owner.get("/v1/members").await.expect(StatusCode::OK)["items"], json!([ada]));

    let set = async |path: &str, role: &str| owner.call(&Method::PATCH, path, &json!({ "role": role })).await;
    let remove = async |path: &str| owner.call(&Method::DELETE, path, &Value::Null).await;
    set(&path, "viewer").await.refused(409, "last_owner");
    remove(&path).await.refused(409, "last_owner");
    let bob = add(&owner, "bob@example.com", "viewer").await.expect(StatusCode::CREATED);
    let bobs = format!("/v1/members/{}", bob["id"].as_str().unwrap());
    assert_eq!(set(&bobs, "owner").await.expect(StatusCode::OK)["role"], "owner");
    assert_eq!(remove(&path).await.status, StatusCode::NO_CONTENT);
    owner.get(&path).await.refused(404, "member_not_found");
    remove(&path).await.refused(404, "member_not_found");
    set("/v1/members/nobody", "viewer").await.refused(404, "member_not_found");

    let trail = owner.get("/v1/audit").await.expect(StatusCode::OK);
    let acts: Vec<String> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"].as_str().unwrap().starts_with("member."))
        .map(|row| format!("{} {}", row["action"].as_str().unwrap(), row["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        acts,
        [
            "member.remove done",
            "member.change done",
            "member.add done",
            "member.remove failed: last_owner",
            "member.change failed: last_owner",
            "member.add failed: conflict",
            "member.add done",
        ]
    );
    for (body, part) in [
        (json!({ "email": "ada", "name": "A", "role": "viewer" }), "name@host"),
        (json!({ "email": "a@b", "name": "", "role": "viewer" }), "1 to 200 characters"),
        (json!({ "email": "a@b", "role": "viewer" }), "name"),
    ] {
        let detail = owner.post("/v1/members", &body).await.refused(422, "invalid_body");
        assert!(detail.contains(part), "{detail}");
    }
}

#[tokio::test]
async fn who_has_an_account_keeps_it() {
    let service = Service::new().await;
    let db = &service.app().db;
    db.ensure_workspace("other", "Other", now_micros()).await.unwrap();
    let (ours, others) =
        (service.with_key(DEFAULT_WORKSPACE, Role::Owner).await, service.with_key("other", Role::Owner).await);
    let first = add(&ours, "ada@example.com", "viewer").await.expect(StatusCode::CREATED);
    let body = json!({ "email": "ada@example.com", "name": "Somebody else", "role": "admin" });
    let second = others.post("/v1/members", &body).await.expect(StatusCode::CREATED);
    assert_eq!((&second["id"], &second["name"]), (&first["id"], &json!("Ada Lovelace")));
    assert_eq!(ours.get("/v1/members").await.expect(StatusCode::OK)["items"][0]["role"], "viewer");
    assert_eq!(db.list_users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn ranks_hold() {
    let service = Service::new().await;
    let owner = service.with_key(DEFAULT_WORKSPACE, Role::Owner).await;
    let admin = service.with_key(DEFAULT_WORKSPACE, Role::Admin).await;
    let ada = add(&owner, "ada@example.com", "owner").await.expect(StatusCode::CREATED);
    add(&owner, "eve@example.com", "owner").await.expect(StatusCode::CREATED);
    let bob = add(&admin, "bob@example.com", "admin").await.expect(StatusCode::CREATED);
    let at = |member: &Value| format!("/v1/members/{}", member["id"].as_str().unwrap());
    add(&admin, "mallory@example.com", "owner").await.refused(403, "more_than_own_rights");
    for (method, path, body) in [
        (Method::PATCH, at(&ada), json!({ "role": "viewer" })),
        (Method::DELETE, at(&ada), Value::Null),
        (Method::PATCH, at(&bob), json!({ "role": "owner" })),
    ] {
        admin.call(&method, &path, &body).await.refused(403, "more_than_own_rights");
    }
    // A member's rights are those of the role: a key with few scopes cannot give them.
    let scopes = Scopes::of(Role::Owner, &[Permission::Access, Permission::Read]).unwrap();
    let clerk = service.with_scopes(DEFAULT_WORKSPACE, Role::Owner, scopes).await;
    add(&clerk, "carol@example.com", "reviewer").await.refused(403, "more_than_own_rights");
    add(&clerk, "carol@example.com", "viewer").await.expect(StatusCode::CREATED);
    clerk.get("/v1/audit").await.refused(403, "scope_not_allowed");
}
