//! `/v1/projects/{project}/disagreements`

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::{OnProject, Read};
use super::etags::Tag;
use super::extract::{QueryParams, many, number, slices};
use super::forms::{self, Form};
use super::limits;
use super::paging::{self, List};
use super::problem::{Problem, ProblemBody};
use super::snapshots::wanted;
use super::state::ApiState;
use crate::error::Error;
use crate::reports;
use crate::reports::views::{Disagreement, DisagreementFilter, Page};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DisagreementQuery {
    /// Only this control (`from_name`).
    control: Option<String>,
    /// This label was given to the item; with `other_label`, both were.
    label: Option<String>,
    other_label: Option<String>,
    /// This annotator took part; with `other_annotator`, these two differ from each other.
    annotator: Option<String>,
    other_annotator: Option<String>,
    /// Only items whose slice field has this value: `field=value`. May be given for several fields.
    #[serde(default, deserialize_with = "many")]
    #[param(example = json!(["language=de"]))]
    slice: Vec<String>,
    /// The item's newest annotation is of this time or later (RFC 3339).
    #[param(format = DateTime)]
    from: Option<String>,
    /// The item's newest annotation is older than this time (RFC 3339).
    #[param(format = DateTime)]
    to: Option<String>,
    /// Least share of the item's annotator pairs that differ.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 0, maximum = 1)]
    min_score: Option<f64>,
    /// Of this snapshot; of the newest otherwise.
    #[serde(default, deserialize_with = "number")]
    snapshot: Option<i64>,
    /// Items on a page.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Items on which annotators differ, most disputed first
///
/// JSON comes in pages. As CSV, NDJSON, Arrow IPC or Parquet the whole list is sent as a stream, without previews.
#[utoipa::path(get, path = "/v1/projects/{project}/disagreements", tag = "reports", operation_id = "listDisagreements",
    params(("project" = String, Path, description = "Name or id"), DisagreementQuery), responses(
    (status = OK, content((Page<Disagreement> = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet")),
        headers(("link" = String, description = "`rel=\"next\"`"), ("etag" = String))),
    (status = NOT_MODIFIED, description = "The caller's answer still holds"),
    (status = NOT_FOUND, description = "`project_not_found`, `snapshot_not_found`", body = ProblemBody, content_type = "application/problem+json"),
    (status = GONE, description = "`gone`: the snapshot was taken back", body = ProblemBody, content_type = "application/problem+json"),
    (status = "default", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<DisagreementQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = Form::wanted(&headers, &Form::TABLES)?;
    let limit = usize::try_from(paging::limit(query.limit)?).map_err(Error::internal)?;
    let (number, cursor) = (query.snapshot, query.cursor.clone());
    if form != Form::Json {
        paging::refuse_pages(query.limit, cursor.as_deref())?;
    }
    let filter = query.filter()?;
    let list = List::new(&[
        "disagreements",
        &on.project.id,
        &serde_json::to_string(&(number, &filter)).map_err(Error::internal)?,
    ]);
    let cursor = list.after(cursor.as_deref())?;
    let newest = wanted(&api, &on.project, number).await?;
    // Its own cursor pins the snapshot: an import in between does not shift the pages.
    let snapshot = reports::pinned_snapshot(&api.app, &on.project, &newest, cursor.as_deref()).await?;
    let tag = Tag::new(&on.project, "disagreements", snapshot.number, &(number, &filter, &cursor, limit), form)?;
    if let Some(known) = tag.unless_known(&headers)? {
        return Ok(known);
    }
    if form != Form::Json {
        let place = limits::stream(&api)?;
        let tables = reports::disagreement_tables(&api.app, &on.project, &snapshot, filter).await?;
        let schema = reports::disagreement_schema()?;
        return tag.put_on(forms::stream(form, schema, futures::stream::iter(tables), place)?);
    }
    let page = async {
        let mut page =
            reports::disagreements(&api.app, &on.project, &snapshot, &filter, cursor.as_deref(), limit).await?;
        page.next_cursor = page.next_cursor.map(|inner| list.cursor(&inner)).transpose()?;
        Ok(page)
    };
    tag.page(&api, &on.project, &uri, page).await
}

impl DisagreementQuery {
    fn filter(self) -> Result<DisagreementFilter, Problem> {
        Ok(DisagreementFilter {
            control: self.control,
            label: self.label,
            other_label: self.other_label,
            annotator: self.annotator,
            other_annotator: self.other_annotator,
            slice: slices(&self.slice)?,
            from: self.from,
            to: self.to,
            min_score: self.min_score,
        })
    }
}
