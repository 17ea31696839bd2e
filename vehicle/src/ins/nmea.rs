//! Sentences of NMEA 0183: GGA, RMC, VTG, HDT, GST of any talker.

use super::Geodetic;
use thiserror::Error;

/// One knot, m/s.
const KNOT_MPS: f64 = 1852.0 / 3600.0;
const KMH_MPS: f64 = 1.0 / 3.6;

/// A sentence. What the unit leaves empty is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sentence {
    /// A fix.
    Gga {
        /// Since midnight UTC, s.
        time_of_day_s: Option<f64>,
        /// Where; the height is that above the ellipsoid.
        place: Option<Geodetic>,
        /// 0 none, 1 alone, 2 differential, 4 fixed RTK, 5 float RTK, 6 dead reckoning.
        quality: u8,
        /// Satellites.
        satellites: u8,
        /// Horizontal dilution of precision.
        hdop: Option<f64>,
    },
    /// Time, place and motion.
    Rmc {
        /// Seconds since 1970, UTC, and nanoseconds.
        unix_ns: Option<i64>,
        /// Whether the unit trusts itself.
        valid: bool,
        /// Latitude and longitude, degrees.
        place_deg: Option<(f64, f64)>,
        /// Over ground, m/s.
        speed_mps: Option<f64>,
        /// Direction of motion, degrees clockwise from true north.
        course_deg: Option<f64>,
    },
    /// Motion.
    Vtg {
        /// Direction of motion, degrees clockwise from true north.
        course_deg: Option<f64>,
        /// Over ground, m/s.
        speed_mps: Option<f64>,
    },
    /// Heading.
    Hdt {
        /// Degrees clockwise from true north.
        heading_deg: Option<f64>,
    },
    /// Standard deviations.
    Gst {
        /// Since midnight UTC, s.
        time_of_day_s: Option<f64>,
        /// North, m.
        north_m: Option<f64>,
        /// East, m.
        east_m: Option<f64>,
        /// Up, m.
        up_m: Option<f64>,
    },
}

/// Why a sentence is not read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SentenceError {
    /// It does not begin with `$` or ends without a checksum.
    #[error("no sentence: {text:?}")]
    Frame {
        /// What came, cut to 82 characters.
        text: String,
    },
    /// A wrong checksum.
    #[error("checksum {found:02X} instead of {needed:02X}: {text:?}")]
    Checksum {
        /// Checksum found.
        found: u8,
        /// Checksum of its characters.
        needed: u8,
        /// What came, cut to 82 characters.
        text: String,
    },
    /// A field that is no number of its kind.
    #[error("{kind} field {field} is {text:?}")]
    Field {
        /// Kind of sentence.
        kind: &'static str,
        /// Which field, from 1.
        field: usize,
        /// What it holds.
        text: String,
    },
    /// A sentence of another kind.
    #[error("{kind} is not read")]
    Other {
        /// Its kind, cut to 8 characters.
        kind: String,
    },
}

/// Reads a line. Its end does not matter.
///
/// # Errors
/// Names what is wrong: the frame, the checksum, a field; or the kind that is not read.
pub fn parse(line: &str) -> Result<Sentence, SentenceError> {
    let cut = || line.chars().take(82).collect::<String>();
    let line_end = line.trim_end_matches(['\r', '\n']);
    let (body, sum) = line_end
        .strip_prefix('$')
        .and_then(|rest| rest.rsplit_once('*'))
        .filter(|(_, sum)| sum.len() == 2)
        .ok_or_else(|| SentenceError::Frame { text: cut() })?;
    let found = u8::from_str_radix(sum, 16).map_err(|_| SentenceError::Frame { text: cut() })?;
    let needed = body.bytes().fold(0, |sum, byte| sum ^ byte);
    if found != needed {
        return Err(SentenceError::Checksum { found, needed, text: cut() });
    }
    let cells: Vec<&str> = body.split(',').collect();
    // Two letters of the talker, three of the kind.
    let kind = cells[0].get(2..).filter(|_| cells[0].len() == 5).unwrap_or_default();
    let known = ["GGA", "RMC", "VTG", "HDT", "GST"].into_iter().find(|known| *known == kind);
    let Some(kind) = known else {
        return Err(SentenceError::Other { kind: cells[0].chars().take(8).collect() });
    };
    let fields = Fields { kind, cells };
    match kind {
        "GGA" => fields.gga(),
        "RMC" => fields.rmc(),
        "VTG" => fields.vtg(),
        "HDT" => Ok(Sentence::Hdt { heading_deg: fields.angle(1)? }),
        _ => Ok(Sentence::Gst {
            time_of_day_s: fields.time(1)?,
            north_m: fields.number(6)?,
            east_m: fields.number(7)?,
            up_m: fields.number(8)?,
        }),
    }
}

struct Fields<'a> {
    kind: &'static str,
    cells: Vec<&'a str>,
}

impl Fields<'_> {
    fn gga(&self) -> Result<Sentence, SentenceError> {
        let (sea_m, geoid_m) = (self.number(9)?, self.number(11)?);
        let place_deg = self.place(2)?;
        Ok(Sentence::Gga {
            time_of_day_s: self.time(1)?,
            place: place_deg.zip(sea_m).map(|((latitude_deg, longitude_deg), sea_m)| Geodetic {
                latitude_deg,
                longitude_deg,
                height_m: sea_m + geoid_m.unwrap_or(0.0),
            }),
            quality: self.small(6)?,
            satellites: self.small(7)?,
            hdop: self.number(8)?,
        })
    }

    fn rmc(&self) -> Result<Sentence, SentenceError> {
        let day = self.days(9)?;
        let second = self.time(1)?;
        Ok(Sentence::Rmc {
            unix_ns: day.zip(second).map(|(day, second)| day * 86_400_000_000_000 + (second * 1e9).round() as i64),
            valid: self.text(2) == "A",
            place_deg: self.place(3)?,
            speed_mps: self.number(7)?.map(|knots| knots * KNOT_MPS),
            course_deg: self.angle(8)?,
        })
    }

    fn vtg(&self) -> Result<Sentence, SentenceError> {
        let kmh = self.number(7)?.map(|kmh| kmh * KMH_MPS);
        let knots = self.number(5)?.map(|knots| knots * KNOT_MPS);
        Ok(Sentence::Vtg { course_deg: self.angle(1)?, speed_mps: knots.or(kmh) })
    }

    fn text(&self, field: usize) -> &str {
        self.cells.get(field).copied().unwrap_or_default()
    }

    fn bad(&self, field: usize) -> SentenceError {
        SentenceError::Field { kind: self.kind, field, text: self.text(field).chars().take(20).collect() }
    }

    /// A plain decimal number: neither `inf` nor `1e5`.
    fn number(&self, field: usize) -> Result<Option<f64>, SentenceError> {
        let text = self.text(field);
        if text.is_empty() {
            return Ok(None);
        }
        let plain = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        text.parse().ok().filter(|_| plain).map(Some).ok_or_else(|| self.bad(field))
    }

    fn angle(&self, field: usize) -> Result<Option<f64>, SentenceError> {
        let angle = self.number(field)?;
        if angle.is_some_and(|angle| !(0.0..=360.0).contains(&angle)) { Err(self.bad(field)) } else { Ok(angle) }
    }

    fn small(&self, field: usize) -> Result<u8, SentenceError> {
        let text = self.text(field);
        if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| self.bad(field)) }
    }

    /// `hhmmss.sss` as seconds; a leap second is the second after it.
    fn time(&self, field: usize) -> Result<Option<f64>, SentenceError> {
        let text = self.text(field);
        if text.is_empty() {
            return Ok(None);
        }
        let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<u32>().ok());
        let seconds = text.get(4..).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        let seconds = seconds.and_then(|rest| rest.parse::<f64>().ok());
        match (part(0), part(2), seconds) {
            (Some(hours @ 0..=23), Some(minutes @ 0..=59), Some(seconds)) if seconds < 61.0 => {
                Ok(Some(f64::from(hours * 3600 + minutes * 60) + seconds))
            }
            _ => Err(self.bad(field)),
        }
    }

    /// `ddmmyy` as days since 1970; years from 80 are of the last century.
    fn days(&self, field: usize) -> Result<Option<i64>, SentenceError> {
        let text = self.text(field);
        if text.is_empty() {
            return Ok(None);
        }
        let part = |from: usize| text.get(from..from + 2).and_then(|part| part.parse::<u8>().ok());
        match (text.len(), part(0), part(2), part(4)) {
            (6, Some(day @ 1..=31), Some(month @ 1..=12), Some(year)) => {
                let year = 1900 + i64::from(year) + if year < 80 { 100 } else { 0 };
                Ok(Some(crate::calendar::days_since_1970(year, month, day)))
            }
            _ => Err(self.bad(field)),
        }
    }

    /// Four fields from `field`: `ddmm.mmm`, N or S, `dddmm.mmm`, E or W.
    fn place(&self, field: usize) -> Result<Option<(f64, f64)>, SentenceError> {
        let angle = |field: usize, plus: &str, minus: &str, most: f64| {
            let Some(number) = self.number(field)? else { return Ok(None) };
            let degrees = (number / 100.0).trunc();
            let minutes = number - 100.0 * degrees;
            let angle = degrees + minutes / 60.0;
            let sign = if self.text(field + 1) == plus { 1.0 } else { -1.0 };
            let is_side = [plus, minus].contains(&self.text(field + 1));
            let good = is_side && minutes < 60.0 && (0.0..=most).contains(&angle);
            if good { Ok(Some(sign * angle)) } else { Err(self.bad(field)) }
        };
        Ok(angle(field, "N", "S", 90.0)?.zip(angle(field + 2, "E", "W", 180.0)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|found| (found - expected).abs() < 1e-9)
    }

    #[test]
    fn sentences_by_hand() {
        // Checked with pynmea2 1.19.
        let gga =
            parse("$GPGGA,101736.25,4900.66001,N,00824.96001,E,4,17,0.7,67.123,M,48.0,M,1.0,0000*73\r\n").unwrap();
        let Sentence::Gga { time_of_day_s, place: Some(place), quality: 4, satellites: 17, hdop: Some(0.7) } = gga
        else {
            panic!("{gga:?}")
        };
        assert!(near(time_of_day_s, 37_056.25) && (place.height_m - 115.123).abs() < 1e-9);
        assert!(
            (place.latitude_deg - 49.011_000_166_667).abs() < 1e-11
                && (place.longitude_deg - 8.416_000_166_667).abs() < 1e-11
        );
        let rmc = parse("$GNRMC,101736.25,A,4900.66001,N,00824.96001,E,2.64,335.32,271126,1.5,E,R*30").unwrap();
        let Sentence::Rmc { unix_ns, valid: true, speed_mps, course_deg: Some(335.32), .. } = rmc else {
            panic!("{rmc:?}")
        };
        assert_eq!(unix_ns, Some(1_795_774_656_250_000_000));
        assert!(near(speed_mps, 2.64 * 1852.0 / 3600.0));
        let vtg = parse("$GPVTG,335.32,T,333.8,M,2.64,N,4.89,K,A*19").unwrap();
        assert!(
            matches!(vtg, Sentence::Vtg { course_deg: Some(335.32), speed_mps: Some(speed) } if (speed - 1.358_133).abs() < 1e-6)
        );
        assert_eq!(parse("$GNHDT,271.123,T*2F"), Ok(Sentence::Hdt { heading_deg: Some(271.123) }));
        let gst = parse("$GNGST,101736.25,1.2,0.02,0.01,45.0,0.014,0.012,0.020*79").unwrap();
        assert!(matches!(gst, Sentence::Gst { north_m: Some(0.014), east_m: Some(0.012), up_m: Some(0.02), .. }));
    }

    fn summed(body: &str) -> String {
        format!("${body}*{:02X}", body.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    #[test]
    fn south_west_and_no_fix() {
        let rmc = parse(&summed("GPRMC,,V,3330.0,S,07030.0,W,,,,,")).unwrap();
        assert!(matches!(
            rmc,
            Sentence::Rmc { place_deg: Some((-33.5, -70.5)), valid: false, unix_ns: None, speed_mps: None, .. }
        ));
        let gga = parse(&summed("GPGGA,,,,,,0,,,,,,,,")).unwrap();
        assert!(matches!(gga, Sentence::Gga { place: None, quality: 0, satellites: 0, .. }));
    }

    #[test]
    fn errors_say_what() {
        assert!(matches!(parse("$GNHDT,271.124,T*2F"), Err(SentenceError::Checksum { found: 0x2F, needed: 0x28, .. })));
        assert!(matches!(parse("GNHDT,1,T"), Err(SentenceError::Frame { .. })));
        let error = |body: &str| parse(&summed(body)).unwrap_err().to_string();
        assert_eq!(error("GNHDT,inf,T"), "HDT field 1 is \"inf\"");
        assert_eq!(error("GNHDT,361,T"), "HDT field 1 is \"361\"");
        assert_eq!(error("GPGGA,246000,,,,,0"), "GGA field 1 is \"246000\"");
        assert_eq!(error("GPGGA,,4960.0,N,1,E,0"), "GGA field 2 is \"4960.0\"");
        assert_eq!(error("GPGSV,1"), "GPGSV is not read");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,100}", body in "(GP|GN)(GGA|RMC|VTG|HDT|GST)(,[0-9.NSEWA+-]{0,8}){0,14}") {
            let _ = parse(&text);
            let _ = parse(&summed(&text));
            let _ = parse(&summed(&body));
        }
    }
}
