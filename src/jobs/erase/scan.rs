//! What holds something of the subject: every file of the catalog is looked at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::Removed;
use crate::app::App;
use crate::error::{Error, Result};
use crate::jobs::retain::all_snapshots;
use crate::lake::{DataFile, Erased, Scrubber, Table, erase_rows, read_rows};
use crate::store::{Project, Snapshot};

/// What was found in a file, without its rows.
#[derive(Debug, Clone)]
pub(super) enum Finding {
    Nothing,
    /// What erasing takes away.
    Something(Box<Erased>),
    /// It is gone or cannot be read, and no snapshot needs it: nobody will miss it.
    Useless,
}

/// Findings by the id of the file.
#[derive(Debug, Default)]
pub(super) struct Scan {
    findings: HashMap<String, Finding>,
}

/// What is to be done, as the catalog stands.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) newest: Option<Snapshot>,
    /// Newest first, the newest left out.
    pub(super) retire: Vec<i64>,
    /// Numbers of the snapshots that can be read.
    kept: Vec<i64>,
    files: Vec<(crate::store::DataFile, DataFile)>,
    findings: HashMap<String, Finding>,
    config_holds: bool,
}

impl Scan {
    pub(super) async fn plan(&mut self, app: &App, project: &Project, scrubber: &Arc<Scrubber>) -> Result<Plan> {
        let mut snapshots = all_snapshots(app, project).await?;
        snapshots.retain(|snapshot| snapshot.retired_at.is_none());
        let kept: Vec<i64> = snapshots.iter().map(|snapshot| snapshot.number).collect();
        let rows = app.db.project_files(&project.id).await?;
        let files: Vec<(crate::store::DataFile, DataFile)> =
            rows.into_iter().map(|row| Ok((row.clone(), DataFile::try_from(row)?))).collect::<Result<_>>()?;
        self.look(app, &files, &kept, scrubber).await?;

        let configs = app.db.snapshot_texts(&project.id).await?;
        let holding: HashSet<i64> = configs
            .into_iter()
            .filter(|(_, _, config)| config.as_ref().is_some_and(|config| scrubber.text(config).is_some()))
            .map(|(number, _, _)| number)
            .collect();
        let holds = |number: i64| {
            let in_files = files.iter().any(|(row, file)| row.is_of(number) && self.holds(&file.id));
            in_files || holding.contains(&number)
        };
        let retire = kept.iter().skip(1).copied().filter(|&number| holds(number)).collect();
        let newest = app.db.latest_snapshot(&project.id).await?;
        let config_holds = newest.as_ref().is_some_and(|newest| holding.contains(&newest.number));
        Ok(Plan { newest, retire, kept, files, findings: self.findings.clone(), config_holds })
    }

    fn holds(&self, id: &str) -> bool {
        matches!(self.findings.get(id), Some(Finding::Something(_)))
    }

    /// Looks at the files that were not looked at before.
    async fn look(
        &mut self,
        app: &App,
        files: &[(crate::store::DataFile, DataFile)],
        kept: &[i64],
        scrubber: &Arc<Scrubber>,
    ) -> Result<()> {
        let new: Vec<(bool, DataFile)> = files
            .iter()
            .filter(|(_, file)| !self.findings.contains_key(&file.id))
            .map(|(row, file)| (kept.iter().any(|&number| row.is_of(number)), file.clone()))
            .collect();
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        let found: Vec<(String, Finding)> = stream::iter(new)
            .map(|(is_needed, file)| async move {
                let finding = look_at(app, &file, is_needed, scrubber.clone()).await?;
                Ok::<_, Error>((file.id, finding))
            })
            .buffered(parallel)
            .try_collect()
            .await?;
        self.findings.extend(found);
        Ok(())
    }
}

async fn look_at(app: &App, file: &DataFile, is_needed: bool, scrubber: Arc<Scrubber>) -> Result<Finding> {
    let bytes = match app.lake.get_data(file).await {
        Ok(bytes) => bytes,
        Err(Error::Unavailable { .. }) if !is_needed && !app.lake.exists(&file.path).await? => {
            return Ok(Finding::Useless);
        }
        Err(Error::Internal(_)) if !is_needed => return Ok(Finding::Useless),
        Err(error) => return Err(error),
    };
    let table = file.table;
    let work = tokio::task::spawn_blocking(move || erase_rows(table, &read_rows(table, bytes)?, &scrubber));
    let erased = work.await.map_err(Error::internal)??;
    Ok(match erased.is_touched() {
        true => Finding::Something(Box::new(Erased { rows: None, ..erased })),
        false => Finding::Nothing,
    })
}

impl Plan {
    /// Files of the newest snapshot that hold something, and what erasing takes away from each.
    pub(super) fn to_rewrite(&self) -> impl Iterator<Item = (&DataFile, &Erased)> {
        let newest = self.newest.as_ref().map_or(0, |newest| newest.number);
        self.files.iter().filter(move |(row, _)| row.is_of(newest)).filter_map(|(_, file)| {
            match self.findings.get(&file.id) {
                Some(Finding::Something(erased)) => Some((file, &**erased)),
                _ => None,
            }
        })
    }

    pub(super) fn must_rewrite(&self) -> bool {
        self.config_holds || self.to_rewrite().next().is_some()
    }

    /// What the newest snapshot loses, and how many of its rows are scrubbed.
    pub(super) fn losses(&self) -> (Removed, u64) {
        let (mut removed, mut scrubbed) = (Removed::default(), 0);
        for (file, erased) in self.to_rewrite() {
            scrubbed += erased.scrubbed;
            match file.table {
                Table::Items => removed.items += erased.removed,
                Table::Annotations => {
                    removed.annotations += erased.removed;
                    removed.predictions += erased.removed_predictions;
                    removed.results += erased.removed_results;
                }
                // Counted with their annotations.
                Table::Results => {}
                Table::Raters => removed.raters += erased.removed,
                Table::Rejects => removed.rejects += erased.removed,
            }
        }
        (removed, scrubbed)
    }

    /// The plan once what is to be retired is retired.
    pub(super) fn without_retired(mut self) -> Self {
        self.kept.retain(|number| !self.retire.contains(number));
        self
    }

    /// Files that hold something and that no snapshot will need: of those to be retired, of the newest once it is rewritten, and of those that
    /// were retired before.
    pub(super) fn doomed(&self) -> Vec<DataFile> {
        let newest = self.newest.as_ref().map_or(0, |newest| newest.number);
        let stays = |row: &crate::store::DataFile| {
            self.kept.iter().any(|number| *number != newest && !self.retire.contains(number) && row.is_of(*number))
        };
        let doomed = self.files.iter().filter(|(row, file)| match self.findings.get(&file.id) {
            Some(Finding::Something(_)) => !stays(row),
            Some(Finding::Useless) => true,
            _ => false,
        });
        doomed.map(|(_, file)| file.clone()).collect()
    }
}
