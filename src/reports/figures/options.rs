use std::collections::BTreeSet;

/// What a figure is computed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breakdown {
    Overall,
    Label,
    Pair,
    Annotator,
}

impl Breakdown {
    pub fn name(self) -> &'static str {
        match self {
            Self::Overall => "overall",
            Self::Label => "label",
            Self::Pair => "pair",
            Self::Annotator => "annotator",
        }
    }
}

/// Every measure, and what it can be computed of.
pub const MEASURES: &[(&str, &[Breakdown])] = {
    use Breakdown::{Annotator, Label, Overall, Pair};
    &[
        ("percent_agreement", &[Overall, Pair, Annotator]),
        ("krippendorff_alpha", &[Overall, Label]),
        ("fleiss_kappa", &[Overall]),
        ("gwet_ac1", &[Overall]),
        ("mean_pairwise_cohen_kappa", &[Overall]),
        ("specific_agreement", &[Label]),
        ("cohen_kappa", &[Pair]),
        ("kappa_against_others", &[Annotator]),
    ]
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalKind {
    None,
    /// By the formula of each measure.
    Analytic,
}

/// Which figures, with which intervals.
#[derive(Debug, Clone)]
pub struct FigureOptions {
    /// Names of measures; all without.
    pub measures: Option<BTreeSet<String>>,
    /// Beside the overall figures.
    pub by: BTreeSet<Breakdown>,
    pub interval: IntervalKind,
    /// Options that every figure states: what was decided about the ratings before they were counted.
    pub policies: Vec<(&'static str, String)>,
}

impl FigureOptions {
    /// A measure that was named is computed of what it can be, if that is one thing only.
    pub fn wants(&self, by: Breakdown, measure: &str) -> bool {
        let chosen = by == Breakdown::Overall || self.by.contains(&by);
        match &self.measures {
            None => chosen,
            Some(named) => named.contains(measure) && (chosen || is_only_of(measure, by)),
        }
    }

    pub fn wants_any(&self, by: Breakdown) -> bool {
        MEASURES.iter().any(|(measure, of)| of.contains(&by) && self.wants(by, measure))
    }
}

fn is_only_of(measure: &str, by: Breakdown) -> bool {
    MEASURES.iter().any(|&(name, of)| name == measure && of == [by])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_measure_is_computed_even_if_its_only_breakdown_is_not_asked_for() {
        let options = |measures: &[&str], by: &[Breakdown]| FigureOptions {
            measures: (!measures.is_empty()).then(|| measures.iter().map(|&name| name.to_owned()).collect()),
            by: by.iter().copied().collect(),
            interval: IntervalKind::Analytic,
            policies: Vec::new(),
        };
        let all = options(&[], &[Breakdown::Pair]);
        assert!(all.wants(Breakdown::Overall, "fleiss_kappa") && all.wants_any(Breakdown::Pair));
        assert!(!all.wants_any(Breakdown::Label) && !all.wants_any(Breakdown::Annotator));
        let named = options(&["cohen_kappa", "krippendorff_alpha"], &[]);
        assert!(named.wants(Breakdown::Pair, "cohen_kappa") && !named.wants(Breakdown::Pair, "percent_agreement"));
        assert!(named.wants(Breakdown::Overall, "krippendorff_alpha") && !named.wants_any(Breakdown::Label));
    }
}
