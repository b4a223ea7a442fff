//! Where the publication of a project lies. Readers keep these addresses: they never change.

/// The folder of all publications, at the lake's root.
pub const PUBLISHED: &str = "published";

/// The folder of a project's publication, relative to the lake's root: `published/<workspace>/<project>`.
///
/// The root is not called `_published`: readers of the Hadoop family take names that begin with `_` or `.` for hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: String,
    project: String,
}

impl Place {
    pub fn new(workspace: &str, project_id: &str, project_name: &str) -> Self {
        let project = safe_name(project_id, project_name);
        Self { folder: format!("{PUBLISHED}/{workspace}/{project}"), project }
    }

    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// The project's folder name: unique in the workspace, also once `-` is written as `_` for SQL.
    pub fn project(&self) -> &str {
        &self.project
    }

    pub(super) fn manifest(&self) -> String {
        format!("{}/manifest.json", self.folder)
    }

    pub(super) fn list(&self, table: &str) -> String {
        format!("{}/{}", self.folder, list_name(table))
    }

    pub(super) fn table(&self, table: &str) -> String {
        format!("{}/{table}", self.folder)
    }

    pub(super) fn snapshot(&self, table: &str, snapshot: i64) -> String {
        format!("{}/{}", self.folder, snapshot_folder(table, snapshot))
    }
}

/// The folder of a table's files, from the project's folder. The number is not padded: engines that make paths from partition values
/// write integers without zeros.
pub(super) fn snapshot_folder(table: &str, snapshot: i64) -> String {
    format!("{table}/snapshot={snapshot}")
}

pub(super) fn list_name(table: &str) -> String {
    format!("{table}.files")
}

const MAX_CHARS: usize = 48;

/// A name for folders and addresses: a-z, 0-9 and `-` alone, the same on file systems that do not tell case. A project's name that
/// is one already stays as it is; any other gets the tail of the project's id behind `--`, which no name kept as it is contains.
fn safe_name(id: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts_well && name.len() <= MAX_CHARS && name.chars().all(plain) && !name.contains("--") {
        return name.to_owned();
    }
    let mut words = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            words.push(c);
        } else if !words.is_empty() && !words.ends_with('-') {
            words.push('-');
        }
        if words.len() == MAX_CHARS {
            break;
        }
    }
    let words = match words.trim_end_matches('-') {
        "" => "project",
        some => some,
    };
    let digits: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = digits[digits.len().saturating_sub(12)..].iter().collect();
    format!("{words}--{}", tail.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019a8b2c-1111-7222-8333-0123456789ab";

    #[test]
    fn plain_names_stay_and_others_become_plain_and_unique() {
        for name in ["review-sentiment", "a", "7-days", &"x".repeat(48)] {
            assert_eq!(safe_name(ID, name), name);
        }
        for (name, expected) in [
            ("Käse & Öl 🧀", "k-se-l--0123456789ab"),
            ("Reviews", "reviews--0123456789ab"),
            ("感情分析", "project--0123456789ab"),
            ("a--b", "a-b--0123456789ab"),
            ("_hidden", "hidden--0123456789ab"),
            ("-", "project--0123456789ab"),
            (".. ;rm=1?", "rm-1--0123456789ab"),
        ] {
            assert_eq!(safe_name(ID, name), expected, "{name}");
        }
        assert_eq!(safe_name(ID, &"Word ".repeat(40)).len(), 48 + 2 + 12);
        assert_ne!(safe_name(ID, "Reviews"), safe_name("019a8b2c-1111-7222-8333-0123456789ac", "reviews!"));
    }

    #[test]
    fn addresses_are_fixed() {
        let place = Place::new("default", ID, "reviews");
        assert_eq!(place.manifest(), "published/default/reviews/manifest.json");
        assert_eq!(place.list("items"), "published/default/reviews/items.files");
        assert_eq!(place.snapshot("items", 12), "published/default/reviews/items/snapshot=12");
    }
}
