//! Server-rendered dashboard: pure functions from reports to pages, the handlers that feed them, and the assets they load.

mod agreement;
mod assets;
mod caution;
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
mod login;
mod matrices;
mod outlook;
mod overview;
#[cfg(test)]
mod pages_test;
mod palette;
mod parts;
mod projects;
mod query;
mod reading;
mod regions;
mod snapshots;
mod spans;
mod text;
mod timeline;
mod view;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

/// Every page, and a page for every other address.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(handlers::home))
        .route("/login", get(login::show).post(login::submit))
        .route("/logout", post(login::log_out))
        .route("/metrics-guide", get(handlers::metrics_guide))
        .route("/assets/{name}", get(assets::serve))
        .route("/w/{workspace}", get(handlers::workspace))
        .route("/w/{workspace}/projects", get(handlers::list_projects))
        .route("/w/{workspace}/projects/{project}", get(handlers::show_overview))
        .route("/w/{workspace}/projects/{project}/agreement", get(handlers::show_agreement))
        .route("/w/{workspace}/projects/{project}/disagreements", get(handlers::list_disagreements))
        .route("/w/{workspace}/projects/{project}/snapshots", get(handlers::list_snapshots))
        // An item's id has slashes: escaped in the links of the pages, but not where people write them.
        .route("/w/{workspace}/projects/{project}/items/{*item}", get(handlers::show_item))
        .fallback(handlers::nowhere)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode, header};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::config::Config;
    use crate::store::{DEFAULT_WORKSPACE, now_micros};

    async fn get_page(router: &Router, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        if !parts.status.is_redirection() && !path.starts_with("/assets/") {
            assert_eq!(parts.headers[header::CONTENT_SECURITY_POLICY], layout::CONTENT_SECURITY_POLICY, "{path}");
            assert_eq!(parts.headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (parts.status, text)
    }

    #[tokio::test]
    async fn every_address_answers_with_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let app = App::open(&Config::for_folder(folder.path())).await.unwrap();
        let project = app.db.ensure_project(DEFAULT_WORKSPACE, "Émpty & <new>", now_micros()).await.unwrap();
        let router = router().with_state(app);
        let overview = format!("/w/default/projects/{}", project.id);
        for (path, status, part) in [
            ("/".to_owned(), StatusCode::SEE_OTHER, ""),
            ("/w/default".to_owned(), StatusCode::SEE_OTHER, ""),
            ("/w/default/projects".to_owned(), StatusCode::OK, "Émpty &amp; &lt;new&gt;"),
            ("/w/other/projects".to_owned(), StatusCode::NOT_FOUND, "does not exist"),
            (overview.clone(), StatusCode::OK, "Nothing was imported yet"),
            (format!("{overview}/snapshots"), StatusCode::OK, "No snapshots"),
            (format!("{overview}?snapshot=1"), StatusCode::NOT_FOUND, "does not exist"),
            (format!("{overview}?snapshot=x"), StatusCode::BAD_REQUEST, "must be a number"),
            (format!("{overview}?slice=x"), StatusCode::BAD_REQUEST, "field=value"),
            (format!("/w/other/projects/{}", project.id), StatusCode::NOT_FOUND, "does not exist"),
            (format!("{overview}/agreement"), StatusCode::OK, "Nothing was imported yet"),
            (format!("{overview}/agreement?period=year"), StatusCode::BAD_REQUEST, "day, week or month"),
            (format!("{overview}/agreement?snapshot=1"), StatusCode::NOT_FOUND, "does not exist"),
            (format!("{overview}/disagreements"), StatusCode::OK, "No disagreements"),
            (format!("{overview}/disagreements?min_score=x"), StatusCode::BAD_REQUEST, "role=\"alert\""),
            (format!("{overview}/items/a%2Ftask%2F7"), StatusCode::NOT_FOUND, "a/task/7"),
            (format!("{overview}/items/a/task/7"), StatusCode::NOT_FOUND, "a/task/7"),
            ("/metrics-guide".to_owned(), StatusCode::OK, "Krippendorff"),
            ("/nowhere".to_owned(), StatusCode::NOT_FOUND, "/nowhere"),
            ("/login".to_owned(), StatusCode::SEE_OTHER, ""),
            (assets::STYLE.path(), StatusCode::OK, ".panel"),
        ] {
            let (found, page) = get_page(&router, &path).await;
            assert_eq!(found, status, "{path}");
            assert!(page.contains(part), "{path}: {page}");
        }
    }
}
