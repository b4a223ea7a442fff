//! One publisher of a project at a time.

use std::sync::LazyLock;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, MutexGuard};

use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{Project, new_id, now_micros};

/// A publisher that is silent for so long is taken for dead.
const LEASE: Duration = Duration::from_secs(15);
const HEARTBEAT: Duration = Duration::from_secs(4);
const POLL: Duration = Duration::from_millis(250);
/// How long to wait for another publisher.
const PATIENCE: Duration = Duration::from_secs(120);

/// A lease belongs to the process, so that a publisher whose predecessor failed in the same process need not wait for it to run out …
static PROCESS: LazyLock<String> = LazyLock::new(new_id);
/// … and so the process has to take turns in itself.
static TURN: Mutex<()> = Mutex::const_new(());

/// Does `work` while no other process publishes or takes back anything of the project.
///
/// # Errors
/// `Unavailable` when another publisher does not come to an end, or when the lease is lost.
pub(super) async fn alone<T>(app: &App, project: &Project, work: BoxFuture<'_, Result<T>>) -> Result<T> {
    let _turn: MutexGuard<'_, ()> = TURN.lock().await;
    wait_for_lease(app, project).await?;
    let outcome = tokio::select! {
        outcome = work => outcome,
        lost = hold(app, project) => Err(lost),
    };
    if let Err(error) = app.db.give_publish_lease(&project.id, &PROCESS).await {
        tracing::warn!(project = %project.id, %error, "the turn to publish could not be given back; it ends by itself");
    }
    outcome
}

async fn take(app: &App, project: &Project) -> Result<bool> {
    let now = now_micros();
    app.db.take_publish_lease(&project.id, &PROCESS, now, now + LEASE.as_micros() as i64).await
}

async fn wait_for_lease(app: &App, project: &Project) -> Result<()> {
    let started = tokio::time::Instant::now();
    while !take(app, project).await? {
        if started.elapsed() > PATIENCE {
            return Err(Error::Unavailable {
                message: format!("another process has been publishing {} for minutes; try again later", project.name),
                source: None,
            });
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// Keeps the lease; ends only when it is lost.
async fn hold(app: &App, project: &Project) -> Error {
    let mut kept = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match take(app, project).await {
            Ok(true) => kept = tokio::time::Instant::now(),
            Err(error) if kept.elapsed() + HEARTBEAT < LEASE => {
                tracing::warn!(project = %project.id, %error, "the turn to publish could not be kept; trying again");
            }
            Ok(false) | Err(_) => {
                return Error::Unavailable {
                    message: format!("the turn to publish {} was lost to another process; try again", project.name),
                    source: None,
                };
            }
        }
    }
}
