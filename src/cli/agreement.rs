//! `assay agreement FILE`: how far the annotators of a tidy table agree.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::reports::figures::{
    BootstrapKind, Breakdown, FigureOptions, IntervalKind, Level, MeasureChoice, Scheme, Threads, WeightsBy,
    WeightsChoice,
};
use crate::reports::{TableFormat, render_table, table_report};
use crate::tables::{self, ByColumn, GroupSource, Period, Repeats, Request};

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

    /// How much a disagreement counts: identity, linear, quadratic, ordinal, radical, ratio, circular, bipolar, or a CSV file with a row and a
    /// column for each label, without header [default: identity, ordinal, quadratic or ratio, by the level].
    #[arg(long, value_name = "WEIGHTS")]
    weights: Option<String>,

    /// Whether weights come from the labels' values or from their ranks [default: value, if all labels are numbers].
    #[arg(long, value_enum)]
    weights_by: Option<WeightsBy>,

    /// A label is a set of labels with this separator.
    #[arg(long, value_name = "SEPARATOR")]
    sets: Option<String>,

    /// Only these measures; all for every one [default: the usual ones].
    #[arg(long, value_name = "NAME,NAME,…", value_delimiter = ',')]
    measures: Vec<String>,

    /// Figures of each pair, label or annotator, or within each value of a column; of a time as COLUMN:day, :week or :month. Can be repeated.
    #[arg(long, value_name = "pair|label|annotator|COLUMN")]
    by: Vec<String>,

    /// A CSV file with the columns annotator and group: figures within each group of annotators and between every two.
    #[arg(long, value_name = "FILE", conflicts_with = "group_by")]
    groups: Option<PathBuf>,

    /// A column that says which group an annotator is of, in place of --groups.
    #[arg(long, value_name = "COLUMN")]
    group_by: Option<String>,

    /// How intervals are made; figures that have none of this kind say so in their method [default: each measure's own].
    #[arg(long, value_enum)]
    interval: Option<IntervalKind>,

    /// Which bootstrap interval [default: percentile].
    #[arg(long, value_enum)]
    bootstrap: Option<BootstrapKind>,

    /// Number of bootstrap resamples [default: 1000].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(40..=1_000_000))]
    resamples: Option<u32>,

    /// Seed of the resamples [default: 1].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Means over pairs of annotators leave out pairs with fewer items in common.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    min_shared: u64,

    /// Which rating counts where an annotator rated an item more than once.
    #[arg(long, value_enum, default_value_t = Repeats::First)]
    duplicates: Repeats,

    /// Number of threads [default: one for each core]; it changes no figure.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    format: TableFormat,

    /// Write to this file instead of printing.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(args: AgreementArgs) -> Result<()> {
    check_draws(&args)?;
    let (breakdowns, columns) = split_by(&args.by);
    let request = request(&args, columns)?;
    let options = options(&args, breakdowns, &request)?;
    let params = params(&args, &request, &options);
    let report = table_report(&args.file, &request, &options, params)?;
    match &args.output {
        Some(path) => write(path, |file| render_table(&report, args.format, file)),
        None if args.format == TableFormat::Parquet && std::io::stdout().is_terminal() => {
            Err(Error::invalid("Parquet does not fit a terminal: give --output FILE"))
        }
        None => render_table(&report, args.format, &mut std::io::stdout().lock()),
    }
}

/// Refuses options of draws where nothing is drawn, so that nobody takes them for used.
fn check_draws(args: &AgreementArgs) -> Result<()> {
    let interval = args.interval.unwrap_or_default();
    let given = [
        ("--bootstrap", args.bootstrap.is_some()),
        ("--resamples", args.resamples.is_some()),
        ("--seed", args.seed.is_some()),
    ];
    match (interval, given.into_iter().find(|(_, given)| *given)) {
        (_, None) | (IntervalKind::Bootstrap, _) => Ok(()),
        (IntervalKind::TwoWay, _) if args.bootstrap != Some(BootstrapKind::Bca) => Ok(()),
        (IntervalKind::TwoWay, _) => Err(Error::invalid(
            "--bootstrap bca: two-way intervals are percentiles; leave it out, or give --interval bootstrap",
        )),
        (_, Some((option, _))) => Err(Error::invalid(format!(
            "{option} changes nothing here: intervals are drawn only with --interval bootstrap and two-way; give one of them, or leave it out"
        ))),
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
        groups: match (&args.groups, &args.group_by) {
            (Some(file), _) => Some(GroupSource::File(file.clone())),
            (None, Some(column)) => Some(GroupSource::Column(column.clone())),
            (None, None) => None,
        },
        level: args.level,
        order: order.map(|list| tables::parse_list(list)).transpose()?,
        repeats: args.duplicates,
        threads: match args.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        },
    })
}

fn options(args: &AgreementArgs, by: BTreeSet<Breakdown>, request: &Request) -> Result<FigureOptions> {
    let measures = if args.measures.is_empty() {
        MeasureChoice::Usual
    } else if args.measures.iter().any(|name| name == "all") {
        MeasureChoice::All
    } else {
        MeasureChoice::Named(args.measures.iter().cloned().collect())
    };
    let usual = FigureOptions::default();
    Ok(FigureOptions {
        level: args.level,
        weights: args.weights.as_deref().map_or(Ok(WeightsChoice::OfLevel), weights)?,
        weights_by: args.weights_by,
        measures,
        by,
        interval: args.interval.unwrap_or_default(),
        bootstrap: args.bootstrap.unwrap_or(usual.bootstrap),
        resamples: args.resamples.unwrap_or(usual.resamples),
        seed: args.seed.unwrap_or(usual.seed),
        min_shared: args.min_shared,
        sets: args.sets.clone(),
        threads: NonZeroUsize::new(request.threads).map_or(Threads::ONE, Threads::new),
    })
}

/// A scheme by its name, or a matrix from a file.
fn weights(given: &str) -> Result<WeightsChoice> {
    if let Some(scheme) = Scheme::ALL.into_iter().find(|scheme| scheme.name() == given) {
        return Ok(WeightsChoice::Scheme(scheme));
    }
    let text = std::fs::read_to_string(given).map_err(|error| {
        let names = Scheme::ALL.map(Scheme::name).join(", ");
        Error::invalid(format!("--weights {given}: this is none of {names}, and cannot be read as a file ({error})"))
    })?;
    let mut cells = Vec::new();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for (row, line) in (1..).zip(&lines) {
        let columns = line.split(',').count();
        if columns != lines.len() {
            return Err(Error::invalid(format!(
                "{given}: row {row} has {columns} weights, but there are {} rows; give a row and a column for each label",
                lines.len()
            )));
        }
        for (column, cell) in (1..).zip(line.split(',')) {
            let weight = cell.trim().parse::<f64>().map_err(|_| {
                Error::invalid(format!(
                    "{given}: row {row}, column {column}: expected a weight from 0 to 1, found {:?}",
                    cell.trim()
                ))
            });
            cells.push(weight?);
        }
    }
    Ok(WeightsChoice::Matrix(cells))
}

/// Every option that can change a figure, resolved; columns are told as the source's.
fn params(args: &AgreementArgs, request: &Request, options: &FigureOptions) -> BTreeMap<&'static str, Value> {
    let measures = match &options.measures {
        MeasureChoice::Usual => json!("usual"),
        MeasureChoice::All => json!("all"),
        MeasureChoice::Named(names) => json!(names),
    };
    let mut params = BTreeMap::from([
        ("level", json!(request.level.name())),
        ("weights", json!(args.weights)),
        ("weights_by", json!(args.weights_by.map(WeightsBy::name))),
        ("order", json!(request.order)),
        ("sets", json!(args.sets)),
        ("measures", measures),
        ("by", json!(args.by)),
        ("groups", json!(args.groups)),
        ("group_by", json!(args.group_by)),
        ("interval", json!(options.interval.name())),
        ("min_shared", json!(args.min_shared)),
        ("duplicates", json!(request.repeats.name())),
    ]);
    if matches!(options.interval, IntervalKind::Bootstrap | IntervalKind::TwoWay) {
        params.insert("resamples", json!(options.resamples));
        params.insert("seed", json!(options.seed));
        params.insert("bootstrap", json!(options.bootstrap.name()));
    }
    params
}

/// Writes beside the file and renames: a reader never sees half of it.
fn write(path: &Path, render: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cannot =
        |error: std::io::Error| Error::invalid(format!("{}: the output cannot be written ({error})", path.display()));
    let mode = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(folder).map_err(cannot)?;
    render(&mut file)?;
    file.persist(path).map_err(|error| cannot(error.error))?;
    Ok(())
}
