//! Marks beside figures whose intervals may hold the truth less often than they say. The rule is that of the reports.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::links;
use super::text;
use crate::reports::figures::Caution;
use crate::reports::measure::Measure;

const SIGN: &str = "⚠";

/// Beside the interval of a marked figure; nothing beside others.
pub fn mark(measure: &Measure) -> Markup {
    html! {
        @if let Some(caution) = measure.caution {
            " " a.caution href=(links::guide("coverage")) title={ "The interval may hold the truth less often than 95 times in 100: " (caution.words()) } {
                (SIGN) " " (text::humanise(caution.name()))
            }
        }
    }
}

/// The mark as text, for the rows of charts.
pub fn sign(measure: &Measure) -> Option<String> {
    measure.caution.map(|caution| format!("{SIGN} {}", text::humanise(caution.name())))
}

/// A name with the sign alone, where there is room for no more.
pub fn signed(name: &str, is_marked: bool) -> String {
    if is_marked { format!("{name} {SIGN}") } else { name.to_owned() }
}

/// What the marks of some figures mean; nothing where none is marked.
pub fn line<'a>(measures: impl IntoIterator<Item = &'a Measure>) -> Markup {
    let found: BTreeSet<Caution> = measures.into_iter().filter_map(|measure| measure.caution).collect();
    html! {
        @if !found.is_empty() {
            p.cautions {
                (SIGN) " "
                @for (at, caution) in found.iter().enumerate() {
                    @if at > 0 { "; " }
                    b { (text::humanise(caution.name())) } ": " (caution.words())
                }
                ". The marked intervals may hold the truth less often than 95 times in 100: "
                a href=(links::guide("coverage")) { "what intervals cover" } "."
            }
        }
    }
}

/// The same as a sentence for the note of a chart; empty where none is marked.
pub fn note<'a>(measures: impl IntoIterator<Item = &'a Measure>) -> String {
    let (mut marked, mut all, mut found) = (0_u64, 0_u64, BTreeSet::new());
    for measure in measures {
        all += 1;
        marked += u64::from(measure.caution.is_some());
        found.extend(measure.caution);
    }
    let words: Vec<&str> = found.into_iter().map(Caution::words).collect();
    match marked {
        0 => String::new(),
        _ => format!(
            " {SIGN} {} of {} figures rest on little ({}): their intervals may hold less than they say.",
            text::count(marked),
            text::count(all),
            words.join("; ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fixtures::measure;

    #[test]
    fn a_mark_can_be_read_without_a_pointer_and_leads_to_the_guide() {
        let plain = measure("krippendorff_alpha", 0.6, (0.5, 0.7));
        let few = Measure { caution: Some(Caution::FewItems), ..plain.clone() };
        let rare = Measure { caution: Some(Caution::RareLabel), ..plain.clone() };
        assert_eq!((mark(&plain).into_string(), line([&plain]).into_string(), note([&plain])), Default::default());
        let shown = mark(&few).into_string();
        assert!(shown.contains("⚠ few items</a>") && shown.contains("href=\"/metrics-guide#coverage\""), "{shown}");
        let all = [&plain, &few, &few, &rare];
        let explained = line(all).into_string();
        assert_eq!(explained.matches("fewer than 50 items").count(), 1, "{explained}");
        assert!(explained.contains("<b>rare label</b>: fewer than 10 items have the label"), "{explained}");
        assert!(note(all).contains("3 of 4 figures"), "{}", note(all));
    }
}
