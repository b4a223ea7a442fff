//! Labels in their canonical order, with their values where they are numbers.

use std::collections::BTreeMap;
use std::path::Path;

use super::codes::{Coded, MISSING};
use super::names::{Names, number_text};
use super::numbering::recode_all;
use super::{Level, Repeats, Request, fault, fault_at};
use crate::error::Result;

/// A column of labels: codes follow the order of the labels.
#[derive(Debug)]
pub struct Labels {
    pub codes: Vec<u32>,
    pub names: Vec<String>,
    /// By code, if all labels are numbers.
    pub values: Option<Vec<f64>>,
    /// The order was given, so that labels that nobody used keep their place.
    pub fixed: bool,
}

/// Where labels come from, for messages.
#[derive(Debug, Clone, Copy)]
pub struct LabelColumn<'a> {
    pub path: &'a Path,
    pub name: &'a str,
    /// The file itself tells numbers from texts.
    pub typed: bool,
}

/// Puts labels into their order.
///
/// Texts of an untyped file are numbers if all of them read as numbers; those of a typed file are, if the level asks for numbers.
pub fn arrange(column: LabelColumn<'_>, coded: Coded, request: &Request) -> Result<Labels> {
    let needs_numbers = needs_numbers(request);
    let mut labels = match &coded.names {
        Names::Texts(texts) if !column.typed || request.level != Level::Nominal => {
            let values: Vec<Option<f64>> = (0..texts.len() as u32).map(|code| number(texts.get(code))).collect();
            match values.iter().copied().collect::<Option<Vec<f64>>>() {
                Some(values) => numbers(coded.codes, &values),
                None => as_they_are(coded),
            }
        }
        Names::Texts(_) => as_they_are(coded),
        names => {
            let values = (0..names.len() as u32).filter_map(|code| names.number(code)).collect();
            Labels { values: Some(values), ..as_they_are(coded) }
        }
    };
    if let Some(why) = needs_numbers {
        check_numbers(column, &labels, why)?;
    }
    if let Some(order) = &request.order {
        labels = ordered(column, labels, order)?;
    }
    Ok(labels)
}

/// What asks for labels that are numbers, if anything does.
fn needs_numbers(request: &Request) -> Option<&'static str> {
    match request.level {
        _ if request.repeats == Repeats::Mean => Some("--duplicates mean"),
        Level::Interval => Some("level interval"),
        Level::Ratio => Some("level ratio"),
        Level::Ordinal if request.order.is_none() => Some("level ordinal without --order"),
        Level::Ordinal | Level::Nominal => None,
    }
}

fn as_they_are(coded: Coded) -> Labels {
    let names = (0..coded.names.len() as u32).map(|code| coded.names.name(code).into_owned()).collect();
    Labels { codes: coded.codes, names, values: None, fixed: false }
}

/// A finite number in any of the usual notations.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|value: &f64| value.is_finite())
}

/// Labels by value: 1 and 1.0 are one.
fn numbers(mut codes: Vec<u32>, by_code: &[f64]) -> Labels {
    let plain = |value: &f64| if *value == 0.0 { 0.0 } else { *value };
    let mut values: Vec<f64> = by_code.iter().map(plain).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.dedup();
    let recode: Vec<u32> = by_code.iter().map(|value| values.partition_point(|other| *other < *value) as u32).collect();
    recode_all(&mut codes, &recode);
    Labels {
        codes,
        names: values.iter().map(|&value| number_text(value)).collect(),
        values: Some(values),
        fixed: false,
    }
}

fn first_row(codes: &[u32], wanted: impl Fn(u32) -> bool) -> u64 {
    codes.iter().position(|&code| code != MISSING && wanted(code)).map_or(0, |place| place as u64 + 1)
}

fn check_numbers(column: LabelColumn<'_>, labels: &Labels, why: &str) -> Result<()> {
    let bad = |code: u32| match &labels.values {
        Some(values) => !values[code as usize].is_finite(),
        None => number(&labels.names[code as usize]).is_none(),
    };
    if (0..labels.names.len() as u32).any(bad) {
        let row = first_row(&labels.codes, bad);
        let name = labels.codes.get(row.saturating_sub(1) as usize).map_or("", |&code| &labels.names[code as usize]);
        return Err(fault_at(
            column.path,
            row,
            column.name,
            format_args!("{name:?} is not a finite number, which {why} needs; mend the row, or choose another level"),
        ));
    }
    Ok(())
}

/// Labels in the order given; each label that occurs has to be in it.
fn ordered(column: LabelColumn<'_>, labels: Labels, order: &[String]) -> Result<Labels> {
    let key = |name: &str| match (&labels.values, number(name)) {
        (Some(_), Some(value)) => number_text(if value == 0.0 { 0.0 } else { value }),
        _ => name.to_owned(),
    };
    let mut place_of = BTreeMap::new();
    for (place, name) in (0_u32..).zip(order) {
        if place_of.insert(key(name), place).is_some() {
            return Err(fault(column.path, format_args!("the given labels name {name:?} twice")));
        }
    }
    let mut recode = Vec::new();
    for (code, name) in (0_u32..).zip(&labels.names) {
        let Some(&place) = place_of.get(name) else {
            let row = first_row(&labels.codes, |other| other == code);
            return Err(fault_at(
                column.path,
                row,
                column.name,
                format_args!("label {name:?} is not among the given labels: {}", order.join(", ")),
            ));
        };
        recode.push(place);
    }
    let mut codes = labels.codes;
    recode_all(&mut codes, &recode);
    let names: Vec<String> = order.iter().map(|name| key(name)).collect();
    let values = labels.values.and_then(|_| order.iter().map(|name| number(name)).collect());
    Ok(Labels { codes, names, values, fixed: true })
}

impl Labels {
    /// Adds numbers that are no labels yet, and puts all into order again. Gives for each old code, and then for each new number, its code.
    pub fn add(&mut self, more: &[f64]) -> Vec<u32> {
        let Some(values) = &self.values else { return (0..self.names.len() as u32).collect() };
        let all: Vec<f64> = values.iter().chain(more).copied().collect();
        let codes = (0..all.len() as u32).collect();
        let merged = numbers(codes, &all);
        self.names = merged.names;
        self.values = merged.values;
        merged.codes
    }

    /// Keeps the labels that occur. Gives for each old code the new one.
    pub fn keep(&mut self, counts: &[u64]) -> Vec<u32> {
        let kept = |code: usize| counts[code] > 0;
        let order: Vec<u32> = (0..counts.len() as u32).filter(|&code| kept(code as usize)).collect();
        self.names = order.iter().map(|&code| self.names[code as usize].clone()).collect();
        if let Some(values) = &mut self.values {
            *values = order.iter().map(|&code| values[code as usize]).collect();
        }
        let mut recode = vec![MISSING; counts.len()];
        for (new, &old) in (0..).zip(&order) {
            recode[old as usize] = new;
        }
        recode
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::super::codes::{Coder, TextOrder};
    use super::*;

    fn arranged(fields: &[&str], typed: bool, request: &Request) -> Result<Labels, String> {
        let mut coder = Coder::with_capacity(0);
        for field in fields {
            let put = if typed { coder.text(field.as_bytes()) } else { coder.field(field.as_bytes()) };
            put.unwrap();
        }
        let column = LabelColumn { path: Path::new("t"), name: "label", typed };
        arrange(column, coder.finish(TextOrder::CodePoints), request).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_sort_by_value_and_texts_by_code_point() {
        let numbers = arranged(&["10", "9", "1.0", "1", "-0", "0"], false, &Request::default()).unwrap();
        assert_eq!((numbers.names.join(" "), numbers.codes), ("0 1 9 10".into(), vec![3, 2, 1, 1, 0, 0]));
        assert_eq!(numbers.values, Some(vec![0.0, 1.0, 9.0, 10.0]));
        let mixed = arranged(&["10", "9", "b"], false, &Request::default()).unwrap();
        assert_eq!((mixed.names.join(" "), mixed.values), ("10 9 b".into(), None));
        let typed = arranged(&["10", "9", "1.0", "1"], true, &Request::default()).unwrap();
        assert_eq!((typed.names.join(" "), typed.values), ("1 1.0 10 9".into(), None));
        let asked = Request { level: Level::Interval, ..Request::default() };
        assert_eq!(arranged(&["10", "9", "1.0", "1"], true, &asked).unwrap().names.join(" "), "1 9 10");
    }

    #[test]
    fn what_needs_numbers_names_the_first_row_without_one() {
        let fields = ["1", "2", "two", "x"];
        for (level, repeats, word) in [
            (Level::Interval, Repeats::First, "level interval"),
            (Level::Ratio, Repeats::First, "level ratio"),
            (Level::Ordinal, Repeats::First, "without --order"),
            (Level::Nominal, Repeats::Mean, "--duplicates mean"),
        ] {
            let message = arranged(&fields, false, &Request { level, repeats, ..Request::default() }).unwrap_err();
            assert!(
                message.starts_with("t: row 3, column \"label\": \"two\" is not") && message.contains(word),
                "{message}"
            );
        }
    }

    #[test]
    fn a_given_order_holds_unused_labels_and_refuses_others() {
        let order = |labels: &[&str]| Request {
            level: Level::Ordinal,
            order: Some(labels.iter().map(|&label| label.to_owned()).collect()),
            ..Request::default()
        };
        let words = arranged(&["high", "low"], true, &order(&["low", "mid", "high"])).unwrap();
        assert_eq!((words.codes, words.values, words.fixed), (vec![2, 0], None, true));
        let numbers = arranged(&["3", "1.0"], false, &order(&["1", "2.0", "3"])).unwrap();
        assert_eq!((numbers.codes, numbers.values), (vec![2, 0], Some(vec![1.0, 2.0, 3.0])));
        let message = arranged(&["low", "huge"], true, &order(&["low", "high"])).unwrap_err();
        assert_eq!(message, "t: row 2, column \"label\": label \"huge\" is not among the given labels: low, high");
        assert!(arranged(&["1"], false, &order(&["1", "1.0"])).unwrap_err().contains("twice"));
    }

    #[test]
    fn numbers_can_be_added_and_unused_ones_left_out() {
        let mut labels = arranged(&["1", "2"], false, &Request::default()).unwrap();
        assert_eq!(labels.add(&[1.5, 2.0]), [0, 2, 1, 2]);
        assert_eq!(labels.names.join(" "), "1 1.5 2");
        assert_eq!(labels.keep(&[3, 0, 1]), [0, MISSING, 1]);
        assert_eq!((labels.names.join(" "), labels.values), ("1 2".into(), Some(vec![1.0, 2.0])));
    }
}
