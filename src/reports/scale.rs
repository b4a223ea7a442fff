//! The labels of a control in the order of their scale.

use super::controls::Control;
use super::figures::Level;
use super::ratings::{Number, SortedCodes};
use crate::error::{Error, Result};

/// The labels in their order, and where the codes of the answers lie in it.
#[derive(Debug, PartialEq)]
pub struct Scale {
    pub labels: Vec<String>,
    /// By the code of first appearance: the place in `labels`.
    pub recode: Vec<u32>,
    /// The labels as numbers, ascending, where the level needs them.
    pub values: Option<Vec<f64>>,
    /// Whether the order of `labels` means something although they are no numbers.
    pub ordered: bool,
}

impl Scale {
    /// Labels without an order are sorted by name. An ordinal scale is that of their numbers, or the one that the labelling config declares,
    /// with labels that nobody used.
    ///
    /// # Errors
    /// `Invalid` when the level needs an order, or numbers, that the labels do not have.
    pub fn of_labels(labels: SortedCodes<String>, control: &Control, level: Level) -> Result<Self> {
        if level == Level::Nominal {
            return Ok(Self { labels: labels.names, recode: labels.recode, values: None, ordered: false });
        }
        let numbers: Option<Vec<f64>> = labels.names.iter().map(|name| as_number(name)).collect();
        if let Some(numbers) = numbers {
            return Self::of_numerals(labels, &numbers, control, level);
        }
        if level != Level::Ordinal {
            let text = labels.names.iter().find(|name| as_number(name).is_none());
            let text = text.map(String::as_str).unwrap_or_default();
            return Err(refused(control, level, &format!("it needs labels that are numbers, but one is {text:?}")));
        }
        if control.declared.is_empty() {
            let why = "its labels are texts, and no labelling config says in which order; import one with --config";
            return Err(refused(control, level, why));
        }
        let place = |name: &String| control.declared.iter().position(|label| label == name);
        if let Some(unknown) = labels.names.iter().find(|name| place(name).is_none()) {
            let why = format!("the labelling config does not declare {unknown:?}, so its place is not known");
            return Err(refused(control, level, &why));
        }
        let recoded: Vec<u32> = labels.names.iter().filter_map(place).map(|place| place as u32).collect();
        let recode = labels.recode.iter().map(|code| recoded[*code as usize]).collect();
        Ok(Self { labels: control.declared.clone(), recode, values: None, ordered: true })
    }

    /// Numbers are in their order; of a rating also the declared grades that nobody gave.
    ///
    /// # Errors
    /// `Invalid` for a ratio scale with a negative number.
    pub fn of_numbers(numbers: SortedCodes<Number>, control: &Control, level: Level) -> Result<Self> {
        check_ratio(&numbers.names.iter().map(|number| number.0).collect::<Vec<_>>(), control, level)?;
        let mut values: Vec<Number> = numbers.names.clone();
        if level != Level::Nominal {
            values.extend(control.declared.iter().filter_map(|grade| as_number(grade)).map(Number));
            values.sort_unstable();
            values.dedup();
        }
        let place = |number: &Number| values.binary_search(number).unwrap_or_default() as u32;
        let recoded: Vec<u32> = numbers.names.iter().map(place).collect();
        Ok(Self {
            labels: values.iter().map(|value| value.0.to_string()).collect(),
            recode: numbers.recode.iter().map(|code| recoded[*code as usize]).collect(),
            values: (level != Level::Nominal).then(|| values.iter().map(|value| value.0).collect()),
            ordered: false,
        })
    }

    /// Sets, each as one text, by that text.
    pub fn of_sets(sets: SortedCodes<String>) -> Self {
        Self { labels: sets.names, recode: sets.recode, values: None, ordered: false }
    }

    /// Texts that are all numbers: `numbers` has them in the order of their texts.
    fn of_numerals(labels: SortedCodes<String>, numbers: &[f64], control: &Control, level: Level) -> Result<Self> {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        if let Some(two) = order.windows(2).find(|two| numbers[two[0]] == numbers[two[1]]) {
            let (one, other) = (&labels.names[two[0]], &labels.names[two[1]]);
            return Err(refused(control, level, &format!("{one:?} and {other:?} are the same number")));
        }
        let mut rank = vec![0; order.len()];
        for (new, old) in (0..).zip(&order) {
            rank[*old] = new;
        }
        let values: Vec<f64> = order.iter().map(|place| numbers[*place]).collect();
        check_ratio(&values, control, level)?;
        Ok(Self {
            recode: labels.recode.iter().map(|code| rank[*code as usize]).collect(),
            labels: order.iter().map(|place| labels.names[*place].clone()).collect(),
            values: Some(values),
            ordered: false,
        })
    }
}

fn check_ratio(values: &[f64], control: &Control, level: Level) -> Result<()> {
    match values.iter().find(|value| **value < 0.0).filter(|_| level == Level::Ratio) {
        Some(value) => {
            Err(refused(control, level, &format!("a ratio scale has no negative values, but one is {value}")))
        }
        None => Ok(()),
    }
}

fn as_number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| value + 0.0)
}

fn refused(control: &Control, level: Level, why: &str) -> Error {
    Error::invalid(format!("level {} does not fit the answers to {:?}: {why}", level.name(), control.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<K>(names: impl IntoIterator<Item = K>) -> SortedCodes<K> {
        let names: Vec<K> = names.into_iter().collect();
        SortedCodes { recode: (0..names.len() as u32).collect(), names }
    }

    fn texts(names: &[&str]) -> SortedCodes<String> {
        codes(names.iter().map(|name| (*name).to_owned()))
    }

    fn control(declared: &[&str]) -> Control {
        let declared = declared.iter().map(|label| (*label).to_owned()).collect();
        Control { name: "q".to_owned(), declared, ..Control::default() }
    }

    #[test]
    fn a_declared_order_holds_with_labels_that_nobody_used() {
        let declared = control(&["None", "Low", "Medium", "High"]);
        let scale = Scale::of_labels(texts(&["High", "Low", "None"]), &declared, Level::Ordinal).unwrap();
        assert_eq!((scale.recode, scale.ordered, scale.values), (vec![3, 1, 0], true, None));
        assert_eq!(scale.labels, ["None", "Low", "Medium", "High"]);
        let nominal = Scale::of_labels(texts(&["High", "Low"]), &declared, Level::Nominal).unwrap();
        assert_eq!((nominal.labels.len(), nominal.ordered), (2, false));
    }

    #[test]
    fn labels_that_are_numbers_are_in_their_order() {
        let scale = Scale::of_labels(texts(&["10", "2", "9.5"]), &control(&[]), Level::Interval).unwrap();
        assert_eq!(scale.labels, ["2", "9.5", "10"]);
        assert_eq!((scale.recode, scale.values), (vec![2, 0, 1], Some(vec![2.0, 9.5, 10.0])));
    }

    #[test]
    fn a_level_that_does_not_fit_says_what_to_do() {
        for (labels, declared, level, part) in [
            (&["b", "a"][..], &[][..], Level::Ordinal, "import one with --config"),
            (&["a", "b"], &["a"], Level::Ordinal, "does not declare \"b\""),
            (&["1", "x"], &["x", "1"], Level::Interval, "one is \"x\""),
            (&["1", "1.0"], &[], Level::Ordinal, "\"1\" and \"1.0\" are the same number"),
        ] {
            let message = Scale::of_labels(texts(labels), &control(declared), level).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains("answers to \"q\""), "{message}");
        }
        let negative = Scale::of_numbers(codes([Number(-1.5)]), &control(&[]), Level::Ratio).unwrap_err();
        assert!(negative.to_string().contains("-1.5"), "{negative}");
    }

    #[test]
    fn a_rating_has_all_its_grades_and_numbers_only_their_own() {
        let numbers = || codes([Number(2.0), Number(4.5)]);
        let rated = Scale::of_numbers(numbers(), &control(&["1", "2", "3"]), Level::Ordinal).unwrap();
        assert_eq!((rated.values, rated.recode), (Some(vec![1.0, 2.0, 3.0, 4.5]), vec![1, 3]));
        assert_eq!(rated.labels, ["1", "2", "3", "4.5"]);
        let number = Scale::of_numbers(numbers(), &control(&[]), Level::Interval).unwrap();
        assert_eq!(number.labels, ["2", "4.5"]);
        let nominal = Scale::of_numbers(numbers(), &control(&["1"]), Level::Nominal).unwrap();
        assert_eq!((nominal.labels.len(), nominal.values), (2, None));
    }
}
