//! Figures of parts of a control's items: over time, and by the values of a slice field.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::Array;
use arrow::datatypes::Int64Type;
use assay_stats::agreement::Ratings;
use datafusion::common::ScalarValue;
use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::columns::{Columns, text_at};
use super::controls::AnswerKind;
use super::figures::{FigureOptions, MeasureChoice, overall};
use super::measure::{Measure, Scope};
use super::ratings::ControlRatings;
use super::views::{SliceField, SliceSplit, TimeSplit};
use crate::engine::{Engine, TableSet};
use crate::error::{Error, Result};
use crate::tables::Period;

/// A report that chooses the periods itself has no more of them.
const MOST_PERIODS: usize = 60;
/// The newest ones where the caller chooses.
const MOST_ASKED: usize = 366;
/// With fewer items in a period its figures say little: longer ones are chosen.
const ITEMS_PER_PERIOD: usize = 10;
/// Values of a slice field that have figures, those with most items first.
const MOST_VALUES: usize = 60;
const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// The time of an item: that of its newest answer.
const TIME: &str = "updated_at";

/// What the figures of a control share.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    pub ratings: &'a ControlRatings,
    pub coded: &'a Ratings,
    pub place: &'a Scope,
    pub policies: &'a BTreeMap<String, String>,
}

impl Whole<'_> {
    /// The overall figures of the items of each part, in the order of `names`.
    fn of_parts(
        self,
        by: &str,
        column: &str,
        names: &[String],
        part_of: impl Fn(usize) -> Option<usize>,
        options: &FigureOptions,
    ) -> Result<Vec<Measure>> {
        let mut measures = Vec::new();
        for (name, part) in names.iter().zip(self.coded.by_slice(names.len(), part_of)) {
            let scope = Scope {
                by: by.to_owned(),
                column: Some(column.to_owned()),
                value: Some(name.clone()),
                ..self.place.clone()
            };
            measures.extend(overall(&self.ratings.subject(part), options, &scope, self.policies)?);
        }
        Ok(measures)
    }
}

/// Percent agreement and alpha (of sets: both alphas) of the items of each period; an item belongs to the period of its newest answer.
pub fn over_time(whole: Whole<'_>, wanted: Option<Period>) -> Result<(Vec<Measure>, TimeSplit)> {
    let times = &whole.ratings.updated_at;
    let periods = Periods::new(times, wanted);
    let named = match whole.ratings.kind {
        AnswerKind::Set => ["krippendorff_alpha_masi", "krippendorff_alpha_jaccard"],
        AnswerKind::Label | AnswerKind::Number => ["percent_agreement", "krippendorff_alpha"],
    };
    let measures = MeasureChoice::Named(named.map(str::to_owned).into());
    let options = FigureOptions { measures, ..whole.ratings.options() };
    let column = format!("{TIME}:{}", periods.period.name());
    let part_of = |item: usize| times.get(item).copied().flatten().and_then(|time| periods.part_of(time));
    let measures = whole.of_parts("period", &column, &periods.names, part_of, &options)?;
    let split = TimeSplit {
        period: periods.period,
        periods: periods.all as u64,
        shown: periods.names.len() as u64,
        items_without: times.iter().filter(|time| time.is_none()).count() as u64,
    };
    Ok((measures, split))
}

/// The periods that items fall into.
struct Periods {
    period: Period,
    /// In the order of time, the newest ones.
    names: Vec<String>,
    /// How many there are.
    all: usize,
    /// The places of days (since 1970) in `names`.
    days: HashMap<i64, usize>,
}

impl Periods {
    fn new(times: &[Option<i64>], wanted: Option<Period>) -> Self {
        let days: BTreeSet<i64> = times.iter().flatten().map(|time| time.div_euclid(MICROS_PER_DAY)).collect();
        let dates: Vec<(i64, Date)> = days.into_iter().filter_map(|day| Some((day, date_of(day)?))).collect();
        let named =
            |period: Period| -> BTreeSet<String> { dates.iter().map(|(_, date)| period.of_date(*date)).collect() };
        let items = times.iter().flatten().count();
        let fits = |period: &Period| {
            let n = named(*period).len();
            n <= MOST_PERIODS && n * ITEMS_PER_PERIOD <= items
        };
        let period = wanted.or_else(|| Period::ALL.into_iter().find(fits)).unwrap_or(Period::Month);
        let most = if wanted.is_some() { MOST_ASKED } else { MOST_PERIODS };
        let names = named(period);
        let all = names.len();
        let names: Vec<String> = names.into_iter().skip(all.saturating_sub(most)).collect();
        let place = |date: Date| names.binary_search(&period.of_date(date)).ok();
        let days = dates.into_iter().filter_map(|(day, date)| Some((day, place(date)?))).collect();
        Self { period, names, all, days }
    }

    fn part_of(&self, time: i64) -> Option<usize> {
        self.days.get(&time.div_euclid(MICROS_PER_DAY)).copied()
    }
}

fn date_of(day: i64) -> Option<Date> {
    date(1970, 1, 1).checked_add(day.days()).ok()
}

/// The first day of the period that a scope names, and the first day after it: `from` and `to` of the filter of disagreements.
pub fn period_days(scope: &Scope) -> Option<(Date, Date)> {
    let period = Period::parse(scope.column.as_deref()?.strip_prefix(TIME)?.strip_prefix(':')?)?;
    period.days(scope.value.as_deref()?)
}

/// The values of one slice field, by item.
#[derive(Debug)]
pub struct SliceValues {
    field: String,
    of_item: HashMap<String, String>,
}

impl SliceValues {
    /// # Errors
    /// `Invalid` when no item has the field.
    pub async fn load(engine: &Engine, tables: &TableSet, field: &str) -> Result<Self> {
        let params = vec![("field", ScalarValue::from(field))];
        let mut of_item = HashMap::new();
        for batch in engine.query(tables, include_str!("../../queries/lake/slice_values.sql"), params).await? {
            let (items, values) = (Columns(&batch).text("item_id")?, Columns(&batch).text("value")?);
            for row in (0..batch.num_rows()).filter(|row| values.is_valid(*row)) {
                of_item.insert(items.value(row).to_owned(), values.value(row).to_owned());
            }
        }
        if of_item.is_empty() {
            let fields: Vec<String> =
                slice_fields(engine, tables).await?.into_iter().map(|found| found.field).collect();
            if !fields.iter().any(|known| known == field) {
                return Err(no_field(field, &fields));
            }
        }
        Ok(Self { field: field.to_owned(), of_item })
    }

    /// The usual figures of the items with each value.
    pub fn figures(&self, whole: Whole<'_>) -> Result<(Vec<Measure>, SliceSplit)> {
        let items = &whole.ratings.items;
        let value_of = |item: &String| self.of_item.get(item).map(String::as_str);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for value in items.iter().filter_map(value_of) {
            *counts.entry(value).or_default() += 1;
        }
        let mut by_size: Vec<(&str, usize)> = counts.iter().map(|(value, n)| (*value, *n)).collect();
        by_size.sort_by_key(|(value, n)| (std::cmp::Reverse(*n), *value));
        by_size.truncate(MOST_VALUES);
        let mut names: Vec<String> = by_size.into_iter().map(|(value, _)| value.to_owned()).collect();
        names.sort_unstable();
        let part_of = |item: usize| {
            let value = items.get(item).and_then(value_of)?;
            names.binary_search_by(|name| name.as_str().cmp(value)).ok()
        };
        let options = FigureOptions { by: BTreeSet::new(), ..whole.ratings.options() };
        let measures = whole.of_parts("slice", &self.field, &names, part_of, &options)?;
        let split = SliceSplit {
            field: self.field.clone(),
            values: counts.len() as u64,
            shown: names.len() as u64,
            items_without: items.iter().filter(|item| value_of(item).is_none()).count() as u64,
        };
        Ok((measures, split))
    }
}

/// Names in a message.
const FIELDS_NAMED: usize = 12;

fn no_field(field: &str, fields: &[String]) -> Error {
    if fields.is_empty() {
        return Error::invalid(format!("there is no slice field {field:?}: the items of this project have none"));
    }
    let some: Vec<&str> = fields.iter().take(FIELDS_NAMED).map(String::as_str).collect();
    let more = if fields.len() > FIELDS_NAMED { " and others" } else { "" };
    Error::invalid(format!("there is no slice field {field:?}; this project's fields are {}{more}", some.join(", ")))
}

/// The fields that items can be sliced by, by name.
pub async fn slice_fields(engine: &Engine, tables: &TableSet) -> Result<Vec<SliceField>> {
    let mut found = Vec::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/slice_fields.sql"), vec![]).await? {
        let (fields, values) = (Columns(&batch).text("field")?, Columns(&batch).number::<Int64Type>("n")?);
        for row in 0..batch.num_rows() {
            let Some(field) = text_at(fields, row) else { continue };
            found.push(SliceField { field, values: values.value(row).unsigned_abs() });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i64) -> Option<i64> {
        Some(n * MICROS_PER_DAY + 7)
    }

    #[test]
    fn periods_grow_until_they_are_few_and_full() {
        let daily = |days: i64, items: i64| -> Vec<Option<i64>> {
            (0..days).flat_map(|n| (0..items).map(move |_| day(n))).collect()
        };
        let chosen = |times: &[Option<i64>]| {
            let periods = Periods::new(times, None);
            (periods.period, periods.names.len())
        };
        assert_eq!(chosen(&daily(60, 10)), (Period::Day, 60));
        assert_eq!(chosen(&daily(61, 10)), (Period::Week, 10), "more than 60 days");
        assert_eq!(chosen(&daily(20, 5)), (Period::Week, 4), "days have too few items");
        assert_eq!(chosen(&daily(20, 1)), (Period::Month, 1));
        assert_eq!(chosen(&daily(365 * 6, 1)), (Period::Month, 60), "the newest ones");
        assert_eq!(chosen(&[None]), (Period::Day, 0));
    }

    #[test]
    fn an_asked_for_period_is_kept_and_days_find_their_place() {
        let times = [day(-1), day(0), None, day(40)];
        let periods = Periods::new(&times, Some(Period::Month));
        assert_eq!(periods.names, ["1969-12", "1970-01", "1970-02"]);
        let places: Vec<Option<usize>> = times.iter().flatten().map(|time| periods.part_of(*time)).collect();
        assert_eq!(places, [Some(0), Some(1), Some(2)]);
        let many: Vec<Option<i64>> = (0..400).map(day).collect();
        let newest = Periods::new(&many, Some(Period::Day));
        assert_eq!((newest.all, newest.names.len(), newest.part_of(7)), (400, 366, None));
        assert_eq!(newest.names.last().map(String::as_str), Some("1971-02-04"));
    }

    #[test]
    fn a_scope_tells_its_days() {
        let scope = |column: &str, value: &str| Scope {
            column: Some(column.to_owned()),
            value: Some(value.to_owned()),
            ..Scope::default()
        };
        let days = period_days(&scope("updated_at:week", "2026-W02")).unwrap();
        assert_eq!(days, (date(2026, 1, 5), date(2026, 1, 12)));
        assert_eq!(period_days(&scope("language", "de")), None);
        assert_eq!(period_days(&Scope::default()), None);
    }
}
