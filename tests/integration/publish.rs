//! What publishing leaves for readers, and that each of its steps can be repeated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use assay::error::Error;
use assay::jobs::publish::{PublishRequest, Published, Report, run, unpublish};
use assay::lake::{Format, Manifest, Table};
use assay::store::{Project, Retirement, now_micros};
use serde_json::{Value, json};

use crate::support::{TestApp, choice, task};

const ALL: [&str; 7] = ["items", "annotations", "results", "raters", "rejects", "measures", "disagreements"];

/// A lake with one project, and one more annotation with each snapshot.
struct Fixture {
    test: TestApp,
    project: Project,
    snapshots: u64,
}

impl Fixture {
    async fn new(name: &str) -> Self {
        let test = TestApp::new().await;
        let export = json!([task(1, vec![choice(10, 1, "good", 0), choice(11, 2, "bad", 0)]), task(2, vec![])]);
        test.import(name, &[&export]).await.unwrap();
        let project = test.project(name).await;
        Self { test, project, snapshots: 1 }
    }

    async fn import_more(&mut self) {
        self.snapshots += 1;
        let id = self.snapshots;
        let export = json!([task(id * 100, vec![choice(id * 1000, 1, "good", 0)])]);
        self.test.import(&self.project.name, &[&export]).await.unwrap();
    }

    async fn publish(&self, request: PublishRequest) -> Result<Published, Error> {
        run(&self.test.app, &self.project, &request).await
    }

    async fn publish_newest(&self) -> Published {
        self.publish(PublishRequest::default()).await.unwrap()
    }

    fn data(&self) -> PathBuf {
        self.test.folder.path().join("data")
    }

    fn root(&self) -> PathBuf {
        self.data().join("published").join("default").join(&self.project.name)
    }

    fn manifest(&self) -> Manifest {
        serde_json::from_slice(&std::fs::read(self.root().join("manifest.json")).unwrap()).unwrap()
    }

    /// Everything published, with its content.
    fn published(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let stored = self.test.storage();
        let ours = stored.into_iter().filter(|(path, _)| path.starts_with(self.data().join("published")));
        ours.map(|(path, _)| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    fn log(&self, table: &str, version: u64) -> Vec<Value> {
        let path = self.root().join(table).join(format!("_delta_log/{version:020}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whatever a reader can follow leads to whole files.
    fn check_readable(&self) {
        let manifest = self.manifest();
        for table in &manifest.tables {
            assert!(self.root().join(&table.path).join("_SUCCESS").is_file(), "{} is not complete", table.path);
            let list = std::fs::read_to_string(self.root().join(&table.list)).unwrap();
            let listed: Vec<PathBuf> = list.lines().map(PathBuf::from).collect();
            let named: Vec<PathBuf> = table.files.iter().map(|file| self.root().join(&file.path)).collect();
            assert_eq!(listed, named, "{}", table.name);
            for file in &table.files {
                let bytes = std::fs::read(self.root().join(&file.path)).unwrap();
                assert_eq!((bytes.len() as u64, sha256(&bytes)), (file.bytes, file.sha256.clone()), "{}", file.path);
            }
            let here = parquet_files(&self.root().join(&table.path));
            assert_eq!(here.len(), table.files.len(), "{} has files that nothing names", table.path);
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    assay::lake::hex(&sha2::Sha256::digest(bytes))
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

fn actions<'a>(log: &'a [Value], kind: &'a str) -> Vec<&'a Value> {
    log.iter().filter_map(|action| action.get(kind)).collect()
}

fn only(tables: &[Table], format: Option<Format>) -> PublishRequest {
    PublishRequest { tables: Some(tables.to_vec()), reports: Some(vec![]), format, ..PublishRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_published_with_the_rows_of_the_snapshot() {
    let fixture = Fixture::new("reviews").await;
    let published = fixture.publish_newest().await;
    assert!(published.changed);
    let manifest = fixture.manifest();
    assert_eq!(manifest, published.manifest);
    assert_eq!(manifest.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ALL);
    fixture.check_readable();
    let rows = |name: &str| manifest.tables.iter().find(|table| table.name == name).unwrap().rows;
    for table in Table::ALL {
        let stored = fixture.test.query("reviews", &format!("SELECT count(*) FROM {}", table.name())).await;
        assert_eq!(rows(table.name()).to_string(), stored[0][0], "{}", table.name());
    }
    assert_eq!((rows("items"), rows("annotations"), rows("rejects"), rows("disagreements")), (2, 2, 0, 1));
    assert!(rows("measures") > 0);
    let columns = |name: &str| &manifest.tables.iter().find(|table| table.name == name).unwrap().columns;
    assert!(
        columns("measures").iter().all(|column| column.name != "snapshot"),
        "a column of the folder's name breaks readers that make a column of it"
    );
    assert!(manifest.tables.iter().flat_map(|table| &table.columns).all(|column| !column.comment.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_snapshot_again_changes_nothing() {
    let fixture = Fixture::new("reviews").await;
    fixture.publish(PublishRequest { format: Some(Format::Delta), ..PublishRequest::default() }).await.unwrap();
    let before = fixture.published();
    let again = fixture.publish_newest().await;
    assert!(!again.changed);
    assert_eq!(fixture.published(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_snapshots_are_kept_and_older_ones_go() {
    let mut fixture = Fixture::new("reviews").await;
    fixture.publish_newest().await;
    for expected in [vec![2, 1], vec![3, 2]] {
        fixture.import_more().await;
        let published = fixture.publish_newest().await;
        assert_eq!(published.manifest.kept, expected);
        fixture.check_readable();
        for snapshot in 1..=3 {
            let there = ALL.map(|table| fixture.root().join(format!("{table}/snapshot={snapshot}")).exists());
            assert_eq!(there, [expected.contains(&snapshot); 7], "snapshot {snapshot}");
        }
    }
    let back = PublishRequest { snapshot: Some(2), keep: Some(1), ..PublishRequest::default() };
    assert_eq!(fixture.publish(back).await.unwrap().manifest.kept, [2]);
    assert_eq!(fixture.publish_newest().await.manifest.kept, [3], "the number to keep stays as it was");
    fixture.publish(PublishRequest { snapshot: Some(2), ..PublishRequest::default() }).await.unwrap();
    fixture.check_readable();
    assert!(!fixture.root().join("items/snapshot=3").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publication_that_was_cut_off_is_completed() {
    let mut fixture = Fixture::new("reviews").await;
    fixture.publish_newest().await;
    fixture.import_more().await;
    // Half a folder: one file of another time, one of the right name that is cut short, nothing that says it is whole.
    let whole = fixture.test.app.data_files(&fixture.project.id, 2).await.unwrap();
    let item = whole.iter().find(|file| file.table == Table::Items).unwrap();
    let folder = fixture.root().join("items/snapshot=2");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("part-00000-stray.parquet"), "x").unwrap();
    std::fs::write(folder.join(format!("part-00000-{}.parquet", item.id)), "PAR1").unwrap();
    // And a manifest whose list has gone ahead, as when the process ends between the two.
    fixture.publish_newest().await;
    fixture.check_readable();
    assert_eq!(fixture.manifest().snapshot, 2);

    std::fs::remove_file(fixture.root().join("manifest.json")).unwrap();
    std::fs::write(fixture.root().join("items.files"), "").unwrap();
    std::fs::remove_file(fixture.root().join("results/snapshot=2/_SUCCESS")).unwrap();
    fixture.publish_newest().await;
    fixture.check_readable();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_asked_for_again_stays_as_it_was() {
    let mut fixture = Fixture::new("reviews").await;
    fixture.publish(only(&[Table::Items, Table::Raters], Some(Format::Delta))).await.unwrap();
    fixture.import_more().await;
    let manifest = fixture.publish_newest().await.manifest;
    assert_eq!(manifest.tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ["items", "raters"]);
    assert_eq!(manifest.formats, [Format::Parquet, Format::Delta]);

    let request = PublishRequest { reports: Some(vec![Report::Agreement]), ..only(&[Table::Items], None) };
    fixture.publish(request).await.unwrap();
    fixture.check_readable();
    assert!(!fixture.root().join("raters.files").exists(), "a table that is dropped is no longer listed");
    assert_eq!(actions(&fixture.log("raters", 2), "add").len(), 0, "and its Delta table is empty");
    assert_eq!(actions(&fixture.log("items", 1), "add").len(), 1, "the other one stays as it was");
    assert!(!fixture.root().join(format!("items/_delta_log/{:020}.json", 2)).exists());

    let error = fixture.publish(only(&[], None)).await.unwrap_err();
    assert!(error.to_string().contains("at least one table"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_log_names_the_published_files() {
    let mut fixture = Fixture::new("reviews").await;
    let delta = PublishRequest { format: Some(Format::Delta), ..PublishRequest::default() };
    fixture.publish(delta.clone()).await.unwrap();
    fixture.import_more().await;
    fixture.publish(delta).await.unwrap();
    for table in fixture.manifest().tables {
        let (first, second) = (fixture.log(&table.name, 0), fixture.log(&table.name, 1));
        let paths = |log: &[Value], kind: &str| -> Vec<String> {
            actions(log, kind).iter().map(|action| action["path"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(paths(&second, "remove"), paths(&first, "add"), "{}", table.name);
        let named: Vec<String> = paths(&second, "add").iter().map(|path| format!("{}/{path}", table.name)).collect();
        assert_eq!(named, table.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>());
        assert_eq!(actions(&first, "metaData")[0]["id"], actions(&second, "metaData")[0]["id"]);
    }
    fixture.publish(PublishRequest { format: Some(Format::Parquet), ..PublishRequest::default() }).await.unwrap();
    assert_eq!(actions(&fixture.log("items", 2), "add").len(), 0, "without Delta the table is empty, not stale");

    let foreign = r#"{"commitInfo":{"operation":"OPTIMIZE","engineInfo":"Apache-Spark/4"}}"#;
    std::fs::write(fixture.root().join(format!("items/_delta_log/{:020}.json", 3)), foreign).unwrap();
    let delta = PublishRequest { format: Some(Format::Delta), ..PublishRequest::default() };
    let error = fixture.publish(delta).await.unwrap_err();
    assert!(matches!(&error, Error::Conflict(message) if message.contains("not written by assay")), "{error:?}");
    fixture.check_readable();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delta_log_stays_short() {
    let mut fixture = Fixture::new("reviews").await;
    fixture.import_more().await;
    for round in 0..62 {
        let request = PublishRequest { snapshot: Some(1 + round % 2), ..only(&[Table::Raters], Some(Format::Delta)) };
        fixture.publish(request).await.unwrap();
    }
    let log = fixture.root().join("raters/_delta_log");
    let mut names: Vec<String> =
        std::fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let jsons: Vec<&String> = names.iter().filter(|name| name.ends_with(".json")).collect();
    assert_eq!((jsons[0].as_str(), jsons.len()), (format!("{:020}.json", 40).as_str(), 22), "{names:?}");
    assert!(names.contains(&format!("{:020}.checkpoint.parquet", 60)), "{names:?}");
    let last: Value = serde_json::from_slice(&std::fs::read(log.join("_last_checkpoint")).unwrap()).unwrap();
    assert_eq!(last, json!({ "version": 60, "size": 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_older_schema_are_written_anew() {
    let fixture = Fixture::new("reviews").await;
    let database = format!("sqlite://{}", fixture.data().join("assay.db").display());
    let pool = sqlx::SqlitePool::connect(&database).await.unwrap();
    sqlx::query("UPDATE snapshots SET schema_version = 1").execute(&pool).await.unwrap();
    let manifest = fixture.publish_newest().await.manifest;
    fixture.check_readable();
    let version = format!("-v{}.parquet", assay_formats::schema::VERSION);
    for table in manifest.tables.iter().filter(|table| table.rows > 0 && ALL[..5].contains(&table.name.as_str())) {
        assert!(table.files.iter().all(|file| file.path.ends_with(&version)), "{:?}", table.files);
    }
    let before = fixture.published();
    assert!(!fixture.publish_newest().await.changed);
    assert_eq!(fixture.published(), before);

    // Another version has published this snapshot: its files stay, and the manifest says what they are.
    sqlx::query("UPDATE snapshots SET schema_version = 99").execute(&pool).await.unwrap();
    assert_eq!(fixture.publish_newest().await.manifest, manifest);
    assert_eq!(fixture.published(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_leaves_no_byte() {
    let mut fixture = Fixture::new("reviews").await;
    fixture.publish(PublishRequest { format: Some(Format::Delta), ..PublishRequest::default() }).await.unwrap();
    fixture.import_more().await;
    fixture.publish_newest().await;
    let (app, project) = (&fixture.test.app, &fixture.project);

    unpublish(app, project, &[1]).await.unwrap();
    assert_eq!(fixture.manifest().kept, [2]);
    fixture.check_readable();
    let of_snapshot = |n: u32| {
        let part = format!("snapshot={n}");
        fixture.published().keys().filter(|path| path.to_string_lossy().contains(&part)).count()
    };
    assert_eq!(of_snapshot(1), 0);
    assert!(of_snapshot(2) > 0);

    // Also what a copy that was cut off has left, which the store does not list.
    std::fs::write(fixture.root().join("items/snapshot=2/part-00000-x.parquet#0"), "secret").unwrap();
    unpublish(app, project, &[1, 2]).await.unwrap();
    let left: Vec<PathBuf> = fixture.published().into_keys().collect();
    assert!(left.iter().all(|path| path.to_string_lossy().contains("_delta_log")), "{left:?}");
    assert_eq!(actions(&fixture.log("items", 2), "add").len(), 0);
    unpublish(app, project, &[1, 2]).await.unwrap();
    assert!(!fixture.root().join(format!("items/_delta_log/{:020}.json", 3)).exists(), "again: nothing changes");

    fixture.import_more().await;
    fixture.publish_newest().await;
    fixture.check_readable();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_any_script_have_a_place_of_their_own() {
    let test = TestApp::new().await;
    let mut places = std::collections::BTreeSet::new();
    for name in ["reviews", "Reviews", "Käse & Öl", "感情分析", "отзывы", "a b", "a-b"] {
        test.import(name, &[&json!([task(1, vec![choice(10, 1, "good", 0)])])]).await.unwrap();
        let project = test.project(name).await;
        let published = run(&test.app, &project, &PublishRequest::default()).await.unwrap();
        let place = published.manifest.url.rsplit('/').next().unwrap().to_owned();
        assert!(place.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}: {place}");
        assert_eq!(published.manifest.project.name, name);
        assert!(places.insert(place), "{name} has the place of another project");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_take_turns() {
    let fixture = Fixture::new("reviews").await;
    let db = &fixture.test.app.db;
    let now = now_micros();
    assert!(db.take_publish_lease(&fixture.project.id, "other", now, now + 1_500_000).await.unwrap());
    assert!(!db.take_publish_lease(&fixture.project.id, "third", now, now + 1).await.unwrap());
    fixture.publish_newest().await;
    assert!(now_micros() >= now + 1_500_000, "it waited until the other one's turn had run out");
    let later = now_micros();
    assert!(
        db.take_publish_lease(&fixture.project.id, "third", later, later + 1).await.unwrap(),
        "and gave its own turn back"
    );
    let both = futures::future::join(fixture.publish_newest(), fixture.publish_newest()).await;
    assert!(!both.0.changed && !both.1.changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_cannot_be_published() {
    let mut fixture = Fixture::new("reviews").await;
    let of = |snapshot| PublishRequest { snapshot: Some(snapshot), ..PublishRequest::default() };
    assert!(matches!(fixture.publish(of(7)).await, Err(Error::NotFound { .. })));
    fixture.import_more().await;
    let db = &fixture.test.app.db;
    db.retire_snapshots(&fixture.project.id, &[1], Retirement::Retention, None, now_micros()).await.unwrap();
    assert!(matches!(fixture.publish(of(1)).await, Err(Error::Gone(_))));
    let empty = db.ensure_project("default", "empty", now_micros()).await.unwrap();
    let error = run(&fixture.test.app, &empty, &PublishRequest::default()).await.unwrap_err();
    assert!(error.to_string().contains("no snapshot yet"), "{error}");
    assert!(fixture.published().is_empty(), "nothing is left of what failed");
}
