//! Charts of annotators and labels, from a report.

use std::collections::HashMap;

use maud::{Markup, html};

use super::caution;
use super::charts::{self, Caption, Cell, Row, Scale};
use super::figures::{label_table, reason};
use super::guide;
use super::interval::Axis;
use super::layout::scroll;
use super::links;
use super::text;
use super::view::{Query, View, address};
use crate::reports::figures::Level;
use crate::reports::measure::Measure;
use crate::reports::views::{AnswerKind, Bin, ConfusionCell, ControlData, LabelCount};

/// A matrix beyond this size is unreadable, and would make the page heavy.
const MOST_NAMES: usize = 12;
/// Rows of a list of figures.
pub const MOST_ROWS: usize = 28;

/// Annotator by annotator.
pub fn annotators(view: View<'_>) -> Markup {
    let wanted = match view.query.pairs.as_deref() {
        Some("percent_agreement") => "percent_agreement",
        _ => "cohen_kappa",
    };
    let pairs: Vec<&Measure> = view.measures("pair").filter(|m| m.measure == wanted).collect();
    let mut raters = busiest(&pairs);
    let total = raters.len();
    raters.truncate(MOST_NAMES);
    raters.sort_by_key(|rater| view.name(rater).to_lowercase());
    let by_pair: HashMap<(&str, &str), &Measure> = pairs
        .iter()
        .filter_map(|m| Some((m.scope.annotator.as_deref()?, m.scope.other.as_deref()?, *m)))
        .flat_map(|(one, other, m)| [((one, other), m), ((other, one), m)])
        .collect();
    let places = (0..raters.len()).flat_map(|row| (row + 1..raters.len()).map(move |column| (row, column)));
    let rows: Vec<((usize, usize), Row)> = places
        .map(|(row, column)| {
            let measure = by_pair.get(&(raters[row], raters[column])).copied();
            ((row, column), pair_row(view, raters[row], raters[column], measure))
        })
        .collect();
    let names: Vec<String> = raters.iter().map(|rater| view.name(rater).to_owned()).collect();
    let scale = if text::is_share(wanted) { Scale::Sequential } else { Scale::Diverging };
    let figure = guide::title(wanted);
    let more = beyond(total, "annotators");
    let cautions = caution::note(pairs.iter().copied().filter(|pair| pair.n_items > 0));
    let note = format!("{figure}: {}. Select a cell to see where the two differ.{more}{cautions}", brief(wanted));
    let title = "Annotator by annotator";
    let caption = Caption { id: "annotators", title, note: &note, names: "Annotator", values: &figure };
    html! {
        @if names.len() < 2 {
            (missing(title, without_pairs(view.control)))
        } @else {
            (toggle(view, wanted))
            (charts::pairs(&names, &rows, scale, caption))
        }
    }
}

/// The raters of some pair measures, those with most ratings in common with others first.
fn busiest<'a>(pairs: &[&'a Measure]) -> Vec<&'a str> {
    let mut ratings: HashMap<&str, u64> = HashMap::new();
    for pair in pairs {
        for rater in [&pair.scope.annotator, &pair.scope.other].into_iter().flatten() {
            *ratings.entry(rater).or_default() += pair.n_items;
        }
    }
    let mut raters: Vec<(&str, u64)> = ratings.into_iter().collect();
    raters.sort_by_key(|(rater, n)| (std::cmp::Reverse(*n), *rater));
    raters.into_iter().map(|(rater, _)| rater).collect()
}

fn pair_row(view: View<'_>, one: &str, other: &str, measure: Option<&Measure>) -> Row {
    match measure.filter(|measure| measure.n_items > 0) {
        None => {
            let cell = Cell { shown: "no shared items".into(), ..Cell::default() };
            Row { cell, interval: None, interval_shown: "—".into(), n: "0".into(), items: 0, caution: None }
        }
        Some(measure) => measured(
            measure,
            view.drill(|filter| {
                (filter.annotator, filter.other_annotator) = (Some(one.to_owned()), Some(other.to_owned()));
            }),
        ),
    }
}

/// A measure as a row: the value or why there is none, interval and n.
pub fn measured(measure: &Measure, href: String) -> Row {
    let shown = match measure.value {
        Some(value) => text::value(&measure.measure, value),
        None => format!("undefined: {}", reason(measure)),
    };
    let interval = measure.ci_low.zip(measure.ci_high);
    let interval_shown = interval.map_or("—".to_owned(), |(low, high)| text::interval(&measure.measure, low, high));
    let cell = Cell { value: measure.value, shown, href: Some(href) };
    let n = text::count(measure.n_items);
    Row { cell, interval, interval_shown, n, items: measure.n_items, caution: caution::sign(measure) }
}

fn toggle(view: View<'_>, wanted: &str) -> Markup {
    html! {
        nav.pills.small aria-label="Figure of the heat map" {
            @for (measure, pairs) in [("cohen_kappa", None), ("percent_agreement", Some("percent_agreement"))] {
                @let query = Query { pairs: pairs.map(str::to_owned), ..view.query.clone() };
                a href={ (address(view.links, view.project, &query)) "#annotators" }
                    aria-current=[(measure == wanted).then_some("true")] { (guide::title(measure)) }
            }
        }
    }
}

/// Each annotator against the others.
pub fn against_others(view: View<'_>) -> Markup {
    let title = "Each annotator against the others";
    let Some(name) = preferred(view.measures("annotator")) else {
        return missing(title, without_pairs(view.control));
    };
    let mut measures = weakest_first(view.measures("annotator").filter(|m| m.measure == name));
    let total = measures.len();
    measures.truncate(MOST_ROWS);
    let low = Axis::over(measures.iter().copied()).low;
    let rows: Vec<(String, Row)> = measures.iter().filter_map(|m| against(view, m)).collect();
    let more =
        if total > rows.len() { format!(" The {} lowest of {total} are shown.", rows.len()) } else { String::new() };
    let figure = guide::title(&name);
    let cautions = caution::note(measures.iter().copied());
    let exact = if is_in_order(view.control) { " Only equal answers agree here, however near others are." } else { "" };
    let note = format!("{figure}: {}. Lowest first.{exact}{more}{cautions}", brief(&name));
    charts::dots(&rows, low, &[], Caption { id: "others", title, note: &note, names: "Annotator", values: &figure })
}

fn against(view: View<'_>, measure: &Measure) -> Option<(String, Row)> {
    let rater = measure.scope.annotator.as_deref()?;
    let href = view.drill(|filter| filter.annotator = Some(rater.to_owned()));
    Some((view.name(rater).to_owned(), measured(measure, href)))
}

/// The figure that takes chance out, if there is one.
fn preferred<'a>(measures: impl Iterator<Item = &'a Measure>) -> Option<String> {
    measures.min_by_key(|m| (text::is_share(&m.measure), guide::rank(&m.measure))).map(|m| m.measure.clone())
}

/// Label by label: when one annotator said the row's label, how often did another say the column's.
pub fn confusion(view: View<'_>) -> Markup {
    let title = "Label confusion";
    if let Some(why) = &view.control.no_confusion {
        return missing(title, &format!("There is none: {why}."));
    }
    let labels: Vec<&str> = view.control.labels.iter().map(|count| count.label.as_str()).take(MOST_NAMES).collect();
    let pairs: HashMap<(&str, &str), u64> = view
        .control
        .confusion
        .iter()
        .flat_map(|cell| {
            [((cell.label.as_str(), cell.other.as_str()), cell.n), ((cell.other.as_str(), cell.label.as_str()), cell.n)]
        })
        .collect();
    if pairs.is_empty() {
        return missing(title, "No item of this control has answers by two annotators.");
    }
    // Of n equal pairs, both members said the label: 2n answers, as many as n pairs with this label on either side.
    let answers = |row: &str| -> u64 {
        let of_row = |cell: &&ConfusionCell| cell.label == row || cell.other == row;
        view.control
            .confusion
            .iter()
            .filter(of_row)
            .map(|cell| if cell.label == cell.other { 2 * cell.n } else { cell.n })
            .sum()
    };
    let cell = |row: &str, column: &str, total: u64| {
        confusion_cell(view, row, column, pairs.get(&(row, column)).copied().unwrap_or(0), total)
    };
    let cells: Vec<Vec<Cell>> = labels
        .iter()
        .map(|row| {
            let total = answers(row);
            labels.iter().map(|column| cell(row, column, total)).collect()
        })
        .collect();
    let names: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    let order = if is_in_order(view.control) { " In the order of the scale." } else { "" };
    let note = format!(
        "Row: what one annotator said. Column: what another said of the same item. Select a cell off the diagonal to see \
         those items.{order}{}",
        left_out(view.control, labels.len())
    );
    let caption = Caption { id: "confusion", title, note: &note, names: "Label", values: "Share" };
    charts::matrix(&names, &cells, Scale::Sequential, caption)
}

fn confusion_cell(view: View<'_>, row: &str, column: &str, pairs: u64, answers: u64) -> Cell {
    if answers == 0 {
        return Cell { shown: "—".into(), ..Cell::default() };
    }
    let weight = if row == column { 2 * pairs } else { pairs };
    let share = weight as f64 / answers as f64;
    let shown = format!("{:.1} % ({})", share * 100.0, text::counted(pairs, "pair", "pairs"));
    let href = (row != column && pairs > 0).then(|| {
        view.drill(|filter| {
            (filter.label, filter.other_label) = (Some(row.to_owned()), Some(column.to_owned()));
        })
    });
    Cell { value: Some(share), shown, href }
}

/// How often each label was given, by people and by models.
pub fn distribution(view: View<'_>) -> Markup {
    let title = "Label distribution";
    let labels: Vec<_> = view.control.labels.iter().take(MOST_ROWS).collect();
    if !view.control.histogram.is_empty() {
        return histogram(view.control);
    }
    if labels.is_empty() {
        return missing(title, "No label of this control was given yet.");
    }
    let sum = |pick: fn(&LabelCount) -> u64| view.control.labels.iter().map(pick).sum::<u64>();
    let (annotations, predictions) = (sum(|count| count.annotations), sum(|count| count.predictions));
    let share = |n: u64, total: u64, label: &str| share_cell(view, label, n, total);
    let mut series =
        vec![("Annotations", labels.iter().map(|count| share(count.annotations, annotations, &count.label)).collect())];
    if predictions > 0 {
        let cells = labels.iter().map(|count| share(count.predictions, predictions, &count.label)).collect();
        series.push(("Predictions", cells));
    }
    let more = left_out(view.control, labels.len());
    let of_models =
        if predictions > 0 { format!(" and all {} predicted ones", text::count(predictions)) } else { String::new() };
    let note = format!("Share of each label among all {} annotated labels{of_models}.{more}", text::count(annotations));
    let names: Vec<String> = labels.iter().map(|count| count.label.clone()).collect();
    charts::bars(&names, &series, Caption { id: "labels", title, note: &note, names: "Label", values: "Share" })
}

/// How numbers are spread, in equal bins.
fn histogram(control: &ControlData) -> Markup {
    let bins = &control.histogram;
    let name = |bin: &Bin| format!("{} – {}", text::short(bin.from), text::short(bin.to));
    let sum = |pick: fn(&Bin) -> u64| bins.iter().map(pick).sum::<u64>();
    let (annotations, predictions) = (sum(|bin| bin.annotations), sum(|bin| bin.predictions));
    let cell = |n: u64, total: u64| Cell {
        value: (total > 0).then(|| n as f64 / total as f64),
        shown: text::count(n),
        href: None,
    };
    let mut series = vec![("Annotations", bins.iter().map(|bin| cell(bin.annotations, annotations)).collect())];
    if predictions > 0 {
        series.push(("Predictions", bins.iter().map(|bin| cell(bin.predictions, predictions)).collect()));
    }
    let names: Vec<String> = bins.iter().map(name).collect();
    let note = format!("Share of the {} answers in each of {} equal stretches.", text::count(annotations), bins.len());
    let title = "Distribution of the numbers";
    charts::bars(&names, &series, Caption { id: "labels", title, note: &note, names: "Numbers", values: "Share" })
}

fn share_cell(view: View<'_>, label: &str, n: u64, total: u64) -> Cell {
    if total == 0 {
        return Cell { shown: "—".into(), ..Cell::default() };
    }
    let share = n as f64 / total as f64;
    let shown = format!("{:.1} % ({} of {})", share * 100.0, text::count(n), text::count(total));
    Cell { value: Some(share), shown, href: Some(view.drill(|filter| filter.label = Some(label.to_owned()))) }
}

/// The figures by label, the hardest labels first.
pub fn per_label(view: View<'_>) -> Markup {
    let mut names: Vec<&str> = view.measures("label").map(|m| m.measure.as_str()).collect();
    names.sort_unstable_by_key(|name| (guide::rank(name), *name));
    names.dedup();
    html! {
        @for name in names {
            @let rows = weakest_first(view.measures("label").filter(|m| m.measure == name));
            section.panel {
                h2 { a href=(links::guide(name)) { (guide::title(name)) } " by label" }
                (scroll("Figures by label", label_table(view, &rows[..rows.len().min(MOST_ROWS)])))
                (caution::line(rows[..rows.len().min(MOST_ROWS)].iter().copied()))
                @if rows.len() > MOST_ROWS { p.quiet { "The " (MOST_ROWS) " lowest of " (rows.len()) " labels are shown." } }
            }
        }
    }
}

fn without_pairs(control: &ControlData) -> &'static str {
    match control.answers {
        Some(AnswerKind::Set) => {
            "Figures of single annotators are not made for sets of labels yet; the list of disagreements shows who differs from whom."
        }
        _ => "No two annotators share an item of this control.",
    }
}

/// Whether the labels stand in the order of a scale.
fn is_in_order(control: &ControlData) -> bool {
    control.level.is_some_and(|level| level != Level::Nominal) || control.answers == Some(AnswerKind::Number)
}

fn left_out(control: &ControlData, shown: usize) -> String {
    let total = control.labels.len();
    let which = if is_in_order(control) { "first" } else { "most frequent" };
    if total > shown { format!(" The {shown} {which} of {total} labels are shown.") } else { String::new() }
}

/// Undefined figures last, and equal ones in the report's order.
pub fn weakest_first<'a>(measures: impl Iterator<Item = &'a Measure>) -> Vec<&'a Measure> {
    let mut sorted: Vec<&Measure> = measures.collect();
    sorted.sort_by(|a, b| a.value.unwrap_or(f64::INFINITY).total_cmp(&b.value.unwrap_or(f64::INFINITY)));
    sorted
}

fn brief(measure: &str) -> &'static str {
    guide::entry(measure).map_or("agreement of two annotators", |entry| entry.brief)
}

fn beyond(total: usize, what: &str) -> String {
    if total > MOST_NAMES {
        format!(" The {MOST_NAMES} most frequent of {total} {what} are shown.")
    } else {
        String::new()
    }
}

pub fn missing(title: &str, why: &str) -> Markup {
    html! { h3 { (title) } p.quiet { (why) } }
}
