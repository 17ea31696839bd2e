//! A lidar by its name and its calibration file.

use super::angles::{Angles, AnglesError};
use super::ouster::Ouster;
use super::ouster_metadata::{Metadata, MetadataError};
use super::{Decoder, hesai, velodyne};
use thiserror::Error;

/// Names of the sensors, and what their calibration file is; those of Velodyne need none.
pub const SENSORS: [(&str, Option<&str>); 9] = [
    ("vlp-16", None),
    ("vlp-32c", None),
    ("vls-128", None),
    ("xt32", Some("angle correction file (CSV)")),
    ("pandar40p", Some("angle correction file (CSV)")),
    ("pandar128", Some("angle correction file (CSV)")),
    ("ot128", Some("angle correction file (CSV)")),
    ("os", Some("metadata (JSON)")),
    ("ouster", Some("metadata (JSON)")),
];

/// Why there is no decoder.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No such sensor.
    #[error("no lidar is called {name}; there are {there}")]
    Name {
        /// Name that was given.
        name: String,
        /// Names that there are.
        there: String,
    },
    /// A file is missing.
    #[error("{name} needs its {file}")]
    Missing {
        /// Name of the sensor.
        name: String,
        /// What it needs.
        file: &'static str,
    },
    /// A file that is not used.
    #[error("{name} has its angles from the manual and takes no calibration file")]
    NotNeeded {
        /// Name of the sensor.
        name: String,
    },
    /// A bad angle correction file.
    #[error(transparent)]
    Angles(#[from] AnglesError),
    /// Bad metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// The decoder of a sensor, from its name and the text of its calibration file.
///
/// # Errors
/// Names a sensor that there is none of, a file that is missing or not needed, and what is wrong in it.
pub fn decoder(name: &str, calibration: Option<&str>) -> Result<Decoder, SetupError> {
    let Some(needed) = SENSORS.iter().find(|(known, _)| *known == name).map(|(_, needed)| *needed) else {
        let there = SENSORS.map(|(known, _)| known).join(", ");
        return Err(SetupError::Name { name: name.to_owned(), there });
    };
    let hesai = |model: hesai::Model, text: &str| -> Result<Decoder, SetupError> {
        Ok(Decoder::Hesai(hesai::Hesai::new(model, &Angles::parse(text, model.channels())?)))
    };
    match (needed, calibration) {
        (Some(file), None) => Err(SetupError::Missing { name: name.to_owned(), file }),
        (None, Some(_)) => Err(SetupError::NotNeeded { name: name.to_owned() }),
        (None, None) => {
            let model = match name {
                "vlp-16" => velodyne::Model::Vlp16,
                "vlp-32c" => velodyne::Model::Vlp32c,
                _ => velodyne::Model::Vls128,
            };
            Ok(Decoder::Velodyne(velodyne::Velodyne::new(model)))
        }
        (Some(_), Some(text)) => match name {
            "xt32" => hesai(hesai::Model::Xt32, text),
            "pandar40p" => hesai(hesai::Model::Pandar40p, text),
            "pandar128" | "ot128" => hesai(hesai::Model::Pandar128, text),
            _ => Ok(Decoder::Ouster(Box::new(Ouster::new(Metadata::parse(text)?)))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_decoder_and_errors_say_what_is_missing() {
        let csv = |channels: usize| (1..=channels).map(|channel| format!("{channel},0,0\n")).collect::<String>();
        for (name, file) in SENSORS {
            let text = match name {
                "xt32" => csv(32),
                "pandar40p" => csv(40),
                "pandar128" | "ot128" => csv(128),
                _ => super::super::ouster_metadata::tests::metadata("LEGACY"),
            };
            assert!(decoder(name, file.map(|_| text.as_str())).is_ok(), "{name}");
        }
        let error = |name: &str, text: Option<&str>| decoder(name, text).unwrap_err().to_string();
        assert!(error("vlp16", None).contains("there are vlp-16, vlp-32c"));
        assert_eq!(error("xt32", None), "xt32 needs its angle correction file (CSV)");
        assert!(error("vls-128", Some("")).contains("takes no calibration file"));
        assert_eq!(error("xt32", Some("1,0,0\n")), "1 channels, the sensor has 32");
    }
}
