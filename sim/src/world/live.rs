//! A world that is driven as it happens: its sensors read at the newest instant, the lidar's turn in parts while it turns.
//!
//! [`World::lidar_sweep`] and its sisters look a turn back, so that all sensors have one stamp. Here each has its own, as in a car:
//! the world is advanced by small steps, and between two of them whoever is due is read at [`World::now`].

use super::{START_NS, World};
use crate::camera::Camera;
use crate::history::{History, Snapshot};
use crate::ins::isometry;
use crate::lidar::SWEEP_NS;
use crate::plant::EgoMotion;
use crate::scene::Scene;
use std::ops::Range;
use types::{CameraFrame, ImageFormat, InsFix, Signals, SpinningPoint, Stamp, WheelSpeed};

use super::SimError;

/// What a picture is taken of: everything that moves, at one instant.
#[derive(Clone, Debug)]
pub struct Glimpse(Snapshot);

impl Glimpse {
    /// When it was.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::from_nanos(START_NS + self.0.time_ns)
    }
}

/// The camera, apart from the world: a copy of what stands there, and room to draw in.
#[derive(Clone, Debug)]
pub struct Eye {
    scene: Scene,
    camera: Camera,
    seq: u64,
}

impl Eye {
    /// The picture of an instant.
    ///
    /// # Errors
    /// Fails if the encoder fails.
    pub fn picture(&mut self, glimpse: &Glimpse) -> Result<CameraFrame, SimError> {
        let mut history = History::default();
        history.push(glimpse.0.clone());
        let base = history.place(&mut self.scene, glimpse.0.time_ns);
        let (image, _) = self.camera.render(&self.scene, &isometry(&base));
        let seq = self.seq;
        let compressed = self.camera.compress(&image);
        let data = compressed.map_err(|cause| SimError::Compression { seq, cause: cause.to_string() })?;
        self.seq += 1;
        Ok(CameraFrame { seq, stamp: glimpse.stamp(), format: ImageFormat::Jpeg, data: data.into() })
    }
}

impl World {
    /// The same world with a camera of so many columns, which sees no farther than `reach_m`: it is drawn in less time.
    #[must_use]
    pub fn with_small_camera(self, seed: u64, width: usize, reach_m: f64) -> Self {
        Self { camera: Camera::small(seed, width, reach_m), ..self }
    }

    /// The newest instant: a turn of the lidar after [`World::stamp`].
    #[must_use]
    pub fn now(&self) -> Stamp {
        Stamp::from_nanos(START_NS + self.history.newest_ns())
    }

    /// How the ego moves now, and the angle of its front wheels, rad.
    #[must_use]
    pub fn motion_now(&self) -> (EgoMotion, f64) {
        (self.plant.motion(), self.plant.steering_rad())
    }

    /// The GPS/INS unit's output now.
    pub fn ins_fix_now(&mut self) -> InsFix {
        let (now, motion) = (self.now(), self.plant.motion());
        self.ins.measure(now, &motion)
    }

    /// The speed of the rear wheels now.
    pub fn wheel_speed_now(&mut self) -> WheelSpeed {
        let (now, motion) = (self.now(), self.plant.motion());
        self.odometer.measure(now, &motion)
    }

    /// What the signals show now.
    pub fn signals_now(&mut self) -> Signals {
        let time_s = self.history.newest_ns() as f64 * 1e-9;
        self.signals_at(time_s, self.now())
    }

    /// The camera, for whoever draws.
    #[must_use]
    pub fn eye(&self) -> Eye {
        Eye { scene: self.scene.clone(), camera: self.camera.clone(), seq: 0 }
    }

    /// What the camera sees now.
    #[must_use]
    pub fn glimpse_now(&self) -> Option<Glimpse> {
        self.history.newest().cloned().map(Glimpse)
    }

    /// Columns of a turn of the lidar.
    #[must_use]
    pub fn lidar_columns(&self) -> usize {
        self.lidar.columns()
    }

    /// Elevations of the lidar's beams, rad, lowest first.
    #[must_use]
    pub fn lidar_elevations_rad(&self) -> Vec<f64> {
        self.lidar.elevations_rad().to_vec()
    }

    /// When the lidar looks along a column, ns after the start of the turn.
    #[must_use]
    pub fn column_ns(&self, column: usize) -> i64 {
        column as i64 * SWEEP_NS / self.lidar.columns() as i64
    }

    /// Adds the points of some columns of the turn that began at `start`; the last column ends the turn. The parts of a turn, read one after the
    /// other while it turns, are the sweep that [`World::lidar_sweep`] makes of it afterwards. Columns that the lidar has not
    /// come to yet see the newest instant; what is more than a turn ago is forgotten.
    pub fn lidar_part(&mut self, start: Stamp, columns: Range<usize>, points: &mut Vec<SpinningPoint>) {
        let start_ns = start.nanos() - START_NS;
        let ends = columns.end >= self.lidar.columns();
        let mut echoes = std::mem::take(&mut self.echoes);
        echoes.clear();
        let (history, reach_m) = (&self.history, self.lidar.whole_reach_m());
        let mut pose_at =
            |scene: &mut Scene, time_ns| isometry(&history.place_within(scene, start_ns + time_ns, reach_m));
        self.lidar.scan_columns(columns, &mut self.scene, &mut pose_at, &mut echoes);
        points.extend(echoes.iter().map(|echo| SpinningPoint {
            position: echo.point,
            intensity: echo.intensity,
            ring: echo.ring,
            time_ns: echo.time_ns,
        }));
        if ends {
            self.lidar.end_turn();
        }
        self.echoes = echoes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    /// The points of a packed sweep.
    fn packed(points: &[SpinningPoint]) -> Vec<u8> {
        let mut data = Vec::new();
        points.iter().for_each(|point| point.pack(&mut data));
        data
    }

    #[test]
    fn a_turn_in_parts_is_the_sweep() {
        let scenario = Scenario::family("urban").unwrap();
        let (mut whole, mut parts) = (World::new(&scenario, 3).unwrap(), World::new(&scenario, 3).unwrap());
        assert_eq!(parts.now().seconds_since(parts.stamp()), 0.1);
        // The turns that begin at 0.1 and 0.2 s: for one world its sweeps at these stamps, the other reads them as they happen.
        whole.lidar_sweep();
        let mut start = parts.now();
        parts.lidar_part(parts.stamp(), 1024..1024, &mut Vec::new());
        for _ in 0..2 {
            let (mut points, mut done) = (Vec::new(), 0);
            for step in 1..=10_i64 {
                parts.advance(0.01);
                let next = (1..=1024).rev().find(|end| parts.column_ns(end - 1) < step * 10_000_000).unwrap();
                parts.lidar_part(start, done..next, &mut points);
                done = next;
            }
            whole.advance(0.1);
            let sweep = whole.lidar_sweep();
            assert_eq!((sweep.stamp, done), (start, 1024));
            let packed = packed(&points);
            let stride = SpinningPoint::STRIDE;
            let pairs = || sweep.data.chunks(stride).zip(packed.chunks(stride));
            let apart = pairs().filter(|(a, b)| a != b).count();
            // What is culled is chosen once a part: where two solids touch, another may be met first.
            assert!(sweep.data.len() == packed.len() && apart * 10_000 < points.len(), "{apart} of {}", points.len());
            assert!(pairs().all(|(a, b)| a[16..] == b[16..]), "rings and times");
            start = parts.now();
        }
    }

    #[test]
    fn everybody_agrees_what_time_it_is() {
        let mut world = World::new(&Scenario::family("red-light").unwrap(), 1).unwrap();
        world.advance(0.25);
        let now = world.now();
        assert_eq!(world.stamp().offset(0.1), now);
        let (motion, steering_rad) = world.motion_now();
        let fix = world.ins_fix_now();
        assert_eq!((fix.state.stamp, world.wheel_speed_now().stamp, world.signals_now().stamp), (now, now, now));
        assert!((fix.state.speed_mps - motion.speed_mps).abs() < 0.2 && steering_rad.abs() < 0.1);
        let (mut eye, glimpse) = (world.eye(), world.glimpse_now().unwrap());
        let picture = eye.picture(&glimpse).unwrap();
        // The same instant, seen by the world a turn later.
        world.advance(0.1);
        let mut other = world.camera_frame().unwrap();
        other.seq = picture.seq;
        assert_eq!((picture.stamp, picture == other), (now, true));
    }
}
