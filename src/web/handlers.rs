//! From requests to pages: look up, ask for the report, render.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::Markup;

use super::layout::{self, CONTENT_SECURITY_POLICY as POLICY};
use super::links::{Links, Pin};
use super::query::{Fields, complaint};
use super::visitor::SeenBy;
use super::{agreement, disagreements, guide, item, overview, projects, snapshots};
use crate::app::App;
use crate::error::{Error, Result};
use crate::reports;
use crate::reports::views::{AgreementParams, AgreementReport, Page, ProjectView};
use crate::store::{DEFAULT_WORKSPACE, Project, Snapshot};

/// Projects, and disagreements, on one page.
const PAGE: usize = 50;

pub const HOME: Links<'static> = Links::of(DEFAULT_WORKSPACE);

/// `GET /`: the first workspace of who asks.
pub async fn home(seen: SeenBy) -> Response {
    let Some(visitor) = seen.visitor() else { return Redirect::to(&HOME.projects()).into_response() };
    match visitor.memberships.first() {
        Some(first) => Redirect::to(&Links::of(&first.workspace_id).projects()).into_response(),
        None => respond(StatusCode::OK, layout::no_workspace(HOME.seen_by(Some(visitor)))),
    }
}

/// `GET /w/{workspace}`
pub async fn workspace(Path(workspace): Path<String>) -> Redirect {
    Redirect::to(&Links::of(&workspace).projects())
}

/// `GET /metrics-guide`
pub async fn metrics_guide(seen: SeenBy) -> Response {
    respond(StatusCode::OK, guide::render(seen.home()))
}

/// Any other address.
pub async fn nowhere(seen: SeenBy, uri: Uri) -> Response {
    failed(seen.home(), Error::not_found("page", uri.path()))
}

/// `GET /w/{workspace}/projects`
pub async fn list_projects(
    State(app): State<Arc<App>>,
    seen: SeenBy,
    Path(workspace): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let links = Links::of(&workspace).seen_by(seen.visitor());
    let after = Fields::new(query.as_deref()).get("after");
    answer(links, projects_page(&app, links, after.as_deref()).await)
}

async fn projects_page(app: &App, links: Links<'_>, after: Option<&str>) -> Result<(StatusCode, Markup)> {
    let workspace = app.db.workspace(links.workspace).await?.id;
    let more_than_shown = PAGE as i64 + 1;
    let mut found = app.db.list_projects(&workspace, after, more_than_shown).await?;
    let snapshots = app.db.latest_snapshots(&workspace, after, more_than_shown).await?;
    let newest: HashMap<&str, &Snapshot> =
        snapshots.iter().map(|snapshot| (snapshot.project_id.as_str(), snapshot)).collect();
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let mut rows = Vec::with_capacity(found.len());
    for project in &found {
        let newest = newest.get(project.id.as_str()).copied();
        let report = match newest {
            Some(snapshot) => reports::cached_agreement(app, project, snapshot, &AgreementParams::default()).await?,
            None => None,
        };
        let alphas = report.map(|report| projects::alphas(&report)).unwrap_or_default();
        rows.push(projects::Row { project: project_view(project, newest)?, alphas });
    }
    let next = found.last().filter(|_| more).map(|last| last.name.as_str());
    Ok((StatusCode::OK, projects::render(links, &rows, next)))
}

/// `GET /w/{workspace}/projects/{project}`
pub async fn show_overview(
    State(app): State<Arc<App>>,
    seen: SeenBy,
    Path((workspace, project)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let links = Links::of(&workspace).seen_by(seen.visitor());
    answer(links, overview_page(&app, links, &project, &Fields::new(query.as_deref())).await)
}

async fn overview_page(app: &App, links: Links<'_>, project: &str, fields: &Fields) -> Result<(StatusCode, Markup)> {
    let query = fields.overview().map_err(|(_, complaint)| Error::invalid(complaint))?;
    let found = Found::load(app, links, project, fields).await?;
    let report = match &found.shown {
        Some(snapshot) => Some(
            found
                .report(app, snapshot, &AgreementParams { slice: query.slice.clone(), ..AgreementParams::default() })
                .await?,
        ),
        None => None,
    };
    Ok((StatusCode::OK, overview::render(found.links, &found.view, report.as_deref(), &query)))
}

/// `GET /w/{workspace}/projects/{project}/agreement`
pub async fn show_agreement(
    State(app): State<Arc<App>>,
    seen: SeenBy,
    Path((workspace, project)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let links = Links::of(&workspace).seen_by(seen.visitor());
    answer(links, agreement_page(&app, links, &project, &Fields::new(query.as_deref())).await)
}

async fn agreement_page(app: &App, links: Links<'_>, project: &str, fields: &Fields) -> Result<(StatusCode, Markup)> {
    let query = fields.agreement().map_err(|(_, complaint)| Error::invalid(complaint))?;
    let found = Found::load(app, links, project, fields).await?;
    let Some(snapshot) = &found.shown else {
        return Ok((StatusCode::OK, agreement::render(found.links, &found.view, None, &[], &query)));
    };
    let params = AgreementParams {
        control: None,
        level: None,
        slice: query.slice.clone(),
        period: query.period,
        by_slice: query.by_slice.clone(),
    };
    let report = found.report(app, snapshot, &params).await?;
    let slices = reports::slice_fields(app, &found.project, snapshot).await?;
    Ok((StatusCode::OK, agreement::render(found.links, &found.view, Some(&report), &slices, &query)))
}

/// `GET /w/{workspace}/projects/{project}/disagreements`
pub async fn list_disagreements(
    State(app): State<Arc<App>>,
    seen: SeenBy,
    Path((workspace, project)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let links = Links::of(&workspace).seen_by(seen.visitor());
    answer(links, disagreements_page(&app, links, &project, &Fields::new(query.as_deref())).await)
}

async fn disagreements_page(
    app: &App,
    links: Links<'_>,
    project: &str,
    fields: &Fields,
) -> Result<(StatusCode, Markup)> {
    let found = Found::load(app, links, project, fields).await?;
    let (filter, mut complaints) = fields.filter();
    let cursor = fields.get("cursor");
    let mut list = Page { items: Vec::new(), next_cursor: None };
    let mut report = None;
    if let Some(shown) = &found.shown {
        report = Some(found.report(app, shown, &AgreementParams::default()).await?);
        if complaints.is_empty() {
            match reports::disagreements(app, &found.project, shown, &filter, cursor.as_deref(), PAGE).await {
                Ok(page) => list = page,
                Err(Error::Invalid(message)) => complaints.push(complaint(message)),
                Err(other) => return Err(other),
            }
        }
    }
    let status = if complaints.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let data = disagreements::Data {
        project: &found.view,
        report: report.as_deref(),
        filter: &filter,
        complaints: &complaints,
        list: &list,
        continued: cursor.is_some(),
    };
    Ok((status, disagreements::render(found.links, &data)))
}

/// `GET /w/{workspace}/projects/{project}/items/{item}`
pub async fn show_item(
    State(app): State<Arc<App>>,
    seen: SeenBy,
    Path((workspace, project, item)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let links = Links::of(&workspace).seen_by(seen.visitor());
    answer(links, item_page(&app, links, &project, &item, &Fields::new(query.as_deref())).await)
}

async fn item_page(
    app: &App,
    links: Links<'_>,
    project: &str,
    item: &str,
    fields: &Fields,
) -> Result<(StatusCode, Markup)> {
    let found = Found::load(app, links, project, fields).await?;
    let shown = found.shown.as_ref().ok_or_else(|| Error::not_found("item", item))?;
    let view = reports::item(app, &found.project, shown, item).await?;
    // Only for colours: not worth computing for.
    let report = reports::cached_agreement(app, &found.project, shown, &AgreementParams::default()).await?;
    Ok((StatusCode::OK, item::render(found.links, &found.view, report.as_deref(), &view)))
}

/// `GET /w/{workspace}/projects/{project}/snapshots`
pub async fn list_snapshots(
    State(app): State<Arc<App>>,
    seen: SeenBy,
    Path((workspace, project)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let links = Links::of(&workspace).seen_by(seen.visitor());
    answer(links, snapshots_page(&app, links, &project, &Fields::new(query.as_deref())).await)
}

async fn snapshots_page(app: &App, links: Links<'_>, project: &str, fields: &Fields) -> Result<(StatusCode, Markup)> {
    let found = Found::load(app, links, project, fields).await?;
    let mut rows = app.db.list_snapshots(&found.project.id, fields.number("before")?, PAGE as i64 + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let views = rows.iter().map(reports::snapshot_view).collect::<Result<Vec<_>>>()?;
    let next = views.last().filter(|_| more).map(|last| last.number);
    Ok((StatusCode::OK, snapshots::render(found.links, &found.view, &views, next)))
}

/// A project with the snapshot that its pages show: the one that the address names, or the newest.
struct Found<'a> {
    project: Project,
    shown: Option<Snapshot>,
    view: ProjectView,
    links: Links<'a>,
}

impl<'a> Found<'a> {
    async fn load(app: &App, links: Links<'a>, project: &str, fields: &Fields) -> Result<Self> {
        let project = app.db.find_project(links.workspace, project).await?;
        let number = fields.number("snapshot")?;
        let shown = match number {
            Some(number) => Some(app.db.snapshot(&project.id, number).await?),
            None => app.db.latest_snapshot(&project.id).await?,
        };
        let view = project_view(&project, shown.as_ref())?;
        let pin = number.map(|number| Pin { number, is_newest: number == project.latest_snapshot });
        Ok(Self { project, shown, view, links: Links { pin, ..links } })
    }

    async fn report(&self, app: &App, snapshot: &Snapshot, params: &AgreementParams) -> Result<Arc<AgreementReport>> {
        reports::agreement(app, &self.project, snapshot, params).await
    }
}

fn project_view(project: &Project, newest: Option<&Snapshot>) -> Result<ProjectView> {
    Ok(ProjectView {
        id: project.id.clone(),
        name: project.name.clone(),
        created_at: rfc3339(project.created_at)?,
        snapshot: newest.map(reports::snapshot_view).transpose()?,
    })
}

fn rfc3339(micros: i64) -> Result<String> {
    jiff::Timestamp::from_microsecond(micros).map(|time| time.to_string()).map_err(Error::internal)
}

fn answer(links: Links<'_>, page: Result<(StatusCode, Markup)>) -> Response {
    match page {
        Ok((status, page)) => respond(status, page),
        Err(error) => failed(links, error),
    }
}

/// A page that says what is wrong; causes of faults go to the log only.
pub fn failed(links: Links<'_>, error: Error) -> Response {
    let links = match error {
        Error::NotFound { what: "workspace", .. } => HOME.seen_by(links.visitor),
        _ => links,
    };
    let (status, title, detail) = match error {
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "Not found", format!("{error}.")),
        Error::Gone(message) => (StatusCode::GONE, "No longer there", format!("{message}.")),
        Error::Invalid(message) => (StatusCode::BAD_REQUEST, "This address cannot be used", format!("{message}.")),
        Error::Conflict(message) => (StatusCode::CONFLICT, "Not now", format!("{message}.")),
        Error::Unavailable { message, source } => {
            tracing::warn!(%message, source = source.map(|source| format!("{source:#}")), "unavailable");
            (StatusCode::SERVICE_UNAVAILABLE, "Not available", format!("{message}. Try again in a moment."))
        }
        Error::Cancelled => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Not available",
            "The work was stopped. Try again in a moment.".to_owned(),
        ),
        Error::Internal(error) => {
            tracing::error!(error = format!("{error:#}"), "internal fault");
            (StatusCode::INTERNAL_SERVER_ERROR, "Internal fault", "What happened is in the server’s log.".to_owned())
        }
    };
    let mut response = respond(status, layout::problem(links, title, &detail));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
    }
    response
}

pub fn respond(status: StatusCode, page: Markup) -> Response {
    (status, [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "private, no-cache")], page).into_response()
}
