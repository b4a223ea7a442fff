//! Imports run one way (docs/ARCHITECTURE.md): what no lint can hold is held here, on the source text.

use std::fs;
use std::path::{Path, PathBuf};

/// A module of `src`, and what its files must not mention.
const FORBIDDEN: [(&str, &[&str]); 9] = [
    ("api", &["crate::web", "crate::cli"]),
    ("web", &["crate::api", "crate::cli"]),
    (
        "auth",
        &["crate::api", "crate::web", "crate::cli", "crate::jobs", "crate::reports", "crate::engine", "crate::lake"],
    ),
    ("jobs", &["crate::api", "crate::web", "crate::cli"]),
    ("reports", &["crate::api", "crate::web", "crate::cli", "crate::jobs"]),
    ("engine", &["crate::api", "crate::web", "crate::cli", "crate::jobs", "crate::reports", "crate::store"]),
    ("lake", &["crate::api", "crate::web", "crate::cli", "crate::jobs", "crate::reports", "crate::engine"]),
    (
        "store",
        &["crate::api", "crate::web", "crate::cli", "crate::jobs", "crate::reports", "crate::engine", "crate::lake"],
    ),
    (
        "tables",
        &[
            "crate::api",
            "crate::web",
            "crate::cli",
            "crate::jobs",
            "crate::reports",
            "crate::engine",
            "crate::lake",
            "crate::store",
        ],
    ),
];

/// A crate, and the only modules of `src` that may use it.
const USERS: [(&str, &[&str]); 5] = [
    ("sqlx::", &["store", "error.rs"]),
    ("polars_", &["engine"]),
    ("assay_stats", &["reports", "tables"]),
    ("datafusion::", &["engine", "reports"]),
    ("maud::", &["web"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// (module or file below `src`, path, text without comments) of every source file.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let read = |path: PathBuf| {
        let module =
            path.strip_prefix(&root).unwrap().components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (module, path, code.join("\n"))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn imports_run_one_way() {
    let modules = modules();
    for (module, forbidden) in FORBIDDEN {
        let files: Vec<_> = modules.iter().filter(|(of, ..)| of.trim_end_matches(".rs") == module).collect();
        assert!(!files.is_empty(), "src/{module} is gone; does this test still guard it?");
        for (_, path, code) in files {
            for name in forbidden {
                let used = code.contains(&format!("{name}::")) || code.contains(&format!("{name};"));
                assert!(!used, "{} uses {name}: imports run the other way", path.display());
            }
        }
    }
}

#[test]
fn a_dependency_stays_in_its_layer() {
    for (module, path, code) in modules() {
        for (dependency, users) in USERS {
            let allowed = users.contains(&module.as_str());
            assert!(allowed || !code.contains(dependency), "{} uses {dependency}: only {users:?} may", path.display());
        }
    }
}
