//! Whom or what an erasure is about: found in every file that the catalog still knows, so that a run that was cut off can be finished.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use assay_formats::label_studio::{RaterMention, known_raters};
use sha2::{Digest, Sha256};

use super::Named;
use crate::app::App;
use crate::error::{Error, Result};
use crate::lake::{DataFile, Item, Person, Subject, Table, hex, read_rows};

/// The subject; none when nothing of that name is there.
pub(super) async fn resolve(app: &App, files: &[DataFile], named: &Named) -> Result<Option<Subject>> {
    match named {
        Named::Annotator(name) => Ok(person(app, files, name.trim()).await?.map(Subject::Person)),
        Named::Item(id) => Ok(item(app, files, id.trim()).await?.map(Subject::Item)),
    }
}

/// What the audit trail keeps of it: the same for the same name, and nothing that the name can be read from.
pub(super) fn hash(salt: &str, named: &Named) -> String {
    let (kind, name) = match named {
        Named::Annotator(name) => ("annotator", name.trim().to_lowercase()),
        Named::Item(id) => ("item", id.trim().to_owned()),
    };
    hex(&Sha256::digest(format!("{salt}/{kind}/{name}")))
}

async fn person(app: &App, files: &[DataFile], name: &str) -> Result<Option<Person>> {
    let mut known = BTreeSet::new();
    for file in files.iter().filter(|file| file.table == Table::Raters) {
        if let Some(bytes) = present(app, file).await? {
            known.extend(known_raters(&read_rows(Table::Raters, bytes)?).map_err(Error::internal)?);
        }
    }
    let known: Vec<RaterMention> = known.into_iter().filter(|rater| rater.kind == "human").collect();
    let mut people: Vec<BTreeSet<usize>> = Vec::new();
    for at in (0..known.len()).filter(|&at| is_named(&known[at], name)) {
        if !people.iter().any(|forms| forms.contains(&at)) {
            people.push(forms_of(&known, at));
        }
    }
    match people.as_slice() {
        [] if name.contains('@') => {
            // In rejects or documents only, perhaps.
            Ok(Some(Person { emails: [name.to_owned()].into(), ..Person::default() }))
        }
        [] => Ok(None),
        [forms] => Ok(Some(unite(forms.iter().map(|&at| &known[at])))),
        several => {
            let people: Vec<String> = several.iter().map(|forms| shown(forms.iter().map(|&at| &known[at]))).collect();
            Err(Error::invalid(format!(
                "{name:?} names {} annotators: {}; name the one by e-mail or by rater id",
                several.len(),
                people.join("; ")
            )))
        }
    }
}

/// A deleted user's native id is that of an annotation.
fn is_named(rater: &RaterMention, name: &str) -> bool {
    let is_email = |email: &String| email.to_lowercase() == name.to_lowercase();
    let by_person = rater.native_id == name || rater.name.as_deref() == Some(name);
    rater.rater_id == name
        || rater.aliases.contains(name)
        || (!rater.deleted && (by_person || rater.email.as_ref().is_some_and(is_email)))
}

/// All rows about the person that row `at` is about: they share an id, an alias or an e-mail.
fn forms_of(known: &[RaterMention], at: usize) -> BTreeSet<usize> {
    let mut forms = BTreeSet::from([at]);
    loop {
        let is_form = |other: &RaterMention| forms.iter().any(|&form| is_same(&known[form], other));
        let all: BTreeSet<usize> = (0..known.len()).filter(|&other| is_form(&known[other])).collect();
        if all.len() == forms.len() {
            return forms;
        }
        forms = all;
    }
}

fn is_same(a: &RaterMention, b: &RaterMention) -> bool {
    let email = |rater: &RaterMention| rater.email.as_ref().map(|email| email.to_lowercase());
    a.rater_id == b.rater_id
        || a.aliases.contains(&b.rater_id)
        || b.aliases.contains(&a.rater_id)
        || (email(a).is_some() && email(a) == email(b))
}

fn unite<'a>(forms: impl Iterator<Item = &'a RaterMention>) -> Person {
    let mut person = Person::default();
    for form in forms {
        person.rater_ids.insert(form.rater_id.clone());
        person.rater_ids.extend(form.aliases.iter().cloned());
        person.emails.extend(form.email.clone());
        person.names.extend(form.name.clone());
        let prefix = format!("{}/user/", form.source);
        let of_aliases = form.aliases.iter().filter_map(|alias| alias.strip_prefix(&prefix));
        let native = (!form.deleted).then_some(form.native_id.as_str());
        for id in of_aliases.chain(native) {
            if id.contains('@') {
                person.emails.insert(id.to_owned());
            } else {
                person.native_ids.entry(form.source.clone()).or_default().insert(id.to_owned());
            }
        }
    }
    person
}

fn shown<'a>(forms: impl Iterator<Item = &'a RaterMention>) -> String {
    let person = unite(forms);
    let known_by: Vec<&str> = person.names.iter().chain(&person.emails).map(String::as_str).collect();
    let ids: Vec<&str> = person.rater_ids.iter().map(String::as_str).collect();
    format!("{} ({})", ids.join(", "), known_by.join(", "))
}

async fn item(app: &App, files: &[DataFile], name: &str) -> Result<Option<Item>> {
    let mut found = BTreeSet::new();
    for file in files.iter().filter(|file| file.table == Table::Items) {
        let Some(bytes) = present(app, file).await? else { continue };
        let rows = read_rows(Table::Items, bytes)?;
        let column = |name: &str| rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (Some(ids), Some(natives)) = (column("item_id"), column("native_id")) else { continue };
        let named = (0..ids.len()).filter(|&row| ids.value(row) == name || natives.value(row) == name);
        found.extend(named.map(|row| (ids.value(row).to_owned(), natives.value(row).to_owned())));
    }
    let mut found = found.into_iter();
    match (found.next(), found.len()) {
        (None, _) => Ok(None),
        (Some((item_id, native_id)), 0) => Ok(Some(Item { item_id, native_id })),
        (Some((first, _)), _) => {
            let ids: Vec<String> = std::iter::once(first).chain(found.map(|(id, _)| id)).collect();
            Err(Error::invalid(format!("{name:?} names {} items: {}; give the whole id", ids.len(), ids.join(", "))))
        }
    }
}

/// The bytes of a file; none where it is gone, as after a run that was cut off.
async fn present(app: &App, file: &DataFile) -> Result<Option<bytes::Bytes>> {
    match app.lake.exists(&file.path).await? {
        true => app.lake.get_data(file).await.map(Some),
        false => Ok(None),
    }
}
