use std::collections::BTreeSet;

use assay_stats::agreement::{Facts, Ratings};

/// A table of items by raters with the names behind the codes.
pub struct Table {
    pub raters: Vec<String>,
    pub labels: Vec<String>,
    pub facts: Facts,
}

impl Table {
    /// Reads `item,rater,rater…` lines; an empty field is a missing rating.
    pub fn read(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split(',').skip(1).collect::<Vec<_>>());
        let raters: Vec<String> = lines.next().unwrap().into_iter().map(String::from).collect();
        let rows: Vec<Vec<&str>> = lines.collect();
        let labels: BTreeSet<&str> = rows.iter().flatten().copied().filter(|label| !label.is_empty()).collect();
        let labels: Vec<String> = labels.into_iter().map(String::from).collect();
        let code = |label: &str| labels.iter().position(|known| known == label).map(|code| code as u32);
        let items: Vec<Vec<(u32, u32)>> = rows
            .iter()
            .map(|row| (0..).zip(row).filter_map(|(rater, label)| Some((rater, code(label)?))).collect())
            .collect();
        let facts = facts(&items, raters.len(), labels.len());
        Self { raters, labels, facts }
    }
}

/// Facts of items given as (rater, label) lists.
pub fn facts(items: &[Vec<(u32, u32)>], n_raters: usize, n_labels: usize) -> Facts {
    Facts::new(ratings(items, n_raters, n_labels))
}

/// Ratings of items given as (rater, label) lists.
pub fn ratings(items: &[Vec<(u32, u32)>], n_raters: usize, n_labels: usize) -> Ratings {
    let mut offsets = vec![0];
    let (mut raters, mut labels) = (Vec::new(), Vec::new());
    for item in items {
        raters.extend(item.iter().map(|&(rater, _)| rater));
        labels.extend(item.iter().map(|&(_, label)| label));
        offsets.push(raters.len());
    }
    Ratings::new(offsets, &raters, &labels, n_raters, n_labels).unwrap()
}

/// The figures with identity weights.
pub mod nominal {
    use assay_stats::agreement::{self, Facts, PairAgreement, RaterAgreement, Weights};
    use assay_stats::{Estimate, Threads};

    fn identity(facts: &Facts) -> Weights {
        Weights::identity(facts.ratings().n_labels())
    }

    pub fn percent_agreement(facts: &Facts) -> Estimate {
        agreement::percent_agreement(facts, &identity(facts))
    }

    pub fn pooled_percent_agreement(facts: &Facts) -> Estimate {
        agreement::pooled_percent_agreement(facts, &identity(facts))
    }

    pub fn krippendorff_alpha(facts: &Facts) -> Estimate {
        agreement::krippendorff_alpha(facts, &identity(facts))
    }

    pub fn fleiss_kappa(facts: &Facts) -> Estimate {
        agreement::fleiss_kappa(facts, &identity(facts))
    }

    pub fn conger_kappa(facts: &Facts) -> Estimate {
        agreement::conger_kappa(facts, &identity(facts))
    }

    pub fn gwet_ac1(facts: &Facts) -> Estimate {
        agreement::gwet_ac(facts, &identity(facts))
    }

    pub fn brennan_prediger(facts: &Facts) -> Estimate {
        agreement::brennan_prediger(facts, &identity(facts))
    }

    pub fn mean_pairwise_cohen(facts: &Facts) -> Estimate {
        agreement::mean_pairwise_cohen(facts, &identity(facts), 1, Threads::ONE)
    }

    pub fn by_pair(facts: &Facts) -> Vec<PairAgreement> {
        agreement::by_pair(facts, &identity(facts), Threads::ONE)
    }

    pub fn by_rater(facts: &Facts) -> Vec<RaterAgreement> {
        agreement::by_rater(facts, Threads::ONE)
    }
}
