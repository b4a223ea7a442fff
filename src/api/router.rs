//! Every route, and what is wrapped around them.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::state::ApiState;
use super::{
    audit, diff, disagreements, docs, guard, health, imports, items, jobs, keys, limits, me, members, observe, problem,
    projects, reports, snapshots,
};
use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Assay",
        description = "How far can you trust your labels, your annotators and your models? docs/API.md has paging, errors, idempotency and access.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    security(("key" = []), ()),
    modifiers(&KeyScheme),
)]
struct Description;

struct KeyScheme;

impl Modify for KeyScheme {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut key = Http::new(HttpAuthScheme::Bearer);
        key.bearer_format = Some("assay_<key id>_<secret>".to_owned());
        key.description = Some(
            "An API key. A server without keys and users needs none, and answers its own machine only.".to_owned(),
        );
        openapi.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(key));
    }
}

/// The policy of answers that are not pages: if a browser shows one, it runs and loads nothing.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";

/// Everything that is answered at once.
fn short_routes() -> OpenApiRouter<Arc<ApiState>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(projects::list, projects::create))
        .routes(routes!(projects::get))
        .routes(routes!(snapshots::list))
        .routes(routes!(snapshots::get))
        .routes(routes!(reports::agreement))
        .routes(routes!(reports::annotators))
        .routes(routes!(disagreements::list))
        .routes(routes!(diff::list))
        .routes(routes!(items::get))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::cancel))
        .routes(routes!(audit::list))
        .routes(routes!(me::get))
        .routes(routes!(me::workspace))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get))
        .routes(routes!(keys::revoke))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::get, members::change, members::remove))
        // An item's id has slashes; where they are not escaped it spans several segments.
        .route("/v1/projects/{project}/items/{item}/{*rest}", get(items::get))
        .route("/docs", get(docs::redirect))
        .route("/docs/", get(docs::index))
        .route("/docs/{*file}", get(docs::file))
        .route("/openapi.json", get(async || Json(openapi())))
}

/// Answers even when there is no room for other requests.
fn operation_routes() -> OpenApiRouter<Arc<ApiState>> {
    OpenApiRouter::new().routes(routes!(health::alive)).routes(routes!(health::ready)).routes(routes!(health::metrics))
}

fn upload_routes() -> OpenApiRouter<Arc<ApiState>> {
    OpenApiRouter::new().routes(routes!(imports::create))
}

/// The description of the API, made from its handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    short_routes().merge(upload_routes()).merge(operation_routes()).into_openapi()
}

/// The whole service: the API, its documentation, and everything else for `pages`. Uploads may have `max_upload` bytes.
pub fn router(app: Arc<App>, pages: Router<Arc<App>>, max_upload: u64) -> Router {
    let api = Arc::new(ApiState::new(app.clone(), max_upload));
    let limited = |routes: OpenApiRouter<Arc<ApiState>>| {
        routes.layer(DefaultBodyLimit::max(limits::BODY)).layer(from_fn_with_state(api.clone(), limits::short))
    };
    let api_routes = limited(short_routes())
        .merge(upload_routes().layer(from_fn_with_state(api.clone(), limits::upload)))
        .merge(operation_routes())
        // Or the pages would be asked for it.
        .route("/v1/{*rest}", any(async || StatusCode::NOT_FOUND))
        .layer(SetResponseHeaderLayer::if_not_present(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING)));
    let (api_routes, _) = api_routes.with_state(api.clone()).split_for_parts();
    let pages = pages
        .with_state(app)
        .layer(from_fn_with_state(api.clone(), guard::pages))
        .layer(from_fn_with_state(api.clone(), limits::short));

    api_routes
        .fallback_service(pages)
        .layer(from_fn_with_state(api.clone(), guard::local))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(from_fn(problem::render))
        .layer(CompressionLayer::new())
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(SetResponseHeaderLayer::if_not_present(REFERRER_POLICY, HeaderValue::from_static("same-origin")))
        .layer(from_fn_with_state(api, observe::log_and_count))
        .layer(from_fn(observe::request_id))
}
