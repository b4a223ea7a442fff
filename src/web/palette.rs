//! Colours of labels and raters: classes of the stylesheet, the same on every page.

use std::collections::BTreeMap;

use crate::reports::views::AgreementReport;

/// Colours in `assay.css` (`l0` … `l7` for labels, `r0` … `r7` for raters).
const COLOURS: usize = 8;

/// The colour of each label: its place among the control's labels in alphabetical order.
#[derive(Debug, Default)]
pub struct Palette {
    labels: BTreeMap<String, Vec<String>>,
}

impl Palette {
    /// From the labels of a report, and from labels seen elsewhere.
    pub fn new<'a>(report: Option<&'a AgreementReport>, seen: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let reported = report
            .into_iter()
            .flat_map(|report| &report.data.controls)
            .flat_map(|control| control.labels.iter().map(|count| (control.control.as_str(), count.label.as_str())));
        for (control, label) in reported.chain(seen) {
            labels.entry(control.to_owned()).or_default().push(label.to_owned());
        }
        for names in labels.values_mut() {
            names.sort_unstable();
            names.dedup();
        }
        Self { labels }
    }

    /// The class of a label; what is not a label has none of the colours.
    pub fn label(&self, control: &str, label: &str) -> String {
        let at =
            self.labels.get(control).and_then(|names| names.binary_search_by(|name| name.as_str().cmp(label)).ok());
        at.map_or_else(|| "plain".to_owned(), |at| format!("l{}", at % COLOURS))
    }
}

/// The class of the rater at a place in a page's list of raters. After a round of colours, lines are dashed.
pub fn rater(at: usize) -> String {
    format!("r{}{}", at % COLOURS, if at >= COLOURS { " dashed" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_colour_whatever_their_order() {
        let one = Palette::new(None, [("c", "b"), ("c", "a")]);
        let other = Palette::new(None, [("c", "a"), ("c", "b"), ("c", "a")]);
        assert_eq!([one.label("c", "a"), one.label("c", "b")], ["l0", "l1"]);
        assert_eq!(one.label("c", "b"), other.label("c", "b"));
        assert_eq!(one.label("c", "unheard of"), "plain");
        assert_eq!(rater(9), "r1 dashed");
    }
}
