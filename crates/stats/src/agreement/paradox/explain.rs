use super::Diagnosis;
use crate::estimate::Estimate;
use crate::interval::Interval;

/// Percent agreement from here on is called high.
pub const HIGH_AGREEMENT: f64 = 0.8;
/// Chance-corrected agreement below this is called low: the lower end of Landis and Koch's "substantial".
pub const LOW_CHANCE_CORRECTED: f64 = 0.6;
/// A prevalence index from here on is called skewed: with two labels, shares of 75 % and 25 %.
pub const SKEWED: f64 = 0.5;
/// A rater whose shift is at least so large uses labels differently, if it is significant, too.
pub const SHIFTED: f64 = 0.1;
/// The size of z from which a rater's shift is not put down to chance: 5 % for some forty raters together.
pub const SIGNIFICANT_SHIFT: f64 = 3.3;

/// What explains a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is nothing to explain: the figure is not low.
    NotLow,
    /// The figure is undefined.
    NotDefined,
    /// Raters do not agree on many items in the first place.
    LowAgreement,
    /// Few labels take most ratings, so that chance alone gives high agreement.
    Prevalence,
    /// Raters use labels in different proportions.
    Bias,
    /// The interval is so wide that the figure may not be low at all.
    FewItems,
    /// Agreement is high, but not by much higher than chance gives; neither skew nor habits stand out, and there are enough items to say so.
    CloseToChance,
}

impl Reason {
    pub fn code(self) -> &'static str {
        match self {
            Self::NotLow => "not_low",
            Self::NotDefined => "not_defined",
            Self::LowAgreement => "low_agreement",
            Self::Prevalence => "prevalence",
            Self::Bias => "bias",
            Self::FewItems => "few_items",
            Self::CloseToChance => "close_to_chance",
        }
    }
}

/// Why a chance-corrected figure is what it is, in English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// In the order of the sentences.
    pub reasons: Vec<Reason>,
    pub text: String,
}

/// How codes are called in sentences.
pub trait Names {
    /// The coefficient, at the start of a sentence: "Krippendorff's alpha".
    fn coefficient(&self) -> String;
    fn label(&self, code: u32) -> String;
    fn rater(&self, code: u32) -> String;
}

/// Says why `figure`, a chance-corrected coefficient of nominal labels, is low or not, given percent agreement of the same ratings
/// and, if known, the specific agreement on the [rarest label](Diagnosis::rarest).
///
/// The thresholds are [`HIGH_AGREEMENT`], [`LOW_CHANCE_CORRECTED`], [`SKEWED`], [`SHIFTED`] and [`SIGNIFICANT_SHIFT`]. Several reasons
/// can hold at once. Sentences tell what was counted; they never say which of two raters is right, or that the raters could tell labels
/// apart that they hardly ever met.
pub fn explain(
    diagnosis: &Diagnosis,
    percent: &Estimate,
    figure: &Estimate,
    specific_of_rarest: Option<f64>,
    names: &impl Names,
) -> Explanation {
    let mut story = Story { diagnosis, names, reasons: Vec::new(), sentences: Vec::new() };
    match (percent.value, figure.value) {
        (Ok(agreement), Ok(value)) => {
            story.low_or_not(agreement, value);
            if value < LOW_CHANCE_CORRECTED {
                story.few_items(figure);
                let chance = figure.chance.map(|chance| chance.expected);
                story.causes(agreement, value, chance, specific_of_rarest);
            }
        }
        (Ok(agreement), Err(reason)) => story.undefined(agreement, reason.code()),
        (Err(reason), _) => {
            story.add(Reason::NotDefined, format!("There is no agreement to measure: {}.", reason.code()));
        }
    }
    Explanation { reasons: story.reasons, text: story.sentences.join(" ") }
}

struct Story<'a, N> {
    diagnosis: &'a Diagnosis,
    names: &'a N,
    reasons: Vec<Reason>,
    sentences: Vec<String>,
}

impl<N: Names> Story<'_, N> {
    fn add(&mut self, reason: Reason, sentence: String) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
        self.sentences.push(sentence);
    }

    fn undefined(&mut self, agreement: f64, code: &str) {
        let name = self.names.coefficient();
        let sentence = if self.diagnosis.label_shares.len() == 1 {
            let label = self.names.label(self.diagnosis.most_frequent().0);
            format!(
                "{name} is undefined: every rating is {label}, so chance alone makes all raters agree; whether they could \
                 tell it from another label is not known."
            )
        } else {
            format!("{name} is undefined ({code}); raters agree on {}.", percent(agreement))
        };
        self.add(Reason::NotDefined, sentence);
    }

    fn low_or_not(&mut self, agreement: f64, value: f64) {
        let name = self.names.coefficient();
        if value >= LOW_CHANCE_CORRECTED {
            let sentence = format!("{name} is {value:.2} at {} agreement: not low.", percent(agreement));
            self.add(Reason::NotLow, sentence);
        } else if agreement < HIGH_AGREEMENT {
            let sentence = format!(
                "{name} is {value:.2}, and two raters of an item give the same label only {} of the time (below {}).",
                percent(agreement),
                percent(HIGH_AGREEMENT)
            );
            self.add(Reason::LowAgreement, sentence);
        } else {
            self.sentences.push(format!(
                "{name} is only {value:.2} although two raters of an item give the same label {} of the time.",
                percent(agreement)
            ));
        }
    }

    fn few_items(&mut self, figure: &Estimate) {
        let items = figure.sample.items;
        match figure.interval {
            Ok(Interval { low, high }) if high >= LOW_CHANCE_CORRECTED => self.add(
                Reason::FewItems,
                format!(
                    "With {items} items the 95 % interval reaches from {low:.2} to {high:.2}: too few items to say that it is \
                     low."
                ),
            ),
            Ok(_) => {}
            Err(reason) => self.add(
                Reason::FewItems,
                format!("There is no interval ({}), so how certain this is cannot be said.", reason.code()),
            ),
        }
    }

    fn causes(&mut self, agreement: f64, value: f64, chance: Option<f64>, specific_of_rarest: Option<f64>) {
        let skewed = self.diagnosis.prevalence_index.is_some_and(|index| index >= SKEWED);
        if skewed {
            self.prevalence(agreement, value, chance, specific_of_rarest);
        }
        self.bias();
        // Of too few items nothing more is said than that.
        if self.reasons.is_empty() {
            let by_chance = chance.map_or(String::new(), |chance| format!(" ({} here)", percent(chance)));
            self.add(
                Reason::CloseToChance,
                format!(
                    "Neither skewed labels nor raters with habits of their own stand out: agreement is simply not far enough \
                     above what chance gives{by_chance}."
                ),
            );
        }
    }

    fn prevalence(&mut self, agreement: f64, value: f64, chance: Option<f64>, specific_of_rarest: Option<f64>) {
        let (label, share) = self.diagnosis.most_frequent();
        let by_chance = match chance {
            Some(chance) => format!("so chance alone would give {} agreement", percent(chance)),
            None => "so chance alone would give much of the agreement".to_owned(),
        };
        let mut sentence = format!(
            "Labels are skewed: {} takes {} of the ratings (prevalence index {:.2}), {by_chance}.",
            self.names.label(label),
            percent(share),
            self.diagnosis.prevalence_index.unwrap_or(1.0),
        );
        let q = self.diagnosis.label_shares.len() as f64;
        let adjusted = (q * agreement - 1.0) / (q - 1.0);
        if adjusted > value {
            sentence += &format!(
                " Were all {} labels equally frequent, the same agreement would be worth {adjusted:.2}.",
                self.diagnosis.label_shares.len()
            );
        }
        let (rare, share) = self.diagnosis.rarest();
        if let Some(specific) = specific_of_rarest {
            sentence += &format!(
                " What matters is the rare label: {} takes {}, and when one rater gives it, another does {} of the time.",
                self.names.label(rare),
                percent(share),
                percent(specific)
            );
        }
        self.add(Reason::Prevalence, sentence);
    }

    /// The rater whose shift is significant and largest.
    fn bias(&mut self) {
        let stands_out = |z: Option<f64>| z.is_some_and(|z| z.abs() >= SIGNIFICANT_SHIFT);
        let shifted: Vec<_> =
            self.diagnosis.raters.iter().filter(|rater| rater.shift >= SHIFTED && stands_out(rater.z)).collect();
        let Some(most) = shifted.iter().copied().reduce(|a, b| if b.shift > a.shift { b } else { a }) else {
            return;
        };
        let direction = if most.difference > 0.0 { "more" } else { "less" };
        let others = match shifted.len() {
            n if n > 1 && self.diagnosis.raters.len() > 2 => {
                format!(" {n} of {} raters differ so.", self.diagnosis.raters.len())
            }
            _ => String::new(),
        };
        let sentence = format!(
            "Raters use labels in different proportions (bias index {:.2}): {} gives {} {} {direction} often than the others \
             on the same {} items.{others}",
            self.diagnosis.bias_index,
            self.names.rater(most.rater),
            self.names.label(most.label),
            percent_points(most.difference),
            most.items,
        );
        self.add(Reason::Bias, sentence);
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn percent_points(difference: f64) -> String {
    format!("{:.1} percentage points", 100.0 * difference.abs())
}
