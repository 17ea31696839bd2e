//! A new file out of the records of others.

use crate::container::{Channel, Container};
use crate::sink::{Shelf, Sink};
use crate::topics::Topic;
use crate::writer::options;
use crate::{Compression, RecordingError, Written};
use mcap::records::{MessageHeader, Record, op};
use mcap::{Attachment, McapError, parse_record};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in work.
pub(super) struct Copy {
    path: PathBuf,
    sink: Sink,
    /// Schemas seen in the records of the input: name, encoding, data.
    schemas: BTreeMap<u16, (String, String, Arc<[u8]>)>,
    /// From the input's channels to ours.
    channels: BTreeMap<u16, u16>,
    /// Where messages of our channels lie.
    shelves: BTreeMap<u16, Shelf>,
}

impl Copy {
    pub(super) fn create(path: &Path, profile: &str, compression: Compression) -> Result<Self, RecordingError> {
        let sink = Sink::create(path, options(compression).profile(profile), |_, _| Ok(()))?;
        Ok(Self {
            path: path.into(),
            sink,
            schemas: BTreeMap::new(),
            channels: BTreeMap::new(),
            shelves: BTreeMap::new(),
        })
    }

    /// Takes over the channels of an input that are known beforehand, and gives their new ids.
    pub(super) fn know(&mut self, container: &Container) -> Result<BTreeMap<u16, u16>, RecordingError> {
        self.know_without(container, &BTreeSet::new())
    }

    /// The same, but for those left out.
    pub(super) fn know_without(
        &mut self,
        container: &Container,
        left_out: &BTreeSet<u16>,
    ) -> Result<BTreeMap<u16, u16>, RecordingError> {
        let known = container.channels.iter().filter(|(id, _)| !left_out.contains(id));
        let known = known.map(|(&id, channel)| Ok((id, self.channel(channel)?)));
        let known = known.collect::<Result<BTreeMap<_, _>, RecordingError>>()?;
        self.channels.clone_from(&known);
        Ok(known)
    }

    /// Copies a record of the input: messages, and what describes them or lies beside them. Others are made anew.
    pub(super) fn record(&mut self, opcode: u8, data: &[u8]) -> Result<(), RecordingError> {
        let path = self.path.clone();
        let wrong = |reason: String| RecordingError::source(&path, None, reason);
        if !matches!(opcode, op::SCHEMA | op::CHANNEL | op::MESSAGE | op::METADATA | op::ATTACHMENT) {
            return Ok(());
        }
        match parse_record(opcode, data).map_err(|error| wrong(error.to_string()))? {
            Record::Schema { header, data } => {
                self.schemas.insert(header.id, (header.name, header.encoding, data.into()));
            }
            Record::Channel(mcap::records::Channel { id, schema_id, topic, message_encoding, metadata }) => {
                let (schema, schema_encoding, schema_data) = self.schemas.get(&schema_id).cloned().unwrap_or_default();
                let channel =
                    Channel { topic, message_encoding, metadata, schema_id, schema, schema_encoding, schema_data };
                let ours = self.channel(&channel)?;
                self.channels.insert(id, ours);
            }
            Record::Message { header, data } => self.message(&header, &data)?,
            Record::Metadata(metadata) => self.failed(|sink| sink.writer.write_metadata(&metadata))?,
            Record::Attachment { header, data, .. } => {
                let mcap::records::AttachmentHeader { log_time, create_time, name, media_type } = header;
                let attachment = Attachment { log_time, create_time, name, media_type, data };
                self.failed(|sink| sink.writer.attach(&attachment))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Copies a message of the input in work.
    pub(super) fn message(&mut self, header: &MessageHeader, data: &[u8]) -> Result<(), RecordingError> {
        let Some(&channel_id) = self.channels.get(&header.channel_id) else {
            let reason = format!("a message of channel {}, which nothing describes", header.channel_id);
            return Err(RecordingError::source(&self.path, None, reason));
        };
        self.put(&MessageHeader { channel_id, ..*header }, data)
    }

    /// Writes a message whose channel is one of ours.
    pub(super) fn put(&mut self, header: &MessageHeader, data: &[u8]) -> Result<(), RecordingError> {
        let shelf = self.shelves.get(&header.channel_id).copied().unwrap_or(Shelf::Bulk);
        self.failed(|sink| sink.put(shelf, header, data))
    }

    pub(super) fn metadata(&mut self, name: &str, metadata: BTreeMap<String, String>) -> Result<(), RecordingError> {
        let metadata = mcap::records::Metadata { name: name.into(), metadata };
        self.failed(|sink| sink.writer.write_metadata(&metadata))
    }

    pub(super) fn finish(self) -> Result<Written, RecordingError> {
        self.sink.finish()
    }

    /// Our id of a channel; equal ones become one.
    fn channel(&mut self, channel: &Channel) -> Result<u16, RecordingError> {
        let id = self.failed(|sink| {
            let schema = match channel.schema.as_str() {
                "" if channel.schema_id == 0 => 0,
                name => sink.writer.add_schema(name, &channel.schema_encoding, &channel.schema_data)?,
            };
            sink.writer.add_channel(schema, &channel.topic, &channel.message_encoding, &channel.metadata)
        })?;
        // Topics of a drive lie as they do in one that we write; of others nobody knows what is read together.
        let own = Topic::from_name(&channel.topic).filter(|topic| topic.row().schema == channel.schema);
        self.shelves.insert(id, own.map_or(Shelf::Bulk, Topic::shelf));
        Ok(id)
    }

    fn failed<T>(&mut self, write: impl FnOnce(&mut Sink) -> Result<T, McapError>) -> Result<T, RecordingError> {
        write(&mut self.sink).map_err(|error| RecordingError::written(&self.path, error))
    }
}
