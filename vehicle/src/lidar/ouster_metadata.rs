//! The metadata of an Ouster sensor: what its HTTP interface tells as JSON, flat (firmware before 3) or in sections.

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// How a pixel is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `LEGACY`: 20 bits of range in mm, one return.
    Legacy,
    /// `RNG19_RFL8_SIG16_NIR16`: one return.
    Single,
    /// `RNG19_RFL8_SIG16_NIR16_DUAL`: two returns.
    Dual,
    /// `RNG15_RFL8_NIR8`: range in 8 mm, one return.
    Low,
    /// `FUSA_RNG15_RFL8_NIR8_DUAL`: range in 8 mm, two returns, a frame number of 32 bits.
    Safe,
}

/// What must be known to read the packets of one sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// Product, as `OS-0-128`.
    pub product: String,
    /// How a pixel is packed.
    pub profile: Profile,
    /// Columns of a full turn.
    pub columns: usize,
    /// Columns of a packet.
    pub columns_per_packet: usize,
    /// First and last column that are sent; the first may be greater.
    pub window: (usize, usize),
    /// Turns per second.
    pub turns_hz: f64,
    /// Elevation of each row from the top, degrees.
    pub altitude_deg: Vec<f64>,
    /// Azimuth of each row against the encoder, degrees counter-clockwise seen from below (as Ouster counts).
    pub azimuth_deg: Vec<f64>,
    /// By how many columns each row must be moved so that a column of the picture looks one way.
    pub pixel_shift: Vec<i32>,
    /// Beam origin in the lidar frame at encoder zero: forward and up, m.
    pub beam_origin_m: (f64, f64),
    /// Lidar frame to sensor frame, rows of a 3 x 4 matrix, m.
    pub sensor_from_lidar: [[f64; 4]; 3],
}

/// Why metadata cannot be used.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// No JSON.
    #[error("the metadata is no JSON")]
    Json(#[from] serde_json::Error),
    /// A field is missing or of another kind.
    #[error("metadata field {field} is missing or not {needed}")]
    Field {
        /// Name of the field.
        field: &'static str,
        /// What it must be.
        needed: &'static str,
    },
    /// A field holds what no sensor has.
    #[error("metadata field {field} is {found}, not {needed}")]
    Value {
        /// Name of the field.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What it may be.
        needed: String,
    },
}

#[derive(Deserialize)]
struct Format {
    pixels_per_column: usize,
    columns_per_packet: usize,
    columns_per_frame: usize,
    pixel_shift_by_row: Vec<i32>,
    column_window: Option<(usize, usize)>,
    udp_profile_lidar: Option<String>,
}

impl Metadata {
    /// Reads the JSON.
    ///
    /// # Errors
    /// Names the field that is missing, of another kind, or beyond what a sensor can have.
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        let json: Value = serde_json::from_str(text)?;
        // A field by its name, wherever the firmware puts it.
        let sections = ["", "sensor_info", "beam_intrinsics", "lidar_intrinsics", "config_params"];
        let find = |field: &str| {
            let place = |section: &&str| if section.is_empty() { Some(&json) } else { json.get(*section) };
            sections.iter().filter_map(place).find_map(|place| place.get(field))
        };
        let numbers = |field: &'static str| {
            let list = find(field).and_then(|value| serde_json::from_value::<Vec<f64>>(value.clone()).ok());
            list.ok_or(MetadataError::Field { field, needed: "a list of numbers" })
        };
        let format = find("data_format").or_else(|| find("lidar_data_format"));
        let format: Format = format
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .ok_or(MetadataError::Field { field: "data_format", needed: "a data format" })?;
        let mode = find("lidar_mode").and_then(Value::as_str).unwrap_or_default().to_owned();
        let turns_hz =
            mode.split_once('x').and_then(|(_, rate)| rate.parse().ok()).filter(|rate| (1.0..=50.0).contains(rate));
        let turns_hz = turns_hz.ok_or(MetadataError::Field { field: "lidar_mode", needed: "as 1024x10" })?;
        let metadata = Self {
            product: find("prod_line").and_then(Value::as_str).unwrap_or_default().to_owned(),
            profile: profile(format.udp_profile_lidar.as_deref().unwrap_or("LEGACY"))?,
            columns: format.columns_per_frame,
            columns_per_packet: format.columns_per_packet,
            window: format.column_window.unwrap_or((0, format.columns_per_frame.saturating_sub(1))),
            turns_hz,
            altitude_deg: numbers("beam_altitude_angles")?,
            azimuth_deg: numbers("beam_azimuth_angles")?,
            pixel_shift: format.pixel_shift_by_row,
            beam_origin_m: match numbers("beam_to_lidar_transform") {
                Ok(matrix) if matrix.len() == 16 => (matrix[3] / 1e3, matrix[11] / 1e3),
                _ => {
                    let field = "lidar_origin_to_beam_origin_mm";
                    let forward = find(field).and_then(Value::as_f64);
                    (forward.ok_or(MetadataError::Field { field, needed: "a number" })? / 1e3, 0.0)
                }
            },
            sensor_from_lidar: transform(&numbers("lidar_to_sensor_transform")?)?,
        };
        metadata.check(format.pixels_per_column)?;
        Ok(metadata)
    }

    /// A sensor without an offset of its beams from the axis of its head: what a simulated one is. Rows from the top.
    #[must_use]
    pub fn of_beams(altitude_deg: Vec<f64>, azimuth_deg: f64, columns: usize, turns_hz: f64) -> Self {
        let rows = altitude_deg.len();
        Self {
            product: format!("OS-1-{rows}"),
            profile: Profile::Single,
            columns,
            columns_per_packet: if columns.is_multiple_of(16) { 16 } else { 8 },
            window: (0, columns.saturating_sub(1)),
            turns_hz,
            azimuth_deg: vec![azimuth_deg; rows],
            pixel_shift: vec![0; rows],
            altitude_deg,
            beam_origin_m: (0.0, 0.0),
            // As the makers mount them: the connector, where the turn begins, is behind.
            sensor_from_lidar: [[-1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
        }
    }

    /// The JSON that [`Metadata::parse`] reads, flat.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // Millimetres to the sixth place: no sensor knows more, and a sum of binary fractions reads as what it stands for.
        let mm = |metres: f64| (metres * 1e9).round() / 1e6;
        let (forward, up) = (mm(self.beam_origin_m.0), mm(self.beam_origin_m.1));
        let mut sensor_from_lidar: Vec<f64> = Vec::new();
        for [a, b, c, d] in self.sensor_from_lidar {
            sensor_from_lidar.extend([a, b, c, mm(d)]);
        }
        sensor_from_lidar.extend([0.0, 0.0, 0.0, 1.0]);
        let beam_to_lidar: [f64; 16] =
            [1.0, 0.0, 0.0, forward, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, up, 0.0, 0.0, 0.0, 1.0];
        serde_json::json!({
            "prod_line": self.product,
            "lidar_mode": format!("{}x{}", self.columns, self.turns_hz),
            "beam_altitude_angles": self.altitude_deg,
            "beam_azimuth_angles": self.azimuth_deg,
            "lidar_origin_to_beam_origin_mm": forward,
            "beam_to_lidar_transform": beam_to_lidar,
            "lidar_to_sensor_transform": sensor_from_lidar,
            "data_format": {
                "pixels_per_column": self.altitude_deg.len(),
                "columns_per_packet": self.columns_per_packet,
                "columns_per_frame": self.columns,
                "column_window": [self.window.0, self.window.1],
                "pixel_shift_by_row": self.pixel_shift,
                "udp_profile_lidar": self.profile.name(),
            },
        })
    }

    fn check(&self, pixels: usize) -> Result<(), MetadataError> {
        let value =
            |field, found: String, needed: &str| Err(MetadataError::Value { field, found, needed: needed.to_owned() });
        if ![16, 32, 64, 128].contains(&pixels) {
            return value("pixels_per_column", pixels.to_string(), "16, 32, 64 or 128");
        }
        for (field, length) in [
            ("beam_altitude_angles", self.altitude_deg.len()),
            ("beam_azimuth_angles", self.azimuth_deg.len()),
            ("pixel_shift_by_row", self.pixel_shift.len()),
        ] {
            if length != pixels {
                return value(field, format!("of length {length}"), &format!("of length {pixels}"));
            }
        }
        let (columns, packet) = (self.columns, self.columns_per_packet);
        if !(1..=4096).contains(&columns) || packet == 0 || packet > 64 || columns % packet != 0 {
            let needed = "up to 4096 columns of a frame in whole packets of up to 64";
            return value("columns_per_frame", format!("{columns} in packets of {packet}"), needed);
        }
        if self.window.0 >= columns || self.window.1 >= columns {
            return value("column_window", format!("{:?}", self.window), &format!("below {columns}"));
        }
        let numbers = self.altitude_deg.iter().chain(&self.azimuth_deg).chain(self.sensor_from_lidar.as_flattened());
        let origin = [self.beam_origin_m.0, self.beam_origin_m.1];
        if let Some(bad) = numbers.chain(&origin).find(|number| !(-360.0..=360.0).contains(*number)) {
            return value("angles and transforms", bad.to_string(), "within 360 degrees and 360 m");
        }
        Ok(())
    }
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::Legacy, Self::Single, Self::Dual, Self::Low, Self::Safe];

    /// Name as the sensor writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "LEGACY",
            Self::Single => "RNG19_RFL8_SIG16_NIR16",
            Self::Dual => "RNG19_RFL8_SIG16_NIR16_DUAL",
            Self::Low => "RNG15_RFL8_NIR8",
            Self::Safe => "FUSA_RNG15_RFL8_NIR8_DUAL",
        }
    }
}

fn profile(name: &str) -> Result<Profile, MetadataError> {
    Profile::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| MetadataError::Value {
        field: "udp_profile_lidar",
        found: name.to_owned(),
        needed: format!("one of {}", Profile::ALL.map(Profile::name).join(", ")),
    })
}

/// A 4 x 4 matrix in mm, row by row, as 3 x 4 in m.
fn transform(numbers: &[f64]) -> Result<[[f64; 4]; 3], MetadataError> {
    if numbers.len() != 16 {
        return Err(MetadataError::Field { field: "lidar_to_sensor_transform", needed: "16 numbers" });
    }
    let mut rows = [[0.0; 4]; 3];
    for (row, given) in rows.iter_mut().zip(numbers.chunks_exact(4)) {
        row.copy_from_slice(given);
        row[3] /= 1e3;
    }
    Ok(rows)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small sensor: 16 rows, 64 columns, 16 in a packet.
    pub(crate) fn metadata(profile: &str) -> String {
        let altitudes: Vec<f64> = (0..16).map(|row| 15.0 - 2.0 * f64::from(row)).collect();
        let azimuths: Vec<f64> = (0..16).map(|row| [3.0, -3.0][row % 2]).collect();
        format!(
            r#"{{"prod_line": "OS-1-16", "lidar_mode": "64x10", "beam_altitude_angles": {altitudes:?}, "beam_azimuth_angles": {azimuths:?},
            "lidar_origin_to_beam_origin_mm": 15.806, "lidar_to_sensor_transform": [-1,0,0,0, 0,-1,0,0, 0,0,1,36.18, 0,0,0,1],
            "data_format": {{"pixels_per_column": 16, "columns_per_packet": 16, "columns_per_frame": 64, "column_window": [0, 63],
            "pixel_shift_by_row": [1,0,1,0,1,0,1,0,1,0,1,0,1,0,1,0], "udp_profile_lidar": "{profile}"}}}}"#
        )
    }

    #[test]
    fn flat_and_sectioned_metadata_are_equal() {
        let flat = metadata("LEGACY");
        let parsed = Metadata::parse(&flat).unwrap();
        assert_eq!((parsed.profile, parsed.columns, parsed.turns_hz), (Profile::Legacy, 64, 10.0));
        assert_eq!((parsed.beam_origin_m, parsed.sensor_from_lidar[2]), ((0.015_806, 0.0), [0.0, 0.0, 1.0, 0.036_18]));
        let json: Value = serde_json::from_str(&flat).unwrap();
        let sections = serde_json::json!({
            "sensor_info": {"prod_line": json["prod_line"]},
            "config_params": {"lidar_mode": json["lidar_mode"]},
            "beam_intrinsics": {
                "beam_altitude_angles": json["beam_altitude_angles"], "beam_azimuth_angles": json["beam_azimuth_angles"],
                "lidar_origin_to_beam_origin_mm": 99.0,
                "beam_to_lidar_transform": [1,0,0,15.806, 0,1,0,0, 0,0,1,0, 0,0,0,1],
            },
            "lidar_intrinsics": {"lidar_to_sensor_transform": json["lidar_to_sensor_transform"]},
            "lidar_data_format": json["data_format"],
        });
        assert_eq!(Metadata::parse(&sections.to_string()).unwrap(), parsed);
    }

    #[test]
    fn json_is_read_back() {
        let mut parsed = Metadata::parse(&metadata("RNG15_RFL8_NIR8")).unwrap();
        parsed.beam_origin_m.1 = 0.002;
        assert_eq!(Metadata::parse(&parsed.to_json().to_string()).unwrap(), parsed);
        let simulated = Metadata::of_beams((0..64).map(|row| 2.0 - 0.5 * f64::from(row)).collect(), 0.125, 2000, 10.0);
        assert_eq!(Metadata::parse(&simulated.to_json().to_string()).unwrap(), simulated);
    }

    #[test]
    fn errors_name_the_field() {
        let error =
            |from: &str, to: &str| Metadata::parse(&metadata("LEGACY").replace(from, to)).unwrap_err().to_string();
        assert!(error("64x10", "64").contains("lidar_mode"));
        assert!(error("LEGACY", "FIVE_WORD_PIXEL").contains("FIVE_WORD_PIXEL"));
        assert!(error("[0, 63]", "[0, 64]").contains("column_window"));
        assert!(error("15.806", "\"near\"").contains("lidar_origin_to_beam_origin_mm"));
        assert!(error("[15.0, ", "[").contains("beam_altitude_angles is of length 15"));
        assert!(error("{", "").contains("JSON"));
    }
}
