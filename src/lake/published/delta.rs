//! A Delta Lake log beside the files of a published table: protocol 1/2, written here, since it takes four kinds of JSON lines.
//!
//! The table's root is the folder with the `snapshot=N` folders, so the log names the very files that plain readers open. Every commit
//! states the table whole: it removes what the one before had added and adds the files of one snapshot. A version is an object that is
//! created or not, so a reader sees one snapshot or the other.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::checkpoint::checkpoint;
use super::columns::{Column, ColumnType};
use super::manifest::{PublishedFile, PublishedTable};
use super::storage::Publication;
use crate::error::{Error, Result};

const ENGINE: &str = concat!("assay/", env!("CARGO_PKG_VERSION"));
const PARTITION: &str = "snapshot";
const CHECKPOINT_EVERY: u64 = 20;

/// A file in the log. No least and greatest values: these would be data outside of the files, and an erasure removes files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    pub path: String,
    pub partition_values: std::collections::BTreeMap<String, String>,
    pub size: u64,
    pub modification_time: i64,
    pub data_change: bool,
    pub stats: String,
}

/// The newest version of a log.
#[derive(Debug, Default)]
struct Head {
    version: Option<u64>,
    metadata: Option<Value>,
    adds: Vec<Add>,
}

/// What a commit is to say, apart from what it takes away.
#[derive(Debug)]
struct State {
    metadata: Value,
    adds: Vec<Add>,
}

impl Publication {
    /// Makes the table's Delta log say what the manifest will say; `made` and `now` are microseconds.
    ///
    /// # Errors
    /// `Conflict` when anybody but Assay has written to the log.
    pub async fn commit_delta(&self, table: &PublishedTable, snapshot: i64, made: i64, now: i64) -> Result<()> {
        let head = self.delta_head(&table.name).await?;
        let metadata = metadata(table, head.metadata.as_ref(), made)?;
        let adds = table.files.iter().map(|file| add(&table.name, file, snapshot, made)).collect();
        self.commit(&table.name, &head, State { metadata, adds }, now).await
    }

    /// Empties the table's Delta log, if it has one.
    pub(super) async fn empty_delta(&self, table: &str, now: i64) -> Result<()> {
        let head = self.delta_head(table).await?;
        match &head.metadata {
            Some(metadata) => self.commit(table, &head, State { metadata: metadata.clone(), adds: vec![] }, now).await,
            None => Ok(()),
        }
    }

    /// The same if its newest version names a file of one of these snapshots.
    pub(super) async fn empty_delta_of(&self, table: &str, snapshots: &[i64], now: i64) -> Result<()> {
        let names: Vec<String> = snapshots.iter().map(i64::to_string).collect();
        let head = self.delta_head(table).await?;
        let concerned = |add: &Add| add.partition_values.get(PARTITION).is_some_and(|value| names.contains(value));
        if head.adds.iter().any(concerned) { self.empty_delta(table, now).await } else { Ok(()) }
    }

    async fn commit(&self, table: &str, head: &Head, state: State, now: i64) -> Result<()> {
        if head.metadata.as_ref() == Some(&state.metadata) && head.adds == state.adds {
            return Ok(());
        }
        let version = head.version.map_or(0, |version| version + 1);
        let path = self.delta_version(table, version);
        let text = lines(head, &state, now)?;
        if self.put_new(&path, text.clone().into_bytes()).await? {
            return self.check_point(table, version, &state).await;
        }
        // A request that is repeated because its answer was lost finds its own work.
        match self.read(&path).await? {
            Some(there) if *there == *text.as_bytes() => Ok(()),
            _ => Err(Error::Conflict(format!(
                "{}/{path} was written by somebody else at the same time; publish again",
                self.lake.location()
            ))),
        }
    }

    /// Every so many versions: a checkpoint, and the log from before the last one goes, since readers that have begun may still be in it.
    async fn check_point(&self, table: &str, version: u64, state: &State) -> Result<()> {
        if version == 0 || !version.is_multiple_of(CHECKPOINT_EVERY) {
            return Ok(());
        }
        let log = self.delta_log(table);
        let (bytes, rows) = checkpoint(&state.metadata, &state.adds)?;
        self.lake.put(&format!("{log}/{version:020}.checkpoint.parquet"), bytes).await?;
        let last = json!({ "version": version, "size": rows }).to_string();
        self.lake.put(&format!("{log}/_last_checkpoint"), last.into_bytes()).await?;
        let old = version.saturating_sub(CHECKPOINT_EVERY);
        for name in self.files_in(&log).await?.keys() {
            let of = name.split('.').next().and_then(|digits| digits.parse::<u64>().ok());
            if of.is_some_and(|of| of < old) {
                self.delete(&format!("{log}/{name}")).await?;
            }
        }
        Ok(())
    }

    async fn delta_head(&self, table: &str) -> Result<Head> {
        let there = self.files_in(&self.delta_log(table)).await?;
        let version = |name: &String| name.strip_suffix(".json").filter(|digits| digits.len() == 20)?.parse().ok();
        let Some(newest) = there.keys().filter_map(version).max() else { return Ok(Head::default()) };
        let path = self.delta_version(table, newest);
        let text = self.lake.get(&path).await?;
        parse(&text, newest).ok_or_else(|| {
            Error::Conflict(format!(
                "{}/{path} was not written by assay: published tables are written by assay alone; \
                 delete the folder _delta_log and publish again",
                self.lake.location()
            ))
        })
    }

    fn delta_log(&self, table: &str) -> String {
        format!("{}/_delta_log", self.place.table(table))
    }

    fn delta_version(&self, table: &str, version: u64) -> String {
        format!("{}/{version:020}.json", self.delta_log(table))
    }
}

/// None unless this is a commit of ours.
fn parse(text: &[u8], version: u64) -> Option<Head> {
    let mut head = Head { version: Some(version), ..Head::default() };
    let mut ours = false;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let action: Value = serde_json::from_slice(line).ok()?;
        if let Some(info) = action.get("commitInfo") {
            ours = info.get("engineInfo")?.as_str()?.starts_with("assay/");
        } else if let Some(metadata) = action.get("metaData") {
            head.metadata = Some(metadata.clone());
        } else if let Some(add) = action.get("add") {
            head.adds.push(serde_json::from_value(add.clone()).ok()?);
        }
    }
    ours.then_some(head)
}

fn lines(head: &Head, state: &State, now: i64) -> Result<String> {
    let milliseconds = now / 1000;
    let mut actions = vec![
        json!({ "commitInfo": {
            "timestamp": milliseconds,
            "operation": "WRITE",
            "operationParameters": { "mode": "Overwrite", "partitionBy": "[\"snapshot\"]" },
            "isBlindAppend": false,
            "engineInfo": ENGINE,
        } }),
        json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } }),
        json!({ "metaData": state.metadata }),
    ];
    let stays = |gone: &Add| state.adds.iter().any(|add| add.path == gone.path);
    actions.extend(head.adds.iter().filter(|add| !stays(add)).map(|add| {
        json!({ "remove": {
            "path": add.path,
            "deletionTimestamp": milliseconds,
            "dataChange": true,
            "extendedFileMetadata": true,
            "partitionValues": add.partition_values,
            "size": add.size,
        } })
    }));
    actions.extend(state.adds.iter().map(|add| json!({ "add": add })));
    let mut text = String::new();
    for action in actions {
        text.push_str(&serde_json::to_string(&action).map_err(Error::internal)?);
        text.push('\n');
    }
    Ok(text)
}

fn add(table: &str, file: &PublishedFile, snapshot: i64, made: i64) -> Add {
    let path = file.path.strip_prefix(table).unwrap_or(&file.path).trim_start_matches('/');
    Add {
        path: path.to_owned(),
        partition_values: [(PARTITION.to_owned(), snapshot.to_string())].into(),
        size: file.bytes,
        modification_time: made / 1000,
        data_change: true,
        stats: json!({ "numRecords": file.rows }).to_string(),
    }
}

/// The table's id and time of making stay those of its first commit.
fn metadata(table: &PublishedTable, before: Option<&Value>, made: i64) -> Result<Value> {
    let kept = |name: &str| before.and_then(|metadata| metadata.get(name)).filter(|value| !value.is_null()).cloned();
    let mut fields: Vec<Value> = table.columns.iter().map(field).collect();
    fields.push(json!({
        "name": PARTITION, "type": "long", "nullable": true,
        "metadata": { "comment": "Number of the snapshot that the row was published from" },
    }));
    let schema = json!({ "type": "struct", "fields": fields });
    Ok(json!({
        "id": kept("id").unwrap_or_else(|| crate::store::new_id().into()),
        "name": table.name,
        "description": table.comment,
        "format": { "provider": "parquet", "options": {} },
        "schemaString": serde_json::to_string(&schema).map_err(Error::internal)?,
        "partitionColumns": [PARTITION],
        "configuration": {},
        "createdTime": kept("createdTime").unwrap_or_else(|| (made / 1000).into()),
    }))
}

fn field(column: &Column) -> Value {
    let metadata = if column.comment.is_empty() { json!({}) } else { json!({ "comment": column.comment }) };
    json!({ "name": column.name, "type": type_of(&column.r#type), "nullable": column.nullable, "metadata": metadata })
}

fn type_of(column_type: &ColumnType) -> Value {
    match column_type {
        ColumnType::String => "string".into(),
        ColumnType::Boolean => "boolean".into(),
        ColumnType::Int64 => "long".into(),
        ColumnType::Float32 => "float".into(),
        ColumnType::Float64 => "double".into(),
        ColumnType::Timestamp => "timestamp".into(),
        ColumnType::Binary => "binary".into(),
        ColumnType::List(element) => json!({ "type": "array", "elementType": type_of(element), "containsNull": true }),
        ColumnType::Map(value) => json!({
            "type": "map", "keyType": "string", "valueType": type_of(value), "valueContainsNull": true,
        }),
        ColumnType::Struct(fields) => {
            json!({ "type": "struct", "fields": fields.iter().map(field).collect::<Vec<_>>() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(snapshot: i64) -> PublishedTable {
        let file = PublishedFile {
            path: format!("items/snapshot={snapshot}/part-00000-a.parquet"),
            rows: 3,
            bytes: 10,
            sha256: String::new(),
        };
        PublishedTable {
            name: "items".into(),
            kind: crate::lake::Kind::Data,
            comment: "c".into(),
            path: String::new(),
            list: String::new(),
            rows: 3,
            bytes: 10,
            columns: super::super::columns("items", &crate::lake::Table::Items.schema()).unwrap(),
            files: vec![file],
        }
    }

    #[test]
    fn a_commit_states_the_table_whole_and_takes_away_what_was_there() {
        let first = table(1);
        let state = State {
            metadata: metadata(&first, None, 5_000_000).unwrap(),
            adds: first.files.iter().map(|file| add("items", file, 1, 5_000_000)).collect(),
        };
        let text = lines(&Head::default(), &state, 6_000_000).unwrap();
        let head = parse(text.as_bytes(), 0).expect("a commit of ours");
        assert_eq!(head.adds, state.adds);
        assert_eq!(head.adds[0].path, "snapshot=1/part-00000-a.parquet", "relative to the table's folder");
        assert_eq!(head.metadata.as_ref(), Some(&state.metadata), "read back, nothing differs: no commit");

        let second = table(2);
        let next = State {
            metadata: metadata(&second, head.metadata.as_ref(), 7_000_000).unwrap(),
            adds: second.files.iter().map(|file| add("items", file, 2, 7_000_000)).collect(),
        };
        assert_eq!(next.metadata, state.metadata, "id and time of making stay");
        let text = lines(&head, &next, 8_000_000).unwrap();
        let removed: Vec<&str> = text.lines().filter(|line| line.contains("\"remove\"")).collect();
        assert_eq!(removed.len(), 1);
        assert!(removed[0].contains("snapshot=1/part-00000-a.parquet"), "{removed:?}");
    }

    #[test]
    fn a_commit_of_somebody_else_is_told() {
        assert!(parse(br#"{"commitInfo":{"engineInfo":"Apache-Spark/4.0","operation":"OPTIMIZE"}}"#, 3).is_none());
        assert!(parse(b"{\"add\":", 3).is_none());
    }
}
