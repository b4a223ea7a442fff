//! `Idempotency-Key`: the same request again gets the first answer, not a second effect.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::problem::Problem;
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::store::{NewRecord, Record};

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;

/// The caller's key, if it sent one.
#[derive(Debug)]
pub struct IdempotencyKey(Option<String>);

impl FromRequestParts<Arc<ApiState>> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<ApiState>) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Self(Some(key.to_owned()))),
            _ => Err(Problem::bad_request(
                "invalid_idempotency_key",
                format!("Idempotency-Key: 1 to {MAX_KEY} visible ASCII characters are allowed"),
            )),
        }
    }
}

impl IdempotencyKey {
    /// Takes the key for the time of this request; a second request with it is refused meanwhile.
    pub fn take(&self, api: &Arc<ApiState>, workspace: &str) -> Result<Option<Taken>, Problem> {
        self.0.as_ref().map(|key| InFlight::take(api, (workspace.to_owned(), key.clone()))).transpose()
    }

    /// The record of the answer that this request will have.
    pub fn record(
        &self,
        method_path: &str,
        request_hash: &str,
        status: StatusCode,
        body: &impl Serialize,
    ) -> Result<Option<NewRecord>> {
        let Some(key) = &self.0 else { return Ok(None) };
        Ok(Some(NewRecord {
            key: key.clone(),
            method_path: method_path.to_owned(),
            request_hash: request_hash.to_owned(),
            status: i64::from(status.as_u16()),
            body: serde_json::to_string(body).map_err(Error::internal)?,
        }))
    }
}

/// Keys in use, by workspace. Only in memory: a process that dies leaves none behind. Across processes the database decides, and the
/// second request gets the first one's answer.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<(String, String)>>);

impl InFlight {
    fn take(api: &Arc<ApiState>, key: (String, String)) -> Result<Taken, Problem> {
        let mut keys = api.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.insert(key.clone()) {
            return Ok(Taken { api: api.clone(), key });
        }
        Err(Problem::new(
            StatusCode::CONFLICT,
            "idempotency_key_in_flight",
            "a request with this Idempotency-Key is being carried out; repeat it when that has ended",
        )
        .with(RETRY_AFTER, HeaderValue::from_static("5")))
    }
}

/// Gives the key back when the request ends, however it ends.
pub struct Taken {
    api: Arc<ApiState>,
    key: (String, String),
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.api.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The first answer again. What it made lies at `place` and its id.
pub fn replay(record: Record, place: &str) -> Result<Response, Problem> {
    let status = u16::try_from(record.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| Error::Internal(anyhow::anyhow!("stored status {}", record.status)))?;
    let body: Value = serde_json::from_str(&record.body).map_err(Error::internal)?;
    let location = format!("{place}/{}", body["id"].as_str().unwrap_or_default());
    let mut response =
        (status, [(CONTENT_TYPE, "application/json"), (LOCATION, &location)], record.body).into_response();
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

pub fn reused() -> Problem {
    Problem::unprocessable(
        "idempotency_key_reused",
        "this Idempotency-Key was used for another request within the last 24 hours; take a new key",
    )
}
