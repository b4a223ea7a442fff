//! One person appears as a number, an object or an e-mail: these forms become one rater.
//!
//! The rule: a rater with a native id is known by it; an e-mail belongs to the rater with a native id that was seen with the same e-mail
//! (letters compared without case); otherwise the e-mail itself is the rater until such a sighting comes. Then the e-mail's id becomes an
//! alias of the other, and rows that carry it are renamed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanBuilder, RecordBatch, StringBuilder};
use arrow::error::ArrowError;

use crate::rows::text_lists;
use crate::schema;

/// One sighting of a rater, or what is known of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct RaterMention {
    pub rater_id: String,
    pub source: String,
    /// `human` or `model`.
    pub kind: String,
    pub native_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The account was deleted: nobody knows who it was.
    pub deleted: bool,
    /// Other ids that this rater was seen under.
    pub aliases: BTreeSet<String>,
}

/// The raters of a project after an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResolvedRaters {
    /// Sorted by id.
    pub raters: Vec<RaterMention>,
    /// Ids that are no raters of their own, with the rater they belong to.
    pub aliases: BTreeMap<String, String>,
}

/// Unites sightings with what is known. Does not depend on their order; what is known is never lost.
pub fn resolve_raters(mentions: &[RaterMention], known: &[RaterMention]) -> ResolvedRaters {
    let mut by_id: BTreeMap<&str, RaterMention> = BTreeMap::new();
    let mut sorted: Vec<&RaterMention> = mentions.iter().collect();
    sorted.sort();
    sorted.dedup();
    // Newest names first: what this import says of a person goes before what was known.
    for mention in sorted.into_iter().chain(known) {
        by_id.entry(&mention.rater_id).and_modify(|rater| complete(rater, mention)).or_insert_with(|| mention.clone());
    }
    let mut owner_of_email: BTreeMap<String, String> = BTreeMap::new();
    for rater in by_id.values().filter(|rater| rater.kind == "human" && !is_email_form(rater)) {
        if let Some(email) = &rater.email {
            owner_of_email.entry(email.to_lowercase()).or_insert_with(|| rater.rater_id.clone());
        }
    }
    let mut resolved = ResolvedRaters::default();
    let (forms, owners): (Vec<_>, Vec<_>) = by_id.into_values().partition(is_email_form);
    let mut raters: BTreeMap<String, RaterMention> =
        owners.into_iter().map(|rater| (rater.rater_id.clone(), rater)).collect();
    for rater in raters.values() {
        resolved.aliases.extend(rater.aliases.iter().map(|alias| (alias.clone(), rater.rater_id.clone())));
    }
    for form in forms {
        let owner = form.email.as_ref().and_then(|email| owner_of_email.get(&email.to_lowercase()));
        match owner.and_then(|owner| raters.get_mut(owner)) {
            Some(owner) => {
                resolved.aliases.insert(form.rater_id.clone(), owner.rater_id.clone());
                owner.aliases.insert(form.rater_id);
            }
            None => {
                raters.insert(form.rater_id.clone(), form);
            }
        }
    }
    resolved.raters = raters.into_values().collect();
    resolved
}

fn is_email_form(rater: &RaterMention) -> bool {
    rater.email.as_ref() == Some(&rater.native_id)
}

fn complete(rater: &mut RaterMention, other: &RaterMention) {
    if rater.name.is_none() {
        rater.name.clone_from(&other.name);
    }
    if rater.email.is_none() {
        rater.email.clone_from(&other.email);
    }
    rater.aliases.extend(other.aliases.iter().cloned());
}

/// The rows of `raters`, in order.
pub fn raters_batch(raters: &[RaterMention]) -> Result<RecordBatch, ArrowError> {
    let mut texts: [StringBuilder; 6] = std::array::from_fn(|_| StringBuilder::new());
    let (mut deleted, mut aliases) = (BooleanBuilder::new(), text_lists());
    for rater in raters {
        let row = [
            Some(&rater.rater_id),
            Some(&rater.source),
            Some(&rater.kind),
            Some(&rater.native_id),
            rater.name.as_ref(),
            rater.email.as_ref(),
        ];
        for (builder, text) in texts.iter_mut().zip(row) {
            builder.append_option(text);
        }
        deleted.append_value(rater.deleted);
        for alias in &rater.aliases {
            aliases.values().append_value(alias);
        }
        aliases.append(true);
    }
    let mut columns: Vec<_> = texts.each_mut().map(|builder| Arc::new(builder.finish()) as _).to_vec();
    columns.extend([Arc::new(deleted.finish()) as _, Arc::new(aliases.finish()) as _]);
    RecordBatch::try_new(schema::raters(), columns)
}

/// Reads the rows of `raters` back.
pub fn known_raters(batch: &RecordBatch) -> Result<Vec<RaterMention>, ArrowError> {
    let missing = |name: &str| ArrowError::SchemaError(format!("raters lack the column {name}"));
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| missing(name));
    let text = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| missing(name));
    let (ids, sources, kinds, natives) = (text("rater_id")?, text("source")?, text("kind")?, text("native_id")?);
    let (names, emails) = (text("name")?, text("email")?);
    let deleted = column("deleted")?.as_boolean_opt().ok_or_else(|| missing("deleted"))?;
    let aliases = column("aliases")?.as_list_opt::<i32>().ok_or_else(|| missing("aliases"))?;
    let alias_texts = aliases.values().as_string_opt::<i32>().ok_or_else(|| missing("aliases"))?;
    let optional =
        |texts: &arrow::array::StringArray, row: usize| texts.is_valid(row).then(|| texts.value(row).to_owned());
    Ok((0..batch.num_rows())
        .map(|row| {
            let offsets = aliases.value_offsets();
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            RaterMention {
                rater_id: ids.value(row).to_owned(),
                source: sources.value(row).to_owned(),
                kind: kinds.value(row).to_owned(),
                native_id: natives.value(row).to_owned(),
                name: optional(names, row),
                email: optional(emails, row),
                deleted: deleted.value(row),
                aliases: range.map(|alias| alias_texts.value(alias).to_owned()).collect(),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str, email: Option<&str>, name: Option<&str>) -> RaterMention {
        RaterMention {
            rater_id: format!("p/user/{id}"),
            source: "p".into(),
            kind: "human".into(),
            native_id: id.into(),
            name: name.map(Into::into),
            email: email.map(Into::into),
            ..RaterMention::default()
        }
    }

    #[test]
    fn forms_of_one_person_become_one_rater_in_any_order() {
        let forms = [
            user("3", None, None),
            user("Bo@x.org", Some("Bo@x.org"), None),
            user("3", Some("bo@x.org"), Some("Bo Lee")),
        ];
        let expected = resolve_raters(&forms, &[]);
        assert_eq!(expected.raters.len(), 1);
        assert_eq!(expected.raters[0].name.as_deref(), Some("Bo Lee"));
        assert_eq!(expected.aliases, [("p/user/Bo@x.org".to_owned(), "p/user/3".to_owned())].into());
        for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let shuffled: Vec<_> = order.iter().map(|&n| forms[n].clone()).collect();
            assert_eq!(resolve_raters(&shuffled, &[]), expected, "{order:?}");
        }
    }

    #[test]
    fn an_email_is_a_rater_until_its_owner_is_seen_and_an_alias_for_ever_after() {
        let draft = user("bo@x.org", Some("bo@x.org"), None);
        let first = resolve_raters(std::slice::from_ref(&draft), &[]);
        assert_eq!((first.raters.len(), first.aliases.len()), (1, 0));
        let second = resolve_raters(&[user("3", Some("bo@x.org"), None)], &first.raters);
        assert_eq!(second.aliases["p/user/bo@x.org"], "p/user/3");
        let stored = known_raters(&raters_batch(&second.raters).unwrap()).unwrap();
        assert_eq!(stored, second.raters);
        let third = resolve_raters(&[draft], &stored);
        assert_eq!(third, second, "a draft that comes later is that person's as well");
    }

    #[test]
    fn models_and_deleted_users_stay_apart() {
        let model = RaterMention { kind: "model".into(), email: None, ..user("m1", None, None) };
        let gone = RaterMention { deleted: true, ..user("88", None, None) };
        let resolved = resolve_raters(&[model, gone, user("3", Some("a@b"), None)], &[]);
        assert_eq!(resolved.raters.len(), 3);
        assert!(resolved.aliases.is_empty());
    }
}
