//! How much at once and how long.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use super::state::ApiState;

/// Requests that are answered at the same time.
pub const REQUESTS: usize = 256;
/// Uploads that are received at the same time: each writes to the temporary folder.
pub const UPLOADS: usize = 8;
/// Lists that are sent whole at the same time: each may last as long as its caller takes to read it.
pub const STREAMS: usize = 16;
/// Jobs that are followed at the same time: each asks the database once a second.
pub const FOLLOWERS: usize = 64;
/// A little longer than a query of the engine may take, so that its own message comes first.
const TIMEOUT: Duration = Duration::from_secs(75);
/// Largest body of a request that is not an upload, in bytes.
pub const BODY: usize = 256 * 1024;

/// Around everything that answers at once.
pub async fn short(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let Ok(_place) = api.requests.try_acquire() else { return full("requests") };
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timeout",
            format!("no answer within {} s; ask for less, as by a control or a slice", TIMEOUT.as_secs()),
        )
        .into_response(),
    }
}

/// Around uploads. They take as long as they take, as long as something arrives (see `imports.rs`).
pub async fn upload(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let place: Result<_, _> = Semaphore::try_acquire(&api.uploads);
    match place {
        Ok(_place) => next.run(request).await,
        Err(_) => full("uploads"),
    }
}

/// A place for a list that is sent whole.
pub fn stream(api: &ApiState) -> Result<OwnedSemaphorePermit, Problem> {
    api.streams.clone().try_acquire_owned().map_err(|_| no_room("lists"))
}

fn full(what: &str) -> Response {
    no_room(what).into_response()
}

/// There is no place for one more.
pub fn no_room(what: &str) -> Problem {
    Problem::busy("too_many_in_flight", format!("too many {what} at the same time; try again shortly"))
}
