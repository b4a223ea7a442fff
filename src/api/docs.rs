//! Swagger UI at `/docs/`, from files inside the binary: works offline and under a strict policy.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::{Config, serve};

use super::problem::Problem;

/// Ours instead of the bundled one, which asks a server elsewhere to validate the document.
const INITIALIZER: &str = r##"window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
"##;

/// Nothing but own files; Swagger UI's pictures are `data:` images in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub async fn redirect() -> Redirect {
    Redirect::permanent("/docs/")
}

pub async fn index() -> Result<Response, Problem> {
    file(Path("index.html".to_owned())).await
}

pub async fn file(Path(path): Path<String>) -> Result<Response, Problem> {
    let (content_type, bytes) = if path == "swagger-initializer.js" {
        ("text/javascript".to_owned(), INITIALIZER.as_bytes().to_vec())
    } else {
        match serve(&path, Arc::new(Config::default())) {
            Ok(Some(file)) => (file.content_type, file.bytes.into_owned()),
            _ => {
                return Err(Problem::new(
                    StatusCode::NOT_FOUND,
                    "route_not_found",
                    format!("/docs/ has no file {path:?}"),
                ));
            }
        }
    };
    let mut response = ([(CONTENT_TYPE, content_type)], bytes).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Ok(response)
}
