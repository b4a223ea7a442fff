//! One plain sentence on what the spread of the figures means.

use super::guide;
use super::text;
use crate::reports::measure::Measure;

/// Below this, coefficients say the same for all practical purposes.
const CLOSE: f64 = 0.05;
/// From this gap on, unbalanced labels are the likely cause.
const WIDE: f64 = 0.15;

/// What the overall figures of one control mean together; `None` when there are none at all.
pub fn spread(measures: &[&Measure]) -> Option<String> {
    let first = measures.first()?;
    let value = |name: &str| measures.iter().find(|m| m.measure == name).and_then(|m| m.value);
    let of_sets = measures.iter().any(|m| m.measure == MASI);
    let headline = if of_sets { MASI } else { "krippendorff_alpha" };
    let alpha = measures.iter().find(|m| m.measure == headline && m.value.is_some());
    let Some(alpha) = alpha else {
        let why =
            first.undefined_reason.as_deref().or_else(|| measures.iter().find_map(|m| m.undefined_reason.as_deref()));
        return Some(format!(
            "Agreement beyond chance cannot be judged yet: {}.",
            why.map_or_else(|| "there is nothing to compare".into(), text::undefined)
        ));
    };
    let trust = trust(alpha);
    if of_sets {
        // Alphas of sets differ in what they take for near, and not in what they take for chance.
        return Some(trust.to_owned());
    }
    let chance_corrected: Vec<f64> =
        measures.iter().filter(|m| takes_chance_out(&m.measure)).filter_map(|m| m.value).collect();
    let low = chance_corrected.iter().copied().fold(f64::INFINITY, f64::min);
    let high = chance_corrected.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ac1_gap = value("gwet_ac1").zip(alpha.value).map_or(0.0, |(ac1, alpha)| ac1 - alpha);
    let spread = if high - low <= CLOSE {
        format!(
            "The chance-corrected figures lie within {:.2} of each other, so it hardly matters which one you quote.",
            high - low
        )
    } else if ac1_gap >= WIDE {
        format!(
            "Gwet’s AC1 lies {ac1_gap:.2} above alpha: one label is much more frequent than the others, so annotators agree often \
             but are far less sure about the rare labels. Check those one by one before you trust the high figure."
        )
    } else {
        format!(
            "The chance-corrected figures differ by {:.2}: they disagree on what counts as chance, and annotators differ in habits or \
             in how many items they answered. Quote alpha, and look at the pairs below.",
            high - low
        )
    };
    Some(format!("{trust} {spread}"))
}

const MASI: &str = "krippendorff_alpha_masi";

/// Whether a measure says how much agreement there is beyond chance; correlations, for one, say something else.
fn takes_chance_out(measure: &str) -> bool {
    measure == "krippendorff_alpha"
        || ["_kappa", "_ac1", "_ac2", "_pi", "_prediger"].iter().any(|end| measure.ends_with(end))
}

/// Says so where chance-corrected figures lie far apart.
pub fn far_apart(measures: &[&Measure]) -> Option<String> {
    if measures.iter().any(|m| m.measure == MASI) {
        return None;
    }
    let corrected = measures.iter().filter(|m| takes_chance_out(&m.measure));
    let mut valued: Vec<(f64, &str)> = corrected.filter_map(|m| Some((m.value?, m.measure.as_str()))).collect();
    valued.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((low, lowest), (high, highest)) = (valued.first().copied()?, valued.last().copied()?);
    (high - low >= WIDE).then(|| {
        format!(
            "The figures lie {:.2} apart: {} is {low:.2}, {} is {high:.2}. They differ in what they take for chance. Publish more than \
             one of them, and say which.",
            high - low,
            guide::title(lowest),
            guide::title(highest)
        )
    })
}

/// Krippendorff's (2004) thresholds, read at the lower end of the interval.
fn trust(alpha: &Measure) -> &'static str {
    match alpha.ci_low.or(alpha.value) {
        Some(low) if low >= 0.8 => "Reliable: even the lower end of alpha’s interval is above 0.80.",
        Some(low) if low >= 0.667 => {
            "Good enough for tentative conclusions: alpha’s interval starts above 0.667 but below 0.80."
        }
        Some(low) if low > 0.0 => {
            "Not reliable yet: alpha’s interval reaches below 0.667, where conclusions from such labels are doubtful."
        }
        _ => "Not better than chance for certain: alpha’s interval includes 0.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::measure;

    fn read(alpha: f64, low: f64, kappa: f64, ac1: f64) -> String {
        let measures = [
            measure("percent_agreement", 0.9, (0.85, 0.95)),
            measure("krippendorff_alpha", alpha, (low, 0.99)),
            measure("fleiss_kappa", kappa, (low, 0.99)),
            measure("gwet_ac1", ac1, (low, 0.99)),
        ];
        spread(&measures.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_sentence_follows_the_figures() {
        assert!(
            read(0.9, 0.85, 0.9, 0.91).starts_with("Reliable") && read(0.9, 0.85, 0.9, 0.91).contains("within 0.01")
        );
        assert!(
            read(0.3, -0.1, 0.3, 0.8).contains("includes 0") && read(0.3, -0.1, 0.3, 0.8).contains("0.50 above alpha")
        );
        assert!(read(0.7, 0.5, 0.6, 0.7).contains("differ by 0.10"));
    }

    #[test]
    fn only_a_wide_spread_is_remarked_on() {
        let figures = |alpha, ac1| {
            let both = [measure("krippendorff_alpha", alpha, (0.1, 0.9)), measure("gwet_ac1", ac1, (0.1, 0.9))];
            far_apart(&both.iter().collect::<Vec<_>>())
        };
        assert_eq!(figures(0.6, 0.7), None);
        let wide = figures(0.3, 0.8).unwrap();
        assert!(wide.contains("0.50 apart") && wide.contains("Gwet’s AC1 is 0.80"), "{wide}");
        assert_eq!(far_apart(&[]), None);
    }

    #[test]
    fn correlations_and_sets_have_no_spread_of_chance() {
        let figures = [
            measure("krippendorff_alpha", 0.7, (0.5, 0.9)),
            measure("gwet_ac2", 0.72, (0.5, 0.9)),
            measure("spearman_rho", 0.95, (0.9, 0.99)),
        ];
        let figures: Vec<&Measure> = figures.iter().collect();
        assert!(spread(&figures).unwrap().contains("within 0.02"), "{:?}", spread(&figures));
        assert_eq!(far_apart(&figures), None);
        let sets = [measure(MASI, 0.9, (0.85, 0.95)), measure("krippendorff_alpha", 0.5, (0.4, 0.6))];
        let sets: Vec<&Measure> = sets.iter().collect();
        assert_eq!(spread(&sets).unwrap(), "Reliable: even the lower end of alpha’s interval is above 0.80.");
        assert_eq!(far_apart(&sets), None);
    }

    #[test]
    fn undefined_figures_give_their_reason() {
        let mut alpha = measure("krippendorff_alpha", 0.0, (0.0, 0.0));
        (alpha.value, alpha.undefined_reason) = (None, Some("no_pairable_items".into()));
        assert!(spread(&[&alpha]).unwrap().contains("no item was answered by two annotators"));
        assert_eq!(spread(&[]), None);
    }
}
