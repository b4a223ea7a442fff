//! What the addresses of the pages ask for.

use std::collections::BTreeMap;

use url::form_urlencoded::parse;

use super::disagreements::Complaint;
use super::view::{Place, Query};
use crate::error::{Error, Result};
use crate::reports::Period;
use crate::reports::views::DisagreementFilter;

/// The fields of a query string. Empty ones are dropped: a form sends them for what was not filled in.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn new(query: Option<&str>) -> Self {
        let fields = parse(query.unwrap_or_default().as_bytes())
            .map(|(name, value)| (name.into_owned(), value.trim().to_owned()));
        Self(fields.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }

    /// The number in the field of this name.
    pub fn number(&self, name: &str) -> Result<Option<i64>> {
        let read = |text: String| {
            text.parse().map_err(|_| Error::invalid(format!("{name} must be a number of a snapshot, found {text:?}")))
        };
        self.get(name).map(read).transpose()
    }

    /// `slice=field=value`, any number of times, and a pair of form fields that adds one more.
    fn slice(&self) -> Result<BTreeMap<String, String>, Complaint> {
        let mut slice = BTreeMap::new();
        for (_, text) in self.0.iter().filter(|(name, _)| name == "slice") {
            let pair = text.split_once('=').filter(|(field, _)| !field.is_empty());
            let (field, value) =
                pair.ok_or_else(|| ("slice_key", format!("a slice is field=value, found {text:?}")))?;
            slice.insert(field.to_owned(), value.to_owned());
        }
        match (self.get("slice_key"), self.get("slice_value")) {
            (Some(field), Some(value)) => drop(slice.insert(field, value)),
            (None, None) => {}
            (Some(_), None) => return Err(("slice_value", "a slice needs a value as well".to_owned())),
            (None, Some(_)) => return Err(("slice_key", "a slice needs a field as well".to_owned())),
        }
        Ok(slice)
    }

    /// What the overview shows.
    pub fn overview(&self) -> Result<Query, Complaint> {
        let (control, pairs) = (self.get("control"), self.get("pairs"));
        Ok(Query { control, slice: self.slice()?, pairs, ..Query::default() })
    }

    /// What the page of agreement shows.
    pub fn agreement(&self) -> Result<Query, Complaint> {
        let read = |name: String| {
            let period = Period::parse(&name);
            period.ok_or_else(|| ("period", format!("a period is day, week or month, found {name:?}")))
        };
        let period = self.get("period").map(read).transpose()?;
        Ok(Query { place: Place::Agreement, period, by_slice: self.get("by_slice"), ..self.overview()? })
    }

    /// The filter of the disagreement list, and what of it cannot be read. Names and forms are those of the API.
    pub fn filter(&self) -> (DisagreementFilter, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let slice = self.slice().unwrap_or_else(|complaint| {
            complaints.push(complaint);
            BTreeMap::new()
        });
        let min_score = self.get("min_score").and_then(|text| match text.parse::<f64>() {
            Ok(score) => Some(score),
            Err(_) => {
                complaints.push(("min_score", format!("a score is a number in 0 to 1, found {text:?}")));
                None
            }
        });
        let filter = DisagreementFilter {
            control: self.get("control"),
            label: self.get("label"),
            other_label: self.get("other_label"),
            annotator: self.get("annotator"),
            other_annotator: self.get("other_annotator"),
            slice,
            from: self.get("from"),
            to: self.get("to"),
            min_score,
        };
        (filter, complaints)
    }
}

/// A refusal of the list as a complaint at the field it names, or at none.
pub fn complaint(message: String) -> Complaint {
    let field = ["from", "to", "min_score"].into_iter().find(|field| message.starts_with(&format!("{field} ")));
    (field.unwrap_or_default(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_as_they_were_written() {
        let filter = DisagreementFilter {
            control: Some("a&b".into()),
            label: Some("ü +".into()),
            slice: [("k".to_owned(), "v=w".to_owned()), ("l".to_owned(), "1".to_owned())].into(),
            min_score: Some(0.25),
            from: Some("2026-01-31".into()),
            ..DisagreementFilter::default()
        };
        let address = super::super::links::filtered("/d", &filter, None);
        let (read, complaints) = Fields::new(address.split_once('?').map(|(_, query)| query)).filter();
        assert_eq!((read, complaints), (filter, vec![]));
    }

    #[test]
    fn forms_send_empty_fields_and_one_more_slice() {
        let (filter, complaints) =
            Fields::new(Some("control=&label=+&slice=a=1&slice_key=b&slice_value=2&min_score=")).filter();
        assert_eq!(filter.slice, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into());
        assert_eq!((filter.control, filter.label, complaints), (None, None, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_field() {
        for (query, field) in
            [("min_score=high", "min_score"), ("slice=x", "slice_key"), ("slice_key=a", "slice_value")]
        {
            assert_eq!(Fields::new(Some(query)).filter().1[0].0, field);
        }
        assert!(Fields::new(Some("slice==x")).overview().is_err());
        assert!(Fields::new(Some("period=year")).agreement().is_err());
        assert_eq!(Fields::new(Some("period=week")).agreement().unwrap().period, Some(Period::Week));
        assert_eq!(complaint("to must be a time".into()).0, "to");
        assert_eq!(complaint("the cursor is damaged".into()).0, "");
    }
}
