//! Addresses of the pages: built here and nowhere else, so that every part of them is escaped.

use url::form_urlencoded::Serializer;

use crate::auth::Visitor;
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

/// A snapshot that an address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    pub number: i64,
    pub is_newest: bool,
}

/// The pages of one workspace, showing the snapshot that the address names, or else the newest; and who looks at them.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    pub workspace: &'a str,
    pub pin: Option<Pin>,
    /// None on a server that is open to its own machine.
    pub visitor: Option<&'a Visitor>,
}

impl<'a> Links<'a> {
    pub const fn of(workspace: &'a str) -> Self {
        Self { workspace, pin: None, visitor: None }
    }

    pub fn seen_by(self, visitor: Option<&'a Visitor>) -> Self {
        Self { visitor, ..self }
    }

    /// The same pages, of the newest snapshot whatever it is.
    pub fn newest(self) -> Self {
        Self { pin: None, ..self }
    }

    /// The same pages, of this snapshot.
    pub fn at(self, number: i64) -> Self {
        Self { pin: Some(Pin { number, is_newest: false }), ..self }
    }

    pub fn projects(&self) -> String {
        format!("/w/{}/projects", segment(self.workspace))
    }

    pub fn overview(&self, project: &str) -> String {
        self.page(project, "")
    }

    pub fn agreement(&self, project: &str) -> String {
        self.page(project, "/agreement")
    }

    pub fn disagreements(&self, project: &str) -> String {
        self.page(project, "/disagreements")
    }

    pub fn snapshots(&self, project: &str) -> String {
        self.page(project, "/snapshots")
    }

    /// Item ids hold slashes (`source/task/7`): they travel as one escaped segment.
    pub fn item(&self, project: &str, item_id: &str) -> String {
        self.page(project, &format!("/items/{}", segment(item_id)))
    }

    fn page(&self, project: &str, rest: &str) -> String {
        let number = self.pin.map(|pin| pin.number.to_string()).unwrap_or_default();
        let path = format!("{}/{}{rest}", self.projects(), segment(project));
        with_query(&path, [("snapshot", number.as_str())])
    }
}

/// The guide's text on one measure.
pub fn guide(measure: &str) -> String {
    format!("/metrics-guide#{measure}")
}

/// `path?a=b&c=d` from pairs; the pairs whose value is empty are left out. The path may have a query already.
pub fn with_query<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    // Segments are escaped: a question mark begins the query.
    let joint = if path.contains('?') { '&' } else { '?' };
    if query.is_empty() { path.to_owned() } else { format!("{path}{joint}{query}") }
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
        let links = Links::of("default");
        assert_eq!(links.item("p 1", "demo/task/7"), "/w/default/projects/p%201/items/demo%2Ftask%2F7");
        assert_eq!(segment("é?#\"<"), "%C3%A9%3F%23%22%3C");
        assert_eq!(segment(".."), "..", "dots are unreserved: a name is never a path, ids come from the database");
    }

    #[test]
    fn a_named_snapshot_stays_in_every_link() {
        let links = Links::of("default").at(4);
        assert_eq!(links.overview("p"), "/w/default/projects/p?snapshot=4");
        assert_eq!(links.item("p", "d/task/7"), "/w/default/projects/p/items/d%2Ftask%2F7?snapshot=4");
        let filter = DisagreementFilter { label: Some("bad".into()), ..DisagreementFilter::default() };
        let filtered = filtered(&links.disagreements("p?"), &filter, None);
        assert_eq!(filtered, "/w/default/projects/p%3F/disagreements?snapshot=4&label=bad");
        assert_eq!(links.newest().snapshots("p"), "/w/default/projects/p/snapshots");
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
