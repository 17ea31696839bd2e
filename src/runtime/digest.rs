//! What the stages made of a frame, as digests: two runs are compared without their data, and what is not logged (pixels, points) can be
//! compared at all.

use super::frame::Buffers;
use recordings::Message;
use std::hash::Hasher;
use twox_hash::XxHash3_64;
use types::{Digests, StageDigest, Stamp};

/// The stages whose output has a digest, in the order of the corridor; control's output are the commands themselves.
pub const STAGES: [&str; 6] = ["door", "decode", "localize", "detect", "track", "plan"];

/// The digest of pixels and points; a tenth of a millisecond for a large frame.
#[must_use]
pub fn of_buffers(buffers: &Buffers, has_image: bool, has_points: bool) -> u64 {
    let mut hasher = XxHash3_64::with_seed(0);
    if has_image {
        hasher.write_u64(buffers.image.width as u64);
        hasher.write(&buffers.image.rgb);
    }
    if has_points {
        let points = &buffers.points;
        hasher.write_u64(points.len() as u64);
        for column in [&points.x, &points.y, &points.z, &points.intensity] {
            hasher.write(bytemuck::cast_slice(column));
        }
        hasher.write(bytemuck::cast_slice(&points.ring));
        hasher.write(bytemuck::cast_slice(&points.time_ns));
    }
    hasher.finish()
}

/// Digests of all that a frame holds, taken as its messages are written.
#[derive(Debug, Default)]
pub struct Digester {
    decoded: Option<u64>,
    stages: Vec<StageDigest>,
}

impl Digester {
    /// Begins a frame, given the digest of its pixels and points.
    pub fn begin(&mut self, decoded: Option<u64>) {
        self.decoded = decoded;
        self.stages.clear();
    }

    /// Takes a message as it lies in the file.
    pub fn take(&mut self, message: &Message, bytes: &[u8]) {
        let stage = match message {
            Message::Admission(_) => 0,
            Message::Ego { .. } => 2,
            Message::Detections(_) => 3,
            Message::Tracks(_) => 4,
            Message::Plan(_) => 5,
            _ => return,
        };
        self.add(stage, XxHash3_64::oneshot(bytes));
        if stage == 0
            && let Some(digest) = self.decoded
        {
            self.add(1, digest);
        }
    }

    fn add(&mut self, stage: usize, digest: u64) {
        self.stages.push(StageDigest { stage: STAGES[stage].to_string(), digest });
    }

    /// The digests of the frame whose messages were taken.
    pub fn end(&mut self, frame: u64, stamp: Stamp) -> Digests {
        Digests { frame, stamp, stages: std::mem::take(&mut self.stages) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Tracks;

    #[test]
    fn one_bit_makes_another_digest_and_one_day_makes_the_same() {
        let mut buffers = Buffers::default();
        buffers.image.rgb = vec![7; 3000];
        buffers.points.x = vec![1.0; 100];
        let first = of_buffers(&buffers, true, true);
        assert_eq!(first, of_buffers(&buffers, true, true));
        buffers.points.x[99] = f32::from_bits(buffers.points.x[99].to_bits() + 1);
        assert_ne!(first, of_buffers(&buffers, true, true));
        assert_eq!(of_buffers(&buffers, true, false), of_buffers(&buffers, true, false));
        // References are kept for years: the digest of a message must never change.
        let tracks = Message::Tracks(Tracks { frame: 3, ..Tracks::default() });
        let mut bytes = Vec::new();
        tracks.append_to(Stamp::from_nanos(5), &mut bytes);
        let mut digester = Digester::default();
        digester.begin(Some(7));
        digester.take(&tracks, &bytes);
        assert_eq!(digester.end(3, Stamp::from_nanos(5)).stages[0].digest, PINNED);
    }

    const PINNED: u64 = 10_586_164_369_871_888_790;
}
