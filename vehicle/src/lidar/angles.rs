//! Hesai's angle correction file: where each beam of one sensor points.
//!
//! CSV as the sensor's web page gives it: a header, then `channel, elevation, azimuth` in degrees. Newer sensors put a line
//! `EEFF,1,1` before and a digest behind.

use thiserror::Error;

/// Where the beams point, indexed by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Angles {
    /// Above the horizon, degrees.
    pub elevation_deg: Vec<f64>,
    /// Against the head's azimuth, degrees clockwise.
    pub azimuth_deg: Vec<f64>,
}

/// Why an angle correction file cannot be used.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AnglesError {
    /// A line is no row.
    #[error("line {line}: {text:?} is no row of channel, elevation and azimuth")]
    Row {
        /// Line, from 1.
        line: usize,
        /// What it holds, cut to 40 characters.
        text: String,
    },
    /// An angle that no beam can have.
    #[error("line {line}: {what} {value} degrees is outside {low} to {high}")]
    Angle {
        /// Line, from 1.
        line: usize,
        /// Which angle.
        what: &'static str,
        /// The angle, degrees.
        value: f64,
        /// Smallest, degrees.
        low: f64,
        /// Largest, degrees.
        high: f64,
    },
    /// A channel out of its order.
    #[error("line {line}: channel {found} where channel {needed} must stand")]
    Channel {
        /// Line, from 1.
        line: usize,
        /// Channel found.
        found: usize,
        /// Channel needed.
        needed: usize,
    },
    /// Too few or too many channels.
    #[error("{found} channels, the sensor has {needed}")]
    Count {
        /// Channels of the file.
        found: usize,
        /// Channels of the sensor.
        needed: usize,
    },
}

impl Angles {
    /// Reads the file's text for a sensor with so many channels.
    ///
    /// # Errors
    /// Names the line that is no row, out of order or outside what a beam can have, and a wrong number of channels.
    pub fn parse(text: &str, channels: usize) -> Result<Self, AnglesError> {
        let mut angles = Self { elevation_deg: Vec::new(), azimuth_deg: Vec::new() };
        for (index, row) in text.lines().enumerate() {
            let line = index + 1;
            let row = row.trim().trim_start_matches('\u{feff}');
            let lower = row.to_ascii_lowercase();
            let is_digest = row.len() == 64 && row.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_heading = lower.starts_with("eeff") || lower.starts_with("channel") || lower.starts_with("laser");
            if row.is_empty() || is_digest || is_heading {
                continue;
            }
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            let number = |cell: usize| cells.get(cell).and_then(|text| text.parse::<f64>().ok());
            let (Some(Ok(channel)), Some(elevation), Some(azimuth)) =
                (cells.first().map(|text| text.parse::<usize>()), number(1), number(2))
            else {
                return Err(AnglesError::Row { line, text: row.chars().take(40).collect() });
            };
            for (what, value, low, high) in [("elevation", elevation, -90.0, 90.0), ("azimuth", azimuth, -180.0, 180.0)]
            {
                if !(low..=high).contains(&value) {
                    return Err(AnglesError::Angle { line, what, value, low, high });
                }
            }
            let needed = angles.elevation_deg.len() + 1;
            if channel != needed {
                return Err(AnglesError::Channel { line, found: channel, needed });
            }
            angles.elevation_deg.push(elevation);
            angles.azimuth_deg.push(azimuth);
        }
        let found = angles.elevation_deg.len();
        if found == channels { Ok(angles) } else { Err(AnglesError::Count { found, needed: channels }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_of_old_and_new_sensors() {
        let old = Angles::parse("Channel,Elevation,Azimuth\n1,14.97,0.08\r\n2,-13.5,-1.042\n\n", 2).unwrap();
        assert_eq!((old.elevation_deg, old.azimuth_deg), (vec![14.97, -13.5], vec![0.08, -1.042]));
        let digest = "ab".repeat(32);
        let new = Angles::parse(&format!("EEFF,1,1\nLaser id,Elevation,Azimuth\n1, 3.0, 4.0\n{digest}\n"), 1).unwrap();
        assert_eq!(new.elevation_deg, [3.0]);
    }

    #[test]
    fn errors_name_the_line() {
        let error = |text: &str| Angles::parse(text, 2).unwrap_err();
        assert_eq!(error("Channel,E,A\n1,x,0\n"), AnglesError::Row { line: 2, text: "1,x,0".into() });
        assert_eq!(error("1,1,0\n3,0,0\n"), AnglesError::Channel { line: 2, found: 3, needed: 2 });
        assert_eq!(error("1,1,0\n"), AnglesError::Count { found: 1, needed: 2 });
        let steep = AnglesError::Angle { line: 1, what: "elevation", value: 95.0, low: -90.0, high: 90.0 };
        assert_eq!(error("1,95,0\n"), steep);
        assert!(matches!(error("1,NaN,0\n"), AnglesError::Angle { .. }));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,200}") {
            let _ = Angles::parse(&text, 2);
        }
    }
}
