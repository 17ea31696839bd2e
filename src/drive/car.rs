//! The section `[car]` of the configuration: which sensors and buses a car has, and where they are reached.
//!
//! Paths are relative to the file that names them. Unknown keys are refused; [`Car::check`] names what cannot be.

use anyhow::{bail, ensure};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use vehicle::can::bindings::Bindings;

use super::address::{BusAddress, CameraAddress, InsAddress};

/// Everything that `chauffeur drive` connects to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Car {
    /// The file of the sensors' places and the camera's lens: [`super::calibration`].
    pub calibration: PathBuf,
    /// The file of the way to drive: [`super::route`]. Without one the car watches and never engages.
    pub route: Option<PathBuf>,
    /// Spinning lidars. Points of all but the first are moved into the frame of the first.
    #[serde(default)]
    pub lidar: Vec<Lidar>,
    /// How sweeps of several lidars become one.
    #[serde(default)]
    pub concatenation: Concatenation,
    /// The camera to the front.
    pub camera: Option<Camera>,
    /// The GPS/INS unit.
    pub ins: Ins,
    /// The bus that tells the car's state and takes its commands.
    pub can: Can,
    /// Who tells what traffic lights show.
    pub signals: Option<SignalsPort>,
    /// How the safety driver arms and engages.
    #[serde(default)]
    pub buttons: Buttons,
    /// What counts as an action of the driver.
    #[serde(default)]
    pub driver: Driver,
    /// How long each part may be silent.
    #[serde(default)]
    pub budgets: Budgets,
}

/// A spinning lidar on a UDP port.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lidar {
    /// Its name in the calibration, in messages and in the log.
    pub name: String,
    /// One of [`vehicle::lidar::setup::SENSORS`].
    pub model: String,
    /// The file that the model needs: angle corrections (Hesai) or metadata (Ouster).
    pub angles: Option<PathBuf>,
    /// Where its packets come.
    pub port: SocketAddr,
    /// Azimuth at which sweeps are cut, degrees clockwise from x. Ouster cuts by itself.
    #[serde(default = "half_turn")]
    pub cut_deg: f64,
    /// How its clock is set.
    #[serde(default)]
    pub clock: Clock,
}

/// How sweeps of several lidars become one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Concatenation {
    /// A sweep of the first lidar waits at most so long for those of the others, s. What comes later is left out and counted.
    pub timeout_s: f64,
    /// Starts of sweeps that belong together lie at most so far apart, s.
    pub tolerance_s: f64,
}

/// The camera.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Camera {
    /// `http://HOST:PORT/PATH` (motion JPEG) or `/dev/videoN` (V4L2).
    pub source: CameraAddress,
    /// From the middle of the exposure to the arrival, s, where the source tells no time.
    #[serde(default)]
    pub latency_s: f64,
    /// How its clock is set.
    #[serde(default)]
    pub clock: Clock,
}

/// The GPS/INS unit: UBX (NAV-PVT, NAV-ATT) or NMEA 0183.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ins {
    /// `udp:ADDRESS:PORT` or `serial:DEVICE:BAUD`.
    pub source: InsAddress,
    /// Place of the antenna (or what the unit tells the place of) in `base_link`, m.
    #[serde(default)]
    pub antenna_m: [f64; 3],
    /// How its clock is set.
    #[serde(default)]
    pub clock: Clock,
}

/// The CAN bus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Can {
    /// An interface of SocketCAN (`can0`), or `udp:ADDRESS:PORT` for cannelloni frames that come to this port.
    pub bus: BusAddress,
    /// Where cannelloni frames go; only with `udp:`.
    pub peer: Option<SocketAddr>,
    /// The DBC file.
    pub dbc: PathBuf,
    /// Which signals mean what.
    pub bindings: Bindings,
}

/// A roadside or V2X gateway: one JSON datagram a message, `{"seq": 7, "stamp_ns": N, "phases": [[3, "red"]]}`: what every signal
/// shows, by its number in the route.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalsPort {
    /// Where the datagrams come.
    pub port: SocketAddr,
    /// How its clock is set.
    #[serde(default)]
    pub clock: Clock,
}

/// How the safety driver speaks to the computer. Buttons of the car are bound as `arm`, `disarm`, `engage` and `stop` in
/// `[car.can.bindings.read]` and always count.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Buttons {
    /// Whether lines typed at the terminal count, too: `arm`, `disarm`, `engage`, `stop`.
    pub terminal: bool,
}

/// What counts as an action of the driver, who then drives.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Driver {
    /// Torque on the steering wheel, Nm.
    pub torque_nm: f64,
    /// Accelerator pedal, 0..1.
    pub accelerator: f64,
    /// Brake pedal, 0..1.
    pub brake: f64,
}

/// How long each part may be silent before the car stops, s.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// A stage of the pipeline: from frame to frame.
    pub stage_s: f64,
    /// A lidar or the camera: from sweep to sweep, from image to image.
    pub sensor_s: f64,
    /// The GPS/INS unit: from fix to fix.
    pub ins_s: f64,
    /// Each bound quantity of the CAN bus.
    pub can_s: f64,
    /// Control: from command to command.
    pub control_s: f64,
    /// The oldest plan that is driven.
    pub plan_age_s: f64,
}

/// How a sensor's clock is set.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clock {
    /// Whether PTP or GPS sets it to the computer's time. If so, its reading is the stamp while the offset is within the bound.
    pub synchronised: bool,
    /// Largest offset of a synchronised clock, s. Beyond it the car does not arm.
    pub bound_s: f64,
}

fn half_turn() -> f64 {
    180.0
}

impl Default for Concatenation {
    fn default() -> Self {
        Self { timeout_s: 0.03, tolerance_s: 0.05 }
    }
}

impl Default for Driver {
    fn default() -> Self {
        Self { torque_nm: 3.0, accelerator: 0.05, brake: 0.05 }
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self { stage_s: 0.18, sensor_s: 0.18, ins_s: 0.1, can_s: 0.1, control_s: 0.05, plan_age_s: 0.35 }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self { synchronised: false, bound_s: 0.005 }
    }
}

impl From<Clock> for vehicle::clock::Config {
    fn from(clock: Clock) -> Self {
        Self { synchronised: clock.synchronised, bound_s: clock.bound_s }
    }
}

impl Car {
    /// Makes paths that are relative to a folder absolute or relative to the working folder.
    pub fn resolve(&mut self, folder: &Path) {
        let angles = self.lidar.iter_mut().filter_map(|lidar| lidar.angles.as_mut());
        let own = [&mut self.calibration, &mut self.can.dbc];
        for path in own.into_iter().chain(&mut self.route).chain(angles) {
            *path = folder.join(&*path);
        }
    }

    /// Whether every value can be true.
    ///
    /// # Errors
    /// Names the key and the numbers.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            !self.lidar.is_empty() || self.camera.is_some(),
            "car: there is neither a [[car.lidar]] nor a [car.camera]"
        );
        for (place, lidar) in self.lidar.iter().enumerate() {
            let before = &self.lidar[..place];
            ensure!(
                before.iter().all(|other| other.name != lidar.name),
                "car.lidar: the name {} is there twice",
                lidar.name
            );
            ensure!(
                before.iter().all(|other| other.port != lidar.port),
                "car.lidar: {} and another lidar both have port {}",
                lidar.name,
                lidar.port
            );
            within(&format!("lidar.{}.cut_deg", lidar.name), lidar.cut_deg, 0.0, 360.0)?;
        }
        match (&self.can.bus, self.can.peer) {
            (BusAddress::Udp(_), None) => bail!("car.can.peer is missing: where do frames over UDP go?"),
            (BusAddress::Interface(name), Some(peer)) => {
                bail!("car.can.peer = {peer}: the interface {name} of SocketCAN has no peer")
            }
            _ => {}
        }
        let clocks = self.lidar.iter().map(|lidar| lidar.clock).chain([self.ins.clock]);
        let more = self.camera.iter().map(|camera| camera.clock).chain(self.signals.iter().map(|port| port.clock));
        for clock in clocks.chain(more) {
            within("*.clock.bound_s", clock.bound_s, 1e-6, 1.0)?;
        }
        for (axis, value) in ["x", "y", "z"].into_iter().zip(self.ins.antenna_m) {
            within(&format!("ins.antenna_m ({axis})"), value, -30.0, 30.0)?;
        }
        if let Some(camera) = &self.camera {
            within("camera.latency_s", camera.latency_s, 0.0, 1.0)?;
        }
        let (join, driver, budgets) = (&self.concatenation, &self.driver, &self.budgets);
        for (key, value, low, high) in [
            ("concatenation.timeout_s", join.timeout_s, 0.0, 0.2),
            ("concatenation.tolerance_s", join.tolerance_s, 0.001, 0.1),
            ("driver.torque_nm", driver.torque_nm, 0.1, 20.0),
            ("driver.accelerator", driver.accelerator, 0.001, 0.99),
            ("driver.brake", driver.brake, 0.001, 0.99),
            ("budgets.stage_s", budgets.stage_s, 0.02, 2.0),
            ("budgets.sensor_s", budgets.sensor_s, 0.02, 2.0),
            ("budgets.ins_s", budgets.ins_s, 0.02, 2.0),
            ("budgets.can_s", budgets.can_s, 0.02, 1.0),
            ("budgets.control_s", budgets.control_s, 0.005, 0.2),
            ("budgets.plan_age_s", budgets.plan_age_s, 0.05, 2.0),
        ] {
            within(key, value, low, high)?;
        }
        Ok(())
    }
}

fn within(key: &str, value: f64, low: f64, high: f64) -> anyhow::Result<()> {
    ensure!((low..=high).contains(&value), "car.{key} = {value} is outside {low} to {high}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const CAR: &str = r#"
        [car]
        calibration = "calibration.toml"
        route = "route.toml"
        [[car.lidar]]
        name = "top"
        model = "os"
        angles = "os.json"
        port = "127.0.0.1:7502"
        clock = { synchronised = true, bound_s = 0.01 }
        [car.camera]
        source = "http://127.0.0.1:8080/"
        [car.ins]
        source = "udp:127.0.0.1:9001"
        antenna_m = [0.5, 0.0, 1.5]
        [car.can]
        bus = "udp:127.0.0.1:20000"
        peer = "127.0.0.1:20001"
        dbc = "car.dbc"
        [car.can.bindings]
        read.speed_mps = { message = "WHEELS", signal = "SPEED" }
        [car.signals]
        port = "127.0.0.1:9002"
        [car.buttons]
        terminal = true
    "#;

    fn read(text: &str) -> Result<Car, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("car.toml");
        std::fs::write(&path, text).unwrap();
        let mut car = Config::read(Some(&path)).map_err(|error| format!("{error:#}"))?.car.unwrap();
        assert_eq!(car.can.dbc, folder.path().join("car.dbc"));
        car.calibration = PathBuf::new();
        Ok(car)
    }

    #[test]
    fn a_car_is_read_and_its_paths_are_beside_it() {
        let car = read(CAR).unwrap();
        assert_eq!((car.lidar.len(), car.lidar[0].cut_deg, car.ins.antenna_m[2]), (1, 180.0, 1.5));
        assert!(car.buttons.terminal && car.lidar[0].clock.synchronised && !car.ins.clock.synchronised);
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (from, to, named) in [
            ("name = \"top\"", "nmae = \"top\"", "nmae"),
            ("127.0.0.1:7502", "127.0.0.1:lidar", "car.toml"),
            ("udp:127.0.0.1:9001", "tcp:127.0.0.1:9001", "tcp:127.0.0.1:9001"),
            ("udp:127.0.0.1:20000", "can0", "the interface can0 of SocketCAN has no peer"),
            ("peer = \"127.0.0.1:20001\"", "", "car.can.peer is missing"),
            ("bound_s = 0.01", "bound_s = 10", "car.*.clock.bound_s = 10 is outside"),
            (
                "terminal = true",
                "terminal = true\n[car.budgets]\ncontrol_s = 3",
                "car.budgets.control_s = 3 is outside",
            ),
            ("antenna_m = [0.5, 0.0, 1.5]", "antenna_m = [0.5, 99.0, 1.5]", "car.ins.antenna_m (y) = 99"),
            ("http://127.0.0.1:8080/", "rtsp://127.0.0.1/", "rtsp://127.0.0.1/"),
        ] {
            let said = read(&CAR.replace(from, to)).unwrap_err();
            assert!(said.contains(named) && said.contains("car.toml"), "{to}: {said}");
        }
    }
}
