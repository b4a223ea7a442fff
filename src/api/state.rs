//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Semaphore;

use super::idempotency::InFlight;
use super::limits;
use super::observe::Metrics;
use super::rate::Rates;
use super::router::Settings;
use crate::app::App;
use crate::error::Result;

pub struct ApiState {
    pub app: Arc<App>,
    /// Largest upload in bytes.
    pub max_upload: u64,
    pub rates: Rates,
    pub metrics: Metrics,
    /// Places for requests, and for uploads, which last long.
    pub requests: Semaphore,
    pub uploads: Semaphore,
    /// Places for lists that are sent whole.
    pub streams: Arc<Semaphore>,
    /// Places for streams of events, which last as long as their job; each is held by its stream.
    pub followers: Arc<Semaphore>,
    /// Idempotency keys of requests that are being carried out.
    pub in_flight: InFlight,
    /// Set once a key or a user was seen in the database. They are never deleted, so it is never unset.
    closed: AtomicBool,
}

impl ApiState {
    pub fn new(app: Arc<App>, settings: &Settings) -> Self {
        Self {
            app,
            max_upload: settings.max_upload,
            rates: Rates::new(settings.rates),
            metrics: Metrics::new(),
            requests: Semaphore::new(limits::REQUESTS),
            uploads: Semaphore::new(limits::UPLOADS),
            streams: Arc::new(Semaphore::new(limits::STREAMS)),
            followers: Arc::new(Semaphore::new(limits::FOLLOWERS)),
            in_flight: InFlight::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Whether callers must say who they are: yes from the first key or user on, even if that one is revoked, expires or is disabled.
    pub async fn is_closed(&self) -> Result<bool> {
        if self.closed.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let closed = self.app.db.any_key().await? || self.app.db.any_user().await?;
        self.closed.fetch_or(closed, Ordering::Relaxed);
        Ok(closed)
    }
}
