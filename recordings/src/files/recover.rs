//! A cut or damaged file becomes a clean one: all that can be read, with a summary.

use super::check_output;
use super::copy::Copy;
use crate::container::Container;
use crate::{Compression, RecordingError};
use mcap::records::op;
use std::path::Path;

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Messages in the new file.
    pub messages: u64,
    /// Messages of them that lay in a chunk whose end is missing.
    pub from_cut_chunk: u64,
    /// What could not be read, one line each.
    pub lost: Vec<String>,
    /// Size of the new file.
    pub bytes: u64,
}

/// Copies everything that can be read of `input` into `output`. Of the last chunk, if it was cut, the messages before the cut are kept. A
/// chunk whose checksum is wrong is left out as a whole, since nobody knows which of its messages is wrong; where the file itself is broken
/// the next whole chunk is looked for.
///
/// # Errors
/// Not an MCAP file, or an output that cannot be written. Damage is no error: it is told in [`Recovered::lost`].
pub fn recover(input: &Path, output: &Path, compression: Compression) -> Result<Recovered, RecordingError> {
    check_output(&[input], output)?;
    let mut container = Container::open_records(input)?;
    let mut copy = Copy::create(output, &container.profile, compression)?;
    if let Ok(whole) = Container::open(input).as_ref()
        && !whole.cut
    {
        // What the summary says of the channels holds even if the chunk that introduced them is damaged.
        copy.know(whole)?;
    }
    let mut recovered = Recovered::default();
    let mut offset = container.first_record();
    loop {
        let Ok((opcode, length)) = container.record_at(offset) else {
            // The end of the file, or a place that nobody can read.
            if container.rest(offset) == 0 || container.ends_at(offset) {
                break;
            }
            match container.next_chunk_after(offset)? {
                Some(next) => {
                    recovered.lost.push(format!("{} bytes from byte {offset} on are no records", next - offset));
                    offset = next;
                    continue;
                }
                None => {
                    recovered.from_cut_chunk = salvage(&mut container, offset, &mut copy)?;
                    let left = container.rest(offset);
                    recovered
                        .lost
                        .push(format!("the file was cut: the last {left} bytes hold no whole record or chunk"));
                    break;
                }
            }
        };
        match opcode {
            op::CHUNK => whole_chunk(&mut container, offset, &mut copy, &mut recovered)?,
            op::SCHEMA | op::CHANNEL | op::MESSAGE | op::METADATA | op::ATTACHMENT => {
                let data = container.body_at(offset)?;
                match copy.record(opcode, &data) {
                    Err(error @ RecordingError::Io { .. }) => return Err(error),
                    Err(error) => recovered.lost.push(format!("a record at byte {offset}: {error}")),
                    Ok(()) => {}
                }
            }
            // Behind it there is only the summary, which is made anew.
            op::DATA_END => break,
            _ => {}
        }
        offset += length;
    }
    let written = copy.finish()?;
    (recovered.messages, recovered.bytes) = (written.messages, written.bytes);
    Ok(recovered)
}

fn whole_chunk(
    container: &mut Container,
    offset: u64,
    copy: &mut Copy,
    recovered: &mut Recovered,
) -> Result<(), RecordingError> {
    let mut failed = None;
    let outcome = container.chunk_from(offset).and_then(|chunk| {
        container.read_chunk(&chunk, |opcode, data| {
            copy.record(opcode, data).map_err(|error| {
                let text = error.to_string();
                failed = Some(error);
                text
            })
        })
    });
    match (outcome, failed) {
        // What cannot be written ends the work; what cannot be read is left out.
        (Err(_), Some(error @ RecordingError::Io { .. })) => Err(error),
        (Err(error), _) => {
            recovered.lost.push(format!("a chunk: {error}"));
            Ok(())
        }
        (Ok(()), _) => Ok(()),
    }
}

/// Copies the messages of a chunk up to where it was cut, and says how many there were.
fn salvage(container: &mut Container, offset: u64, copy: &mut Copy) -> Result<u64, RecordingError> {
    let (mut messages, mut failed) = (0, None);
    container.read_cut_chunk(offset, |opcode, data| match copy.record(opcode, data) {
        Ok(()) => {
            messages += u64::from(opcode == op::MESSAGE);
            true
        }
        Err(error) => {
            failed = Some(error);
            false
        }
    });
    match failed {
        Some(error @ RecordingError::Io { .. }) => Err(error),
        _ => Ok(messages),
    }
}
