//! Which controls a project has, and for which of them agreement can be computed.

use arrow::datatypes::Int64Type;

use super::columns::{Columns, text_at};
use crate::engine::{Engine, TableSet};
use crate::error::Result;

/// A control of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    pub name: String,
    pub r#type: String,
    /// Usable annotations with an answer in this control.
    pub answers: u64,
    /// Why there are no agreement figures for it; none when there are.
    pub why_not: Option<String>,
}

/// All controls, by name. A control whose results have several types is one entry, of its first type, without figures.
pub async fn controls(engine: &Engine, tables: &TableSet, config: Option<&str>) -> Result<Vec<Control>> {
    // An import refuses a config that cannot be read.
    let declared = config.and_then(|xml| assay_formats::label_config::parse(xml).ok());
    let mut found: Vec<Control> = Vec::new();
    for batch in engine.query(tables, include_str!("../../queries/lake/controls.sql"), vec![]).await? {
        let columns = Columns(&batch);
        let (names, types) = (columns.text("control")?, columns.text("type")?);
        let number = |name: &str| columns.number::<Int64Type>(name);
        let (labels, offsets) = (number("max_label_index")?, number("max_offset")?);
        let (regions, answers) = (number("regions")?, number("answers")?);
        for row in 0..batch.num_rows() {
            let (Some(name), Some(kind)) = (text_at(names, row), text_at(types, row)) else { continue };
            if let Some(earlier) = found.last_mut().filter(|control| control.name == name) {
                earlier.why_not = Some(format!("its results have several types ({} and {kind})", earlier.r#type));
                continue;
            }
            let several = labels.value(row) > 0 || offsets.value(row) > 0;
            let multiple = declared.as_ref().and_then(|config| config.allows_several(&name));
            let per_region =
                declared.as_ref().and_then(|config| config.control(&name)).is_some_and(|control| control.per_region);
            let why_not = why_not(&kind, several, multiple, per_region || regions.value(row) > 0);
            found.push(Control { name, r#type: kind, answers: answers.value(row).unsigned_abs(), why_not });
        }
    }
    Ok(found)
}

/// `several`: some annotation has more than one label; `multiple`: what the labelling config says, if it says anything.
fn why_not(kind: &str, several: bool, multiple: Option<bool>, regions: bool) -> Option<String> {
    if kind != "choices" {
        return Some(format!("agreement on {kind} is not computed yet; single choices are"));
    }
    if regions {
        return Some("its choices belong to regions, which must be matched before they can be compared".to_owned());
    }
    if several {
        return Some(
            "annotations have several labels in it; agreement on sets of labels is not computed yet".to_owned(),
        );
    }
    if multiple == Some(true) {
        return Some(
            "the labelling config lets annotators choose several labels; agreement on sets is not computed yet"
                .to_owned(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_choices_are_reported() {
        assert_eq!(why_not("choices", false, None, false), None);
        assert_eq!(why_not("choices", false, Some(false), false), None);
        for (kind, several, multiple, regions) in [
            ("rating", false, None, false),
            ("choices", true, None, false),
            ("choices", false, Some(true), false),
            ("choices", false, None, true),
        ] {
            assert!(why_not(kind, several, multiple, regions).is_some());
        }
    }
}
