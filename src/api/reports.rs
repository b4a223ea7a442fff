//! `/v1/projects/{project}/agreement` and `/v1/projects/{project}/annotators/agreement`

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::{OnProject, Read};
use super::etags::Tag;
use super::extract::{QueryParams, many, number, slices};
use super::forms::{self, Form};
use super::limits;
use super::problem::{Problem, ProblemBody};
use super::snapshots::wanted;
use super::state::ApiState;
use crate::reports::figures::Level;
use crate::reports::views::{AgreementParams, AgreementReport};
use crate::reports::{self, Period, render};
use crate::store::Project;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AgreementQuery {
    /// Only this control (`from_name`); all controls with figures otherwise.
    control: Option<String>,
    /// What differences between answers mean; otherwise choices are nominal, ratings ordinal and numbers interval. Without `control` it
    /// holds for all controls, and those that it does not fit say so in `why_not`.
    level: Option<Level>,
    /// Only items whose slice field has this value: `field=value`. May be given for several fields.
    #[serde(default, deserialize_with = "many")]
    #[param(example = json!(["language=de"]))]
    slice: Vec<String>,
    /// Figures over time by this period; by the shortest with enough items and at most 60 periods otherwise.
    period: Option<Period>,
    /// Also the figures of the items with each value of this slice field.
    #[param(example = "language")]
    by_slice: Option<String>,
    /// Of this snapshot; of the newest otherwise.
    #[serde(default, deserialize_with = "number")]
    snapshot: Option<i64>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AnnotatorQuery {
    /// Only this control (`from_name`); all controls with figures otherwise.
    control: Option<String>,
    /// What differences between answers mean; otherwise choices are nominal, ratings ordinal and numbers interval. Without `control` it
    /// holds for all controls, and those that it does not fit say so in `why_not`.
    level: Option<Level>,
    /// Only items whose slice field has this value: `field=value`. May be given for several fields.
    #[serde(default, deserialize_with = "many")]
    #[param(example = json!(["language=de"]))]
    slice: Vec<String>,
    /// Of this snapshot; of the newest otherwise.
    #[serde(default, deserialize_with = "number")]
    snapshot: Option<i64>,
}

/// How far the annotators agree
///
/// Figures with 95 % intervals: overall, per label, per pair of annotators, per annotator, without each annotator, over time and, if
/// asked for, by the values of a slice field. `data.controls[].insight` says what they mean. JSON, or the measures alone as CSV, NDJSON, Arrow IPC or Parquet.
/// The ETag changes when the figures can: a request with `If-None-Match` is answered before anything is computed.
#[utoipa::path(get, path = "/v1/projects/{project}/agreement", tag = "reports", operation_id = "getAgreement",
    params(
        ("project" = String, Path, description = "Name or id"),
        AgreementQuery,
        ("if-none-match" = Option<String>, Header, description = "The ETag of the answer that the caller has"),
    ),
    responses(
        (status = OK, content((AgreementReport = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet")), headers(("etag" = String))),
        (status = NOT_MODIFIED, description = "The caller's answer still holds"),
        (status = NOT_FOUND, description = "`project_not_found`, `snapshot_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`gone`: the snapshot was taken back", body = ProblemBody, content_type = "application/problem+json"),
        (status = NOT_ACCEPTABLE, description = "`not_acceptable`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn agreement(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<AgreementQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = AgreementParams {
        control: query.control,
        level: query.level,
        slice: slices(&query.slice)?,
        period: query.period,
        by_slice: query.by_slice,
    };
    let asked = Asked { kind: "agreement", params, snapshot: query.snapshot };
    answer(&api, &on.project, &asked, &headers, |report| Cow::Borrowed(report)).await
}

/// How far each annotator agrees with the others
///
/// The figures of `getAgreement` that are about annotators: of each against the others, of each two, and of all without each, with the
/// change that leaving one out makes. Shape, forms and ETag are those of `getAgreement`.
#[utoipa::path(get, path = "/v1/projects/{project}/annotators/agreement", tag = "reports", operation_id = "getAnnotatorAgreement",
    params(
        ("project" = String, Path, description = "Name or id"),
        AnnotatorQuery,
        ("if-none-match" = Option<String>, Header, description = "The ETag of the answer that the caller has"),
    ),
    responses(
        (status = OK, content((AgreementReport = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet")), headers(("etag" = String))),
        (status = NOT_MODIFIED, description = "The caller's answer still holds"),
        (status = NOT_FOUND, description = "`project_not_found`, `snapshot_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`gone`: the snapshot was taken back", body = ProblemBody, content_type = "application/problem+json"),
        (status = NOT_ACCEPTABLE, description = "`not_acceptable`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn annotators(
    on: OnProject<Read>,
    State(api): State<Arc<ApiState>>,
    QueryParams(query): QueryParams<AnnotatorQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = AgreementParams {
        control: query.control,
        level: query.level,
        slice: slices(&query.slice)?,
        ..AgreementParams::default()
    };
    let asked = Asked { kind: "annotators", params, snapshot: query.snapshot };
    answer(&api, &on.project, &asked, &headers, |report| Cow::Owned(reports::annotators_alone(report))).await
}

/// What of a report is asked for.
struct Asked {
    /// Tells the parts of one report apart in their ETags.
    kind: &'static str,
    params: AgreementParams,
    snapshot: Option<i64>,
}

/// The `part` of a report that is asked for, unless the caller has it.
async fn answer(
    api: &ApiState,
    project: &Project,
    asked: &Asked,
    headers: &HeaderMap,
    part: fn(&AgreementReport) -> Cow<'_, AgreementReport>,
) -> Result<Response, Problem> {
    let form = Form::wanted(headers, &Form::TABLES)?;
    let snapshot = wanted(api, project, asked.snapshot).await?;
    let tag = Tag::new(project, asked.kind, snapshot.number, &asked.params, form)?;
    if let Some(known) = tag.unless_known(headers)? {
        return Ok(known);
    }
    let report = reports::agreement(&api.app, project, &snapshot, &asked.params);
    if form == Form::Json {
        return tag.json(api, project, async { report.await.map(|report| part(&report).into_owned()) }).await;
    }
    tag.put_on(write(api, form, part(&*report.await?))?)
}

/// The measures alone.
fn write(api: &ApiState, form: Form, report: Cow<'_, AgreementReport>) -> Result<Response, Problem> {
    // As the command line writes it.
    if form == Form::Csv {
        let text = render(&report, reports::Format::Csv)?;
        return Ok(([(CONTENT_TYPE, form.content_type())], text).into_response());
    }
    let rows = reports::figure_tables(report.into_owned().measures);
    forms::stream(form, reports::figure_schema()?, futures::stream::iter(rows), limits::stream(api)?)
        .map_err(Problem::from)
}
