//! Which controls a project has, what their answers are, and for which of them agreement can be computed.

use assay_formats::label_config::{self, LabelConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::{Answers, SeenControl};
use super::figures::Level;
use crate::error::{Error, Result};

/// What one annotator's answer to a control is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    #[default]
    Label,
    Number,
    /// Any number of labels, none too.
    Set,
}

/// A control of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    pub name: String,
    pub r#type: String,
    /// Usable annotations with an answer in this control.
    pub answers: u64,
    pub kind: AnswerKind,
    /// The labels, or the grades of a rating, in the order of the labelling config; empty without one.
    pub declared: Vec<String>,
    /// Whether an annotation with nothing in this control chose no label, and did not merely leave the question aside.
    pub blank_is_empty: bool,
    /// Why there are no agreement figures for it; none when there are.
    pub why_not: Option<String>,
}

impl Control {
    /// The level of the answers unless the caller says otherwise: Label Studio knows no order of choices.
    fn usual_level(&self) -> Level {
        match (self.kind, self.r#type.as_str()) {
            (AnswerKind::Number, "rating") => Level::Ordinal,
            (AnswerKind::Number, _) => Level::Interval,
            (AnswerKind::Label | AnswerKind::Set, _) => Level::Nominal,
        }
    }

    /// The level at which answers are compared.
    ///
    /// # Errors
    /// `Invalid` when sets of labels are to have another level than nominal.
    pub fn level(&self, wanted: Option<Level>) -> Result<Level> {
        match wanted {
            Some(level) if self.kind == AnswerKind::Set && level != Level::Nominal => Err(Error::invalid(format!(
                "the answers to {:?} are sets of labels, which have no level {}; leave the level out",
                self.name,
                level.name()
            ))),
            Some(level) => Ok(level),
            None => Ok(self.usual_level()),
        }
    }
}

/// All controls, by name. A control whose results have several types is one entry, of its first type, without figures.
/// Of a slice those that it has answers to; what they are is told by the whole.
pub fn controls(answers: &Answers, config: Option<&str>) -> Vec<Control> {
    let whole = read(&answers.whole(), config);
    if !answers.is_sliced() {
        return whole;
    }
    let part = read(answers, config);
    let of_part = |control: Control| {
        let found = part.iter().find(|found| found.name == control.name)?;
        Some(Control { answers: found.answers, ..control })
    };
    whole.into_iter().filter_map(of_part).collect()
}

fn read(answers: &Answers, config: Option<&str>) -> Vec<Control> {
    // An import refuses a config that cannot be read.
    let declared = config.and_then(|xml| label_config::parse(xml).ok());
    let mut found: Vec<Control> = Vec::new();
    for (code, seen) in answers.seen_controls() {
        let (name, kind) = &answers.controls()[code as usize];
        if let Some(earlier) = found.last_mut().filter(|control| control.name == *name) {
            earlier.why_not = Some(format!("its results have several types ({} and {kind})", earlier.r#type));
            continue;
        }
        found.push(control(name.clone(), kind.clone(), seen, declared.as_ref()));
    }
    found
}

fn control(name: String, r#type: String, seen: SeenControl, config: Option<&LabelConfig>) -> Control {
    let declared = config.and_then(|config| config.control(&name));
    let several = seen.several || config.and_then(|config| config.allows_several(&name)) == Some(true);
    let kind = match r#type.as_str() {
        "rating" | "number" => AnswerKind::Number,
        _ if several => AnswerKind::Set,
        _ => AnswerKind::Label,
    };
    let regions = seen.regions || declared.is_some_and(|control| control.per_region);
    let why_not = why_not(&r#type, seen.several, regions);
    let labels = declared.iter().flat_map(|control| control.labels.iter().map(|label| label.name().to_owned()));
    let grades = declared.and_then(|control| control.max_rating).into_iter().flat_map(|most| 1..=most.min(MOST_GRADES));
    Control {
        declared: labels.chain(grades.map(|grade| grade.to_string())).collect(),
        blank_is_empty: kind == AnswerKind::Set && !declared.is_some_and(|control| control.conditional),
        name,
        r#type,
        answers: seen.answers,
        kind,
        why_not,
    }
}

/// A config that declares more grades than this has a typing error in it.
const MOST_GRADES: u32 = 1000;

fn why_not(r#type: &str, several: bool, regions: bool) -> Option<String> {
    match r#type {
        "choices" | "rating" | "number" if regions => {
            Some("its answers belong to regions, which must be matched before they can be compared".to_owned())
        }
        "rating" | "number" if several => Some("annotations have several numbers in it".to_owned()),
        "choices" | "rating" | "number" => None,
        _ => Some(format!("agreement on {type} is not computed yet; choices, ratings and numbers are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"<View><Choices name="one" toName="t"><Choice value="Low"/><Choice value="High" alias="h"/></Choices>
        <Choices name="many" toName="t" choice="multiple"><Choice value="a"/></Choices>
        <View visibleWhen="choice-selected"><Choices name="asked" toName="t" choice="multiple"><Choice value="a"/></Choices></View>
        <Rating name="stars" toName="t" maxRating="3"/><Rating name="sure" toName="t" perRegion="true"/>
        <Number name="total" toName="t"/></View>"#;

    fn found(name: &str, kind: &str, seen: SeenControl, config: &str) -> Control {
        control(name.to_owned(), kind.to_owned(), seen, label_config::parse(config).ok().as_ref())
    }

    #[test]
    fn answers_are_labels_numbers_or_sets() {
        let plain = SeenControl::default();
        let several = SeenControl { several: true, ..plain };
        for (name, kind, seen, answers, level) in [
            ("one", "choices", plain, AnswerKind::Label, Level::Nominal),
            ("one", "choices", several, AnswerKind::Set, Level::Nominal),
            ("many", "choices", plain, AnswerKind::Set, Level::Nominal),
            ("stars", "rating", plain, AnswerKind::Number, Level::Ordinal),
            ("total", "number", plain, AnswerKind::Number, Level::Interval),
        ] {
            let control = found(name, kind, seen, CONFIG);
            assert_eq!((control.kind, control.level(None).unwrap()), (answers, level), "{name}");
            assert_eq!(control.why_not, None, "{name}");
        }
        assert_eq!(found("any", "choices", several, "").kind, AnswerKind::Set, "without a config data tell");
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        for (name, kind, several, regions, part) in [
            ("box", "rectanglelabels", false, true, "rectanglelabels is not computed yet"),
            ("one", "choices", false, true, "belong to regions"),
            ("sure", "rating", false, false, "belong to regions"),
            ("total", "number", true, false, "several numbers"),
            ("topic", "taxonomy", true, false, "taxonomy is not computed yet"),
        ] {
            let why = found(name, kind, SeenControl { several, regions, answers: 1 }, CONFIG).why_not.unwrap();
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn a_config_gives_order_and_grades() {
        let declared = |name, kind| found(name, kind, SeenControl::default(), CONFIG).declared;
        assert_eq!(declared("one", "choices"), ["Low", "h"]);
        assert_eq!(declared("stars", "rating"), ["1", "2", "3"]);
        assert!(declared("total", "number").is_empty() && declared("none", "choices").is_empty());
    }

    #[test]
    fn nothing_chosen_is_an_answer_unless_the_question_was_hidden() {
        let blank = |name| found(name, "choices", SeenControl::default(), CONFIG).blank_is_empty;
        assert_eq!([blank("many"), blank("asked"), blank("one")], [true, false, false]);
        let set = found("many", "choices", SeenControl::default(), CONFIG);
        assert_eq!(set.level(Some(Level::Nominal)).unwrap(), Level::Nominal);
        assert!(set.level(Some(Level::Ordinal)).unwrap_err().to_string().contains("\"many\" are sets"));
    }
}
