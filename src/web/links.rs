//! Addresses of the pages: built here and nowhere else, so that every part of them is escaped.

use url::form_urlencoded::Serializer;

use crate::reports::views::DisagreementFilter;

/// Escapes one path segment: everything but RFC 3986 unreserved characters.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The pages of one workspace.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    pub workspace: &'a str,
}

impl Links<'_> {
    pub fn projects(&self) -> String {
        format!("/w/{}/projects", segment(self.workspace))
    }

    pub fn overview(&self, project: &str) -> String {
        format!("{}/{}", self.projects(), segment(project))
    }

    pub fn disagreements(&self, project: &str) -> String {
        format!("{}/disagreements", self.overview(project))
    }

    /// Item ids hold slashes (`source/task/7`): they travel as one escaped segment.
    pub fn item(&self, project: &str, item_id: &str) -> String {
        format!("{}/items/{}", self.overview(project), segment(item_id))
    }
}

/// The guide's text on one measure.
pub fn guide(measure: &str) -> String {
    format!("/metrics-guide#{measure}")
}

/// `path?a=b&c=d` from pairs; the pairs whose value is empty are left out.
pub fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A filter as query pairs, in one fixed order. Slices are `slice=key=value`.
pub fn filter_pairs(filter: &DisagreementFilter) -> Vec<(&'static str, String)> {
    let texts = [
        ("control", &filter.control),
        ("label", &filter.label),
        ("other_label", &filter.other_label),
        ("annotator", &filter.annotator),
        ("other_annotator", &filter.other_annotator),
        ("from", &filter.from),
        ("to", &filter.to),
    ];
    let mut pairs: Vec<(&'static str, String)> =
        texts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    pairs.extend(filter.slice.iter().map(|(key, value)| ("slice", format!("{key}={value}"))));
    pairs.extend(filter.min_score.map(|score| ("min_score", score.to_string())));
    pairs
}

/// The disagreement list under a filter, from the page after `cursor` on.
pub fn filtered(path: &str, filter: &DisagreementFilter, cursor: Option<&str>) -> String {
    let mut pairs = filter_pairs(filter);
    pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
    with_query(path, pairs.iter().map(|(name, value)| (*name, value.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_ids_travel_as_one_segment() {
        let links = Links { workspace: "default" };
        assert_eq!(links.item("p 1", "demo/task/7"), "/w/default/projects/p%201/items/demo%2Ftask%2F7");
        assert_eq!(segment("é?#\"<"), "%C3%A9%3F%23%22%3C");
        assert_eq!(segment(".."), "..", "dots are unreserved: a name is never a path, ids come from the database");
    }

    #[test]
    fn a_filter_becomes_a_query_in_fixed_order() {
        let filter = DisagreementFilter {
            control: Some("sentiment".into()),
            label: Some("a&b=c".into()),
            slice: [("language".to_owned(), "de".to_owned())].into(),
            min_score: Some(0.5),
            ..DisagreementFilter::default()
        };
        assert_eq!(
            filtered("/d", &filter, Some("x+y")),
            "/d?control=sentiment&label=a%26b%3Dc&slice=language%3Dde&min_score=0.5&cursor=x%2By"
        );
        assert_eq!(filtered("/d", &DisagreementFilter::default(), None), "/d");
    }
}
