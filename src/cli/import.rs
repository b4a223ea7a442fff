//! `assay import`: runs the import inline, with a progress bar on a terminal and plain lines elsewhere.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::jobs::import::{ImportRequest, ImportSummary, Input, Mode, Progress, run_audited};
use crate::lake::{BYTES_PER_BUCKET, Counts};
use crate::store::DEFAULT_WORKSPACE;

/// Rejects printed in full; the rest is in the `rejects` table.
const REJECTS_PRINTED: usize = 20;

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Label Studio JSON exports: easy export (JSON) or snapshots, told apart by content.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// The project, made by its first import.
    #[arg(long)]
    project: String,

    /// The labelling config (XML): tells single from multiple choice.
    #[arg(long)]
    config: Option<PathBuf>,

    /// Name of the system that the ids come from [default: the project's name].
    #[arg(long)]
    source: Option<String>,

    /// Whether the files add to what is known, or are the whole truth about their source: then what they do not hold is removed.
    #[arg(long, value_enum, default_value_t = Mode::Merge)]
    mode: Mode,

    #[command(flatten)]
    after: super::publish::PublishAfter,

    /// How to print the summary.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub async fn run(config: &Config, args: ImportArgs) -> Result<()> {
    let inputs: Vec<Input> =
        args.files.iter().map(|path| Input { path: path.clone(), name: path.display().to_string() }).collect();
    // A wrong path must not leave an empty lake behind.
    crate::jobs::import::check_inputs(&inputs)?;
    let labelling = args.config.as_deref().map(read_config).transpose()?;
    let app = App::open(config).await?;
    let request = ImportRequest {
        workspace: DEFAULT_WORKSPACE.to_owned(),
        project: args.project,
        inputs,
        source: args.source,
        config: labelling,
        mode: args.mode,
        actor: "cli".to_owned(),
        audit_id: None,
        bucket_bytes: BYTES_PER_BUCKET,
        lease: None,
    };
    let summary = import_with_progress(&app, request).await?;
    let text = match args.format {
        Format::Json => serde_json::to_string_pretty(&summary).map_err(Error::internal)? + "\n",
        Format::Text => describe(&summary),
    };
    super::print(&text)?;
    if let Some(format) = args.after.publish {
        super::publish::after_import(&app, &summary.project_id, format).await;
    }
    Ok(())
}

fn read_config(path: &std::path::Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|e| Error::invalid(format!("{}: the labelling config cannot be read ({e})", path.display())))
}

/// Runs an import; Ctrl-C stops it at the next chunk, with the project as it was.
pub(super) async fn import_with_progress(app: &Arc<App>, request: ImportRequest) -> Result<ImportSummary> {
    let progress = Arc::new(Progress::default());
    let shown = tokio::spawn(show(progress.clone()));
    let import = run_audited(app, request, progress.clone());
    tokio::pin!(import);
    let outcome = tokio::select! {
        outcome = &mut import => outcome,
        _ = tokio::signal::ctrl_c() => {
            progress.cancel.store(true, Ordering::Relaxed);
            import.await
        }
    };
    shown.abort();
    let _ = shown.await;
    outcome
}

async fn show(progress: Arc<Progress>) {
    if std::io::stderr().is_terminal() { show_bar(&progress).await } else { show_lines(&progress).await }
}

async fn show_bar(progress: &Progress) {
    let bar = ClearedBar(ProgressBar::new(0));
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec} ETA {eta} · {msg}")
    {
        bar.0.set_style(style);
    }
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bar.0.set_length(progress.total_bytes.load(Ordering::Relaxed));
        bar.0.set_position(progress.bytes.load(Ordering::Relaxed));
        bar.0.set_message(stage(progress));
    }
}

/// Takes the bar off the screen however the task ends.
struct ClearedBar(ProgressBar);

impl Drop for ClearedBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

async fn show_lines(progress: &Progress) {
    let started = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (bytes, total) = (progress.bytes.load(Ordering::Relaxed), progress.total_bytes.load(Ordering::Relaxed));
        let rate = bytes as f64 / started.elapsed().as_secs_f64();
        let eta = if rate > 0.0 { (total.saturating_sub(bytes)) as f64 / rate } else { f64::NAN };
        let _ = writeln!(
            std::io::stderr(),
            "import: {} of {} read, {:.0} MB/s, {}, ETA {eta:.0} s",
            HumanBytes(bytes),
            HumanBytes(total),
            rate / 1e6,
            stage(progress)
        );
    }
}

fn stage(progress: &Progress) -> String {
    let buckets = progress.buckets.load(Ordering::Relaxed);
    match buckets {
        0 => format!("{} items", progress.items.load(Ordering::Relaxed)),
        _ => format!("{} of {buckets} buckets written", progress.written.load(Ordering::Relaxed)),
    }
}

pub(super) fn describe(summary: &ImportSummary) -> String {
    let mut text = String::new();
    let rate = summary.bytes as f64 / 1e6 / summary.seconds.max(1e-9);
    let _ = match summary.committed {
        true => writeln!(text, "{}: snapshot {} committed", summary.project, summary.snapshot),
        false => writeln!(text, "{}: nothing new, snapshot {} stays", summary.project, summary.snapshot),
    };
    let _ = writeln!(text, "  {:<12} {:>10} {:>10} {:>10} {:>10}", "", "new", "changed", "unchanged", "removed");
    for (name, counts) in
        [("items", summary.items), ("annotations", summary.annotations), ("predictions", summary.predictions)]
    {
        let Counts { new, changed, unchanged, removed } = counts;
        let _ = writeln!(text, "  {name:<12} {new:>10} {changed:>10} {unchanged:>10} {removed:>10}");
    }
    let _ = writeln!(text, "  {} results read, {} rejected", summary.results, summary.rejected);
    if summary.prediction_ids + summary.draft_ids > 0 {
        let _ = writeln!(
            text,
            "  {} predictions and {} drafts are named by id only; export a snapshot with predictions and drafts to get them",
            summary.prediction_ids, summary.draft_ids
        );
    }
    for reject in summary.rejects.iter().take(REJECTS_PRINTED) {
        let _ = writeln!(text, "  rejected: {}: {}: {}", reject.file, reject.position, reject.reason);
    }
    let hidden = summary.rejected.saturating_sub(REJECTS_PRINTED as u64);
    if hidden > 0 {
        let _ = writeln!(text, "  … and {hidden} more, see the rejects table");
    }
    let _ = writeln!(text, "  {} in {:.2} s ({rate:.0} MB/s)", HumanBytes(summary.bytes), summary.seconds);
    text
}
