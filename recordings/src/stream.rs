//! The messages of a drive as a live viewer gets them: the same topics, schemas and bytes as in the file.

use crate::Message;
use crate::schema::encode;
use crate::topics::{ENCODING, TABLE, Topic};
use crate::viewer;
use std::borrow::Cow;
use std::convert::Infallible;
use types::{Route, Stamp};

/// A topic that a viewer can subscribe to.
#[derive(Clone, Debug)]
pub struct StreamChannel {
    /// Its id, 1 to 63: the same in every file and stream.
    pub id: u16,
    /// The topic.
    pub topic: &'static str,
    /// Encoding of messages and schema.
    pub encoding: &'static str,
    /// Name of the schema.
    pub schema: &'static str,
    /// The schema: a serialized `FileDescriptorSet`.
    pub descriptors: Cow<'static, [u8]>,
}

/// How many channels there are; their ids are 1 to this.
pub const STREAM_CHANNELS: u16 = TABLE.len() as u16;

/// All channels, in the order of their ids.
#[must_use]
pub fn stream_channels() -> Vec<StreamChannel> {
    let channel = |row: &crate::topics::Row| StreamChannel {
        id: row.topic.channel_id(),
        topic: row.name,
        encoding: ENCODING,
        schema: row.schema,
        descriptors: row.topic.descriptors(),
    };
    TABLE.iter().map(channel).collect()
}

/// Encodes messages and their views for whoever wants them.
#[derive(Debug, Default)]
pub struct StreamEncoder {
    /// The last route: views of signals need to know where they stand.
    route: Route,
}

impl StreamEncoder {
    /// Encodes a message and its views at `stamp`, each channel that is `wanted`, and hands id and bytes to `put`.
    pub fn encode(
        &mut self,
        message: &Message,
        stamp: Stamp,
        wanted: impl Fn(u16) -> bool,
        mut put: impl FnMut(u16, Vec<u8>),
    ) {
        if let Message::Route(route) = message {
            self.route.clone_from(route);
        }
        let own = message.place();
        if wanted(own.channel_id()) {
            let mut bytes = Vec::with_capacity(message.bytes());
            encode::message(message, stamp, &mut bytes);
            put(own.channel_id(), bytes);
        }
        let mut put_view = |topic: Topic, view: &dyn viewer::View| {
            if wanted(topic.channel_id()) {
                let mut bytes = Vec::new();
                view.append(&mut bytes);
                put(topic.channel_id(), bytes);
            }
            Ok::<(), Infallible>(())
        };
        let Ok(()) = viewer::views(message, stamp, &self.route, &mut put_view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compression, DriveWriter, RunRecord, samples};
    use std::collections::BTreeMap;

    /// What a file holds, by topic, in order.
    fn in_a_file(messages: &[Message]) -> BTreeMap<String, Vec<(u64, Vec<u8>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drive.mcap");
        let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
        messages.iter().for_each(|message| writer.write(message).unwrap());
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let mut found: BTreeMap<String, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        for message in mcap::MessageStream::new(&bytes).unwrap() {
            let message = message.unwrap();
            found.entry(message.channel.topic.clone()).or_default().push((message.log_time, message.data.to_vec()));
        }
        found
    }

    #[test]
    fn a_stream_has_the_topics_schemas_and_bytes_of_the_file() {
        let messages: Vec<Message> =
            samples::every_message().into_iter().chain((0..3).flat_map(samples::frame)).collect();
        let first = messages.iter().find_map(Message::stamp).unwrap();
        let topics: BTreeMap<u16, &str> = stream_channels().iter().map(|channel| (channel.id, channel.topic)).collect();
        let mut encoder = StreamEncoder::default();
        let mut streamed: BTreeMap<String, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
        let mut newest = first;
        for message in &messages {
            newest = message.stamp().unwrap_or(newest);
            let time = u64::try_from(newest.nanos()).unwrap();
            encoder.encode(
                message,
                newest,
                |_| true,
                |id, bytes| {
                    streamed.entry(topics[&id].to_string()).or_default().push((time, bytes));
                },
            );
        }
        assert!(streamed == in_a_file(&messages));
    }

    #[test]
    fn what_nobody_wants_is_not_encoded() {
        let mut encoder = StreamEncoder::default();
        let lidar = stream_channels().iter().find(|channel| channel.topic == "/lidar/top/points").unwrap().id;
        let mut got = Vec::new();
        for message in samples::every_message() {
            encoder.encode(&message, Stamp::default(), |id| id == lidar, |id, _| got.push(id));
        }
        assert!(!got.is_empty() && got.iter().all(|id| *id == lidar));
        assert!(stream_channels().iter().all(|channel| (1..64).contains(&channel.id)));
    }
}
