//! Schedules: when a job is due, and queueing it then.
//!
//! Every server and worker looks; the database lets one of them queue the job of a due time. Of due times that nobody was there for only the last
//! one is made good.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDate, CivilDateTime, CivilTime, Cron, CronDateTime, Resolution, Weekday};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::act::Act;
use super::kinds::Kind;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{NewJob, NewSchedule, Once, Project, Request, Schedule, new_id, now_micros};

/// How often it is looked for due schedules. Cron counts minutes.
const LOOK: Duration = Duration::from_secs(5);
/// At once; the rest at the next look.
const BATCH: i64 = 100;

/// When jobs are due: a cron expression of five fields, in UTC.
#[derive(Debug, Clone)]
pub struct Timetable(Cron);

impl Timetable {
    /// Reads minute, hour, day of the month, month, day of the week, as Vixie cron does.
    ///
    /// # Errors
    /// `Invalid` when it cannot be read, or names a time that never comes.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |why: String| {
            Error::invalid(format!(
                "cron {text:?}: {why}; write minute, hour, day of month, month and day of week, as in \"30 2 * * *\" for 02:30 UTC every day"
            ))
        };
        if text.split_whitespace().count() != 5 {
            return Err(refuse("five fields are needed".to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let timetable = parser.parse(text).map(Self).map_err(|error| refuse(error.to_string()))?;
        timetable.next_after(now_micros()).map_err(|error| refuse(error.to_string()))?;
        Ok(timetable)
    }

    /// The first due time after `micros`.
    ///
    /// # Errors
    /// `Invalid` when there is none.
    pub fn next_after(&self, micros: i64) -> Result<i64> {
        found(self.0.find_next_occurrence(&Utc::at(micros)?, false))
    }

    /// The last due time that is not after `micros`.
    ///
    /// # Errors
    /// `Invalid` when there is none.
    fn last_until(&self, micros: i64) -> Result<i64> {
        found(self.0.find_previous_occurrence(&Utc::at(micros)?, true))
    }
}

fn found(occurrence: std::result::Result<Utc, CronError>) -> Result<i64> {
    occurrence.map_err(|_| Error::invalid("such a time never comes"))?.micros()
}

/// A time in UTC, whole seconds, as the cron library asks for it: no clock changes, no gaps.
#[derive(Debug, Clone)]
struct Utc(DateTime);

impl Utc {
    fn at(micros: i64) -> Result<Self> {
        let time = Timestamp::from_second(micros.div_euclid(1_000_000)).map_err(Error::internal)?;
        Ok(Self(TimeZone::UTC.to_datetime(time)))
    }

    fn micros(&self) -> Result<i64> {
        Ok(TimeZone::UTC.to_timestamp(self.0).map_err(Error::internal)?.as_microsecond())
    }
}

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let (date, time) = (self.0.date(), self.0.time());
        let unsigned = |field: i8| u32::from(field.unsigned_abs());
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(i32::from(date.year()), unsigned(date.month()), unsigned(date.day())),
            CivilTime::from_parts_unchecked(unsigned(time.hour()), unsigned(time.minute()), unsigned(time.second())),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(u32::from(self.0.weekday().to_sunday_zero_offset().unsigned_abs()))
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> std::result::Result<Resolution<Self>, CronError> {
        let field = |number: u32| i8::try_from(number).map_err(|_| CronError::InvalidDate);
        let year = i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?;
        let (month, day) = (field(civil.month())?, field(civil.day())?);
        let (hour, minute, second) = (field(civil.hour())?, field(civil.minute())?, field(civil.second())?);
        DateTime::new(year, month, day, hour, minute, second, 0)
            .map(|time| Resolution::Single(Self(time)))
            .map_err(|_| CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// What a schedule is to be.
#[derive(Debug)]
pub struct ScheduleRequest<'a> {
    pub project: &'a Project,
    pub kind: &'a str,
    pub cron: &'a str,
    /// What the jobs are to do: the body of the route that queues one of them.
    pub order: Value,
    pub actor: &'a str,
}

/// A schedule, checked and ready to be stored.
///
/// # Errors
/// `Invalid` for a kind, a cron expression or an order that cannot be; the message names the field.
pub fn draft(request: ScheduleRequest<'_>, now: i64) -> Result<NewSchedule> {
    let kind = Kind::parse(request.kind).ok_or_else(|| {
        Error::invalid(format!(
            "kind: there is no {:?}; report, compact, publish, retain and sweep can be scheduled",
            request.kind
        ))
    })?;
    let next_at = Timetable::parse(request.cron)?.next_after(now)?;
    Ok(NewSchedule {
        id: new_id(),
        workspace_id: request.project.workspace_id.clone(),
        project_id: request.project.id.clone(),
        kind: kind.name().to_owned(),
        payload: kind.scheduled(request.order, request.actor)?,
        cron: request.cron.split_whitespace().collect::<Vec<_>>().join(" "),
        actor: request.actor.to_owned(),
        created_at: now,
        next_at,
    })
}

/// Stores a schedule, as an act in the audit trail.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn add(app: &App, new: &NewSchedule) -> Result<()> {
    let act = Act { workspace: &new.workspace_id, actor: &new.actor, action: "schedule.add", target: &new.project_id };
    act.record(app, async |audit_id| {
        let request = Request { idempotency: None, audit_id: Some(audit_id) };
        match app.db.add_schedule(new, &request).await? {
            Once::Done(()) | Once::Replay(_) | Once::Reused => Ok(()),
        }
    })
    .await
}

/// Removes a schedule, as an act in the audit trail.
///
/// # Errors
/// `NotFound`.
pub async fn remove(app: &App, workspace: &str, actor: &str, id: &str) -> Result<()> {
    let act = Act { workspace, actor, action: "schedule.remove", target: id };
    act.record(app, async |_| app.db.remove_schedule(workspace, id).await).await
}

/// Queues what is due, until `stop`.
pub async fn keep(app: Arc<App>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = enqueue_due(&app, now_micros()).await {
            tracing::warn!(%error, "cannot look for due schedules");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Queues the jobs of schedules that are due at `now`; returns how many this call has queued.
///
/// # Errors
/// `Unavailable` when the database does not answer.
pub async fn enqueue_due(app: &App, now: i64) -> Result<usize> {
    let mut queued = 0;
    for schedule in app.db.due_schedules(now, BATCH).await? {
        match enqueue(app, &schedule, now).await {
            Ok(true) => queued += 1,
            Ok(false) => {}
            // One that cannot be read must not hold up the others.
            Err(error) => tracing::error!(schedule = %schedule.id, %error, "a schedule cannot be carried out"),
        }
    }
    Ok(queued)
}

async fn enqueue(app: &App, schedule: &Schedule, now: i64) -> Result<bool> {
    let timetable = Timetable::parse(&schedule.cron)?;
    let kind = Kind::parse(&schedule.kind)
        .ok_or_else(|| Error::Internal(anyhow::anyhow!("a schedule of the kind {}", schedule.kind)))?;
    let due = timetable.last_until(now)?.max(schedule.next_at);
    let next = timetable.next_after(now)?;
    let (workspace, project) = (&schedule.workspace_id, Some(schedule.project_id.as_str()));
    let new = NewJob {
        scheduled: Some((schedule.id.clone(), due)),
        ..kind.job(workspace, project, schedule.payload.0.clone(), now)
    };
    let job = app.db.enqueue_scheduled(schedule, &new, next).await?;
    if let Some(job) = &job {
        tracing::info!(job = %job.id, kind = %job.kind, schedule = %schedule.id, "queued by its schedule");
    }
    Ok(job.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn due_times_are_those_of_cron() {
        // A Monday.
        let now = micros("2026-11-30T20:15:30.5Z");
        for (cron, next, last) in [
            ("30 2 * * *", "2026-12-01T02:30:00Z", "2026-11-30T02:30:00Z"),
            ("*/15 * * * *", "2026-11-30T20:30:00Z", "2026-11-30T20:15:00Z"),
            ("0 0 1 * *", "2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z"),
            ("0 6 * * MON-FRI", "2026-12-01T06:00:00Z", "2026-11-30T06:00:00Z"),
            ("0 0 * * 7", "2026-12-06T00:00:00Z", "2026-11-29T00:00:00Z"),
            // A day of the month or a day of the week, as Vixie cron has it.
            ("0 0 13 * 5", "2026-12-04T00:00:00Z", "2026-11-27T00:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            ("59 23 31 12 *", "2026-12-31T23:59:00Z", "2025-12-31T23:59:00Z"),
        ] {
            let timetable = Timetable::parse(cron).unwrap();
            assert_eq!(timetable.next_after(now).unwrap(), micros(next), "{cron}");
            assert_eq!(timetable.last_until(now).unwrap(), micros(last), "{cron}");
        }
        let daily = Timetable::parse("30 2 * * *").unwrap();
        let due = micros("2026-12-01T02:30:00Z");
        assert_eq!(daily.last_until(due).unwrap(), due, "a due time is not after itself");
        assert_eq!(daily.next_after(due).unwrap(), micros("2026-12-02T02:30:00Z"));
    }

    #[test]
    fn what_cron_does_not_know_is_refused() {
        for bad in
            ["", "* * * *", "0 0 0 * * *", "60 * * * *", "* 24 * * *", "* * 32 * *", "0 0 30 2 *", "daily", "x * * * *"]
        {
            let error = Timetable::parse(bad).unwrap_err();
            assert!(matches!(&error, Error::Invalid(text) if text.contains("30 2 * * *")), "{bad}: {error}");
        }
    }
}
