//! Whether a JPEG is whole.
//!
//! The decoder fills the rest of a cut JPEG with gray and reports success. A half-gray image is worse than none for a
//! detector, so the markers are walked up to the end of the image (ITU-T T.81, annex B).

const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// Whether the markers lead from the start of the image to its end. Bytes after the end do not matter.
pub(super) fn jpeg_is_complete(data: &[u8]) -> bool {
    let mut at = 2;
    loop {
        let Some(marker) = next_marker(data, &mut at) else { return false };
        match marker {
            END_OF_IMAGE => return true,
            0x01 | 0xD0..=0xD8 => {}
            _ => {
                let Some(&[high, low]) = data.get(at..at + 2) else { return false };
                at += usize::from(u16::from_be_bytes([high, low])).max(2);
                if marker == START_OF_SCAN {
                    skip_scan(data, &mut at);
                }
            }
        }
    }
}

/// Reads the marker at `at`, skipping fill bytes, and moves behind it.
fn next_marker(data: &[u8], at: &mut usize) -> Option<u8> {
    while *data.get(*at)? != 0xFF {
        *at += 1;
    }
    while *data.get(*at)? == 0xFF {
        *at += 1;
    }
    *at += 1;
    data.get(*at - 1).copied()
}

/// Moves to the first marker that ends a scan's entropy-coded bytes.
fn skip_scan(data: &[u8], at: &mut usize) {
    while let Some(step) = data.get(*at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xFF)) {
        *at += step;
        match data.get(*at + 1) {
            Some(0x00 | 0xD0..=0xD7) => *at += 2,
            _ => return,
        }
    }
    *at = data.len();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        let segment = [0xFF, 0xD8, 0xFF, 0xE1, 0x00, 0x04, 0xFF, 0xD9];
        assert!(!jpeg_is_complete(&segment));
        let whole =
            [&segment[..], &[0xFF, 0xDA, 0x00, 0x02, 0x12, 0xFF, 0x00, 0xFF, 0xD3, 0x34, 0xFF, 0xD9, 0x00]].concat();
        assert!(jpeg_is_complete(&whole));
        assert!(!jpeg_is_complete(&whole[..whole.len() - 2]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(data in proptest::collection::vec(prop_oneof![Just(0xFFu8), any::<u8>()], 0..200)) {
            let _ = jpeg_is_complete(&data);
        }
    }
}
