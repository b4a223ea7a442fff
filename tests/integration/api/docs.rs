use axum::http::StatusCode;

use super::Service;

/// The API's description is part of the repository: a change of it is seen in review.
#[tokio::test]
async fn the_description_is_the_one_in_the_repository() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let now = serde_json::to_string_pretty(&assay::api::openapi()).unwrap() + "\n";
    if std::env::var_os("ASSAY_UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == now,
        "docs/openapi.json differs from the handlers; if that is meant, run the tests with ASSAY_UPDATE_OPENAPI=1"
    );

    let service = Service::new().await;
    let served = service.client.get("/openapi.json").await.expect(StatusCode::OK);
    assert_eq!(served, serde_json::from_str::<serde_json::Value>(&kept).unwrap());
}

#[tokio::test]
async fn every_operation_is_described_and_every_reference_resolves() {
    let document = serde_json::to_value(assay::api::openapi()).unwrap();
    let mut ids = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            let mut seen = std::collections::BTreeSet::new();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = (parameter["in"].to_string(), parameter["name"].to_string());
                assert!(seen.insert(name.clone()), "{method} {path}: {name:?} twice");
            }
            for parameter in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(
                    seen.contains(&("\"path\"".into(), format!("\"{parameter}\""))),
                    "{method} {path}: {parameter}"
                );
            }
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn swagger_ui_needs_nothing_from_elsewhere() {
    let service = Service::new().await;
    let client = &service.client;
    let moved = client.get("/docs").await;
    assert_eq!((moved.status, moved.location()), (StatusCode::PERMANENT_REDIRECT, "/docs/"));
    let index = client.get("/docs/").await;
    assert_eq!((index.status, index.header("content-type")), (StatusCode::OK, Some("text/html")));
    let policy = index.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'none'"), "{policy}");

    let text = index.text();
    let mut files = Vec::new();
    for tag in text.split('<').filter(|tag| tag.starts_with("script") || tag.starts_with("link")) {
        let (attributes, inline) = tag.split_once('>').unwrap();
        assert!(inline.trim().is_empty(), "an inline script: {inline}");
        let address = attributes.split_once("src=\"").or_else(|| attributes.split_once("href=\"")).unwrap().1;
        files.push(address.split('"').next().unwrap().to_owned());
    }
    assert_eq!(files.len(), 7, "{files:?}");
    for file in files {
        assert!(!file.contains(':') && !file.starts_with("//"), "{file}");
        let answer = client.get(&format!("/docs/{}", file.trim_start_matches("./"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{file}");
        assert!(!answer.body.is_empty());
    }
    let initializer = client.get("/docs/swagger-initializer.js").await;
    assert!(initializer.text().contains("/openapi.json") && !initializer.text().contains("http"));
    client.get("/docs/nothing.js").await.refused(404, "route_not_found");
}
