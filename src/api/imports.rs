//! `POST /v1/projects/{project}/imports`: the body is streamed to a staging file while its hash is taken, then a job is queued.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};

use super::access::{Import, OnProject};
use super::audit::Act;
use super::extract::QueryParams;
use super::idempotency::{IdempotencyKey, replay, reused};
use super::jobs::JobView;
use super::observe::RequestId;
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::jobs::import::Mode;
use crate::jobs::kinds::{ImportPayload, Kind};
use crate::jobs::uploads;
use crate::lake::hex;
use crate::store::{Job, NewJob, Once, Request, now_micros};

/// An upload of which nothing arrives for so long is given up.
const IDLE: Duration = Duration::from_secs(60);
/// Partly received uploads of this age were left by a process that died.
const STALE: Duration = Duration::from_secs(24 * 3600);
const MAX_NAME: usize = 255;

#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// What to call the file in messages and in the `rejects` table.
    #[param(example = "export.json", min_length = 1, max_length = 255)]
    filename: Option<String>,
    /// Names the system that the ids come from; by default the project's name.
    #[param(min_length = 1, max_length = 255)]
    source: Option<String>,
    /// The labelling config (XML): tells single from multiple choice. Without one the config of the snapshot before stays.
    config: Option<String>,
    /// `merge`: the file adds to what is known. `full`: it is the whole truth about its source, and what it does not hold is removed.
    #[serde(default)]
    #[param(inline)]
    mode: Mode,
}

/// The file's bytes, whatever their content type.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only describes the body, which is read as a stream")]
pub struct ExportFile(Vec<u8>);

/// Import an annotation export
///
/// The body is the file itself: Label Studio's JSON export or a snapshot. The answer comes when the file is received whole and on disk;
/// the job at `Location` then imports it as one snapshot, or not at all.
#[utoipa::path(post, path = "/v1/projects/{project}/imports", tag = "imports", operation_id = "importFile",
    params(
        ("project" = String, Path, description = "Name or id"),
        ImportQuery,
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]+$", description = "The same upload again gets the first answer (24 h)"),
    ),
    request_body(content = ExportFile, content_type = "application/octet-stream"),
    responses(
        (status = ACCEPTED, body = JobView, headers(("location" = String, description = "The job"))),
        (status = NOT_FOUND, description = "`project_not_found`: make it first", body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`idempotency_key_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = PAYLOAD_TOO_LARGE, description = "`upload_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "`idempotency_key_reused`, `upload_empty`", body = ProblemBody, content_type = "application/problem+json"),
        (status = SERVICE_UNAVAILABLE, description = "`too_many_in_flight`, `unavailable`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn create(
    on: OnProject<Import>,
    State(api): State<Arc<ApiState>>,
    Extension(request_id): Extension<RequestId>,
    key: IdempotencyKey,
    QueryParams(query): QueryParams<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    check_names(&query)?;
    check_headers(&headers, api.max_upload)?;
    let _taken = key.take(&api, &on.caller.workspace)?;
    let upload = receive(&uploads::folder(&api.app.temp), body, api.max_upload).await?;

    let payload = ImportPayload {
        path: upload.place.clone(),
        name: query.filename.clone().unwrap_or_else(|| "upload".to_owned()),
        source: query.source.clone(),
        config: query.config.clone(),
        mode: query.mode,
        actor: on.caller.actor.clone(),
    };
    let payload = serde_json::to_value(payload).map_err(Error::internal)?;
    let new = Kind::Import.job(&on.caller.workspace, Some(&on.project.id), payload, now_micros());
    let view = JobView::of_new(&new)?;
    let method_path = format!("POST /v1/projects/{}/imports", on.project.id);
    let record = key.record(&method_path, &request_hash(&query, &upload.hash)?, StatusCode::ACCEPTED, &view)?;
    let act = Act { caller: &on.caller, action: "import", target: &on.project.id, request_id: &request_id };
    let audit_id = act.begin(&api).await?;
    let request = Request { idempotency: record.as_ref(), audit_id: Some(&audit_id) };
    let queued = enqueue(&api, upload, &new, &request).await;
    match act.settle(&api, &audit_id, queued).await? {
        Once::Done(_) => {
            let location = format!("/v1/jobs/{}", new.id);
            Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(view)).into_response())
        }
        Once::Replay(record) => replay(record, "/v1/jobs"),
        Once::Reused => Err(reused()),
    }
}

fn check_names(query: &ImportQuery) -> Result<(), Problem> {
    for (field, name) in [("filename", &query.filename), ("source", &query.source)] {
        let usable =
            |name: &String| (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
        if name.as_ref().is_some_and(|name| !usable(name)) {
            return Err(Problem::bad_request(
                "invalid_query",
                format!("{field}: 1 to {MAX_NAME} characters without control characters are allowed"),
            ));
        }
    }
    Ok(())
}

/// Refuses before anything is read what cannot be used.
fn check_headers(headers: &HeaderMap, max_upload: u64) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let unsupported =
        |detail: &str| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    if text(CONTENT_TYPE).is_some_and(|kind| kind.to_lowercase().starts_with("multipart/")) {
        return unsupported("send the file itself as the body, not as a form: curl --data-binary @export.json (or -T)");
    }
    if text(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return unsupported("send the file uncompressed, without Content-Encoding");
    }
    match text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > max_upload => Err(too_large(max_upload)),
        _ => Ok(()),
    }
}

fn too_large(max_upload: u64) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "upload_too_large",
        format!(
            "the file is larger than {max_upload} bytes; split it, raise --max-upload-mb, or use `assay import` on the server"
        ),
    )
}

/// What makes two uploads the same request: the file and what is to be done with it.
fn request_hash(query: &ImportQuery, body_hash: &str) -> Result<String> {
    let text = serde_json::to_string(&(query, body_hash)).map_err(Error::internal)?;
    Ok(hex(&Sha256::digest(text)))
}

/// A file that is whole and on disk under a name of its own; it vanishes with this value unless it is kept.
struct Upload {
    partial: TempPath,
    /// Where it will lie once it is kept.
    place: std::path::PathBuf,
    hash: String,
}

async fn receive(folder: &Path, body: Body, max_upload: u64) -> Result<Upload, Problem> {
    let unwritable = |error: std::io::Error| {
        Problem::from(Error::unavailable(format!("the upload cannot be kept in the temporary folder ({error})"), error))
    };
    let partial = tokio::task::spawn_blocking({
        let folder = folder.to_owned();
        move || make_partial(&folder)
    });
    let (file, partial) = partial.await.map_err(Error::internal)?.map_err(unwritable)?.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    let (mut hasher, mut size) = (Sha256::new(), 0_u64);
    let mut chunks = body.into_data_stream();
    loop {
        let Ok(chunk) = tokio::time::timeout(IDLE, chunks.next()).await else {
            let detail = format!("nothing arrived for {} s", IDLE.as_secs());
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "upload_stalled", detail));
        };
        let Some(chunk) = chunk else { break };
        let chunk = chunk.map_err(|_| {
            Problem::bad_request("upload_broken_off", "the upload broke off before its end; send it again")
        })?;
        size += chunk.len() as u64;
        if size > max_upload {
            return Err(too_large(max_upload));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(unwritable)?;
    }
    if size == 0 {
        return Err(Problem::unprocessable("upload_empty", "the body is empty; send the export file as the body"));
    }
    // The job that names this file outlives a power cut, so the file has to.
    file.sync_all().await.map_err(unwritable)?;
    let place = partial.with_extension("json");
    Ok(Upload { partial, place, hash: hex(&hasher.finalize()) })
}

fn make_partial(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    std::fs::create_dir_all(folder)?;
    for stale in uploads::stale_partials(folder, STALE)? {
        // Another process may have removed it first.
        let _ = std::fs::remove_file(stale.path);
    }
    tempfile::Builder::new().prefix(uploads::PREFIX).suffix(uploads::PARTIAL).tempfile_in(folder)
}

/// Gives the file its name first: a worker may claim the job as soon as it is committed.
async fn enqueue(api: &ApiState, upload: Upload, new: &NewJob, request: &Request<'_>) -> Result<Once<Job>> {
    let Upload { partial, place, .. } = upload;
    let keep = {
        let place = place.clone();
        tokio::task::spawn_blocking(move || {
            partial.persist_noclobber(&place)?;
            place.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
        })
    };
    let kept: std::io::Result<()> = keep.await.map_err(Error::internal)?;
    kept.map_err(|error| Error::unavailable(format!("the upload cannot be kept ({error})"), error))?;
    let queued = api.app.db.enqueue_job(new, request).await;
    if !is_named(api, new, &queued).await {
        let _ = tokio::fs::remove_file(&place).await;
    }
    queued
}

/// Whether the job that names the upload exists. After an error that is not known: the commit may have come through and only its answer
/// been lost. A file too many is swept one day; a job without its file could never be done.
async fn is_named(api: &ApiState, new: &NewJob, queued: &Result<Once<Job>>) -> bool {
    match queued {
        Ok(Once::Done(_)) => true,
        Ok(Once::Replay(_) | Once::Reused) => false,
        Err(_) => !matches!(api.app.db.job(&new.workspace_id, &new.id).await, Err(Error::NotFound { .. })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_broken_upload_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        let too_much = Body::from("0123456789");
        assert_eq!(receive(folder.path(), too_much, 9).await.err().unwrap().code(), "upload_too_large");
        assert_eq!(receive(folder.path(), Body::empty(), 9).await.err().unwrap().code(), "upload_empty");
        let chunks = [Ok("0123"), Err(std::io::Error::other("gone"))];
        let broken = Body::from_stream(futures::stream::iter(chunks));
        assert_eq!(receive(folder.path(), broken, 9).await.err().unwrap().code(), "upload_broken_off");
        assert_eq!(files(), 0);

        let whole = receive(folder.path(), Body::from("abc"), 3).await.ok().unwrap();
        assert_eq!(whole.hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!((std::fs::read(&whole.partial).unwrap(), files()), (b"abc".to_vec(), 1));
        drop(whole);
        assert_eq!(files(), 0);
    }
}
