//! The engine's crates must agree on one Arrow: with two of them a `RecordBatch` from one part does not fit the other.

use std::collections::BTreeMap;

const LOCK: &str = include_str!("../../Cargo.lock");

/// Crates of one family share one version; the first of each is the crate that gives it its name.
const FAMILIES: [&[&str]; 4] = [&["arrow", "parquet"], &["datafusion"], &["object_store"], &["polars-core", "polars"]];

/// Name -> versions, of every package in the lock file.
fn versions() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in LOCK.split("[[package]]").skip(1) {
        let field = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim_matches([' ', '=', '"'])).expect("every package has a name and a version")
        };
        found.entry(field("name")).or_default().push(field("version"));
    }
    found
}

fn belongs(name: &str, family: &[&str]) -> bool {
    family.iter().any(|member| name == *member || name.strip_prefix(member).is_some_and(|rest| rest.starts_with('-')))
}

#[test]
fn each_engine_family_has_one_version() {
    let versions = versions();
    for family in FAMILIES {
        assert!(
            versions.contains_key(family[0]),
            "{} is gone from Cargo.lock; does this test still guard it?",
            family[0]
        );
        let members: BTreeMap<_, _> = versions.iter().filter(|(name, _)| belongs(name, family)).collect();
        let mut distinct: Vec<_> = members.values().flat_map(|versions| versions.iter()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 1, "{family:?} must resolve to one version, found {members:?}");
    }
}
