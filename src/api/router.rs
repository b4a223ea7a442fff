//! Every route, and what is wrapped around them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::rate::RateLimits;
use super::state::ApiState;
use super::{
    audit, diff, disagreements, docs, events, guard, health, imports, items, jobs, keys, limits, me, members, observe,
    orders, problem, projects, rate, reports, schedules, snapshots,
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
        .routes(routes!(jobs::retry))
        .routes(routes!(orders::compact))
        .routes(routes!(orders::retain))
        .routes(routes!(orders::publish))
        .routes(routes!(orders::erase))
        .routes(routes!(orders::report))
        .routes(routes!(orders::sweep))
        .routes(routes!(schedules::list, schedules::create))
        .routes(routes!(schedules::delete))
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

/// These last as long as what they tell of, and are counted by themselves.
fn stream_routes() -> OpenApiRouter<Arc<ApiState>> {
    OpenApiRouter::new().routes(routes!(events::follow))
}

/// The description of the API, made from its handlers.
pub fn openapi() -> utoipa::openapi::OpenApi {
    short_routes().merge(upload_routes()).merge(stream_routes()).merge(operation_routes()).into_openapi()
}

/// How a server answers, whatever it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest upload in bytes.
    pub max_upload: u64,
    pub rates: RateLimits,
    /// Origins (`https://app.example.com`) whose pages may call the API from a browser. None, unless someone says so.
    pub cors_origins: Vec<HeaderValue>,
}

/// The whole service: the API, its documentation, and everything else for `pages`.
pub fn router(app: Arc<App>, pages: Router<Arc<App>>, settings: &Settings) -> Router {
    let api = Arc::new(ApiState::new(app.clone(), settings));
    let limited = |routes: OpenApiRouter<Arc<ApiState>>| {
        routes.layer(DefaultBodyLimit::max(limits::BODY)).layer(from_fn_with_state(api.clone(), limits::short))
    };
    let api_routes = limited(short_routes())
        .merge(upload_routes().layer(from_fn_with_state(api.clone(), limits::upload)))
        .merge(stream_routes())
        .merge(operation_routes())
        // Or the pages would be asked for it.
        .route("/v1/{*rest}", any(async || StatusCode::NOT_FOUND))
        .layer(SetResponseHeaderLayer::if_not_present(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING)));
    let (api_routes, _) = api_routes.with_state(api.clone()).split_for_parts();
    let pages = pages
        .with_state(app)
        .layer(from_fn_with_state(api.clone(), guard::pages))
        .layer(from_fn_with_state(api.clone(), limits::short));

    let mut service = api_routes.fallback_service(pages);
    if !settings.cors_origins.is_empty() {
        service = service.layer(cors(&settings.cors_origins));
    }
    service
        .layer(from_fn(rate::headers))
        .layer(from_fn_with_state(api.clone(), guard::local))
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(from_fn(problem::render))
        .layer(CompressionLayer::new().compress_when(worth_compressing()))
        .layer(SetResponseHeaderLayer::overriding(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(SetResponseHeaderLayer::if_not_present(REFERRER_POLICY, HeaderValue::from_static("same-origin")))
        .layer(from_fn_with_state(api, observe::log_and_count))
        .layer(from_fn(observe::request_id))
}

/// Lets pages of these origins call the API with a key, and read what it says about limits and lists. Cookies are not let through.
fn cors(origins: &[HeaderValue]) -> CorsLayer {
    let own = ["if-none-match", "idempotency-key", "x-request-id"].map(HeaderName::from_static);
    let told = [
        "location",
        "link",
        "etag",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "x-request-id",
        "idempotency-replayed",
    ];
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_methods([Method::GET, Method::POST, Method::DELETE, Method::PATCH, Method::PUT])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, ACCEPT].into_iter().chain(own).collect::<Vec<_>>())
        .expose_headers(told.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3600))
}

/// Parquet is compressed already, and Arrow is asked for where speed counts.
fn worth_compressing() -> impl Predicate {
    DefaultPredicate::new()
        .and(NotForContentType::const_new("application/vnd.apache.parquet"))
        .and(NotForContentType::const_new("application/vnd.apache.arrow.stream"))
}
