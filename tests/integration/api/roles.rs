//! Role × route × method, as it is: docs/ROLES.md is written by asking the service, and a route without a row there fails.

use std::fmt::Write as _;

use assay::store::{DEFAULT_WORKSPACE, Permission, Role, Scopes};
use axum::http::{Method, StatusCode};
use serde_json::json;

use super::{Client, Service, operations};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ROLES.md");

async fn is_let_through(client: &Client, method: &Method, path: &str) -> bool {
    let answer = client.call(method, path, &json!({})).await;
    assert!(answer.status != StatusCode::UNAUTHORIZED && !answer.status.is_server_error(), "{method} {path}");
    answer.status != StatusCode::FORBIDDEN
}

#[tokio::test]
async fn the_table_of_roles_is_the_one_in_the_docs() {
    let service = Service::new().await;
    service.make_project("p").await;
    let mut roles = Vec::new();
    for role in Role::ALL {
        roles.push(service.with_key(DEFAULT_WORKSPACE, role).await);
    }
    let mut scopes = Vec::new();
    for scope in Permission::ALL {
        let only = Scopes::of(Role::Owner, &[scope]).unwrap();
        scopes.push((scope, service.with_scopes(DEFAULT_WORKSPACE, Role::Owner, only).await));
    }
    let mut text = String::from(HEAD);
    for (method, path) in operations() {
        let concrete = path.split('/').map(|part| if part == "{project}" { "p" } else { part });
        let concrete =
            concrete.map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/");
        if !path.starts_with("/v1/") {
            assert_eq!(service.client.call(&method, &concrete, &json!({})).await.status, StatusCode::OK, "{path}");
            writeln!(text, "| `{method} {path}` | no key | yes | yes | yes | yes | yes |").unwrap();
            continue;
        }
        service.client.call(&method, &concrete, &json!({})).await.refused(401, "unauthorized");
        let mut needs = Vec::new();
        for (scope, client) in &scopes {
            if is_let_through(client, &method, &concrete).await {
                needs.push(scope.as_str());
            }
        }
        let needs = match needs.as_slice() {
            [one] => format!("`{one}`"),
            all if all.len() == Permission::ALL.len() => "any key".to_owned(),
            other => panic!("{method} {path} is open to the scopes {other:?}: a route needs one, or none at all"),
        };
        write!(text, "| `{method} {path}` | {needs} |").unwrap();
        for client in &roles {
            let mark = if is_let_through(client, &method, &concrete).await { " yes |" } else { " |" };
            text.push_str(mark);
        }
        text.push('\n');
    }
    if std::env::var_os("ASSAY_UPDATE_ROLES").is_some() {
        std::fs::write(PATH, &text).unwrap();
    }
    let kept = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        kept == text,
        "docs/ROLES.md differs from what the service does; if that is meant, run the tests with ASSAY_UPDATE_ROLES=1:\n{text}"
    );
}

const HEAD: &str = "\
# Who may call what

A key lets through what its role allows, less what its scopes leave out. \"needs\" is the permission, and the name of the scope. This table is
written by a test that asks the service with a key of every role and of every scope; a route without a row fails it.

| route | needs | owner | admin | analyst | reviewer | viewer |
| --- | --- | --- | --- | --- | --- | --- |
";
