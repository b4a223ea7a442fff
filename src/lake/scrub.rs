//! Taking what identifies a person or an item out of texts and JSON. `docs/decisions/0003-erasure.md` says what is taken and why.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use assay_formats::label_studio::Fields;
use serde_json::value::RawValue;

/// Stands where something was erased.
pub const ERASED: &str = "[erased]";

/// Fields that Label Studio names users in, by number, by e-mail or as an object. A number means a person only here.
const USER_KEYS: [&str; 22] = [
    "annotator",
    "annotators",
    "assigned_to",
    "assignee",
    "assignees",
    "author",
    "comment_authors",
    "completed_by",
    "created_by",
    "created_username",
    "last_created_by",
    "last_updated_by",
    "owner",
    "resolved_by",
    "reviewed_by",
    "reviewer",
    "reviewers",
    "updated_by",
    "user",
    "user_id",
    "username",
    "users",
];
/// Fields of a user's object that hold who it is.
const ID_KEYS: [&str; 3] = ["id", "user_id", "pk"];
/// An object with the person's e-mail and one of these is that user, whatever field it stands in.
const PERSON_KEYS: [&str; 4] = ["id", "first_name", "last_name", "username"];

/// Everything that one person is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Also the ids of other forms.
    pub rater_ids: BTreeSet<String>,
    pub emails: BTreeSet<String>,
    pub names: BTreeSet<String>,
    /// Ids in the labelling tool, by source.
    pub native_ids: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub item_id: String,
    pub native_id: String,
}

/// Whom or what to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Person(Person),
    Item(Item),
}

/// What may stand beside a hit for it not to be part of something longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Email,
    Word,
    Id,
}

impl Edge {
    /// Whether this character makes what stands beside it a part of something longer.
    fn continues(self, beside: Option<char>) -> bool {
        let more: &str = match self {
            Self::Email => "_%+-",
            Self::Word => "",
            Self::Id => "_-/@+",
        };
        beside.is_some_and(|c| c.is_alphanumeric() || more.contains(c))
    }

    /// A full stop before a hit makes it a part of something longer, as in `a.bo@x.org`; after it, it ends a sentence or begins a file's
    /// ending. That `bo@x.org` is found in `bo@x.org.uk` is the lesser evil.
    fn is_edge(self, mut before: impl Iterator<Item = char>, mut after: impl Iterator<Item = char>) -> bool {
        let before = before.next();
        let goes_before = self != Self::Word && before == Some('.');
        !goes_before && !self.continues(before) && !self.continues(after.next())
    }
}

/// Finds and takes out what a subject is known by.
#[derive(Debug, Clone)]
pub struct Scrubber {
    subject: Subject,
    /// In lower case (A to Z), longest first.
    needles: Vec<(String, Edge)>,
    /// In lower case: names of one word, which mean a person only where users stand.
    short_names: BTreeSet<String>,
    /// In lower case.
    emails: BTreeSet<String>,
    all_native_ids: BTreeSet<String>,
}

impl Scrubber {
    pub fn new(subject: Subject) -> Self {
        let lower = |text: &String| text.to_ascii_lowercase();
        // Letters beyond A to Z keep their case when texts are searched: both are looked for.
        let cases = |text: &String| [text.to_lowercase(), text.to_uppercase(), text.clone()].map(|text| lower(&text));
        let (mut needles, mut short_names) = (Vec::new(), BTreeSet::new());
        let (mut emails, mut all_native_ids) = (BTreeSet::new(), BTreeSet::new());
        match &subject {
            Subject::Person(person) => {
                emails = person.emails.iter().map(|email| email.to_lowercase()).collect();
                needles.extend(person.emails.iter().flat_map(cases).map(|email| (email, Edge::Email)));
                needles.extend(person.rater_ids.iter().map(|id| (lower(id), Edge::Id)));
                for name in person.names.iter().flat_map(cases) {
                    if name.split_whitespace().count() > 1 {
                        needles.push((name, Edge::Word));
                    } else {
                        short_names.insert(name);
                    }
                }
                all_native_ids = person.native_ids.values().flatten().cloned().collect();
            }
            Subject::Item(item) => needles.push((lower(&item.item_id), Edge::Id)),
        }
        needles.retain(|(needle, _)| !needle.trim().is_empty());
        needles.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        needles.dedup();
        Self { subject, needles, short_names, emails, all_native_ids }
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The person's ids in the labelling tool that this source names; of all sources where it is not known.
    pub fn native_ids(&self, source: Option<&str>) -> Option<&BTreeSet<String>> {
        match (&self.subject, source) {
            (Subject::Person(person), Some(source)) => person.native_ids.get(source),
            (Subject::Person(_), None) => Some(&self.all_native_ids),
            (Subject::Item(_), _) => None,
        }
    }

    /// The text without what is to be erased; none when it holds nothing of it.
    pub fn text(&self, text: &str) -> Option<String> {
        // Keeps the place of every byte.
        let lower = text.to_ascii_lowercase();
        let mut scrubbed = String::new();
        let (mut copied, mut at) = (0, 0);
        while let Some((start, length)) = self.find(&lower, at) {
            scrubbed.push_str(&text[copied..start]);
            scrubbed.push_str(ERASED);
            copied = start + length;
            at = copied;
        }
        if copied == 0 {
            return None;
        }
        scrubbed.push_str(&text[copied..]);
        Some(scrubbed)
    }

    /// The first hit from `from` on; of several that begin there the longest.
    fn find(&self, lower: &str, from: usize) -> Option<(usize, usize)> {
        let hits = self.needles.iter().filter_map(|(needle, edge)| {
            let mut at = from;
            while let Some(found) = lower.get(at..)?.find(needle.as_str()).map(|offset| at + offset) {
                let end = found + needle.len();
                if edge.is_edge(lower[..found].chars().rev(), lower[end..].chars()) {
                    return Some((found, needle.len()));
                }
                at = found + lower[found..].chars().next().map_or(1, char::len_utf8);
            }
            None
        });
        hits.min_by_key(|(start, length)| (*start, std::cmp::Reverse(*length)))
    }

    /// Whether a field with this name and value, as `meta.updated_by` with `3`, names the person.
    pub fn is_user_field(&self, name: &str, value: &str, ids: Option<&BTreeSet<String>>) -> bool {
        let field = name.rsplit('.').next().unwrap_or(name);
        USER_KEYS.contains(&field)
            && (ids.is_some_and(|ids| ids.contains(value)) || self.short_names.contains(&value.to_ascii_lowercase()))
    }

    /// A JSON document without what is to be erased; none when it holds nothing of it. Everything else stays as it is written. What is no
    /// JSON is taken as text.
    pub fn json(&self, document: &str, ids: Option<&BTreeSet<String>>) -> Option<String> {
        if !self.may_hold(document, ids) {
            return None;
        }
        if serde_json::from_str::<&RawValue>(document).is_err() {
            return self.text(document);
        }
        match (Walk { scrubber: self, ids }).value(document, Standing::Root) {
            Scrubbed::Same => None,
            Scrubbed::Changed(text) => Some(text),
            Scrubbed::Gone => Some("null".to_owned()),
        }
    }

    /// Quickly: whether a document has to be looked at closely.
    fn may_hold(&self, document: &str, ids: Option<&BTreeSet<String>>) -> bool {
        let names_users = || {
            (!self.short_names.is_empty() || ids.is_some_and(|ids| !ids.is_empty()))
                && USER_KEYS.iter().any(|key| document.contains(key))
        };
        let names_tasks = || matches!(self.subject, Subject::Item(_)) && document.contains("\"position\"");
        // An escaped character may hide a hit.
        document.contains('\\')
            || self.find(&document.to_ascii_lowercase(), 0).is_some()
            || names_users()
            || names_tasks()
    }

    /// Whether the position of a reject (`task 3 (id 7), annotation 1 …`) names the item that is to be erased.
    pub fn is_position(&self, position: &str) -> bool {
        let Subject::Item(item) = &self.subject else { return false };
        let task = position.split(',').next().unwrap_or(position);
        task.trim_start().starts_with("task ") && task.contains(&format!("(id {})", item.native_id))
    }

    /// Whether a message (`task id 7 appears twice …`) is about the item that is to be erased.
    pub fn is_message(&self, message: &str) -> bool {
        let Subject::Item(item) = &self.subject else { return false };
        let named = format!("id {}", item.native_id);
        message
            .match_indices(&named)
            .any(|(at, _)| Edge::Word.is_edge(message[..at].chars().rev(), message[at + named.len()..].chars()))
    }
}

/// Where a value stands in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Root,
    /// In a field that names users.
    User,
    Other,
}

enum Scrubbed {
    Same,
    Changed(String),
    Gone,
}

struct Walk<'a> {
    scrubber: &'a Scrubber,
    ids: Option<&'a BTreeSet<String>>,
}

impl Walk<'_> {
    /// `text` is one valid JSON value.
    fn value(&self, text: &str, standing: Standing) -> Scrubbed {
        let text = text.trim();
        match text.as_bytes().first() {
            Some(b'{') => match serde_json::from_str::<Fields<'_>>(text) {
                Ok(fields) => self.object(&fields, standing),
                Err(_) => Scrubbed::Same,
            },
            Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(elements) => self.list(&elements, standing),
                Err(_) => Scrubbed::Same,
            },
            Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(text) {
                Ok(string) => self.string(&string, standing),
                Err(_) => Scrubbed::Same,
            },
            _ if standing == Standing::User && self.is_id(text) => Scrubbed::Gone,
            _ => Scrubbed::Same,
        }
    }

    fn is_id(&self, text: &str) -> bool {
        self.ids.is_some_and(|ids| ids.contains(text))
    }

    fn string(&self, string: &str, standing: Standing) -> Scrubbed {
        let found = self.scrubber.text(string);
        if standing == Standing::User {
            let whole = string.trim().to_ascii_lowercase();
            let is_person = found.is_some() || self.is_id(&whole) || self.scrubber.short_names.contains(&whole);
            return if is_person { Scrubbed::Gone } else { Scrubbed::Same };
        }
        found.map_or(Scrubbed::Same, |text| Scrubbed::Changed(quoted(&text)))
    }

    fn list(&self, elements: &[&RawValue], standing: Standing) -> Scrubbed {
        let inside = if standing == Standing::User { standing } else { Standing::Other };
        let mut changed = false;
        let mut kept: Vec<Cow<'_, str>> = Vec::with_capacity(elements.len());
        for element in elements {
            match self.value(element.get(), inside) {
                Scrubbed::Same => kept.push(Cow::Borrowed(element.get())),
                Scrubbed::Changed(text) => {
                    changed = true;
                    kept.push(Cow::Owned(text));
                }
                Scrubbed::Gone => changed = true,
            }
        }
        if changed { Scrubbed::Changed(format!("[{}]", kept.join(","))) } else { Scrubbed::Same }
    }

    fn object(&self, fields: &Fields<'_>, standing: Standing) -> Scrubbed {
        if standing != Standing::Root && (self.is_person(fields, standing) || self.names_task(fields)) {
            return Scrubbed::Gone;
        }
        let mut changed = false;
        let mut kept = Vec::with_capacity(fields.0.len());
        for (key, value) in &fields.0 {
            let inside = if USER_KEYS.contains(&key.as_ref()) { Standing::User } else { Standing::Other };
            let value = match self.value(value.get(), inside) {
                Scrubbed::Same => Cow::Borrowed(value.get()),
                Scrubbed::Changed(text) => {
                    changed = true;
                    Cow::Owned(text)
                }
                Scrubbed::Gone => {
                    changed = true;
                    continue;
                }
            };
            let key = match self.scrubber.text(key) {
                None => quoted(key),
                Some(scrubbed) => {
                    changed = true;
                    quoted(&scrubbed)
                }
            };
            kept.push(format!("{key}:{value}"));
        }
        if changed { Scrubbed::Changed(format!("{{{}}}", kept.join(","))) } else { Scrubbed::Same }
    }

    fn is_person(&self, fields: &Fields<'_>, standing: Standing) -> bool {
        let field = |name: &str| fields.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
        let email = field("email").and_then(|value| serde_json::from_str::<Cow<'_, str>>(value).ok());
        let has_email = email.is_some_and(|email| self.scrubber.emails.contains(&email.trim().to_lowercase()));
        match standing {
            Standing::User => {
                let is_id = |key: &&str| field(key).is_some_and(|value| self.is_id(value.trim_matches('"')));
                has_email || ID_KEYS.iter().any(is_id)
            }
            _ => has_email && PERSON_KEYS.iter().any(|key| field(key).is_some()),
        }
    }

    fn names_task(&self, fields: &Fields<'_>) -> bool {
        let position = fields.0.iter().find(|(key, _)| key == "position");
        let text = position.and_then(|(_, value)| serde_json::from_str::<Cow<'_, str>>(value.get()).ok());
        text.is_some_and(|text| self.scrubber.is_position(&text))
    }
}

/// A text as JSON; that cannot fail.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bo() -> Scrubber {
        Scrubber::new(Subject::Person(Person {
            rater_ids: ["p/user/3".to_owned(), "p/user/bo@x.org".to_owned()].into(),
            emails: ["Bo@x.org".to_owned()].into(),
            names: ["Bo Lee".to_owned(), "Bolek".to_owned()].into(),
            native_ids: [("p".to_owned(), ["3".to_owned()].into())].into(),
        }))
    }

    #[test]
    fn texts_lose_whole_addresses_names_and_ids() {
        let bo = bo();
        for (text, left) in [
            ("bo@x.org", "[erased]"),
            ("ask BO@X.ORG.", "ask [erased]."),
            ("export of bo@x.org.json", "export of [erased].json"),
            ("by Bo Lee, and bo lee's", "by [erased], and [erased]'s"),
            ("p/user/3 said", "[erased] said"),
            ("p/user/bo@x.org", "[erased]"),
            ("ä bo@x.org é", "ä [erased] é"),
            ("jimbo@x.org bo@x.org", "jimbo@x.org [erased]"),
        ] {
            assert_eq!(bo.text(text).as_deref(), Some(left), "{text}");
        }
        for other in
            ["jimbo@x.org", "a.bo@x.org", "bo@x.organic", "Jumbo Lee", "Bo Leeds", "Bolek", "p/user/31", "3", ""]
        {
            assert_eq!(bo.text(other), None, "{other}");
        }
    }

    #[test]
    fn letters_of_any_script_are_found_in_both_cases() {
        let person = Person {
            names: ["Ärzu Öz".to_owned()].into(),
            emails: ["ärzu@x.org".to_owned()].into(),
            ..Person::default()
        };
        let scrubber = Scrubber::new(Subject::Person(person));
        for (text, left) in [
            ("Ärzu Öz", "[erased]"),
            ("ÄRZU ÖZ ruft", "[erased] ruft"),
            ("ärzu öz", "[erased]"),
            ("ÄRZU@X.ORG", "[erased]"),
            ("Ärzu Özil", "Ärzu Özil"),
        ] {
            assert_eq!(scrubber.text(text).unwrap_or(text.to_owned()), left);
        }
        assert_eq!(scrubber.json(r#"{"completed_by":{"email":"Ärzu@x.org","id":7}}"#, None).as_deref(), Some("{}"));
    }

    #[test]
    fn documents_lose_the_person_and_keep_the_rest_as_written() {
        let bo = bo();
        let ids = bo.native_ids(Some("p"));
        for (document, left) in [
            (r#"{"updated_by":3,"n":1.50}"#, r#"{"n":1.50}"#),
            (r#"{"updated_by": [{"user_id":3},{"user_id":4}], "b" :2e0}"#, r#"{"updated_by":[{"user_id":4}],"b":2e0}"#),
            (r#"{"comment_authors":[3,4,"3"]}"#, r#"{"comment_authors":[4]}"#),
            (r#"{"completed_by":{"id":3,"first_name":"Bo"},"a":0}"#, r#"{"a":0}"#),
            (r#"{"completed_by":{"id":9,"email":"BO@x.org"}}"#, r"{}"),
            (r#"{"who":{"email":"bo@x.org","first_name":"Bo","last_name":"Lee"}}"#, r"{}"),
            (r#"{"created_username":" bo@x.org, 3"}"#, r"{}"),
            (r#"{"author":"Bolek","text":"Bolek"}"#, r#"{"text":"Bolek"}"#),
            (r#"{"text":"to bo\u0040x.org"}"#, r#"{"text":"to [erased]"}"#),
            (r#"{"bo@x.org":{"deep":["Bo Lee"]}}"#, r#"{"[erased]":{"deep":["[erased]"]}}"#),
            (r#"{"email":"bo@x.org","id":1}"#, r#"{"email":"[erased]","id":1}"#),
            (r#""bo@x.org""#, r#""[erased]""#),
            ("not json bo@x.org {", "not json [erased] {"),
        ] {
            assert_eq!(bo.json(document, ids).as_deref(), Some(left), "{document}");
        }
        for other in [
            r#"{"id":3,"project":3,"n":[3],"updated_by":4}"#,
            r#"{"updated_by":[{"user_id":4}],"comment_authors":[33]}"#,
            r#"{"text":"say \"no\" to jimbo@x.org"}"#,
            "null",
            "3",
        ] {
            assert_eq!(bo.json(other, ids), None, "{other}");
        }
        assert_eq!(bo.json(r#"{"updated_by":3}"#, bo.native_ids(Some("other"))), None, "3 is somebody else there");
        assert!(bo.json(r#"{"updated_by":3}"#, bo.native_ids(None)).is_some());
    }

    #[test]
    fn items_are_known_by_their_ids() {
        let item = Item { item_id: "p/task/7".to_owned(), native_id: "7".to_owned() };
        let seven = Scrubber::new(Subject::Item(item));
        assert_eq!(seven.text("p/task/7, p/task/70").as_deref(), Some("[erased], p/task/70"));
        assert!(seven.is_position("task 3 (id 7), annotation 1 (id 8), byte 9"));
        assert!(!seven.is_position("task 7 (id 70), annotation 1 (id 7), byte 7"));
        assert!(seven.is_message("x.json: task id 7 appears twice") && !seven.is_message("task id 70 appears twice"));
        let rejects = r#"{"rejects":[{"position":"task 3 (id 7), byte 1","reason":"x"},{"position":"task 7 (id 8)"}]}"#;
        assert_eq!(seven.json(rejects, None).as_deref(), Some(r#"{"rejects":[{"position":"task 7 (id 8)"}]}"#));
        assert_eq!(seven.json(r#"{"updated_by":7}"#, None), None);
    }
}
