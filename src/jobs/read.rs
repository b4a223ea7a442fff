//! The first half of an import: files are read once, split into chunks of whole tasks, parsed on all cores and staged by bucket.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use assay_formats::label_studio::{Chunk, ChunkParser, ParseOptions, Parsed, RaterMention, SplitOptions, Splitter};

use crate::error::{Error, Result};
use crate::lake::{Spill, Staged, Stager};

/// Staged rows beyond this go to disk: the memory of an import does not grow with the input.
const STAGE_BYTES: usize = 128 << 20;
/// Parsed chunks that may wait while earlier ones are spilled: the parsers go on meanwhile.
const WAITING: usize = 32;

/// A file to import: where it lies, and the name to use in messages and rows.
#[derive(Debug, Clone)]
pub struct Input {
    pub path: PathBuf,
    pub name: String,
}

/// What an import has done so far; read by progress bars and heartbeats.
#[derive(Debug, Default)]
pub struct Progress {
    pub bytes: AtomicU64,
    pub total_bytes: AtomicU64,
    pub items: AtomicU64,
    /// Buckets written, of `buckets`; 0 of 0 while reading.
    pub written: AtomicU64,
    pub buckets: AtomicU64,
    /// Set from outside to stop the work at the next chunk or bucket.
    pub cancel: AtomicBool,
}

impl Progress {
    pub fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// What the files held, besides the staged rows.
#[derive(Debug)]
pub struct ReadOutcome {
    /// The first part of the ids of everything in the files.
    pub source: String,
    pub spill: Spill,
    pub raters: Vec<RaterMention>,
    pub rejects: Vec<RecordBatch>,
    pub counts: assay_formats::label_studio::Counts,
    pub bytes: u64,
}

/// Total size of the inputs; refuses what is not a readable file before anything is touched.
pub fn check_inputs(inputs: &[Input]) -> Result<u64> {
    let mut total = 0;
    for input in inputs {
        let refuse = |what: &str| Error::invalid(format!("{}: {what}", input.name));
        let meta =
            std::fs::metadata(&input.path).map_err(|e| refuse(&format!("cannot be read ({e}); check the path")))?;
        if meta.is_dir() {
            return Err(refuse(
                "is a directory; name the export files in it, e.g. with a shell pattern like folder/*.json",
            ));
        }
        total += meta.len();
    }
    Ok(total)
}

struct Job {
    sequence: u64,
    file: usize,
    chunk: Chunk,
}

type Outcome = (u64, usize, Result<Parsed>);

/// Reads all inputs in order. The first fault of the first faulty chunk is returned, whatever the threads' timing.
pub fn read_inputs(
    inputs: &[Input],
    source: &str,
    buckets: u32,
    temp: &Path,
    progress: &Progress,
) -> Result<ReadOutcome> {
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let stop = AtomicBool::new(false);
    let (job_sender, job_receiver) = sync_channel::<Job>(workers);
    let (outcome_sender, outcomes) = sync_channel::<Outcome>(WAITING);
    let (spare_sender, spares) = channel::<Vec<u8>>();
    let jobs = Arc::new(Mutex::new(job_receiver));
    let options: Vec<ParseOptions> =
        inputs.iter().map(|input| ParseOptions { source: source.to_owned(), file: input.name.clone() }).collect();
    std::thread::scope(|scope| {
        let splitter_outcomes = outcome_sender.clone();
        let stop = &stop;
        scope.spawn(move || split_all(inputs, job_sender, splitter_outcomes, spares, progress, stop));
        for _ in 0..workers {
            let (jobs, outcomes, spares) = (jobs.clone(), outcome_sender.clone(), spare_sender.clone());
            let options = &options;
            scope.spawn(move || parse_all(&jobs, &outcomes, &spares, options));
        }
        // Only the threads may hold ends of the channels now: the loops below end when the last thread does.
        drop((outcome_sender, jobs));
        collect(outcomes, Stager::new(buckets, STAGE_BYTES, temp), source, progress, stop)
    })
}

fn split_all(
    inputs: &[Input],
    jobs: SyncSender<Job>,
    outcomes: SyncSender<Outcome>,
    spares: Receiver<Vec<u8>>,
    progress: &Progress,
    stop: &AtomicBool,
) {
    let mut sequence = 0;
    for (file, input) in inputs.iter().enumerate() {
        let mut run = || -> Result<()> {
            let unreadable =
                |e| Error::invalid(format!("{}: cannot be read ({e}); check the path and its permissions", input.name));
            let reader = Counting { inner: File::open(&input.path).map_err(unreadable)?, bytes: &progress.bytes };
            let mut splitter = Splitter::new(reader, SplitOptions::new(&input.name));
            while let Some(chunk) = splitter.next_chunk().map_err(Error::invalid)? {
                progress.check()?;
                spares.try_iter().for_each(|buffer| splitter.reuse(buffer));
                if stop.load(Ordering::Relaxed) || jobs.send(Job { sequence, file, chunk }).is_err() {
                    return Ok(());
                }
                sequence += 1;
            }
            Ok(())
        };
        if let Err(error) = run() {
            // The collector outlives this thread; if it is gone the import has already failed.
            let _ = outcomes.send((sequence, file, Err(error)));
            return;
        }
    }
}

fn parse_all(
    jobs: &Mutex<Receiver<Job>>,
    outcomes: &SyncSender<Outcome>,
    spares: &Sender<Vec<u8>>,
    options: &[ParseOptions],
) {
    let mut parser = ChunkParser::default();
    loop {
        let job = match jobs.lock() {
            Ok(receiver) => receiver.recv(),
            Err(_) => return,
        };
        let Ok(Job { sequence, file, chunk }) = job else { return };
        let parsed = parser.parse(&chunk, &options[file]).map_err(Error::invalid);
        // The splitter may be done: then nobody needs the buffer.
        let _ = spares.send(chunk.into_buffer());
        if outcomes.send((sequence, file, parsed)).is_err() {
            return;
        }
    }
}

fn collect(
    outcomes: Receiver<Outcome>,
    mut stager: Stager,
    source: &str,
    progress: &Progress,
    stop: &AtomicBool,
) -> Result<ReadOutcome> {
    let mut first_error: Option<(u64, Error)> = None;
    let mut raters = Vec::new();
    let mut rejects = std::collections::BTreeMap::new();
    let mut counts = assay_formats::label_studio::Counts::default();
    for (sequence, file, parsed) in outcomes {
        let staged = parsed.and_then(|mut parsed| {
            progress.items.fetch_add(parsed.items.num_rows() as u64, Ordering::Relaxed);
            counts += parsed.counts;
            raters.append(&mut parsed.raters);
            if parsed.rejects.num_rows() > 0 {
                rejects.insert(sequence, parsed.rejects.clone());
            }
            let rows = Staged::new(file as u32, parsed)?;
            if first_error.is_none() { stager.push(sequence, rows) } else { Ok(()) }
        });
        if let Err(error) = staged {
            stop.store(true, Ordering::Relaxed);
            if first_error.as_ref().is_none_or(|(at, _)| sequence < *at) {
                first_error = Some((sequence, error));
            }
        }
    }
    if let Some((_, error)) = first_error {
        return Err(error);
    }
    progress.check()?;
    let bytes = progress.bytes.load(Ordering::Relaxed);
    let (source, spill) = (source.to_owned(), stager.finish()?);
    Ok(ReadOutcome { source, spill, raters, rejects: rejects.into_values().collect(), counts, bytes })
}

struct Counting<'a> {
    inner: File,
    bytes: &'a AtomicU64,
}

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
