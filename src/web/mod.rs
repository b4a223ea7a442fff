//! Server-rendered dashboard: pure functions from reports to pages, the handlers that feed them, and the assets they load.

mod assets;
mod charts;
mod compare;
mod disagreements;
mod figures;
#[cfg(test)]
mod fixtures;
mod guide;
mod handlers;
mod interval;
mod item;
mod layout;
mod links;
mod matrices;
mod overview;
#[cfg(test)]
mod pages_test;
mod palette;
mod projects;
mod query;
mod reading;
mod regions;
mod spans;
mod text;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// Every page, and a page for every other address.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(handlers::home))
        .route("/metrics-guide", get(handlers::metrics_guide))
        .route("/assets/{name}", get(assets::serve))
        .route("/w/{workspace}", get(handlers::workspace))
        .route("/w/{workspace}/projects", get(handlers::list_projects))
        .route("/w/{workspace}/projects/{project}", get(handlers::show_overview))
        .route("/w/{workspace}/projects/{project}/disagreements", get(handlers::list_disagreements))
        // An item's id has slashes: escaped in the links of the pages, but not where people write them.
        .route("/w/{workspace}/projects/{project}/items/{*item}", get(handlers::show_item))
        .fallback(handlers::nowhere)
}
