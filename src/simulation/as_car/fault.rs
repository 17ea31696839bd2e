//! What a simulated car can have wrong, and what it does to datagrams on their way.

use anyhow::{Context, bail};
use std::fmt;
use std::str::FromStr;

/// An hour, ns.
const HOUR_NS: i64 = 3_600_000_000_000;
/// How late a late sensor is, ns.
const LATE_NS: i64 = 300_000_000;
/// Longest datagram of noise.
const NOISE_BYTES: u64 = 1400;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Lidar packets.
    Lidar,
    /// Images.
    Camera,
    /// Places and speeds.
    Ins,
    /// The bus.
    Can,
    /// What traffic lights show.
    Signals,
}

impl Line {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Lidar, Self::Camera, Self::Ins, Self::Can, Self::Signals];

    /// Name in faults.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lidar => "lidar",
            Self::Camera => "camera",
            Self::Ins => "ins",
            Self::Can => "can",
            Self::Signals => "signals",
        }
    }
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Nothing comes.
    Silent,
    /// The last before the fault comes again and again.
    Frozen,
    /// Everything comes 0.3 s late.
    Late,
    /// Everything comes twice.
    Twice,
    /// Each two change places.
    Disordered,
    /// The clock is an hour ahead.
    HourAhead,
    /// The clock is an hour behind.
    HourBehind,
    /// So many of a hundred are lost.
    Lost(u8),
    /// Random bytes come between.
    Noise,
    /// Counters stand still (CAN).
    Counter,
    /// Checksums are wrong (CAN).
    Checksum,
}

/// A kind of fault: a line and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind(pub Line, pub Trouble);

impl Kind {
    /// Every kind, in the order of lines.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let common =
            [Trouble::Silent, Trouble::Frozen, Trouble::Late, Trouble::Twice, Trouble::Disordered, Trouble::Noise];
        let clock = [Trouble::HourAhead, Trouble::HourBehind];
        let mut kinds = Vec::new();
        for line in Line::ALL {
            kinds.extend(common.map(|trouble| Self(line, trouble)));
            match line {
                Line::Can => kinds.extend([Trouble::Counter, Trouble::Checksum].map(|trouble| Self(line, trouble))),
                Line::Lidar => {
                    kinds.extend(clock.map(|trouble| Self(line, trouble)));
                    kinds.extend([1, 10, 50].map(|share| Self(line, Trouble::Lost(share))));
                }
                _ => kinds.extend(clock.map(|trouble| Self(line, trouble))),
            }
        }
        kinds
    }
}

impl Kind {
    /// Whether nobody may drive on with it. The others may be driven through, or end in a stop.
    #[must_use]
    pub fn must_stop(self) -> bool {
        let Self(line, trouble) = self;
        match trouble {
            Trouble::Silent | Trouble::Frozen | Trouble::Late => line != Line::Signals,
            Trouble::HourAhead | Trouble::HourBehind => matches!(line, Line::Lidar | Line::Ins),
            Trouble::Counter | Trouble::Checksum => true,
            Trouble::Twice | Trouble::Disordered | Trouble::Noise | Trouble::Lost(_) => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-", self.0.name())?;
        match self.1 {
            Trouble::Silent => f.write_str(if self.0 == Line::Can { "off" } else { "silent" }),
            Trouble::Frozen => f.write_str("frozen"),
            Trouble::Late => f.write_str("late"),
            Trouble::Twice => f.write_str("twice"),
            Trouble::Disordered => f.write_str("disordered"),
            Trouble::HourAhead => f.write_str("hour-ahead"),
            Trouble::HourBehind => f.write_str("hour-behind"),
            Trouble::Lost(share) => write!(f, "lost-{share}"),
            Trouble::Noise => f.write_str("noise"),
            Trouble::Counter => f.write_str("counter"),
            Trouble::Checksum => f.write_str("checksum"),
        }
    }
}

/// A fault: its kind, when it begins, s after the computer was first engaged (`None`: from the start), and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What.
    pub kind: Kind,
    /// From when on, s.
    pub from_s: Option<f64>,
    /// How long, s; infinite if it stays.
    pub for_s: f64,
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    /// `KIND@SECONDS[:DURATION]` or `KIND@start`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, when) = text.split_once('@').with_context(|| format!("{text} is not KIND@SECONDS[:DURATION]"))?;
        let Some(kind) = Kind::all().into_iter().find(|kind| kind.to_string() == name) else {
            let there: Vec<String> = Kind::all().iter().map(ToString::to_string).collect();
            bail!("there is no fault {name}; there are {}", there.join(", "));
        };
        let (from, lasts) = when.split_once(':').map_or((when, None), |(from, lasts)| (from, Some(lasts)));
        let number = |text: &str| {
            let value = text.parse::<f64>().ok().filter(|value| (0.0..=36_000.0).contains(value));
            value.with_context(|| format!("{text} is not a number of seconds from 0 to 36000"))
        };
        let from_s = if from == "start" { None } else { Some(number(from)?) };
        Ok(Self { kind, from_s, for_s: lasts.map(number).transpose()?.unwrap_or(f64::INFINITY) })
    }
}

/// The faults of a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    all: Vec<Fault>,
}

impl Faults {
    /// These faults.
    #[must_use]
    pub fn new(all: Vec<Fault>) -> Self {
        Self { all }
    }

    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.all.iter()
    }

    /// What is wrong with a line, `engaged_s` after the computer was engaged.
    pub fn of(&self, line: Line, engaged_s: Option<f64>) -> impl Iterator<Item = Trouble> + '_ {
        self.all.iter().filter(move |fault| fault.kind.0 == line).filter_map(move |fault| {
            let since_s = match (fault.from_s, engaged_s) {
                (None, engaged_s) => engaged_s.unwrap_or(0.0),
                (Some(from_s), Some(engaged_s)) => engaged_s - from_s,
                (Some(_), None) => return None,
            };
            (0.0..fault.for_s).contains(&since_s).then_some(fault.kind.1)
        })
    }

    /// How far a line's clock is ahead, ns.
    #[must_use]
    pub fn clock_ns(&self, line: Line, engaged_s: Option<f64>) -> i64 {
        let ahead = |trouble| match trouble {
            Trouble::HourAhead => HOUR_NS,
            Trouble::HourBehind => -HOUR_NS,
            _ => 0,
        };
        self.of(line, engaged_s).map(ahead).sum()
    }
}

/// A datagram on its way: when it is due, ns after the start, and its bytes.
pub type Datagram = (i64, Vec<u8>);

/// What a line's faults do to its datagrams. Pure: the same datagrams and faults give the same bytes.
#[derive(Clone, Debug)]
pub struct Wire {
    last: Option<Vec<u8>>,
    held: Option<Datagram>,
    random: u64,
}

impl Wire {
    /// A wire with its own randomness.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { last: None, held: None, random: seed }
    }

    /// SplitMix64.
    fn bits(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Sends a datagram under these troubles: what comes out, in order.
    pub fn pass(&mut self, (due_ns, bytes): Datagram, troubles: &[Trouble], out: &mut Vec<Datagram>) {
        let has = |trouble| troubles.contains(&trouble);
        let share = troubles.iter().map(|trouble| if let Trouble::Lost(share) = trouble { *share } else { 0 }).max();
        let is_lost = share.is_some_and(|share| share > 0 && self.bits() % 100 < u64::from(share));
        if has(Trouble::Noise) {
            let length = self.bits() % NOISE_BYTES;
            let noise = (0..length).map(|_| self.bits() as u8).collect();
            out.push((due_ns, noise));
        }
        if has(Trouble::Silent) || is_lost {
            return;
        }
        let mut datagram = (due_ns, bytes);
        if has(Trouble::Frozen) {
            datagram.1 = self.last.clone().unwrap_or(datagram.1);
        } else {
            self.last = Some(datagram.1.clone());
        }
        if has(Trouble::Late) {
            datagram.0 += LATE_NS;
        }
        if !has(Trouble::Disordered) {
            out.extend(self.held.take());
        } else if self.held.is_none() {
            self.held = Some(datagram);
            return;
        }
        if has(Trouble::Twice) {
            out.push(datagram.clone());
        }
        let due_ns = datagram.0;
        out.push(datagram);
        // The held one comes behind.
        out.extend(self.held.take().map(|held| (due_ns, held.1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_name() {
        for kind in Kind::all() {
            let fault: Fault = format!("{kind}@3.5:2").parse().unwrap();
            assert_eq!(fault, Fault { kind, from_s: Some(3.5), for_s: 2.0 });
        }
        let stays: Fault = "can-off@start".parse().unwrap();
        assert_eq!((stays.from_s, stays.for_s, stays.kind), (None, f64::INFINITY, Kind(Line::Can, Trouble::Silent)));
        for (text, said) in
            [("lidar", "KIND@SECONDS"), ("radar-silent@3", "there are lidar-silent"), ("ins-late@-1", "-1")]
        {
            let error = format!("{:#}", text.parse::<Fault>().unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn faults_have_their_time() {
        let faults = Faults::new(vec!["ins-late@2:1".parse().unwrap(), "ins-hour-behind@start:5".parse().unwrap()]);
        let of = |engaged_s| faults.of(Line::Ins, engaged_s).collect::<Vec<_>>();
        assert_eq!(of(None), [Trouble::HourBehind]);
        assert_eq!(of(Some(2.5)), [Trouble::Late, Trouble::HourBehind]);
        assert_eq!((of(Some(6.0)), faults.of(Line::Can, None).count()), (vec![], 0));
        assert_eq!((faults.clock_ns(Line::Ins, None), faults.clock_ns(Line::Ins, Some(5.0))), (-HOUR_NS, 0));
    }

    #[test]
    fn troubles_do_what_they_say() {
        let pass = |count: u8, troubles: &[Trouble]| {
            let (mut wire, mut out) = (Wire::new(7), Vec::new());
            wire.pass((0, vec![0]), &[], &mut out);
            for i in 1..=count {
                wire.pass((i64::from(i), vec![i]), troubles, &mut out);
            }
            wire.pass((i64::from(count) + 1, vec![count + 1]), &[], &mut out);
            out
        };
        let bytes = |troubles: &[Trouble]| pass(3, troubles).into_iter().map(|(_, bytes)| bytes[0]).collect::<Vec<_>>();
        assert_eq!(bytes(&[]), [0, 1, 2, 3, 4]);
        assert_eq!(bytes(&[Trouble::Silent]), [0, 4]);
        assert_eq!(bytes(&[Trouble::Frozen]), [0, 0, 0, 0, 4]);
        assert_eq!(bytes(&[Trouble::Twice]), [0, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(bytes(&[Trouble::Disordered]), [0, 2, 1, 3, 4]);
        assert_eq!(pass(1, &[Trouble::Late])[1], (1 + LATE_NS, vec![1]));
        let kept = pass(200, &[Trouble::Lost(10)]).len();
        assert!((170..195).contains(&kept), "{kept}");
        let noisy = pass(20, &[Trouble::Noise]);
        assert!(noisy.len() == 42 && noisy.iter().any(|(_, bytes)| bytes.len() > 700));
    }
}
