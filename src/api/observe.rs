//! What is seen of a request from outside: its id, a log line, metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tracing::Instrument;

use super::state::ApiState;
use crate::store::new_id;
pub use crate::telemetry::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 128;
/// Upper bounds of the duration histogram, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0];
/// Samples wait in memory until they are put into buckets; a server that nobody scrapes does so every so many requests.
const UPKEEP_EVERY: u64 = 1024;

/// The metrics of this service alone: nothing global, so that several can live in one process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    recorded: AtomicU64,
}

impl Metrics {
    #[expect(clippy::expect_used, reason = "only an empty list of buckets is refused")]
    pub fn new() -> Self {
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("buckets").build_recorder();
        let handle = recorder.handle();
        Self { recorder, handle, recorded: AtomicU64::new(0) }
    }

    /// In the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Sets gauges, as they are at the moment of a scrape.
    pub fn record(&self, set: impl FnOnce()) {
        with_local_recorder(&self.recorder, set);
    }

    fn request(&self, method: &str, route: &str, status: u16, seconds: f64) {
        let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
        with_local_recorder(&self.recorder, || {
            counter!("assay_http_requests_total", &labels).increment(1);
            histogram!("assay_http_request_duration_seconds", &labels[..2]).record(seconds);
        });
        if self.recorded.fetch_add(1, Ordering::Relaxed) % UPKEEP_EVERY == UPKEEP_EVERY - 1 {
            self.handle.run_upkeep();
        }
    }
}

/// Takes the caller's request id if it is one, else makes one, and gives it back with the answer.
pub async fn request_id(mut request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(usable).map_or_else(new_id, str::to_owned);
    let header = HeaderValue::from_str(&id);
    request.extensions_mut().insert(RequestId(id));
    let mut response = next.run(request).await;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    response
}

/// Ids go into logs and the database: short, and of plain characters only.
fn usable(value: &HeaderValue) -> Option<&str> {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.:/+=".contains(&c);
    value.to_str().ok().filter(|id| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(plain))
}

/// One log line and one count for each request. Queries and bodies stay out of the log: they name people.
pub async fn log_and_count(State(api): State<Arc<ApiState>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // The pattern and not the path: a label for each project would grow without end.
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "page".to_owned(), |route| route.as_str().to_owned());
    let span = tracing::info_span!("request", id, %method, path);
    let response = next.run(request).instrument(span.clone()).await;
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    api.metrics.request(method.as_str(), &route, status, elapsed.as_secs_f64());
    tracing::info!(parent: &span, status, ms = elapsed.as_secs_f64() * 1e3, "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_request_ids_are_not_taken() {
        for good in ["a", "00-4bf92f3577b34da6a3ce929d0e0e4736-00", "trace/7:x=1"] {
            assert_eq!(usable(&HeaderValue::from_static(good)), Some(good));
        }
        let long = "x".repeat(129);
        for bad in ["", " a", "a b", "a\"b", "a<b", long.as_str()] {
            assert_eq!(usable(&HeaderValue::from_str(bad).unwrap()), None, "{bad}");
        }
    }
}
