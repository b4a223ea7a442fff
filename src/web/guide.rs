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
        name: "pooled_percent_agreement",
        title: "Pooled percent agreement",
        brief: "percent agreement with every pair of answers weighing the same",
        formula: &["Σ_i Σ_k n_ik (n_ik − 1) / Σ_i n_i (n_i − 1)"],
        meaning: "As percent agreement, but items with many answers weigh more. The two are equal where all items have equally many answers; where they differ, items with many answers are easier or harder than the rest.",
        source: "The observed agreement of Krippendorff’s alpha weighs in between: each item by its number of answers.",
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
        name: "conger_kappa",
        title: "Conger’s kappa",
        brief: "agreement beyond chance; each annotator with their own label shares",
        formula: &[
            "κ = (P − P_e) / (1 − P_e)",
            "P: percent agreement;  P_e = mean over pairs of annotators (g, h) of Σ_k p_gk p_hk",
        ],
        meaning: "Cohen’s kappa for any number of annotators. Higher than Fleiss’ kappa when annotators differ in how often they use the labels: such differences make chance agreement less likely.",
        source: "Conger, A. J. (1980). Integration and generalization of kappas for multiple raters. Psychological Bulletin 88(2), 322–328.",
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
        name: "gwet_ac2",
        title: "Gwet’s AC2",
        brief: "AC1 for labels that can agree in part",
        formula: &[
            "AC2 = (P − P_e) / (1 − P_e) with weighted agreement",
            "P_e = T / (q (q − 1)) · Σ_k π_k (1 − π_k), T the sum of all weights",
        ],
        meaning: "For ordered or numeric labels, where neighbours count as half right. With weights that know only equal and different it is AC1.",
        source: "Gwet, K. L. (2014), Handbook of Inter-Rater Reliability, 4th ed.",
    },
    Entry {
        name: "brennan_prediger",
        title: "Brennan–Prediger kappa",
        brief: "agreement beyond chance, with every label equally likely by chance",
        formula: &["κ = (P − 1/q) / (1 − 1/q), q the number of labels that occur"],
        meaning: "Asks nothing about how often labels are used, so a dominant label does not lower it. Also known as Bennett’s S and Randolph’s free-marginal kappa; with two labels and two annotators it is PABAK.",
        source: "Brennan, R. L., & Prediger, D. J. (1981). Coefficient kappa: some uses, misuses, and alternatives. Educational and Psychological Measurement 41(3), 687–699.",
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
        name: "scott_pi",
        title: "Scott’s pi",
        brief: "agreement of two annotators beyond chance; chance from both together",
        formula: &["π = (p_o − p_e) / (1 − p_e)", "p_e = Σ_k p_k², p_k the share of label k among the answers of both"],
        meaning: "Fleiss’ kappa for two annotators. Lower than Cohen’s kappa when the two use labels differently.",
        source: "Scott, W. A. (1955). Reliability of content analysis. Public Opinion Quarterly 19(3), 321–325.",
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
    Entry {
        name: "krippendorff_alpha_jaccard",
        title: "Alpha of sets (Jaccard)",
        brief: "agreement beyond chance of answers that are sets of labels",
        formula: &["α = 1 − D_o / D_e with the distance d(A, B) = 1 − |A ∩ B| / |A ∪ B|"],
        meaning: "For questions with several answers: sets that share most of their labels agree in part.",
        source: "Krippendorff (2011), as above; Jaccard, P. (1901).",
    },
    Entry {
        name: "krippendorff_alpha_masi",
        title: "Alpha of sets (MASI)",
        brief: "alpha of sets that is stricter when neither set holds the other",
        formula: &[
            "d(A, B) = 1 − M · |A ∩ B| / |A ∪ B|",
            "M = 1 for equal sets, 2/3 when one holds the other, 1/3 when they only overlap, 0 when they share nothing",
        ],
        meaning: "As with Jaccard’s distance, but one answer that merely says less than the other counts as closer than two that each say something else.",
        source: "Passonneau, R. (2006). Measuring agreement on set-valued items (MASI). LREC.",
    },
    Entry {
        name: "krippendorff_alpha_per_label",
        title: "Mean alpha per label of sets",
        brief: "alpha of each label’s being in the set or not, averaged",
        formula: &["mean of alpha over the labels for which it is defined"],
        meaning: "Every label weighs the same, however rare. The labels one by one show which of them are hard.",
        source: "Krippendorff (2011), as above.",
    },
];

/// What the pages show besides measures.
#[derive(Debug)]
struct Topic {
    id: &'static str,
    title: &'static str,
    paragraphs: &'static [&'static str],
    source: &'static str,
}

const TOPICS: &[Topic] = &[
    Topic {
        id: "without_annotator",
        title: "Without each annotator",
        paragraphs: &[
            "Krippendorff’s alpha of all other annotators when one is left out, and how much it changes. A change clearly above 0 says \
             that the others agree better among themselves than with this annotator; one below 0 that this annotator holds the group \
             together. It does not say who is right. Items that are left with one answer stop counting.",
        ],
        source: "A jackknife over annotators.",
    },
    Topic {
        id: "balance",
        title: "Prevalence, bias and the use of labels",
        paragraphs: &[
            "Why chance-corrected figures can be low although annotators mostly agree. Prevalence is 0 when all labels occur equally often \
             and 1 when only one does; entropy runs the other way. With a label that dominates, chance agreement is high and little is \
             left to show for: look at the rare labels one by one.",
            "Shift is the share of an annotator’s labels that would have to change to give the shares that the others gave to the same \
             items; bias is its mean over annotators. z is McNemar’s on the label that differs most; from 3.3 on a difference is marked.",
        ],
        source: "Feinstein and Cicchetti (1990); Byrt, Bishop and Carlin (1993), Bias, prevalence and kappa. Journal of Clinical \
                 Epidemiology 46(5), 423–429. Both indices are generalised to more labels and annotators.",
    },
    Topic {
        id: "benchmarks",
        title: "Benchmarks",
        paragraphs: &[
            "Words that authors have proposed for values of chance-corrected figures. A value alone can be in a high band by luck, so each \
             band comes with the probability that the true figure lies in it, from the value and its standard error. The band that is \
             reached is the highest that, or above which, the figure lies with a probability of 95 %.",
        ],
        source: "Gwet (2014), chapter 6; Landis and Koch (1977); Altman (1991); Fleiss (1981); Cicchetti and Sparrow (1981); Regier and \
                 others (2013); Krippendorff (2004).",
    },
    Topic {
        id: "over_time",
        title: "Over time and by slice",
        paragraphs: &[
            "The same figures from the items of one period or one value of a data field alone. An item belongs to the period (UTC) of its \
             newest answer. Without a choice the shortest of day, week and month is taken that makes at most 60 periods with ten items each \
             on average. Periods without an item that two annotators answered have no figure, and say so.",
        ],
        source: "Weeks are those of ISO 8601.",
    },
    Topic {
        id: "numbers",
        title: "Labels that are numbers",
        paragraphs: &[
            "Projects show figures of single choices. For scores and other numbers in a table, `assay agreement FILE --level interval` has \
             intraclass correlations (icc_a_1, icc_c_1 and their kin: the share of the variance that lies between items, with or without \
             the annotators’ different means), Kendall’s W and tau-b, Spearman’s rho, Pearson’s r, Lin’s concordance correlation, and the \
             limits of Bland and Altman. A high correlation is not agreement: annotators whose scores differ by a constant correlate \
             perfectly. docs/METRICS.md has the formulas.",
        ],
        source: "McGraw and Wong (1996) on the forms of the intraclass correlation; Lin (1989); Bland and Altman (1986).",
    },
    Topic {
        id: "planning",
        title: "What more labels would give",
        paragraphs: &[
            "Items needed: how many like these, in all, make alpha’s 95 % interval as narrow as wanted: ±0.05, or 0.1 from end to end. The spread between items is an \
             estimate itself, hence the range.",
            "The grid predicts the half-width for other numbers of items and of ratings per item. Three ratings of an item tell how much a \
             further one helps, and four tell it exactly; with fewer the prediction is a range.",
        ],
        source: "Hoeffding (1948) on the variance of means over pairs; Wilson (1927) on score intervals.",
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
                    ul.contents {
                        @for entry in MEASURES { li { a href={ "#" (entry.name) } { (entry.title) } } }
                        @for topic in TOPICS { li { a href={ "#" (topic.id) } { (topic.title) } } }
                    }
                }
                @for entry in MEASURES { (section(entry)) }
                @for topic in TOPICS { (about(topic)) }
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

fn about(topic: &Topic) -> Markup {
    html! {
        section.measure id=(topic.id) {
            h2 { (topic.title) }
            @for paragraph in topic.paragraphs { p { (paragraph) } }
            p.quiet { (topic.source) }
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
        for id in TOPICS.iter().map(|topic| topic.id) {
            assert!(page.contains(&format!("id=\"{id}\"")) && entry(id).is_none(), "{id}");
        }
        assert_eq!(title("new_measure"), "new measure");
    }
}
