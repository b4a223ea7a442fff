//! `assay agreement FILE`: how far the annotators of a tidy table agree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::reports::figures::{Breakdown, FigureOptions, IntervalKind, MEASURES};
use crate::reports::{TableFormat, render_table, table_report};
use crate::tables::{self, ByColumn, Period, Repeats, Request};

#[derive(Debug, Args)]
pub struct AgreementArgs {
    /// CSV, Parquet or JSON lines: one row per rating.
    file: PathBuf,

    /// The column of items [default: the first of item, item_id, task, task_id, unit, id].
    #[arg(long, value_name = "COLUMN")]
    item: Option<String>,

    /// The column of annotators [default: the first of annotator, annotator_id, rater, rater_id, worker, worker_id, coder, user].
    #[arg(long, value_name = "COLUMN")]
    annotator: Option<String>,

    /// The column of labels [default: the first of label, value, rating, answer, category].
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,

    /// What differences between labels mean; interval and ratio need numbers, ordinal needs numbers or --order.
    #[arg(long, value_enum, default_value_t = Level::Nominal)]
    level: Level,

    /// Every label in ascending order, used or not [default: numbers by value, texts by code point].
    #[arg(long, value_name = "L1,L2,…", conflicts_with = "categories")]
    order: Option<String>,

    /// Every label there is, used or not; as --order.
    #[arg(long, value_name = "L1,L2,…")]
    categories: Option<String>,

    /// How much a disagreement counts: identity, linear, quadratic, ordinal, radical, ratio, circular, bipolar, or a CSV file.
    #[arg(long, value_name = "WEIGHTS")]
    weights: Option<String>,

    /// Whether weights come from the labels' values or from their ranks.
    #[arg(long, value_name = "value|rank")]
    weights_by: Option<String>,

    /// A label is a set of labels with this separator.
    #[arg(long, value_name = "SEPARATOR")]
    sets: Option<String>,

    /// Only these measures [default: all].
    #[arg(long, value_name = "NAME,NAME,…", value_delimiter = ',')]
    measures: Vec<String>,

    /// Figures of each pair, label or annotator, or within each value of a column; of a time as COLUMN:day, :week or :month. Can be repeated.
    #[arg(long, value_name = "pair|label|annotator|COLUMN")]
    by: Vec<String>,

    /// How intervals are made.
    #[arg(long, value_enum, default_value_t = Interval::Analytic)]
    interval: Interval,

    /// Which bootstrap interval.
    #[arg(long, value_name = "percentile|bca")]
    bootstrap: Option<String>,

    /// Number of bootstrap resamples.
    #[arg(long, value_name = "NUMBER")]
    resamples: Option<u64>,

    /// Seed of the resamples.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Which rating counts where an annotator rated an item more than once.
    #[arg(long, value_enum, default_value_t = Duplicates::First)]
    duplicates: Duplicates,

    /// Number of threads [default: one for each core]; it changes no figure.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    format: TableFormat,

    /// Write to this file instead of printing.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Nominal,
    Ordinal,
    Interval,
    Ratio,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Interval {
    None,
    Analytic,
    Jackknife,
    Bootstrap,
    TwoWay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Duplicates {
    First,
    Last,
    Mean,
    All,
    Error,
}

pub fn run(args: AgreementArgs) -> Result<()> {
    refuse_unsupported(&args)?;
    let (breakdowns, columns) = split_by(&args.by);
    let request = request(&args, columns)?;
    let options = options(&args, breakdowns, &request)?;
    let params = params(&args, &request, &options);
    let report = table_report(&args.file, &request, &options, params)?;
    let bytes = render_table(&report, args.format)?;
    match &args.output {
        Some(path) => write(path, &bytes),
        None if args.format == TableFormat::Parquet && std::io::stdout().is_terminal() => {
            Err(Error::invalid("Parquet does not fit a terminal: give --output FILE"))
        }
        None => print(&bytes),
    }
}

/// What the options allow for and the figures do not have: refused instead of passed over.
fn refuse_unsupported(args: &AgreementArgs) -> Result<()> {
    let refusals = [
        (args.level != Level::Nominal, "--level ordinal, interval and ratio are", "nominal"),
        (
            args.weights.as_deref().is_some_and(|weights| weights != "identity"),
            "--weights other than identity are",
            "identity",
        ),
        (args.weights_by.is_some(), "--weights-by is", "identity weights, which need neither values nor ranks"),
        (args.sets.is_some(), "--sets is", "one label per row"),
        (
            !matches!(args.interval, Interval::None | Interval::Analytic),
            "--interval jackknife, bootstrap and two-way are",
            "none or analytic",
        ),
        (args.bootstrap.is_some(), "--bootstrap is", "--interval analytic"),
        (args.resamples.is_some(), "--resamples is", "--interval analytic"),
        (args.seed.is_some(), "--seed is", "--interval analytic"),
    ];
    match refusals.iter().find(|(given, ..)| *given) {
        Some((_, what, instead)) => Err(Error::invalid(format!("{what} not supported for tables yet; use {instead}"))),
        None => Ok(()),
    }
}

/// Breakdowns, and columns that split the ratings.
fn split_by(by: &[String]) -> (BTreeSet<Breakdown>, Vec<ByColumn>) {
    let (mut breakdowns, mut columns) = (BTreeSet::new(), Vec::new());
    for name in by {
        match name.as_str() {
            "pair" => drop(breakdowns.insert(Breakdown::Pair)),
            "label" => drop(breakdowns.insert(Breakdown::Label)),
            "annotator" => drop(breakdowns.insert(Breakdown::Annotator)),
            _ => {
                let column = column(name);
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
    }
    (breakdowns, columns)
}

fn column(name: &str) -> ByColumn {
    let period = name.rsplit_once(':').and_then(|(name, period)| Some((name, Period::parse(period)?)));
    match period {
        Some((name, period)) => ByColumn { name: name.to_owned(), period: Some(period) },
        None => ByColumn { name: name.to_owned(), period: None },
    }
}

fn request(args: &AgreementArgs, by: Vec<ByColumn>) -> Result<Request> {
    let order = args.order.as_ref().or(args.categories.as_ref());
    Ok(Request {
        item: args.item.clone(),
        annotator: args.annotator.clone(),
        label: args.label.clone(),
        by,
        level: match args.level {
            Level::Nominal => tables::Level::Nominal,
            Level::Ordinal => tables::Level::Ordinal,
            Level::Interval => tables::Level::Interval,
            Level::Ratio => tables::Level::Ratio,
        },
        order: order.map(|list| tables::parse_list(list)).transpose()?,
        repeats: match args.duplicates {
            Duplicates::First => Repeats::First,
            Duplicates::Last => Repeats::Last,
            Duplicates::Mean => Repeats::Mean,
            Duplicates::All => Repeats::All,
            Duplicates::Error => Repeats::Refuse,
        },
        threads: match args.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        },
    })
}

fn options(args: &AgreementArgs, by: BTreeSet<Breakdown>, request: &Request) -> Result<FigureOptions> {
    let all = args.measures.is_empty() || args.measures.iter().any(|name| name == "all");
    if let Some(unknown) =
        args.measures.iter().find(|&name| name != "all" && !MEASURES.iter().any(|(known, _)| known == name))
    {
        let names: Vec<&str> = MEASURES.iter().map(|&(name, _)| name).collect();
        return Err(Error::invalid(format!(
            "there is no measure {unknown:?} for tables; there are: all, {}",
            names.join(", ")
        )));
    }
    let policies = [("level", request.level.name()), ("repeats", request.repeats.name()), ("confidence", "0.95")];
    Ok(FigureOptions {
        measures: (!all).then(|| args.measures.iter().cloned().collect()),
        by,
        interval: if args.interval == Interval::None { IntervalKind::None } else { IntervalKind::Analytic },
        policies: policies.map(|(key, value)| (key, value.to_owned())).to_vec(),
    })
}

/// Every option that can change a figure, resolved; columns are told as the source's.
fn params(args: &AgreementArgs, request: &Request, options: &FigureOptions) -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        ("level", json!(request.level.name())),
        ("weights", json!("identity")),
        ("order", json!(request.order)),
        ("measures", json!(options.measures)),
        ("by", json!(args.by)),
        ("interval", json!(if options.interval == IntervalKind::None { "none" } else { "analytic" })),
        ("duplicates", json!(request.repeats.name())),
    ])
}

/// Writes beside the file and renames: a reader never sees half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot =
        |error: std::io::Error| Error::invalid(format!("{}: the output cannot be written ({error})", path.display()));
    let mode = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(folder).map_err(cannot)?;
    file.write_all(bytes).map_err(cannot)?;
    file.persist(path).map_err(|error| cannot(error.error))?;
    Ok(())
}

fn print(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::internal(error)),
        _ => Ok(()),
    }
}
