//! `/v1/projects/{project}/agreement` and `/v1/projects/{project}/annotators/agreement`

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::access::{OnProject, Read};
use super::extract::{QueryParams, many, number, slices};
use super::problem::{Problem, ProblemBody};
use super::snapshots::wanted;
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::lake::hex;
use crate::reports::figures::Level;
use crate::reports::views::{AgreementParams, AgreementReport};
use crate::reports::{self, Period, render, report_key};
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
/// asked for, by the values of a slice field. `data.controls[].insight` says what they mean. JSON, or the measures alone as CSV.
/// The ETag changes when the figures can: a request with `If-None-Match` is answered before anything is computed.
#[utoipa::path(get, path = "/v1/projects/{project}/agreement", tag = "reports", operation_id = "getAgreement",
    params(
        ("project" = String, Path, description = "Name or id"),
        AgreementQuery,
        ("if-none-match" = Option<String>, Header, description = "The ETag of the answer that the caller has"),
    ),
    responses(
        (status = OK, content((AgreementReport = "application/json"), (String = "text/csv")), headers(("etag" = String))),
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
        (status = OK, content((AgreementReport = "application/json"), (String = "text/csv")), headers(("etag" = String))),
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
    let format = Format::wanted(headers)?;
    let snapshot = wanted(api, project, asked.snapshot).await?;
    let key = report_key(asked.kind, snapshot.number, &asked.params)?;
    let etag = etag(&project.id, &key, format);
    let mut response = match is_known(headers, &etag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => format.write(&part(&*reports::agreement(&api.app, project, &snapshot, &asked.params).await?))?,
    };
    let head = response.headers_mut();
    head.insert(ETAG, HeaderValue::from_str(&etag).map_err(Error::internal)?);
    head.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    head.append(VARY, HeaderValue::from_static("accept, authorization"));
    Ok(response)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

impl Format {
    /// The form that the caller likes best; JSON where it does not say.
    fn wanted(headers: &HeaderMap) -> Result<Self, Problem> {
        let accept: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|accept| accept.to_str().ok()).collect();
        let accept = if accept.is_empty() { "*/*".to_owned() } else { accept.join(",") };
        let (json, csv) = (liking(&accept, "application", "json"), liking(&accept, "text", "csv"));
        if json <= 0.0 && csv <= 0.0 {
            let detail = "application/json and text/csv can be had";
            return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", detail));
        }
        Ok(if csv > json { Self::Csv } else { Self::Json })
    }

    fn write(self, report: &AgreementReport) -> Result<Response> {
        Ok(match self {
            Self::Json => Json(report).into_response(),
            Self::Csv => {
                ([(CONTENT_TYPE, "text/csv; charset=utf-8")], render(report, reports::Format::Csv)?).into_response()
            }
        })
    }
}

/// The quality that an `Accept` header gives to a media type (RFC 9110, 12.5.1): that of the most specific range that covers it.
fn liking(accept: &str, kind: &str, subtype: &str) -> f32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (a, b) = parts.next()?.split_once('/')?;
        let specific = match (a, b) {
            ("*", "*") => 0,
            (a, "*") if a.eq_ignore_ascii_case(kind) => 1,
            (a, b) if a.eq_ignore_ascii_case(kind) && b.eq_ignore_ascii_case(subtype) => 2,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
        Some((specific, quality))
    });
    ranges.max_by_key(|(specific, _)| *specific).map_or(0.0, |(_, quality)| quality)
}

/// Weak, because the same figures may go out compressed.
fn etag(project_id: &str, key: &str, format: Format) -> String {
    let digest = Sha256::digest(format!("{project_id}/{key}/{format:?}"));
    let mut tag = String::from("W/\"");
    let _ = write!(tag, "{}\"", hex(&digest[..16]));
    tag
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    given.map(opaque).any(|tag| tag == "*" || tag == opaque(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_best_liked_form_is_given() {
        assert_eq!(Format::wanted(&HeaderMap::new()).unwrap(), Format::Json);
        for (accept, format) in [
            ("*/*", Format::Json),
            ("text/csv", Format::Csv),
            ("text/*", Format::Csv),
            ("application/json, text/csv;q=0.9", Format::Json),
            ("application/json;q=0.5, text/csv", Format::Csv),
            ("text/csv;q=0, */*", Format::Json),
            ("application/json;q=0, */*;q=0.1", Format::Csv),
        ] {
            assert_eq!(Format::wanted(&headers(ACCEPT, accept)).unwrap(), format, "{accept}");
        }
        assert!(Format::wanted(&headers(ACCEPT, "image/png")).is_err());
    }

    #[test]
    fn tags_are_compared_weakly() {
        let tag = etag("p", "k", Format::Json);
        assert_ne!(tag, etag("q", "k", Format::Json));
        assert_ne!(tag, etag("p", "k", Format::Csv));
        let strong = tag.trim_start_matches("W/");
        for given in [tag.as_str(), strong, "*", &format!("\"x\", {tag}")] {
            assert!(is_known(&headers(IF_NONE_MATCH, given), &tag), "{given}");
        }
        assert!(!is_known(&headers(IF_NONE_MATCH, "\"x\""), &tag));
        assert!(!is_known(&HeaderMap::new(), &tag));
    }
}
