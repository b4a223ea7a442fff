//! A file that several threads read at once.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// Reads at given places. A clone of a [`File`] shares its cursor, so that two threads would move it under each other.
#[derive(Debug, Clone)]
pub struct Positional {
    file: Arc<File>,
    len: u64,
}

impl Positional {
    pub fn new(file: File) -> std::io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), len })
    }
}

/// The file from a place on.
#[derive(Debug)]
pub struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Positional {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Positional {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(From { file: Arc::clone(&self.file), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // A damaged file can ask for any length: nothing is reserved beyond what is there.
        let there = self.len.saturating_sub(start).min(length as u64);
        let mut bytes = vec![0; usize::try_from(there).unwrap_or_default()];
        self.file.read_exact_at(&mut bytes, start)?;
        if bytes.len() < length {
            let message = format!("{length} bytes were expected at {start}, but the file ends after {there}");
            return Err(parquet::errors::ParquetError::EOF(message));
        }
        Ok(bytes.into())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn readers_of_one_file_do_not_disturb_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let file = Positional::new(file).unwrap();
        let (mut a, mut b) = (file.get_read(2).unwrap(), file.get_read(5).unwrap());
        let next = |reader: &mut BufReader<From>| {
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            byte[0]
        };
        assert_eq!([next(&mut a), next(&mut b), next(&mut a), next(&mut b)], *b"2536");
        assert_eq!(&file.get_bytes(7, 3).unwrap()[..], b"789");
        assert!(file.get_bytes(7, 4).is_err() && file.get_bytes(99, 1).is_err());
    }
}
