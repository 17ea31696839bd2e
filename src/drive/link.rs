//! The line between the pipeline and its supervisor: beats one way, verdicts the other, as datagrams of a socket pair. Neither side
//! waits for the other.

use control::safety::beat::{self, Beat, Source};
use control::safety::supervisor::Cause;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Most beats in a datagram.
const MOST: usize = 64;
/// Bytes of a verdict.
const VERDICT_BYTES: usize = 8;
/// A supervisor that has said nothing for so long is none.
const SILENT: Duration = Duration::from_millis(100);

/// What the supervisor says, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// It commands the car itself and will go on until the driver takes over: the pipeline must not write on the bus any more.
    pub has_taken_over: bool,
    /// What is wrong.
    pub cause: Option<Cause>,
}

impl Verdict {
    /// As bytes: a mark, whether it has taken over, kind and place of the cause, zeros.
    #[must_use]
    pub fn to_bytes(self) -> [u8; VERDICT_BYTES] {
        let (kind, place) = match self.cause {
            None => (0, 0),
            Some(Cause::Silent(Source::Stage(place))) => (1, place),
            Some(Cause::Silent(Source::Sensor(place))) => (2, place),
            Some(Cause::Silent(Source::Plan)) => (3, 0),
            Some(Cause::Silent(Source::Command)) => (4, 0),
            Some(Cause::OldPlan) => (5, 0),
        };
        [b'V', u8::from(self.has_taken_over), kind, place, 0, 0, 0, 0]
    }

    /// The verdict of some bytes; nothing if they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [b'V', taken @ 0..=1, kind, place, 0, 0, 0, 0] = *bytes else { return None };
        let cause = match (kind, place) {
            (0, 0) => None,
            (1, place) => Some(Cause::Silent(Source::Stage(place))),
            (2, place) => Some(Cause::Silent(Source::Sensor(place))),
            (3, 0) => Some(Cause::Silent(Source::Plan)),
            (4, 0) => Some(Cause::Silent(Source::Command)),
            (5, 0) => Some(Cause::OldPlan),
            _ => return None,
        };
        Some(Self { has_taken_over: taken == 1, cause })
    }
}

/// Sends beats. What the supervisor does not take at once is lost: if it hangs, its silence tells.
pub fn send_beats(socket: &UnixDatagram, beats: &[Beat]) {
    for beats in beats.chunks(MOST) {
        let bytes: Vec<u8> = beats.iter().flat_map(Beat::to_bytes).collect();
        let _ = send_now(socket, &bytes);
    }
}

/// Sends without ever waiting, whatever the socket's reads do: a side that stands still must not stop the other one.
///
/// # Errors
/// The other side is full (`WouldBlock`) or gone.
pub fn send_now(socket: &UnixDatagram, bytes: &[u8]) -> io::Result<()> {
    rustix::net::send(socket, bytes, rustix::net::SendFlags::DONTWAIT)?;
    Ok(())
}

/// Reads the beats that come within the socket's patience. `Err` if the pipeline is gone.
///
/// # Errors
/// The system's.
pub fn receive_beats(socket: &UnixDatagram, beats: &mut Vec<Beat>) -> io::Result<()> {
    let mut bytes = [0; MOST * beat::BYTES];
    match socket.recv(&mut bytes) {
        Ok(length) => {
            let whole = bytes[..length].chunks_exact(beat::BYTES);
            beats.extend(whole.filter_map(|bytes| Beat::from_bytes(bytes.try_into().ok()?)));
            Ok(())
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The newest verdict, and when it came. Control reads it and must not wait for who writes it: no lock.
#[derive(Debug)]
pub struct Heard {
    begin: Instant,
    /// The first three bytes of a verdict behind its mark, and above them when it came, microseconds after `begin`. Zero: none has come.
    newest: AtomicU64,
}

impl Default for Heard {
    fn default() -> Self {
        Self { begin: Instant::now(), newest: AtomicU64::new(0) }
    }
}

/// Bits of a verdict in [`Heard`].
const VERDICT_BITS: u32 = 24;

impl Heard {
    /// Reads verdicts until told otherwise.
    pub fn listen(&self, socket: &UnixDatagram, is_over: impl Fn() -> bool) {
        let mut bytes = [0; 64];
        while !is_over() {
            let Ok(length) = socket.recv(&mut bytes) else {
                // A timeout, or nobody there any more: that is heard as silence.
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            if let Some(verdict) = Verdict::from_bytes(&bytes[..length]) {
                self.take(verdict);
            }
        }
    }

    /// Takes up a verdict that came now. Once the supervisor has taken over it never gives back.
    fn take(&self, verdict: Verdict) {
        let has_taken_over = verdict.has_taken_over || self.has_taken_over();
        let [_, taken, kind, place, ..] = Verdict { has_taken_over, ..verdict }.to_bytes();
        // One of the first microsecond came in the second.
        let micros = u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX >> VERDICT_BITS).max(1);
        let newest = (micros << VERDICT_BITS) | u64::from(u32::from_be_bytes([0, taken, kind, place]));
        self.newest.store(newest, Ordering::Release);
    }

    fn newest(&self) -> Option<(Verdict, Duration)> {
        let newest = self.newest.load(Ordering::Acquire);
        let [.., taken, kind, place] = newest.to_be_bytes();
        let verdict = Verdict::from_bytes(&[b'V', taken, kind, place, 0, 0, 0, 0])?;
        (newest != 0).then(|| (verdict, Duration::from_micros(newest >> VERDICT_BITS)))
    }

    /// Whether the supervisor commands the car.
    #[must_use]
    pub fn has_taken_over(&self) -> bool {
        self.newest().is_some_and(|(verdict, _)| verdict.has_taken_over)
    }

    /// What is wrong, as far as the supervisor knows.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.newest().and_then(|(verdict, _)| verdict.cause)
    }

    /// Whether the supervisor lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.newest().is_some_and(|(_, came)| self.begin.elapsed().saturating_sub(came) <= SILENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_come_back_and_noise_is_none() {
        let sources = [Source::Stage(3), Source::Sensor(255), Source::Plan, Source::Command];
        let causes = sources.into_iter().map(Cause::Silent).chain([Cause::OldPlan]).map(Some).chain([None]);
        for cause in causes {
            for has_taken_over in [false, true] {
                let verdict = Verdict { has_taken_over, cause };
                assert_eq!(Verdict::from_bytes(&verdict.to_bytes()), Some(verdict));
            }
        }
        assert_eq!(Verdict::from_bytes(b"V\x02\0\0\0\0\0\0"), None);
        assert_eq!(Verdict::from_bytes(b"V"), None);
    }

    #[test]
    fn the_newest_verdict_counts_and_a_taking_over_stays() {
        let heard = Heard::default();
        assert!(!heard.is_alive() && heard.cause().is_none() && !heard.has_taken_over());
        let verdict = |has_taken_over, cause| Verdict { has_taken_over, cause };
        heard.take(verdict(false, Some(Cause::Silent(Source::Sensor(255)))));
        assert!(heard.is_alive() && heard.cause() == Some(Cause::Silent(Source::Sensor(255))));
        heard.take(verdict(true, None));
        heard.take(verdict(false, Some(Cause::OldPlan)));
        assert!(heard.has_taken_over() && heard.cause() == Some(Cause::OldPlan));
        std::thread::sleep(SILENT + Duration::from_millis(20));
        assert!(!heard.is_alive() && heard.has_taken_over());
    }

    #[test]
    fn beats_cross_and_a_full_line_does_not_block() {
        let (one, other) = UnixDatagram::pair().unwrap();
        other.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let beats: Vec<Beat> = (0..100).map(|i| Beat::of(Source::Stage(1), i)).collect();
        send_beats(&one, &beats);
        let mut received = Vec::new();
        (0..3).for_each(|_| receive_beats(&other, &mut received).unwrap());
        assert_eq!(received, beats);
        (0..10_000).for_each(|_| send_beats(&one, &beats));
        other.send(&[7; 50]).unwrap();
        drop(one);
        while receive_beats(&other, &mut received).is_ok() && received.len() < 1_000_000 && other.send(&[1]).is_ok() {}
        assert!(other.send(&[1]).is_err(), "the pipeline is gone");
    }
}
