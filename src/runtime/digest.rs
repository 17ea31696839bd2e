//! What the stages made of a frame, as digests: two runs are compared without their data, and what is not logged (pixels, points) can be
//! compared at all.

use super::frame::{Buffers, Frame};
use recordings::Message;
use std::hash::Hasher;
use twox_hash::XxHash3_64;
use types::{Digests, StageDigest, Stamp};

/// The stages whose output has a digest, in the order of the corridor; control's output are the commands themselves.
pub const STAGES: [&str; 6] = ["door", "decode", "localize", "detect", "track", "plan"];

/// The digest of a message: of its bytes as they lie in a file.
#[must_use]
pub fn of_message(message: &Message, stamp: Stamp, buffer: &mut Vec<u8>) -> u64 {
    buffer.clear();
    message.append_to(stamp, buffer);
    XxHash3_64::oneshot(buffer)
}

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

/// Digests of all that a frame holds.
#[derive(Debug, Default)]
pub struct Digester {
    buffer: Vec<u8>,
}

impl Digester {
    /// The digests of a finished frame.
    pub fn digest(&mut self, frame: &Frame) -> Digests {
        let admission = frame.admission;
        let mut stages = Vec::with_capacity(STAGES.len());
        let mut add = |stage: usize, digest: u64| {
            stages.push(StageDigest { stage: STAGES[stage].to_string(), digest });
        };
        let mut of = |message: &Message| of_message(message, admission.stamp, &mut self.buffer);
        add(0, of(&Message::Admission(admission)));
        if let Some(digest) = frame.decoded {
            add(1, digest);
        }
        if let Some(state) = frame.ego {
            add(2, of(&Message::Ego { frame: admission.frame, state }));
        }
        if let Some(detections) = &frame.detections {
            add(3, of(&Message::Detections(detections.clone())));
        }
        if let Some(tracks) = &frame.tracks {
            add(4, of(&Message::Tracks(tracks.clone())));
        }
        if let Some(plan) = &frame.plan {
            add(5, of(&Message::Plan((**plan).clone())));
        }
        Digests { frame: admission.frame, stamp: admission.stamp, stages }
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
        assert_eq!(of_message(&tracks, Stamp::from_nanos(5), &mut Vec::new()), PINNED);
    }

    const PINNED: u64 = 10_586_164_369_871_888_790;
}
