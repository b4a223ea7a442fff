//! The guide: what each measure is, its formula in text, how to read it, where it comes from.

use maud::{Markup, html};

use super::layout::{Frame, page};
use super::links::Links;
use super::text;

/// A measure as the pages explain it. `name` is the one in reports and in `docs/METRICS.md`.
#[derive(Debug)]
pub struct Entry {
    pub name: &'static str,
    pub title: &'static str,
    /// One line, for the table of figures.
    pub brief: &'static str,
    formula: &'static [&'static str],
    meaning: &'static str,
    source: &'static str,
}

/// In the order in which the overview lists them.
pub const MEASURES: &[Entry] = &[
    Entry {
        name: "percent_agreement",
        title: "Percent agreement",
        brief: "how often two annotators of an item gave the same label",
        formula: &[
            "per item i with n_i ≥ 2 answers:  P_i = Σ_k n_ik (n_ik − 1) / (n_i (n_i − 1))",
            "percent agreement = mean of P_i over those items",
        ],
        meaning: "The share of annotator pairs that agree, averaged over items. Easy to read, but part of it is luck: with two \
                  equally frequent labels, guessing alone reaches 50 %. Compare it between controls only together with a \
                  figure that takes chance out.",
        source: "Fleiss, J. L. (1971). Measuring nominal scale agreement among many raters. Psychological Bulletin 76(5), 378–382.",
    },
    Entry {
        name: "krippendorff_alpha",
        title: "Krippendorff’s alpha",
        brief: "agreement beyond chance; any number of annotators, gaps allowed",
        formula: &[
            "α = 1 − D_o / D_e",
            "D_o: share of answer pairs within items that differ (each item weighted by its number of answers)",
            "D_e: the same share if the answers were dealt to items at random",
        ],
        meaning: "1 is perfect agreement, 0 is what chance gives, below 0 is systematic disagreement. Copes with items that \
                  not everybody answered, so it is the figure to quote first. Krippendorff’s advice: rely on data from 0.80 \
                  upward, draw tentative conclusions from 0.667, and look at the lower end of the interval, not at the value alone.",
        source: "Krippendorff, K. (2011). Computing Krippendorff’s alpha-reliability. Thresholds: Krippendorff (2004), Human \
                 Communication Research 30(3), 411–433.",
    },
    Entry {
        name: "fleiss_kappa",
        title: "Fleiss’ kappa",
        brief: "agreement beyond chance; chance from the labels’ overall shares",
        formula: &[
            "κ = (P − P_e) / (1 − P_e)",
            "P: percent agreement;  P_e = Σ_k π_k², π_k the mean over items of the share of label k",
        ],
        meaning: "Close to alpha when every item has the same number of answers. Falls sharply when one label is very frequent, \
                  even if annotators agree on nearly everything: then read it next to Gwet’s AC1.",
        source: "Fleiss (1971), as above; for unequal numbers of answers Gwet, K. L. (2014), Handbook of Inter-Rater \
                 Reliability, 4th ed.",
    },
    Entry {
        name: "gwet_ac1",
        title: "Gwet’s AC1",
        brief: "agreement beyond chance that stays stable when one label dominates",
        formula: &[
            "AC1 = (P − P_e) / (1 − P_e)",
            "P: percent agreement;  P_e = 1/(q − 1) · Σ_k π_k (1 − π_k)",
            "q: the number of labels that occur;  π_k as for Fleiss’ kappa",
        ],
        meaning: "Counts as chance only what annotators would do when they guess. Barely moves when one label is rare or very \
                  frequent. If AC1 is high while alpha and kappa are low, the labels are unbalanced: check the rare labels one by one.",
        source: "Gwet, K. L. (2008). Computing inter-rater reliability and its variance in the presence of high agreement. \
                 British Journal of Mathematical and Statistical Psychology 61(1), 29–48.",
    },
    Entry {
        name: "mean_pairwise_cohen_kappa",
        title: "Mean pairwise Cohen’s kappa",
        brief: "Cohen’s kappa of each two annotators, averaged (Light’s kappa)",
        formula: &["mean of Cohen’s κ over all pairs of annotators that share items and for which it is defined"],
        meaning: "Treats annotators as individuals with their own habits. One careless annotator lowers it; the heat map of \
                  pairs shows who.",
        source: "Light, R. J. (1971). Measures of response agreement for qualitative data. Psychological Bulletin 76(5), 365–377.",
    },
    Entry {
        name: "cohen_kappa",
        title: "Cohen’s kappa",
        brief: "agreement of two annotators beyond chance",
        formula: &[
            "κ = (p_o − p_e) / (1 − p_e)",
            "p_o: share of shared items with the same label;  p_e = Σ_k p_k(a) · p_k(b) from the two annotators’ own label shares",
        ],
        meaning: "For two annotators and the items that both answered. Undefined when both used one and the same label only: \
                  then chance agreement is certain and nothing can be told.",
        source: "Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and Psychological Measurement \
                 20(1), 37–46.",
    },
    Entry {
        name: "kappa_against_others",
        title: "Kappa against the others",
        brief: "agreement of one annotator with everybody else, beyond chance",
        formula: &[
            "κ = (p_o − p_e) / (1 − p_e)",
            "p_o: mean over the annotator’s items of the share of the other annotators who gave the same label",
            "p_e = Σ_k p_k · q_k, p_k the annotator’s share of label k, q_k the mean of the others’ shares",
        ],
        meaning: "Cohen’s kappa with the other annotators of each item taken together; with two annotators it is Cohen’s kappa. \
                  A low value says that someone labels differently, not who is right.",
        source: "After Cohen (1960), as above.",
    },
    Entry {
        name: "specific_agreement",
        title: "Specific agreement",
        brief: "if one annotator gave this label, how often did the other",
        formula: &["P(k) = Σ_i n_ik (n_ik − 1) / Σ_i n_ik (n_i − 1)"],
        meaning: "Agreement on one label: of the pairs in which someone chose it, the share in which the partner chose it too. \
                  Shows which label is hard while the overall figures look fine.",
        source: "Spitzer, R. L., & Fleiss, J. L. (1974). A re-analysis of the reliability of psychiatric diagnosis. British \
                 Journal of Psychiatry 125, 341–347.",
    },
];

/// The entry for a measure's name.
pub fn entry(measure: &str) -> Option<&'static Entry> {
    MEASURES.iter().find(|entry| entry.name == measure)
}

/// A measure's place in the guide; those without an entry come last.
pub fn rank(measure: &str) -> usize {
    MEASURES.iter().position(|entry| entry.name == measure).unwrap_or(MEASURES.len())
}

/// A measure's name for people; names without an entry are shown readable.
pub fn title(measure: &str) -> String {
    entry(measure).map_or_else(|| text::humanise(measure), |entry| entry.title.to_owned())
}

/// `GET /metrics-guide`
pub fn render(links: Links<'_>) -> Markup {
    let frame = Frame { links, title: "How the figures are made", project: None, section: "guide", charts: false };
    page(
        frame,
        html! {
            div.narrow {
                h1 { "How the figures are made" }
                p {
                    "Every figure says how well annotators who labelled the same items agree. No single one tells the whole \
                     story, so Assay shows several side by side, each with what is needed to judge it:"
                }
                ul {
                    li { b { "95 % interval. " } "The range in which the figure would mostly fall if other items of the same kind \
                        had been labelled. Wide intervals mean few items: compare intervals before you compare values." }
                    li { b { "n. " } "How many items, ratings and annotators went in, after the rules below." }
                    li { b { "Undefined. " } "When a figure cannot be computed (one annotator, one label), the page says why \
                        instead of showing 0 or 1." }
                }
                h2 { "What counts" }
                p {
                    "Skipped tasks, drafts, ground truth and model predictions are left out of agreement between annotators. If one \
                     annotator answered an item several times, the answer with the highest id counts. The overview lists how many annotations \
                     each rule left out."
                }
                nav aria-label="Measures" {
                    ul.contents { @for entry in MEASURES { li { a href={ "#" (entry.name) } { (entry.title) } } } }
                }
                @for entry in MEASURES { (section(entry)) }
                h2 { "Notation" }
                p {
                    "n_i is the number of answers on item i, n_ik how many of them chose label k, Σ_k a sum over labels."
                }
            }
        },
    )
}

fn section(entry: &Entry) -> Markup {
    html! {
        section.measure id=(entry.name) {
            h2 { (entry.title) " " code.quiet { (entry.name) } }
            p.lead { "In short: " (entry.brief) "." }
            div.formula { @for line in entry.formula { div { (line) } } }
            p { (entry.meaning) }
            p.quiet { (entry.source) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_an_anchor() {
        let page = render(Links::of("default")).into_string();
        for entry in MEASURES {
            assert!(page.contains(&format!("id=\"{}\"", entry.name)), "{}", entry.name);
        }
        assert_eq!(title("new_measure"), "new measure");
    }
}
