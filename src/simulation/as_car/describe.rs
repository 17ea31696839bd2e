//! The description of the simulated car: the files that `chauffeur drive` reads.

use crate::drive::route::Way;
use crate::drive::{calibration, route};
use anyhow::Context;
use sim::World;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use vehicle::ins::Geodetic;
use vehicle::lidar::ouster_metadata::Metadata;

/// The messages of the car's bus.
pub const DBC: &str = include_str!("car.dbc");
/// What they mean, as the computer reads and writes them.
pub const BINDINGS: &str = include_str!("bindings.toml");
/// What the car reads of the computer.
pub const COMMANDS: &str = include_str!("commands.toml");
/// Where the world's `odom` has its origin on earth: x is east, y is north.
pub const ORIGIN: Geodetic = Geodetic { latitude_deg: 49.011, longitude_deg: 8.416, height_m: 115.0 };
/// The place that the INS tells, in `base_link`, m: above the rear axle, so that its velocity is the axle's.
pub const ANTENNA_M: [f64; 3] = [0.0, 0.0, 1.5];

/// Where the car is reached on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Where the computer hears the lidar.
    pub lidar: SocketAddr,
    /// Where the computer hears the INS.
    pub ins: SocketAddr,
    /// Where the computer hears what traffic lights show.
    pub signals: SocketAddr,
    /// Where the computer hears the bus.
    pub computer: SocketAddr,
    /// Where the car hears the bus.
    pub bus: SocketAddr,
    /// Where the camera is asked.
    pub camera: SocketAddr,
}

impl Ports {
    /// Six ports in a row.
    #[must_use]
    pub fn from(first: u16) -> Self {
        let port = |place: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, first.saturating_add(place)));
        Self { lidar: port(0), ins: port(1), signals: port(2), computer: port(3), bus: port(4), camera: port(5) }
    }
}

/// The metadata of the world's lidar.
#[must_use]
pub fn lidar_metadata(world: &World) -> Metadata {
    let columns = world.lidar_columns();
    let from_top = world.lidar_elevations_rad().into_iter().rev().map(f64::to_degrees).collect();
    // The world's columns look along their middle, half a step on from where an Ouster says that they are.
    Metadata::of_beams(from_top, 180.0 / columns as f64, columns, 10.0)
}

/// Writes car.toml and all that it names.
///
/// # Errors
/// Names the file that cannot be written.
pub fn write(folder: &Path, world: &World, ports: &Ports, camera: bool) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("{}", path.display()))
    };
    let mut places = world.calibration();
    if !camera {
        places.camera = None;
    }
    write("calibration.toml", &calibration::to_text(&places, "top"))?;
    write("route.toml", &route::to_text(&Way { route: world.route(), origin: Some(ORIGIN) }))?;
    write("os.json", &format!("{:#}\n", lidar_metadata(world).to_json()))?;
    write("car.dbc", DBC)?;
    write("car.toml", &car_toml(ports, camera))
}

fn car_toml(ports: &Ports, camera: bool) -> String {
    let Ports { lidar, ins, signals, computer, bus, .. } = ports;
    let [x, y, z] = ANTENNA_M;
    // From exposure to arrival a picture takes as long as it is drawn: counted as an offset of the clock.
    let camera = if camera {
        format!(
            "\n[car.camera]\nsource = \"http://{}/\"\nclock = {{ synchronised = true, bound_s = 0.2 }}\n",
            ports.camera
        )
    } else {
        String::new()
    };
    format!(
        "# A simulated car on loopback, as `chauffeur simulate --as-car` wrote it. Its clocks are the computer's, as by PTP.
[car]
calibration = \"calibration.toml\"
route = \"route.toml\"

[[car.lidar]]
name = \"top\"
model = \"os\"
angles = \"os.json\"
port = \"{lidar}\"
clock = {{ synchronised = true }}
{camera}
[car.ins]
source = \"udp:{ins}\"
antenna_m = [{x:?}, {y:?}, {z:?}]
clock = {{ synchronised = true }}

[car.signals]
port = \"{signals}\"
clock = {{ synchronised = true }}

# A plan is 0.2 s old when it comes, and the next one comes 0.1 s later; on two cores that draw the world, too, one may come 0.1 s late.
[car.budgets]
plan_age_s = 0.45

[car.can]
bus = \"udp:{computer}\"
peer = \"{bus}\"
dbc = \"car.dbc\"

{BINDINGS}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::drive::car::Car;
    use sim::Scenario;
    use vehicle::can::Database;
    use vehicle::can::reader::Reader;
    use vehicle::can::speaker::Speaker;
    use vehicle::can::writer::Writer;

    #[test]
    fn what_is_written_is_what_drive_reads() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::new(&Scenario::family("urban").unwrap(), 1).unwrap();
        let ports = Ports::from(40_000);
        for camera in [true, false] {
            write(folder.path(), &world, &ports, camera).unwrap();
            let config = Config::read(Some(&folder.path().join("car.toml"))).unwrap();
            let car: Car = config.car.unwrap();
            assert_eq!(
                (car.camera.is_some(), car.lidar[0].port.port(), car.can.peer),
                (camera, 40_000, Some(ports.bus))
            );
            let read = calibration::read(&car.calibration, &["top"], camera).unwrap().calibration;
            let own = world.calibration();
            assert!((read.base_from_lidar.to_homogeneous() - own.base_from_lidar.to_homogeneous()).norm() < 1e-12);
            if let (Some(read), Some(own)) = (&read.camera, &own.camera) {
                let apart = read.camera_from_lidar.to_homogeneous() - own.camera_from_lidar.to_homogeneous();
                assert!((read.k - own.k).norm() < 1e-12 && apart.norm() < 1e-9, "{apart}");
            }
            let way = route::read(&car.route.unwrap()).unwrap();
            assert_eq!((way.route, way.origin), (world.route(), Some(ORIGIN)));
            let metadata = std::fs::read_to_string(car.lidar[0].angles.clone().unwrap()).unwrap();
            assert_eq!(Metadata::parse(&metadata).unwrap().altitude_deg.len(), 64);
            // Every binding fits the bus, on both sides.
            let bus = Database::parse(&std::fs::read(&car.can.dbc).unwrap()).unwrap();
            assert!(bus.refused.is_empty());
            Reader::new(&bus, &car.can.bindings).unwrap();
            Speaker::new(&bus, &car.can.bindings).unwrap();
            for write in &car.can.bindings.write {
                Writer::new(&bus, write).unwrap();
            }
            Reader::new(&bus, &toml::from_str(COMMANDS).unwrap()).unwrap();
        }
    }
}
