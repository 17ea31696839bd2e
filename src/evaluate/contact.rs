//! When the ego would touch a track if everybody went on as now.

use types::{Box3, EgoState, Track, Vehicle};

/// How far ahead one looks, s.
pub const HORIZON_S: f64 = 6.0;
/// The ego keeps its turn so long and then goes straight on, s: nobody turns for ever.
const TURN_S: f64 = 1.5;
const STEP_S: f64 = 0.05;

/// The nearest contact.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Contact {
    /// A track whose box the ego's box overlaps now.
    pub now: Option<u64>,
    /// Time until the first contact, s; none within [`HORIZON_S`].
    pub time_s: Option<f64>,
    /// The track of that contact.
    pub with: Option<u64>,
}

/// Boxes of the ego at equal steps: constant speed, and constant turn rate for the first 1.5 s.
fn own_boxes(ego: &EgoState, vehicle: &Vehicle) -> Vec<Box3> {
    let steps = (HORIZON_S / STEP_S).round() as usize;
    let bend = ego.extrapolated(ego.stamp.offset(TURN_S)).pose();
    let at = |step: usize| {
        let time_s = step as f64 * STEP_S;
        let mut pose = ego.extrapolated(ego.stamp.offset(time_s.min(TURN_S))).pose();
        if time_s > TURN_S {
            let [x, y] = bend.transform(ego.speed_mps * (time_s - TURN_S), 0.0);
            (pose.x, pose.y) = (x, y);
        }
        vehicle.footprint(&pose)
    };
    (0..=steps).map(at).collect()
}

/// The first contact with any of the tracks, which keep velocity and heading.
#[must_use]
pub fn first(ego: &EgoState, vehicle: &Vehicle, tracks: &[Track]) -> Contact {
    let own = own_boxes(ego, vehicle);
    let own_reach = 0.5 * vehicle.length_m.hypot(vehicle.width_m);
    let mut contact = Contact::default();
    for track in tracks {
        let reach = own_reach + 0.5 * track.bbox.length.hypot(track.bbox.width);
        let apart = |a: &Box3, b: &Box3| (a.center[0] - b.center[0]).hypot(a.center[1] - b.center[1]);
        if apart(&own[0], &track.bbox) > reach + HORIZON_S * (ego.speed_mps.abs() + track.speed_mps()) {
            continue;
        }
        let moved = |step: usize| {
            let [x, y, z] = track.bbox.center;
            let [vx, vy] = track.velocity_mps.map(|v| v * step as f64 * STEP_S);
            Box3 { center: [x + vx, y + vy, z], ..track.bbox }
        };
        let touches = |step: &usize| {
            let bbox = moved(*step);
            apart(&own[*step], &bbox) <= reach && own[*step].overlaps_bev(&bbox)
        };
        let Some(step) = (0..own.len()).find(touches) else { continue };
        let time_s = step as f64 * STEP_S;
        if step == 0 {
            contact.now.get_or_insert(track.id);
        }
        if contact.time_s.is_none_or(|first| time_s < first) {
            (contact.time_s, contact.with) = (Some(time_s), Some(track.id));
        }
    }
    contact
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::tests::{ego, track};

    #[test]
    fn a_standing_car_ahead_is_met_when_the_gap_is_gone() {
        let vehicle = Vehicle::default();
        // Front bumper at 3.67 m, the car's rear at 30 - 2.25 m.
        let gap_m = 30.0 - 2.25 - vehicle.front_offset_m();
        let contact = first(&ego(0.0, 10.0), &vehicle, &[track(3, 30.0, 0.0)]);
        assert!((contact.time_s.unwrap() - gap_m / 10.0).abs() <= STEP_S, "{contact:?}");
        assert_eq!((contact.with, contact.now), (Some(3), None));
        let beside = Track { velocity_mps: [10.0, 0.0], ..track(4, 30.0, 0.0) };
        assert_eq!(first(&ego(0.0, 10.0), &vehicle, &[beside, track(5, 0.0, 5.0)]), Contact::default());
        let inside = first(&ego(0.0, 0.0), &vehicle, &[track(6, 2.0, 0.0)]);
        assert_eq!((inside.now, inside.time_s), (Some(6), Some(0.0)));
    }

    #[test]
    fn a_turn_ends() {
        let turning = EgoState { yaw_rate_radps: 1.0, ..ego(0.0, 5.0) };
        let boxes = own_boxes(&turning, &Vehicle::default());
        let yaw = |at: usize| boxes[at].yaw;
        assert!((yaw(boxes.len() - 1) - 1.5).abs() < 1e-9 && (yaw(10) - 0.5).abs() < 1e-9);
        for pair in boxes.windows(2) {
            let step = (pair[1].center[0] - pair[0].center[0]).hypot(pair[1].center[1] - pair[0].center[1]);
            assert!(step < 0.4, "{step}");
        }
    }
}
