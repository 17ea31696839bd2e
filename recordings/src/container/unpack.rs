//! One chunk out of the file: read, unpacked and checked, its records handed over where they lie.
//!
//! Each byte is read, unpacked and summed once, piece by piece while it is in the cache, and large payloads are not copied at all: a message shares the
//! buffer of its chunk. A buffer is used again when nobody holds a part of it any more.

use super::{Chunk, Container, LARGEST_RECORD, RECORD_HEAD, length_of};
use crate::error::RecordingError;
use bytes::{Bytes, BytesMut};
use mcap::records::op;
use std::io::Read;

/// Fixed bytes of a chunk's own header, without the name of its compression.
const FIXED: usize = 40;
/// Read at once with the chunk's header; the name of the compression is shorter than the rest.
const BEGIN: usize = 128;
/// So much is read before it is summed.
const PIECE: usize = 128 << 10;
/// Buffers that others may still hold and that are looked at again.
const RETIRED: usize = 4;

/// What chunks are unpacked in.
#[derive(Default)]
pub(super) struct Unpacker {
    /// Compressed bytes; beyond those of the chunk in work lies what earlier ones left.
    packed: Vec<u8>,
    retired: Vec<Bytes>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl Container {
    /// Reads one chunk and hands over its records. The records come only if the chunk's CRC is right.
    pub(crate) fn read_chunk(
        &mut self,
        chunk: &Chunk,
        mut on_record: impl FnMut(u8, &Bytes) -> Result<(), String>,
    ) -> Result<(), RecordingError> {
        let (head, length) = self.record_head(chunk.offset)?;
        if head[0] != op::CHUNK || chunk.length != RECORD_HEAD + length {
            return Err(self.damaged(chunk.offset, "the chunk is not where its index says"));
        }
        let records = match self.unpacker.records(&mut self.file, length) {
            Ok(records) => records,
            Err(Trouble::File(error)) => return Err(RecordingError::io(&self.path, "read")(error)),
            Err(Trouble::Chunk(reason)) => return Err(self.damaged(chunk.offset, reason)),
        };
        let expected = chunk.uncompressed_bytes;
        if records.len() as u64 != expected {
            let reason = format!("the chunk's records have {} bytes, expected {expected}", records.len());
            return Err(self.damaged(chunk.offset, reason));
        }
        each_record(&records, &mut on_record).map_err(|reason| self.damaged(chunk.offset, reason))
    }
}

/// Why a chunk cannot be had.
enum Trouble {
    File(std::io::Error),
    Chunk(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self::Chunk(reason)
    }
}

/// What a chunk says about its records.
struct Head<'a> {
    plain_bytes: usize,
    crc: u32,
    compression: &'a [u8],
    /// Where its bytes begin, and how many there are.
    begin: usize,
    packed_bytes: usize,
}

impl<'a> Head<'a> {
    /// The header of a chunk of so many bytes.
    fn read(found: &'a [u8], size: u64) -> Result<Self, String> {
        let short = || format!("a chunk of {size} bytes, too short for its header");
        let number = |at: usize, bytes: usize| {
            let found = found.get(at..at + bytes).ok_or_else(short)?;
            Ok::<u64, String>(found.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        };
        let (plain_bytes, crc, name_bytes) = (number(16, 8)?, number(24, 4)? as u32, number(28, 4)?);
        if name_bytes > (BEGIN - FIXED) as u64 {
            return Err(format!("a chunk whose compression has a name of {name_bytes} bytes"));
        }
        let begin = FIXED + name_bytes as usize;
        let packed_bytes = number(begin - 8, 8)?;
        let compression = found.get(32..begin - 8).ok_or_else(short)?;
        if size.checked_sub(begin as u64).is_none_or(|left| left < packed_bytes) {
            return Err(format!("{packed_bytes} bytes of records in a chunk of {size} bytes"));
        }
        let sized = |bytes: u64| {
            let size = usize::try_from(bytes).ok().filter(|&size| size <= LARGEST_RECORD);
            size.ok_or_else(|| format!("a chunk of {bytes} bytes"))
        };
        Ok(Self { plain_bytes: sized(plain_bytes)?, crc, compression, begin, packed_bytes: sized(packed_bytes)? })
    }
}

impl Unpacker {
    /// The records of the chunk of so many bytes that lies next in the file.
    fn records(&mut self, file: &mut impl Read, size: u64) -> Result<Bytes, Trouble> {
        let mut begin = [0; BEGIN];
        let begin = &mut begin[..usize::try_from(size).unwrap_or(BEGIN).min(BEGIN)];
        file.read_exact(begin)?;
        let head = Head::read(begin, size)?;
        let early = &begin[head.begin..begin.len().min(head.begin + head.packed_bytes)];
        let mut sum = crc32fast::Hasher::new();
        let (buffer, filled) = if head.compression.is_empty() {
            let mut buffer = self.buffer(head.packed_bytes);
            let whole = &mut buffer[..head.packed_bytes];
            whole[..early.len()].copy_from_slice(early);
            sum.update(early);
            for piece in whole[early.len()..].chunks_mut(PIECE) {
                file.read_exact(piece)?;
                sum.update(piece);
            }
            (buffer, head.packed_bytes)
        } else {
            let mut buffer = self.buffer(head.plain_bytes);
            if self.packed.len() < head.packed_bytes {
                self.packed.resize(head.packed_bytes, 0);
            }
            let packed = &mut self.packed[..head.packed_bytes];
            packed[..early.len()].copy_from_slice(early);
            file.read_exact(&mut packed[early.len()..])?;
            let plain = &mut buffer[..head.plain_bytes];
            let filled = match head.compression {
                b"lz4" => unlz4(packed, plain, &mut sum)?,
                b"zstd" => unzstd(&mut self.zstd, packed, plain, &mut sum)?,
                other => {
                    let name = String::from_utf8_lossy(other);
                    return Err(format!("the compression \"{name}\" is unknown").into());
                }
            };
            (buffer, filled)
        };
        let found = sum.finalize();
        // Zero: whoever wrote the file did not sum.
        if head.crc != 0 && found != head.crc {
            return Err(format!("the chunk's CRC is {found:08x}, expected {:08x}", head.crc).into());
        }
        let whole = buffer.freeze();
        let records = whole.slice(..filled);
        self.retired.push(whole);
        Ok(records)
    }

    /// A buffer of at least so many bytes: one that was used before, if nobody holds it.
    fn buffer(&mut self, bytes: usize) -> BytesMut {
        let free = self.retired.iter().position(Bytes::is_unique).map(|place| self.retired.remove(place));
        let mut buffer = free.and_then(|free| free.try_into_mut().ok()).unwrap_or_default();
        if self.retired.len() >= RETIRED {
            self.retired.remove(0);
        }
        if buffer.len() < bytes {
            buffer.clear();
            buffer.resize(bytes, 0);
        }
        buffer
    }
}

/// A chunk may hold several frames, one after the other.
fn unlz4(mut packed: &[u8], plain: &mut [u8], sum: &mut crc32fast::Hasher) -> Result<usize, String> {
    let mut filled = 0;
    while filled < plain.len() && !packed.is_empty() {
        let mut decoder = lz4::Decoder::new(packed).map_err(|error| format!("lz4: {error}"))?;
        let before = filled;
        while filled < plain.len() {
            let more = decoder.read(&mut plain[filled..]).map_err(|error| format!("lz4: {error}"))?;
            if more == 0 {
                break;
            }
            sum.update(&plain[filled..filled + more]);
            filled += more;
        }
        packed = decoder.finish().0;
        if filled == before {
            break;
        }
    }
    Ok(filled)
}

fn unzstd(
    decompressor: &mut Option<zstd::bulk::Decompressor<'static>>,
    packed: &[u8],
    plain: &mut [u8],
    sum: &mut crc32fast::Hasher,
) -> Result<usize, String> {
    let own = match decompressor {
        Some(own) => own,
        none => none.insert(zstd::bulk::Decompressor::new().map_err(|error| format!("zstd: {error}"))?),
    };
    let filled = own.decompress_to_buffer(packed, plain).map_err(|error| format!("zstd: {error}"))?;
    sum.update(&plain[..filled]);
    Ok(filled)
}

/// Hands over record by record: opcode and body.
fn each_record(records: &Bytes, on_record: &mut impl FnMut(u8, &Bytes) -> Result<(), String>) -> Result<(), String> {
    let mut at = 0;
    while let Some(head) = records[at..].first_chunk::<{ RECORD_HEAD as usize }>() {
        let (length, begin) = (length_of(head), at + RECORD_HEAD as usize);
        let end = usize::try_from(length).ok().and_then(|size| begin.checked_add(size));
        let Some(end) = end.filter(|&end| end <= records.len()) else {
            return Err(format!("a record of {length} bytes, {} are left of the chunk", records.len() - begin));
        };
        on_record(head[0], &records.slice(begin..end))?;
        at = end;
    }
    if at == records.len() {
        Ok(())
    } else {
        Err(format!("{} bytes behind the chunk's last record", records.len() - at))
    }
}
