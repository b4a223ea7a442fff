//! Figures, times and reason codes in words and digits.

use maud::{Markup, html};

/// A count with thousands separators.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 item`, `2 items`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A measure's value: shares in percent, coefficients with three digits.
pub fn value(measure: &str, value: f64) -> String {
    let shown = if is_share(measure) { format!("{:.1} %", value * 100.0) } else { format!("{value:.3}") };
    signed(&shown)
}

/// `0.61 – 0.74`.
pub fn interval(measure: &str, low: f64, high: f64) -> String {
    if is_share(measure) {
        signed(&format!("{:.1} – {:.1} %", low * 100.0, high * 100.0))
    } else {
        signed(&format!("{low:.3} – {high:.3}"))
    }
}

/// Whether a measure is a share of something, and so reads best in percent.
pub fn is_share(measure: &str) -> bool {
    measure.ends_with("percent_agreement") || measure.ends_with("specific_agreement")
}

fn signed(text: &str) -> String {
    let negative_zero = text.strip_prefix('-').filter(|rest| rest.bytes().all(|b| !(b'1'..=b'9').contains(&b)));
    negative_zero.unwrap_or(text).replace('-', "−")
}

/// A stored RFC 3339 time, to the minute, with the exact one in the element.
pub fn time(rfc3339: &str) -> Markup {
    let minute = rfc3339.get(..16).filter(|text| text.as_bytes().get(10) == Some(&b'T'));
    html! {
        time datetime=(rfc3339) title=(rfc3339) {
            @match minute {
                Some(text) => { (text.replace('T', " ")) }
                None => { (rfc3339) }
            }
        }
    }
}

/// Seconds as `8.4 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else if whole < 3600.0 {
        format!("{:.0} min {:.0} s", (whole / 60.0).floor(), whole % 60.0)
    } else {
        format!("{:.0} h {:.0} min", (whole / 3600.0).floor(), (whole % 3600.0 / 60.0).floor())
    }
}

/// A number as its author would write it: no trailing zeros, no exponent for everyday sizes.
pub fn number(value: f64) -> String {
    signed(&format!("{value}"))
}

/// A number in few digits, for the edges of bins.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e7).contains(&size) {
        return signed(&format!("{value:.2e}"));
    }
    let digits = if size >= 100.0 { 0 } else { 2 };
    let scale = 10_f64.powi(digits);
    number((value * scale).round() / scale)
}

/// Why a figure is undefined, in words; unknown codes are shown readable.
pub fn undefined(code: &str) -> String {
    match code {
        "no_ratings" => "there are no ratings to compare",
        "one_rater" => "only one annotator gave an answer",
        "no_pairable_items" => "no item was answered by two annotators",
        "single_category" => "only one label was ever used, so chance agreement is certain",
        "no_defined_pair" => "kappa is undefined for every pair of annotators",
        "label_not_used" => "the label was never given to an item that two annotators answered",
        "one_item" => "one item alone shows no spread",
        "zero_variance" => "every item looks the same, so there is no spread to go by",
        "no_complete_items" => "no item was answered by every annotator",
        "no_analytic_interval" => "there is no formula for it",
        "too_few_items" => "there are too few items for the formula",
        other => return humanise(other),
    }
    .to_owned()
}

/// Why annotations were left out, in words.
pub fn dropped(code: &str) -> String {
    match code {
        "skipped" => "skipped by the annotator",
        "draft" => "drafts that were never submitted",
        "ground_truth" => "ground truth: a reference, not one more opinion",
        "prediction" => "model predictions: compared apart from people",
        "repeat_by_same_annotator" => "repeats: of several answers by one annotator the newest counts",
        "no_answer" => "submitted without an answer for this control",
        "empty_answer" => "an empty answer for this control",
        "several_labels" => "several labels where the control takes one",
        other => return humanise(other),
    }
    .to_owned()
}

/// `some_code` as `some code`.
pub fn humanise(code: &str) -> String {
    code.replace('_', " ")
}

/// At most `max` characters, cut at a character, with an ellipsis when something was cut.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}…", text[..cut].trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        assert_eq!([count(0), count(999), count(1000), count(1234567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(value("krippendorff_alpha", -0.0004), "0.000", "no minus zero");
        assert_eq!(value("krippendorff_alpha", -0.25), "−0.250");
        assert_eq!(value("percent_agreement", 0.8234), "82.3 %");
        assert_eq!(interval("cohen_kappa", -0.1, 0.2), "−0.100 – 0.200");
        assert_eq!([short(1234.56), short(-0.126), short(2.5e9), short(0.0)], ["1235", "−0.13", "2.50e9", "0"]);
        assert_eq!([duration(8.44), duration(200.2), duration(7500.0)], ["8.4 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(shorten("añb", 3), "añb");
        assert_eq!(shorten("añ bcd", 3), "añ…");
    }

    #[test]
    fn times_keep_the_exact_one() {
        let shown = time("2026-11-23T14:05:09Z").into_string();
        assert!(shown.contains(">2026-11-23 14:05<") && shown.contains("datetime=\"2026-11-23T14:05:09Z\""), "{shown}");
        assert!(time("<b>").into_string().contains("&lt;b&gt;"));
    }
}
