//! Room on the disk that is kept for the end of a file: a full disk must not cost its summary.
//!
//! Blocks behind the end of the file are taken in advance and given back when it is closed. Where a file system cannot do
//! that, a full disk is found out when it is written to.

use std::fs::File;
use std::io;

/// Room is taken in steps, so that few messages ask for it.
const STEP: u64 = 16 << 20;
/// What the summary and the indexes take for a chunk, at most: its index entry with every channel.
const CHUNK_INDEX_BYTES: u64 = 1 << 10;
/// The rest: the messages' index of the open chunk, schemas with their descriptors, channels, statistics.
const SUMMARY_BYTES: u64 = 2 << 20;

/// The room ahead of a file in work.
pub(crate) struct Reserve {
    file: File,
    /// Place up to which there is room; `None` where the file system keeps none.
    end: Option<u64>,
    flushes: u64,
}

impl Reserve {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok(Self { file: file.try_clone()?, end: Some(0), flushes: 0 })
    }

    /// A chunk was closed before it was full.
    pub(crate) fn chunk_closed(&mut self) {
        self.flushes += 1;
    }

    /// What closing the file takes at most.
    pub(crate) fn summary_bytes(&self) -> u64 {
        // Full chunks have 2 MB and more.
        let chunks = self.flushes + self.end.unwrap_or(0) / (2 << 20) + 1;
        SUMMARY_BYTES + chunks * CHUNK_INDEX_BYTES
    }

    /// Sees to it that so many bytes can be written from here on.
    pub(crate) fn ensure(&mut self, ahead: u64) -> io::Result<()> {
        let Some(end) = self.end else { return Ok(()) };
        let needed = self.file.metadata()?.len() + ahead;
        if needed <= end {
            return Ok(());
        }
        let (most, least) = ((needed - end).max(STEP), needed - end);
        let (taken, length) = match allocate(&self.file, end, most) {
            Ok(taken) => (taken, most),
            Err(_) => (allocate(&self.file, end, least)?, least),
        };
        self.end = taken.then_some(end + length);
        Ok(())
    }

    /// Gives back what was not used.
    pub(crate) fn give_back(&mut self) {
        if let (Some(end), Ok(metadata)) = (self.end, self.file.metadata()) {
            release(&self.file, metadata.len(), end);
        }
    }
}

/// Takes room behind the end of the file. Says whether the file system can.
#[cfg(target_os = "linux")]
fn allocate(file: &File, offset: u64, length: u64) -> io::Result<bool> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    match fallocate(file, FallocateFlags::KEEP_SIZE, offset, length) {
        Ok(()) => Ok(true),
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error.into()),
        Err(_) => Ok(false),
    }
}

#[cfg(target_os = "linux")]
fn release(file: &File, from: u64, to: u64) {
    use rustix::fs::{FallocateFlags, fallocate};
    if to > from {
        // What cannot be given back now is given back when the file is removed.
        let _ = fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, to - from);
        let _ = file.set_len(from);
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64, _: u64) -> io::Result<bool> {
    Ok(false)
}

#[cfg(not(target_os = "linux"))]
fn release(_: &File, _: u64, _: u64) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn room_is_taken_and_given_back() {
        let mut file = tempfile::tempfile().unwrap();
        let mut reserve = Reserve::of(&file).unwrap();
        file.write_all(&[7; 5000]).unwrap();
        reserve.ensure(1 << 20).unwrap();
        if reserve.end.is_none() {
            eprintln!("skipped: this file system keeps no room");
            return;
        }
        assert!(file.metadata().unwrap().blocks() * 512 >= STEP && file.metadata().unwrap().len() == 5000);
        reserve.give_back();
        assert!(file.metadata().unwrap().blocks() * 512 < 1 << 20 && file.metadata().unwrap().len() == 5000);
    }
}
