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
    Entry {
        name: "icc_a_1",
        title: "ICC, agreement",
        brief: "intraclass correlation: share of the variance that lies between items; annotators’ different means count against it",
        formula: &["ICC(A,1) = (MS_items − MS_error) / (MS_items + (k − 1) MS_error + k/n (MS_raters − MS_error))"],
        meaning: "The intraclass correlation: how reliable one annotator’s number is when the numbers themselves matter. Only items that every annotator rated count. \
                  With items that hardly differ it is low even where annotators are close: look at the limits of agreement, too.",
        source: "McGraw, K. O., & Wong, S. P. (1996). Forming inferences about some intraclass correlation coefficients. Psychological \
                 Methods 1(1), 30–46.",
    },
    Entry {
        name: "icc_c_1",
        title: "ICC, consistency",
        brief: "as agreement, but an annotator may be higher or lower than the others throughout",
        formula: &["ICC(C,1) = (MS_items − MS_error) / (MS_items + (k − 1) MS_error)"],
        meaning: "How reliable one annotator’s ranking of items is. Well above the agreement form: annotators use the scale at different heights.",
        source: "McGraw and Wong (1996), as above.",
    },
    Entry {
        name: "icc_1_1",
        title: "ICC, one-way",
        brief: "as agreement, when it does not matter which annotator gave which number",
        formula: &["ICC(1) = (MS_items − MS_within) / (MS_items + (k − 1) MS_within)"],
        meaning: "For items that are each rated by other annotators. The three forms with k are the same for the mean of all annotators.",
        source: "McGraw and Wong (1996), as above.",
    },
    Entry {
        name: "icc_a_k",
        title: "ICC of the mean, agreement",
        brief: "how reliable the mean of all annotators is",
        formula: &["ICC(A,k) = (MS_items − MS_error) / (MS_items + (MS_raters − MS_error) / n)"],
        meaning: "Higher than the form for one annotator, as errors average out. Quote it only where the mean is what is used.",
        source: "McGraw and Wong (1996), as above.",
    },
    Entry {
        name: "icc_c_k",
        title: "ICC of the mean, consistency",
        brief: "how reliable the mean of all annotators is for ranking items",
        formula: &["ICC(C,k) = (MS_items − MS_error) / MS_items"],
        meaning: "Also known as Cronbach’s alpha. As the agreement form, but annotators’ different means do not count.",
        source: "McGraw and Wong (1996), as above.",
    },
    Entry {
        name: "icc_1_k",
        title: "ICC of the mean, one-way",
        brief: "how reliable the mean is when it does not matter who rated",
        formula: &["ICC(k) = (MS_items − MS_within) / MS_items"],
        meaning: "The one-way form for the mean of k ratings.",
        source: "McGraw and Wong (1996), as above.",
    },
    Entry {
        name: "kendall_w",
        title: "Kendall’s W",
        brief: "how far all annotators rank the items alike",
        formula: &["W = 12 S / (k² (n³ − n) − k ΣT), S the spread of the items’ rank sums, T for ties"],
        meaning: "1 when all rank the items in the same order, 0 when their orders have nothing in common. The distances between answers do \
                  not matter. Only items that every annotator rated count.",
        source: "Kendall, M. G., & Babington Smith, B. (1939). The problem of m rankings. Annals of Mathematical Statistics 10(3), 275–287.",
    },
    Entry {
        name: "spearman_rho",
        title: "Spearman’s rho",
        brief: "correlation of two annotators’ ranks, averaged over pairs",
        formula: &["Pearson’s r of the ranks, ties at their mean rank"],
        meaning: "Whether two annotators order the items alike. A high correlation is not agreement: one may be a grade higher throughout.",
        source: "Spearman, C. (1904). The proof and measurement of association between two things. American Journal of Psychology 15(1), 72–101.",
    },
    Entry {
        name: "kendall_tau_b",
        title: "Kendall’s tau-b",
        brief: "pairs of items that two annotators order alike, beyond those that they order differently",
        formula: &["τ_b = (C − D) / √((C + D + T_x)(C + D + T_y)), T the ties of one annotator alone"],
        meaning: "As Spearman’s rho, counted over pairs of items, and kinder to few grades with many ties.",
        source: "Kendall, M. G. (1945). The treatment of ties in ranking problems. Biometrika 33(3), 239–251.",
    },
    Entry {
        name: "pearson_r",
        title: "Pearson’s r",
        brief: "linear correlation of two annotators’ numbers, averaged over pairs",
        formula: &["r = s_xy / (s_x s_y)"],
        meaning: "Annotators whose numbers differ by a constant, or by a factor, correlate perfectly: read it next to Lin’s coefficient.",
        source: "Pearson, K. (1895). Notes on regression and inheritance in the case of two parents.",
    },
    Entry {
        name: "lin_ccc",
        title: "Lin’s concordance correlation",
        brief: "correlation of two annotators’ numbers, less what differs in height and spread",
        formula: &["CCC = 2 s_xy / (s_x² + s_y² + (mean_x − mean_y)²)"],
        meaning: "How close the numbers lie to being equal, not merely to a line. Never above Pearson’s r.",
        source: "Lin, L. I-K. (1989). A concordance correlation coefficient to evaluate reproducibility. Biometrics 45(1), 255–268.",
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
        id: "coverage",
        title: "Marked intervals",
        paragraphs: &[
            "A 95 % interval should hold the true figure 95 times in 100. Simulations show where it holds it less often than 93 times, and \
             figures of that kind are marked: with fewer than 50 items (few items); when one label has four fifths of the answers or more and \
             fewer than 100 items count (skewed labels); for a label that fewer than 10 items have (rare label); and when two annotators, or \
             one annotator and the others, share fewer than 50 items (few shared items).",
            "A marked figure is not wrong. Its interval is rather too narrow or too wide: draw no conclusion that hangs on one of its ends, \
             and label more items before you publish it. docs/INTERVALS.md has the simulations.",
        ],
        source: "Own simulations, 2000 of each setting.",
    },
    Topic {
        id: "levels",
        title: "Levels: what a difference means",
        paragraphs: &[
            "Choices are nominal: equal or not. Ratings are ordinal: the more grades lie between two of them, the less they agree. Numbers \
             are on an interval scale: the larger their difference, the less they agree. All figures of agreement then give credit for \
             answers that are near each other, percent agreement too. Questions with several answers are compared as sets of labels; an \
             annotation that chose none is the empty set.",
            "The command line and the API can read answers otherwise (`--level`, `level=`): choices as ordinal, in the order of the labelling \
             config, or ratings as nominal.",
        ],
        source: "Stevens (1946) on levels of measurement; Gwet (2014), chapter 3, on weights; docs/METRICS.md.",
    },
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
            "Ratings have, besides weighted coefficients, Kendall’s W and tau-b and Spearman’s rho. Numbers have intraclass correlations, \
             Pearson’s r, Lin’s concordance correlation and, for each pair, the limits of Bland and Altman, too. A high correlation is not \
             agreement: annotators whose numbers differ by a constant correlate perfectly. docs/METRICS.md has the formulas.",
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
