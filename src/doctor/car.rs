//! The files of a car: calibration, route, CAN bindings, decoders.

use super::{Check, Verdict};
use crate::drive::car::{Car, Lidar};
use crate::drive::driver::Observer;
use crate::drive::{calibration, route};
use anyhow::Context;
use control::safety::HealthItem;
use types::{Calibration, CameraModel};
use vehicle::can::Database;
use vehicle::can::reader::Reader;
use vehicle::can::writer::Writer;
use vehicle::lidar::{Decoder, setup};

/// All that can be checked without listening.
pub(super) fn files(car: &Car) -> Vec<Check> {
    let mut checks = vec![places(car), way(car)];
    checks.extend(car.lidar.iter().map(|lidar| match decoder(lidar) {
        Ok(_) => Check::new(HealthItem::Config, format!("lidar {}", lidar.name), Verdict::Pass, lidar.model.clone()),
        Err(error) => Check::fail(HealthItem::Config, format!("lidar {}", lidar.name), &error),
    }));
    checks.push(bindings(car));
    checks
}

/// The decoder of a lidar, with the file that it needs.
pub(super) fn decoder(lidar: &Lidar) -> anyhow::Result<Decoder> {
    let text = match &lidar.angles {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?),
    };
    Ok(setup::decoder(&lidar.model, text.as_deref())?)
}

/// The reader of the bus.
pub(super) fn reader(car: &Car) -> anyhow::Result<Reader> {
    let said = || format!("{}", car.can.dbc.display());
    let database = Database::parse(&std::fs::read(&car.can.dbc).with_context(said)?).with_context(said)?;
    for write in &car.can.bindings.write {
        Writer::new(&database, write)?;
    }
    Ok(Reader::new(&database, &car.can.bindings)?)
}

fn places(car: &Car) -> Check {
    let lidars: Vec<&str> = car.lidar.iter().map(|lidar| lidar.name.as_str()).collect();
    match calibration::read(&car.calibration, &lidars, car.camera.is_some()) {
        Err(error) => Check::fail(HealthItem::Calibration, "calibration", &error),
        Ok(places) => {
            let (finding, odd) = describe(&places.calibration, !lidars.is_empty());
            let verdict = if odd.is_empty() { Verdict::Pass } else { Verdict::Warn };
            let mut check = Check::new(HealthItem::Calibration, "calibration", verdict, finding);
            check.notes = odd;
            check
        }
    }
}

/// A calibration in a line, and what is odd about it.
fn describe(calibration: &Calibration, has_lidar: bool) -> (String, Vec<String>) {
    let (mut parts, mut odd) = (Vec::new(), Vec::new());
    if has_lidar {
        let at = calibration.base_from_lidar.translation.vector;
        let lean =
            (calibration.base_from_lidar.rotation * nalgebra::Vector3::z()).z.clamp(-1.0, 1.0).acos().to_degrees();
        parts.push(format!(
            "lidar {:.2} m ahead of the axle, {:.2} m above the ground, leaning {lean:.1} deg",
            at.x, at.z
        ));
        if !(0.3..=4.0).contains(&at.z) {
            odd.push(format!("a lidar {:.2} m above the ground is unusual", at.z));
        }
        if lean > 30.0 {
            odd.push(format!("the lidar leans {lean:.0} deg"));
        }
    }
    if let Some(CameraModel { width, height, k, camera_from_lidar }) = &calibration.camera {
        let view_deg = 2.0 * (0.5 * *width as f64 / k[(0, 0)]).atan().to_degrees();
        let base_from_camera = calibration.base_from_lidar * camera_from_lidar.inverse();
        let ahead = base_from_camera.rotation * nalgebra::Vector3::z();
        let off_deg = ahead.x.clamp(-1.0, 1.0).acos().to_degrees();
        parts.push(format!("camera {width} x {height}, {view_deg:.0} deg wide, {off_deg:.1} deg off the car's axis"));
        if off_deg > 30.0 {
            odd.push(format!("the camera looks {off_deg:.0} deg away from ahead"));
        }
        let above = base_from_camera.translation.vector.z;
        if !(0.3..=4.0).contains(&above) {
            odd.push(format!("a camera {above:.2} m above the ground is unusual"));
        }
    }
    (parts.join("; "), odd)
}

fn way(car: &Car) -> Check {
    let Some(path) = &car.route else {
        return Check::new(HealthItem::Config, "route", Verdict::Pass, "none: the road is followed as it is seen");
    };
    let read = route::read(path).and_then(|file| {
        let points = file.route.points.len();
        planning::Way::new(&file.route).with_context(|| format!("{}", path.display()))?;
        let length_m: f64 = file
            .route
            .points
            .windows(2)
            .map(|pair| (pair[1].pose.x - pair[0].pose.x).hypot(pair[1].pose.y - pair[0].pose.y))
            .sum();
        Ok(format!("{points} points, {length_m:.0} m, {} stop lines", file.route.stops.len()))
    });
    match read {
        Ok(finding) => Check::new(HealthItem::Config, "route", Verdict::Pass, finding),
        Err(error) => Check::fail(HealthItem::Config, "route", &error),
    }
}

fn bindings(car: &Car) -> Check {
    let observed = || Observer::new(car.driver, &car.budgets, &car.can.bindings);
    if let Some(error) = reader(car).err().or_else(|| observed().err()) {
        return Check::fail(HealthItem::Config, "CAN bindings", &error);
    }
    let bound = &car.can.bindings;
    let finding = format!("{} quantities read, {} messages sent", bound.read.len(), bound.write.len());
    let commands = bound.write.iter().any(|write| write.steering_rad.is_some())
        && bound.write.iter().any(|write| write.acceleration_mps2.is_some());
    if !commands {
        let finding = format!("{finding}; no message commands steering and acceleration");
        return Check::new(HealthItem::Config, "CAN bindings", Verdict::Fail, finding);
    }
    let unguarded = bound.guard.is_empty();
    let mut check =
        Check::new(HealthItem::Config, "CAN bindings", if unguarded { Verdict::Warn } else { Verdict::Pass }, finding);
    if unguarded {
        check.notes.push("no counter or checksum is checked: [[car.can.bindings.guard]]".into());
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Isometry3, Matrix3};
    use vehicle::can::bindings::Quantity;

    #[test]
    fn a_calibration_is_told_in_numbers_and_what_is_odd_is_named() {
        let k = Matrix3::new(1000.0, 0.0, 640.0, 0.0, 1000.0, 360.0, 0.0, 0.0, 1.0);
        let camera = CameraModel { width: 1280, height: 720, k, camera_from_lidar: Isometry3::identity() };
        let calibration = Calibration { base_from_lidar: Isometry3::translation(1.2, 0.0, 5.0), camera: Some(camera) };
        let (finding, odd) = describe(&calibration, true);
        assert!(finding.contains("5.00 m above the ground") && finding.contains("65 deg wide"), "{finding}");
        // The identity lets the camera look where the lidar's z points: up.
        assert!(odd.len() == 3 && odd[1].contains("90 deg away from ahead"), "{odd:?}");
    }
    /// A car that `drive` accepts, with the speed of its rear wheels alone, was refused.
    #[test]
    fn what_a_drive_needs_of_the_bus_is_what_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let world = sim::World::new(&sim::Scenario::family("yard").unwrap(), 1).unwrap();
        let ports = crate::simulation::as_car::describe::Ports::from(27_900);
        crate::simulation::as_car::describe::write(folder.path(), &world, &ports, false).unwrap();
        let config = crate::config::Config::read(Some(&folder.path().join("car.toml"))).unwrap();
        let mut car = config.car.unwrap();
        assert_eq!(bindings(&car).verdict, Verdict::Pass);
        car.can.bindings.read.remove(&Quantity::SpeedMps);
        assert_eq!(bindings(&car).verdict, Verdict::Pass);
        car.can.bindings.read.remove(&Quantity::WheelRearLeftMps);
        let check = bindings(&car);
        assert!(check.verdict == Verdict::Fail && check.finding.contains("both rear wheels"), "{check:?}");
    }
}
