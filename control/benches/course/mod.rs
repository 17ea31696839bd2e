//! Controllers on the simulated world's plant, which is not their model: dynamic single-track, tyres that saturate, actuators
//! that are late. Plans and ego states come ten times a second and are 0.15 to 0.25 s old, as in the simulated world.

pub mod driver;
pub mod road;

use driver::{Driver, Who};
use road::Road;
use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use types::{EgoState, Fallback, PoseSource, Stamp, Vehicle};

const TICK_S: f64 = 0.01;
const FRAME_TICKS: u64 = 10;
const LATE_TICKS: u64 = 15;

/// How the car differs from what its controller was told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Oddity {
    /// In the table.
    pub name: &'static str,
    /// Share by which the wheels turn more than is commanded.
    pub more_steering: f64,
    /// More dead time of the steering and of drive and brakes, in ticks of 10 ms.
    pub later_ticks: [usize; 2],
}

/// As told; steering and brakes differently late; a steering ratio that is 20 % off, to either side.
pub const ODDITIES: [Oddity; 4] = [
    Oddity { name: "", more_steering: 0.0, later_ticks: [0, 0] },
    Oddity { name: "split delays (steering 0.12 s later)", more_steering: 0.0, later_ticks: [12, 0] },
    Oddity { name: "wheels turn 20 % less", more_steering: -0.2, later_ticks: [0, 0] },
    Oddity { name: "wheels turn 20 % more", more_steering: 0.2, later_ticks: [0, 0] },
];

/// What a run was like, from the car's true motion.
#[derive(Clone, Debug, Default)]
pub struct Result {
    /// Offset from the path, m: root mean square and most.
    pub lateral_m: [f64; 2],
    /// Speed beside the plan's at the time, m/s: root mean square and most.
    pub speed_mps: [f64; 2],
    /// Lateral jerk over a tenth of a second, m/s3: root mean square.
    pub lateral_jerk_mps3: f64,
    /// The same along the car.
    pub jerk_mps3: f64,
    /// Way from the end of the plan to where the car stands, m; positive is too far.
    pub beyond_m: f64,
    /// Ticks in which the simple controller had to help.
    pub fallbacks: Vec<Fallback>,
    /// Processor time of each tick, ms.
    pub times_ms: Vec<f64>,
}

/// Lets a contestant drive a road in an odd car.
pub fn run(who: Who, road: &Road, oddity: &Oddity, seed: u64) -> Result {
    let vehicle = Vehicle::default();
    let start = Stamp::from_nanos(5_000_000_000);
    let (mut driver, mut noise) = (Driver::new(who, vehicle), Noise(seed.wrapping_mul(2) + 1));
    let mut plant = sim::Plant::new(vehicle, road.whole.points[0].speed_mps, seed);
    let mut frames = VecDeque::new();
    let mut delayed = [VecDeque::new(), VecDeque::new()];
    let mut watch = Watch::default();
    let mut result = Result::default();
    for tick in 0..(road.seconds / TICK_S) as u64 {
        let time_s = tick as f64 * TICK_S;
        let stamp = start.offset(time_s);
        if tick % FRAME_TICKS == 0 {
            let ego = measure(&plant.motion(), stamp, &mut noise);
            frames.push_back((tick, ego, road::plan_at(&road.whole, tick / FRAME_TICKS, time_s, stamp)));
        }
        // The newest frame that is old enough; at first the first one.
        while frames.len() > 1 && frames[1].0 + LATE_TICKS <= tick {
            frames.pop_front();
        }
        let (_, ego, plan) = &frames[0];
        let begun = processor_ms();
        let (steering, acceleration, fallback) = driver.step(tick, stamp, plan, ego);
        result.times_ms.push(processor_ms() - begun);
        result.fallbacks.extend(fallback);
        let asked = [steering * (1.0 + oddity.more_steering), acceleration];
        let acting: [f64; 2] = std::array::from_fn(|i| {
            delayed[i].push_back(asked[i]);
            if delayed[i].len() > oddity.later_ticks[i] { delayed[i].pop_front().unwrap_or(0.0) } else { 0.0 }
        });
        plant.step(sim::Request { steering_rad: acting[0], acceleration_mps2: acting[1] }, TICK_S);
        watch.look(&plant.motion(), road, time_s + TICK_S);
    }
    watch.conclude(&plant.motion(), road, &mut result);
    result
}

/// The measured motion: the noise of the simulated GPS/INS, without its drift, which no controller can know.
fn measure(motion: &sim::EgoMotion, stamp: Stamp, noise: &mut Noise) -> EgoState {
    let mut noisy = |value: f64, sigma: f64| value + sigma * noise.normal();
    let (x, y) = (noisy(motion.pose.x, 0.01), noisy(motion.pose.y, 0.01));
    let yaw = noisy(motion.pose.yaw, 0.0008);
    EgoState {
        stamp,
        odom_from_base: nalgebra::Isometry3::new(nalgebra::Vector3::new(x, y, 0.0), nalgebra::Vector3::z() * yaw),
        speed_mps: noisy(motion.speed_mps, 0.02),
        acceleration_mps2: noisy(motion.acceleration_mps2, 0.05),
        yaw_rate_radps: noisy(motion.yaw_rate_radps, 0.001),
        source: PoseSource::Ins,
    }
}

/// Numbers that look random: splitmix64, twelve of them summed for a normal one.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Sums over a run.
#[derive(Default)]
struct Watch {
    offsets: Vec<f64>,
    speeds: Vec<f64>,
    accelerations: Vec<[f64; 2]>,
}

impl Watch {
    fn look(&mut self, motion: &sim::EgoMotion, road: &Road, time_s: f64) {
        let pose = &motion.pose;
        let near = road.whole.nearest(pose.x, pose.y).unwrap_or_default();
        let (sin, cos) = near.heading_rad.sin_cos();
        self.offsets.push(cos * (pose.y - near.y) - sin * (pose.x - near.x));
        self.speeds.push(motion.speed_mps - road.whole.at(time_s).unwrap_or_default().speed_mps);
        self.accelerations.push([motion.speed_mps * motion.yaw_rate_radps, motion.acceleration_mps2]);
    }

    fn conclude(&self, end: &sim::EgoMotion, road: &Road, result: &mut Result) {
        let extent = |values: &[f64]| [rms(values), values.iter().fold(0.0, |most: f64, v| most.max(v.abs()))];
        let jerk = |i: usize| {
            let jerks: Vec<f64> = self.accelerations.windows(11).map(|w| (w[10][i] - w[0][i]) / 0.1).collect();
            rms(&jerks)
        };
        result.lateral_m = extent(&self.offsets);
        result.speed_mps = extent(&self.speeds);
        (result.lateral_jerk_mps3, result.jerk_mps3) = (jerk(0), jerk(1));
        let last = road.whole.points[road.whole.points.len() - 1];
        let (sin, cos) = last.heading_rad.sin_cos();
        result.beyond_m = cos * (end.pose.x - last.x) + sin * (end.pose.y - last.y);
    }
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

/// Processor time of this thread, ms: what others do on the machine does not count.
fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    1e3 * time.tv_sec as f64 + 1e-6 * time.tv_nsec as f64
}

/// A share of the sorted values, 0.5 for the median.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((share * sorted.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(0.0)
}
