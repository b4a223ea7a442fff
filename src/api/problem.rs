//! Errors as answers: RFC 9457 problem details, for everything that goes wrong, wherever it goes wrong.

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::observe::RequestId;
use crate::error::Error;

/// The code of requests without valid credentials.
pub const UNAUTHORIZED: &str = "unauthorized";
/// How long a caller should wait where no better figure is known, in seconds.
const RETRY_SECONDS: u32 = 5;

/// A refusal or a failure. The request's id and path are filled in on the way out, by [`render`].
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

/// The body of every answer with a status of 400 or more (`application/problem+json`, RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:assay:problem:` and the code.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// Stable: programs may branch on it.
    pub code: String,
    /// The request's `x-request-id`; name it when you report a fault.
    pub request_id: String,
}

impl Problem {
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), header: None }
    }

    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub fn unprocessable(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub fn forbidden(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    pub fn unauthorized(detail: &str, challenge: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, UNAUTHORIZED, detail)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// Too much at once, or something Assay needs is away: the same request may work soon.
    pub fn busy(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "an internal fault; it is in the log under this request's id",
        )
    }

    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    fn body(&self, instance: &str, request_id: &str) -> ProblemBody {
        ProblemBody {
            r#type: format!("urn:assay:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: instance.to_owned(),
            code: self.code.clone(),
            request_id: request_id.to_owned(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { what, name } => {
                let code = format!("{}_not_found", what.replace(' ', "_"));
                Self::new(StatusCode::NOT_FOUND, code, format!("{what} {name:?} does not exist"))
            }
            Error::Gone(detail) => Self::new(StatusCode::GONE, "gone", detail),
            Error::Invalid(detail) => Self::bad_request("invalid_request", detail),
            Error::Conflict(detail) => Self::new(StatusCode::CONFLICT, "conflict", detail),
            Error::Unavailable { message, source } => {
                tracing::warn!(%message, source = source.map(|source| format!("{source:#}")), "unavailable");
                Self::busy("unavailable", message)
            }
            Error::Cancelled => Self::busy("cancelled", "the work was stopped before it was done"),
            Error::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "internal fault");
                Self::internal()
            }
        }
    }
}

/// Marks an answer whose body [`render`] is to write.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some((name, value)) = self.header.as_deref().cloned() {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the bodies of problems, and gives one to every other error that has none or only a line of plain text: unknown paths and
/// methods, refusals of the framework.
pub async fn render(request: Request, next: Next) -> Response {
    let instance = request.uri().path().to_owned();
    let id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let mut response = next.run(request).await;
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if is_bare_error(&response) => bare(&response, &instance),
        None => return response,
    };
    let body = problem.body(&instance, &id);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let mut written = Json(body).into_response();
    written.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let (written_parts, body) = written.into_parts();
    parts.headers.extend(written_parts.headers);
    Response::from_parts(parts, Body::new(body))
}

fn is_bare_error(response: &Response) -> bool {
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    is_error && response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

fn bare(response: &Response, instance: &str) -> Problem {
    let status = response.status();
    match status {
        StatusCode::NOT_FOUND => {
            Problem::new(status, "route_not_found", format!("there is nothing at {instance}; /docs/ lists the API"))
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed =
                response.headers().get(ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or("other methods");
            Problem::new(status, "method_not_allowed", format!("{instance} answers to {allowed}"))
        }
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(),
        _ => {
            let code = status.canonical_reason().unwrap_or("error").to_lowercase().replace([' ', '-'], "_");
            Problem::new(status, code, "the request was refused before it reached its handler")
        }
    }
}
