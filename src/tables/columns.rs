//! Which columns of a file hold items, annotators and labels.

use std::path::Path;

use super::{GroupSource, Request, fault};
use crate::error::Result;

const ITEM: &[&str] = &["item", "item_id", "task", "task_id", "unit", "id"];
const ANNOTATOR: &[&str] = &["annotator", "annotator_id", "rater", "rater_id", "worker", "worker_id", "coder", "user"];
const LABEL: &[&str] = &["label", "value", "rating", "answer", "category"];

/// Names of the columns that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    pub item: String,
    pub annotator: String,
    pub label: String,
    /// Those that split the ratings.
    pub by: Vec<String>,
    /// That of the annotators' groups.
    pub group: Option<String>,
}

impl Chosen {
    /// The places of the three columns in [`all`](Self::all); those that split follow, and that of groups is last.
    pub const ITEM: usize = 0;
    pub const ANNOTATOR: usize = 1;
    pub const LABEL: usize = 2;
    pub const BY: usize = 3;

    /// Every column that is read, in a fixed order.
    pub fn all(&self) -> Vec<&str> {
        [&self.item, &self.annotator, &self.label]
            .into_iter()
            .chain(&self.by)
            .chain(&self.group)
            .map(String::as_str)
            .collect()
    }
}

/// The names that were asked for, or the usual ones.
pub fn choose(path: &Path, available: &[String], request: &Request) -> Result<Chosen> {
    let one = |given: &Option<String>, what: &str, usual: &[&str]| match given {
        Some(name) => existing(path, available, name, &format!("--{what}")).map(|()| name.clone()),
        None => {
            let Some(name) = usual_name(available, usual) else {
                let columns = list(available);
                let message = format!("there is no column for the {what}; give --{what} COLUMN, one of: {columns}");
                return Err(fault(path, message));
            };
            existing(path, available, &name, &format!("--{what}")).map(|()| name)
        }
    };
    let item = one(&request.item, "item", ITEM)?;
    let annotator = one(&request.annotator, "annotator", ANNOTATOR)?;
    let label = one(&request.label, "label", LABEL)?;
    for (twice, what) in [
        (item == annotator, "item and annotator"),
        (item == label, "item and label"),
        (annotator == label, "annotator and label"),
    ] {
        if twice {
            return Err(fault(
                path,
                format_args!("{what} cannot be the same column; the columns are: {}", list(available)),
            ));
        }
    }
    for by in &request.by {
        existing(path, available, &by.name, "--by")?;
    }
    let group = match &request.groups {
        Some(GroupSource::Column(name)) => {
            existing(path, available, name, "--group-by")?;
            Some(name.clone())
        }
        _ => None,
    };
    Ok(Chosen { item, annotator, label, group, by: request.by.iter().map(|by| by.name.clone()).collect() })
}

fn existing(path: &Path, available: &[String], name: &str, option: &str) -> Result<()> {
    match available.iter().filter(|column| *column == name).count() {
        1 => Ok(()),
        0 => Err(fault(
            path,
            format_args!("there is no column {name:?} ({option}); the columns are: {}", list(available)),
        )),
        _ => Err(fault(path, format_args!("there are several columns {name:?} ({option}); rename all but one"))),
    }
}

/// The column whose name is the first of the usual ones that occurs, whatever its case.
fn usual_name(available: &[String], usual: &[&str]) -> Option<String> {
    usual.iter().find_map(|name| available.iter().find(|column| column.trim().eq_ignore_ascii_case(name)).cloned())
}

/// Columns as a message lists them.
fn list(available: &[String]) -> String {
    const SHOWN: usize = 30;
    let mut names: Vec<&str> = available.iter().take(SHOWN).map(String::as_str).collect();
    let more = format!("and {} more", available.len().saturating_sub(SHOWN));
    if available.len() > SHOWN {
        names.push(&more);
    }
    names.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn chosen(columns: &[&str], request: &Request) -> Result<Chosen, String> {
        let columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
        choose(Path::new("t.csv"), &columns, request).map_err(|error| error.to_string())
    }

    #[test]
    fn usual_names_are_found_in_their_order_whatever_their_case() {
        let found = chosen(&["id", "Task_ID", "value", "Label", "Worker"], &Request::default()).unwrap();
        assert_eq!((&found.item[..], &found.annotator[..], &found.label[..]), ("Task_ID", "Worker", "Label"));
    }

    #[test]
    fn a_missing_column_is_named_with_those_there_are() {
        let message = chosen(&["item", "who", "label"], &Request::default()).unwrap_err();
        assert_eq!(
            message,
            "t.csv: there is no column for the annotator; give --annotator COLUMN, one of: item, who, label"
        );
        let request = Request { item: Some("x".into()), ..Request::default() };
        let message = chosen(&["item", "user", "label"], &request).unwrap_err();
        assert_eq!(message, "t.csv: there is no column \"x\" (--item); the columns are: item, user, label");
        let request = Request { item: Some("user".into()), ..Request::default() };
        assert!(chosen(&["item", "user", "label"], &request).unwrap_err().contains("cannot be the same column"));
        let request = Request { item: Some("a".into()), ..Request::default() };
        assert!(chosen(&["a", "a", "user", "label"], &request).unwrap_err().contains("several columns \"a\""));
    }
}
