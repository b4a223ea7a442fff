//! Runs an act once for each of its crash points, and looks after each whether the lake is what it promises to be.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use assay::app::App;
use assay::error::Result;
use assay::jobs::kinds::Kind as JobKind;
use assay::jobs::sweep::SweepRequest;
use assay::store::{DEFAULT_WORKSPACE, JobState, now_micros};

use super::fuse::{Cut, Fuse};
use super::site::{Kind, Site};
use super::state::{State, named, work};

const HOUR: i64 = 3600 * 1_000_000;

/// Something that changes a lake and may be cut off anywhere.
pub trait Act {
    const NAME: &'static str;

    /// Whether there is a lake when the act begins; else opening it for the first time is a part of the act.
    const BEGUN: bool = true;

    /// Makes the lake that the act is run on.
    async fn prepare(&self, app: &Arc<App>);

    async fn run(&self, app: &Arc<App>) -> Result<()>;

    /// Whether it comes to its end by steps, each of which is a state of its own that can be left and gone on from.
    const STEPS: bool = false;

    /// Whether files of snapshots that it takes back stay until a sweep.
    const LEAVES: bool = false;

    /// What it makes besides snapshots.
    async fn made(&self, _: &Arc<App>) -> Vec<String> {
        Vec::new()
    }
}

/// Where the lake stands after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Old,
    /// Of an act by steps.
    Between,
    New,
}

/// One line of the table: an act in its surroundings.
#[derive(Debug)]
pub struct Tally {
    name: &'static str,
    kind: Kind,
    schedule: Vec<String>,
    /// By crash point, for each way to be cut off there.
    outcomes: Vec<Vec<(Cut, Outcome)>>,
    /// Runs that left something, so that the act was run again.
    reruns: usize,
    /// Runs that left files which no snapshot names, and the most that one left.
    with_orphans: usize,
    most_orphans: usize,
    uploads_left: usize,
}

/// Whether the tests may take their time.
pub fn long() -> bool {
    std::env::var("ASSAY_TEST_SCALE").is_ok_and(|scale| scale == "long")
}

/// One thread and one thread for what blocks: two runs of an act do the same things in the same order.
pub fn alone<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build();
    runtime.unwrap().block_on(test)
}

/// Tries every crash point of the act.
pub async fn try_every_point<A: Act>(act: &A, kind: Kind) -> Tally {
    let base = Site::new(kind).await;
    let (old, untouched) = prepare(act, &base).await;
    let goal = Goal::of(act, &base).await;
    assert_ne!(old, goal.state, "{}: the act changes nothing", A::NAME);

    let mut tally = Tally::new::<A>(kind, goal.schedule.clone());
    for (at, operation) in (1..).zip(&goal.schedule) {
        let mut outcomes = Vec::new();
        for &cut in cuts(operation) {
            let run = Run { act, what: format!("{} {kind:?}, cut {cut:?} {at}", A::NAME), old: &old, goal: &goal };
            let site = base.copy().await;
            run.crash(&site, at, cut).await;
            let open = site.healthy().await;
            outcomes.push((cut, run.outcome(&open).await));
            // A crash that has left no trace is no crash: its rerun is the undisturbed run.
            if long() || Trace::of(&site, &open).await != untouched {
                run.again(&open).await;
                tally.reruns += 1;
            }
            tally.count_leftovers(&site, &open).await;
            open.db.close().await;
            drop(open);
            site.discard().await;
        }
        tally.outcomes.push(outcomes);
    }
    base.discard().await;
    tally
}

async fn prepare<A: Act>(act: &A, base: &Site) -> (State, Trace) {
    if !A::BEGUN {
        base.database().await.close().await;
        return Default::default();
    }
    let open = base.healthy().await;
    act.prepare(&open).await;
    let old = State::of(&open, act.made(&open).await).await;
    let untouched = Trace::of(base, &open).await;
    open.db.close().await;
    (old, untouched)
}

/// What a run can find of one before it, besides the state: objects, uploads, jobs.
#[derive(Default, PartialEq)]
struct Trace(BTreeMap<String, u64>, Vec<String>, Vec<String>);

impl Trace {
    async fn of(site: &Site, app: &Arc<App>) -> Self {
        Self(site.objects().await, site.uploads(), work(app).await)
    }
}

/// What an undisturbed run does, and what it comes to.
struct Goal {
    schedule: Vec<String>,
    state: State,
    work: Vec<String>,
}

impl Goal {
    async fn of<A: Act>(act: &A, base: &Site) -> Self {
        let site = base.copy().await;
        let (db, fuse) = (site.database().await, Arc::new(Fuse::never()));
        let app = site.open(&db, &fuse).await.unwrap();
        act.run(&app).await.unwrap();
        // What follows is not the act's.
        let schedule = fuse.schedule();
        let goal = Self { schedule, state: State::of(&app, act.made(&app).await).await, work: work(&app).await };
        let leftovers = leftovers(&site, &app).await;
        assert!(leftovers.is_empty() || A::LEAVES, "{}: an undisturbed run leaves {leftovers:?}", A::NAME);
        assert_eq!(site.uploads(), Vec::<String>::new(), "{}: an undisturbed run leaves uploads", A::NAME);
        db.close().await;
        drop(app);
        site.discard().await;
        goal
    }
}

struct Run<'a, A> {
    act: &'a A,
    what: String,
    old: &'a State,
    goal: &'a Goal,
}

impl<A: Act> Run<'_, A> {
    /// Runs the act until it is cut off: opening is a part of it.
    async fn crash(&self, site: &Site, at: usize, cut: Cut) {
        let (db, fuse) = (site.database().await, Arc::new(Fuse::new(at, cut)));
        // How it ends is of no account: nobody would hear it from a dead process.
        if let Ok(app) = site.open(&db, &fuse).await {
            let _ = self.act.run(&app).await;
        }
        db.close().await;
        assert!(fuse.is_blown(), "{}: the act came to its end", self.what);
        let schedule = fuse.schedule();
        let (done, goal) = (changing(&schedule), changing(&self.goal.schedule));
        assert_eq!(done, goal[..done.len()], "{}: another order of operations", self.what);
    }

    /// The lake must be at the old or the new state, wholly.
    async fn outcome(&self, app: &Arc<App>) -> Outcome {
        let found = State::of(app, self.act.made(app).await).await;
        if found == self.goal.state {
            return Outcome::New;
        }
        // What the newest snapshot of each project holds is old or new all the same.
        if A::STEPS && found != *self.old {
            let newest = [self.old.newest(), self.goal.state.newest()];
            assert!(newest.contains(&found.newest()), "{}: neither old nor new:\n{found:#?}", self.what);
            return Outcome::Between;
        }
        assert!(found == *self.old, "{}: neither old nor new:\n{found:#?}\nold:\n{:#?}", self.what, self.old);
        Outcome::Old
    }

    /// The rerun must come to what an undisturbed run comes to.
    async fn again(&self, app: &Arc<App>) {
        expire_leases(app).await;
        self.act.run(app).await.unwrap_or_else(|error| panic!("{}: the rerun fails: {error}", self.what));
        // As any later import of the project begins.
        for project in app.db.list_projects(DEFAULT_WORKSPACE, None, 10).await.unwrap() {
            app.copy_snapshots(&project).await.unwrap();
        }
        let found = State::of(app, self.act.made(app).await).await;
        assert!(found == self.goal.state, "{}: after the rerun:\n{found:#?}\nnot:\n{:#?}", self.what, self.goal.state);
        assert_eq!(work(app).await, self.goal.work, "{}: after the rerun", self.what);
    }
}

/// Reads of storage.
fn is_read(operation: &str) -> bool {
    operation.starts_with("storage: get") || operation.starts_with("storage: head")
}

/// The ways to be cut off at an operation. A read changes nothing however far it comes: one way is enough, unless there is time.
fn cuts(operation: &str) -> &'static [Cut] {
    if is_read(operation) && !long() { &[Cut::Half] } else { &Cut::ALL }
}

/// The operations without reads, which the query engine makes in parallel: their order has no effect.
fn changing(schedule: &[String]) -> Vec<&str> {
    schedule.iter().map(String::as_str).filter(|operation| !is_read(operation)).collect()
}

/// Time passes: the job of a worker that died is queued again.
async fn expire_leases(app: &Arc<App>) {
    let jobs = app.db.list_jobs(DEFAULT_WORKSPACE, None, None, 10).await.unwrap();
    if jobs.iter().any(|job| job.state == JobState::Running) {
        let later = now_micros() + HOUR;
        let kinds = JobKind::ALL.map(JobKind::name);
        let (_, lease) = app.db.claim_job("test", later, later, &kinds).await.unwrap().expect("the job of the dead");
        assert!(app.db.release_job(&lease).await.unwrap());
    }
}

/// A sweep without a grace time, as when nothing else runs.
pub async fn sweep(app: &Arc<App>) -> Result<()> {
    let request = SweepRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: None,
        older_than: Duration::ZERO,
        nothing_else_runs: true,
        dry_run: false,
        actor: "test".to_owned(),
    };
    assay::jobs::sweep::run(app, request).await.map(drop)
}

async fn leftovers(site: &Site, app: &Arc<App>) -> Vec<String> {
    let named = named(app).await;
    // Reports and publications are written again under their own names.
    let again = |path: &str| (path.contains("/_reports/") || path.starts_with("published/")) && !path.contains('#');
    let is_left = |path: &String| !named.contains(path) && !again(path);
    site.objects().await.into_keys().filter(is_left).collect()
}

impl Site {
    async fn healthy(&self) -> Arc<App> {
        self.open(&self.database().await, &Arc::new(Fuse::never())).await.unwrap()
    }
}

impl Tally {
    fn new<A: Act>(kind: Kind, schedule: Vec<String>) -> Self {
        Self {
            name: A::NAME,
            kind,
            schedule,
            outcomes: Vec::new(),
            reruns: 0,
            with_orphans: 0,
            most_orphans: 0,
            uploads_left: 0,
        }
    }

    /// After the rerun, a crash may have left orphans and nothing else, and a sweep takes them without taking anything that is needed.
    async fn count_leftovers(&mut self, site: &Site, app: &Arc<App>) {
        let orphans = leftovers(site, app).await.len();
        self.with_orphans += usize::from(orphans > 0);
        self.most_orphans = self.most_orphans.max(orphans);
        self.uploads_left += usize::from(!site.uploads().is_empty());
        if orphans == 0 && site.uploads().is_empty() {
            return;
        }
        let before = State::of(app, Vec::new()).await;
        sweep(app).await.unwrap();
        assert_eq!(leftovers(site, app).await, Vec::<String>::new(), "{}: what the sweep leaves", self.name);
        assert_eq!(site.uploads(), Vec::<String>::new(), "{}: uploads that the sweep leaves", self.name);
        assert_eq!(State::of(app, Vec::new()).await, before, "{}: the sweep takes what is needed", self.name);
    }

    /// Prints the line, and asserts what its figures must be whatever the act.
    pub fn finish(&self) {
        let all: Vec<(Cut, Outcome)> = self.outcomes.iter().flatten().copied().collect();
        let count = |wanted| all.iter().filter(|found| **found == wanted).count();
        let mut line = format!("{:<14} {:<9} {:>3} points", self.name, format!("{:?}", self.kind), self.outcomes.len());
        for cut in Cut::ALL {
            let between = match count((cut, Outcome::Between)) {
                0 => String::new(),
                n => format!(" {n:>3} between"),
            };
            let _ = write!(
                line,
                "  {cut:?} {:>3} old{between} {:>3} new",
                count((cut, Outcome::Old)),
                count((cut, Outcome::New))
            );
        }
        let _ = write!(
            line,
            "  {} run again, orphans in {} (at most {})",
            self.reruns, self.with_orphans, self.most_orphans
        );
        println!("{line}  uploads left in {}", self.uploads_left);

        assert_eq!(self.outcomes.len(), self.schedule.len(), "every point was tried");
        let wanted: usize = self.schedule.iter().map(|operation| cuts(operation).len()).sum();
        assert_eq!(all.len(), wanted, "every point was tried in every way");
        for (at, outcomes) in self.outcomes.iter().enumerate() {
            let operation = &self.schedule[at];
            let (first, last) = (outcomes[0].1, outcomes[outcomes.len() - 1].1);
            // A file that is half deleted is gone; only its empty folders are not.
            let may_matter = operation.starts_with("storage: delete");
            let mut without_effect = outcomes.iter().filter(|(cut, _)| *cut != Cut::Lost);
            let unchanged = without_effect.all(|(_, outcome)| *outcome == first);
            assert!(unchanged || may_matter, "{}: {operation}: {outcomes:?}", self.name);
            // An operation whose answer was lost has taken effect: as if the next one had been cut off.
            let next = self.outcomes.get(at + 1).map_or(Outcome::New, |next| next[0].1);
            assert_eq!(last, next, "{}: {operation}, answer lost", self.name);
            assert!(first <= last, "{}: {operation} takes the new state back", self.name);
        }
        for outcome in [Outcome::Old, Outcome::New] {
            assert!(all.iter().any(|found| found.1 == outcome), "{}: no crash leaves the {outcome:?} state", self.name);
        }
    }
}
