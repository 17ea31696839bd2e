//! A ROS 2 bag on disk: one MCAP file, or the folder that `ros2 bag record` makes, with its files one after the other.

use crate::RecordingError;
use crate::container::{Channel, Container};
use crate::reader::described;
use std::fs;
use std::path::{Path, PathBuf};

/// The open files of a bag.
pub(super) struct Bag {
    pub(super) path: PathBuf,
    files: Vec<Container>,
}

/// One message as it lies in the bag.
pub(super) struct Raw<'a> {
    pub(super) topic: &'a str,
    pub(super) schema: &'a str,
    pub(super) log_time_ns: u64,
    pub(super) data: &'a [u8],
}

impl Bag {
    pub(super) fn open(path: &Path) -> Result<Self, RecordingError> {
        let paths = if path.is_dir() { files(path)? } else { vec![path.to_path_buf()] };
        if let Some(database) = paths.iter().find(|path| path.extension().is_some_and(|end| end == "db3")) {
            let reason = "an SQLite bag: make an MCAP of it with `ros2 bag convert`, storage_id: mcap";
            return Err(RecordingError::source(database, None, reason));
        }
        let mut files = paths.iter().map(|path| Container::open(path)).collect::<Result<Vec<_>, _>>()?;
        if let Some(file) = files.iter().find(|file| file.cut) {
            return Err(file.truncated());
        }
        // A recorder numbers its files, but not with zeros in front: the times tell their order.
        files.sort_by_key(|file| file.chunks.iter().map(|chunk| chunk.start_ns).min().unwrap_or(0));
        Ok(Self { path: path.into(), files })
    }

    /// The channels of all files; one that several files have is there once.
    pub(super) fn channels(&self) -> Vec<Channel> {
        let mut channels: Vec<Channel> = Vec::new();
        for channel in self.files.iter().flat_map(|file| file.channels.values()) {
            if !channels.iter().any(|other| other.topic == channel.topic && other.schema == channel.schema) {
                channels.push(channel.clone());
            }
        }
        channels.sort_by(|a, b| a.topic.cmp(&b.topic));
        channels
    }

    /// Whether a topic has any message.
    pub(super) fn has_messages(&self, topic: &str) -> bool {
        self.files.iter().any(|file| {
            let mut ids = file.channels.iter().filter(|(_, channel)| channel.topic == topic).map(|(id, _)| id);
            ids.any(|id| file.counts.get(id).is_none_or(|&count| count > 0))
        })
    }

    /// The channels in words, for an error.
    pub(super) fn listed(&self) -> String {
        let channels = self.channels();
        match channels.iter().map(|channel| format!("{} has {}", channel.topic, described(channel))).collect::<Vec<_>>()
        {
            names if names.is_empty() => "none".into(),
            names if names.len() <= 12 => names.join(", "),
            names => format!("{} and {} more", names[..12].join(", "), names.len() - 12),
        }
    }

    /// Hands over the messages of all files in order; `take` ends the walk by `Ok(false)`. What it finds wrong with a message is an
    /// error that names the place.
    pub(super) fn each(&mut self, mut take: impl FnMut(&Raw) -> Result<bool, Wrong>) -> Result<(), RecordingError> {
        let mut goes_on = true;
        for file in &mut self.files {
            let (path, channels) = (file.path.clone(), file.channels.clone());
            file.each_message(|header, data| {
                let Some(channel) = channels.get(&header.channel_id) else { return Ok(true) };
                let log_time_ns = header.log_time;
                let raw = Raw { topic: &channel.topic, schema: &channel.schema, log_time_ns, data };
                goes_on = take(&raw).map_err(|wrong| match wrong {
                    Wrong::Drive(error) => error,
                    Wrong::Message(reason) => RecordingError::Message {
                        path: path.clone(),
                        topic: channel.topic.clone(),
                        log_time_ns,
                        reason,
                    },
                })?;
                Ok(goes_on)
            })?;
            if !goes_on {
                break;
            }
        }
        Ok(())
    }
}

/// Why a message stops an import.
pub(super) enum Wrong {
    /// What is wrong with it.
    Message(String),
    /// The drive cannot be written.
    Drive(RecordingError),
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self::Message(reason)
    }
}

impl From<RecordingError> for Wrong {
    fn from(error: RecordingError) -> Self {
        Self::Drive(error)
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(RecordingError::io(folder, "list"))? {
        let path = entry.map_err(RecordingError::io(folder, "list"))?.path();
        if path.extension().is_some_and(|end| end == "mcap" || end == "db3") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(RecordingError::source(folder, None, "no bag here: no file .mcap"));
    }
    Ok(paths)
}
