//! How a drive came to be: written once at the start of its file, as MCAP metadata.

use std::collections::BTreeMap;

/// Name of the metadata record.
pub(crate) const METADATA_NAME: &str = "chauffeur.run";
const MODEL_PREFIX: &str = "model.";

/// What made a drive. With it and the drive's messages, a run can be repeated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRecord {
    /// Version of Chauffeur.
    pub version: String,
    /// What was done: a live run, a simulation, an import, a kind of replay.
    pub mode: String,
    /// SHA-256 of the configuration.
    pub config_sha256: String,
    /// SHA-256 of each network, by name.
    pub models: BTreeMap<String, String>,
    /// The inference engine in words.
    pub engine: String,
    /// Where the networks ran.
    pub provider: String,
    /// Threads of the networks.
    pub network_threads: u64,
    /// Name or digest of the drive that this one was made from; empty if there is none.
    pub source: String,
}

impl RunRecord {
    /// As sorted keys and values.
    pub(crate) fn to_metadata(&self) -> BTreeMap<String, String> {
        let fixed = [
            ("version", &self.version),
            ("mode", &self.mode),
            ("config_sha256", &self.config_sha256),
            ("engine", &self.engine),
            ("provider", &self.provider),
            ("network_threads", &self.network_threads.to_string()),
            ("source", &self.source),
        ];
        let models = self.models.iter().map(|(name, digest)| (format!("{MODEL_PREFIX}{name}"), digest.clone()));
        fixed.into_iter().map(|(key, value)| (key.to_string(), value.clone())).chain(models).collect()
    }

    /// From keys and values; missing ones are empty, unknown ones ignored. `Err` names the value that is no number.
    pub(crate) fn from_metadata(mut metadata: BTreeMap<String, String>) -> Result<Self, String> {
        let mut take = |key: &str| metadata.remove(key).unwrap_or_default();
        let threads = take("network_threads");
        let network_threads = match threads.as_str() {
            "" => 0,
            text => text.parse().map_err(|_| format!("network_threads is \"{text}\", not a number"))?,
        };
        Ok(Self {
            version: take("version"),
            mode: take("mode"),
            config_sha256: take("config_sha256"),
            engine: take("engine"),
            provider: take("provider"),
            network_threads,
            source: take("source"),
            models: metadata
                .into_iter()
                .filter_map(|(key, digest)| Some((key.strip_prefix(MODEL_PREFIX)?.to_string(), digest)))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_round_trip() {
        let record = RunRecord {
            version: "0.1.0".into(),
            mode: "lossless".into(),
            models: [("yolox".to_string(), "ab12".to_string())].into(),
            network_threads: 2,
            ..RunRecord::default()
        };
        assert_eq!(RunRecord::from_metadata(record.to_metadata()), Ok(record));
        let wrong = [("network_threads".to_string(), "two".to_string())].into();
        assert!(RunRecord::from_metadata(wrong).unwrap_err().contains("\"two\""));
    }
}
