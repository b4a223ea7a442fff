//! `GET /v1/jobs/{job}/events`: how a job goes on, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::access::{OnJob, Read};
use super::jobs::JobView;
use super::limits;
use super::problem::{Problem, ProblemBody};
use super::state::ApiState;
use crate::error::{Error, Result};
use crate::lake::hex;
use crate::store::{Job, JobState};

/// How often the job is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// A line now and then tells proxies, and a server whose reader has gone, that there is still a connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After so long a reader connects anew, and its key is looked at again.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// When a reader connects anew after the end of a stream.
const RECONNECT: Duration = Duration::from_secs(2);

/// Follow a job
///
/// An event at once and whenever the job has changed: `state` when it has begun to wait, to run, or has ended, `progress` otherwise; `data` is the job
/// as `getJob` gives it. The stream ends with the job. A reader that comes back with `Last-Event-ID` gets what has changed since, and 204
/// when it has seen the end.
#[utoipa::path(get, path = "/v1/jobs/{job}/events", tag = "jobs", operation_id = "followJob",
    params(
        ("job" = String, Path, description = "Id"),
        ("last-event-id" = Option<String>, Header, description = "The id of the last event that the caller has"),
    ),
    responses(
        (status = OK, content_type = "text/event-stream", body = String),
        (status = NO_CONTENT, description = "The job has ended, and the caller knows how"),
        (status = NOT_FOUND, description = "`job_not_found`", body = ProblemBody, content_type = "application/problem+json"),
        (status = SERVICE_UNAVAILABLE, description = "`too_many_in_flight`", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub async fn follow(
    on: OnJob<Read>,
    State(api): State<Arc<ApiState>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let (id, state) = (Shown::of(on.job.clone())?.id, on.job.state);
    if state.is_final() && seen.as_ref() == Some(&id) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let Ok(place) = api.followers.clone().try_acquire_owned() else { return Err(limits::no_room("followed jobs")) };
    let follower = Follower {
        api,
        workspace: on.caller.workspace,
        job_id: on.job.id.clone(),
        first: Some(on.job),
        seen,
        state: None,
        until: Instant::now() + LONGEST,
        _place: place,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

struct Follower {
    api: Arc<ApiState>,
    workspace: String,
    job_id: String,
    /// As it was when the request came.
    first: Option<Job>,
    /// The id of the last event.
    seen: Option<String>,
    /// The last state that was told.
    state: Option<JobState>,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event, once there is one; none at the end. Between two looks no connection to the database is held.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.state.is_some_and(JobState::is_final) {
                return None;
            }
            match self.look().await {
                Ok(Some(event)) => return Some(event),
                Ok(None) => {}
                Err(Error::NotFound { .. }) => return None,
                Err(error) => tracing::warn!(job = %self.job_id, %error, "cannot look at a job that is followed"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = tokio::time::sleep_until(self.until) => return None,
                () = self.api.app.stop.cancelled() => return None,
            }
        }
    }

    async fn look(&mut self) -> Result<Option<Event>> {
        let (job, is_first) = match self.first.take() {
            Some(job) => (job, true),
            None => (self.api.app.db.job(&self.workspace, &self.job_id).await?, false),
        };
        let state = job.state;
        let shown = Shown::of(job)?;
        if self.seen.as_ref() == Some(&shown.id) {
            self.state = Some(state);
            return Ok(None);
        }
        let name = if self.state == Some(state) { "progress" } else { "state" };
        (self.seen, self.state) = (Some(shown.id.clone()), Some(state));
        let event = Event::default().event(name).id(shown.id).data(shown.text);
        Ok(Some(if is_first { event.retry(RECONNECT) } else { event }))
    }
}

/// A job as it is told, and what tells it from the same job at another moment.
struct Shown {
    id: String,
    text: String,
}

impl Shown {
    fn of(job: Job) -> Result<Self> {
        let text = serde_json::to_string(&JobView::of(job)?).map_err(Error::internal)?;
        Ok(Self { id: hex(&Sha256::digest(&text)[..8]), text })
    }
}
