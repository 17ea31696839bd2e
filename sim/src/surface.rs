//! What things are made of, as a lidar at 905 nm sees it.

use nalgebra::Vector3;

/// Linear RGB, 0..1.
pub type Color = [f32; 3];

/// Size and colour of a car, from which its lights, windows and wheel arches follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CarPaint {
    /// Colour of the paint.
    pub color: Color,
    /// Bumper to bumper, m.
    pub length: f64,
    /// Without mirrors, m.
    pub width: f64,
    /// Ground to roof, m.
    pub height: f64,
}

/// The material of a part or of the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Surface {
    /// Road.
    Asphalt,
    /// White paint on the road.
    Marking,
    /// Paving slabs.
    Sidewalk,
    /// Kerb stone.
    Kerb,
    /// Lawn.
    Grass,
    /// Loose stones.
    Gravel,
    /// Concrete slabs.
    Concrete,
    /// Red asphalt for bicycles.
    BicycleLane,
    /// Lower part of a car: paint, lights, plates.
    CarBody(CarPaint),
    /// Upper part of a car: roof and windows.
    CarCabin(CarPaint),
    /// Wheel: a tyre around a rim.
    Wheel {
        /// The hub along the object's x axis, m.
        hub_x: f64,
        /// Radius of the tyre, m.
        radius: f64,
    },
    /// Wall with windows.
    Facade(Color),
    /// Bark.
    Bark,
    /// Leaves.
    Leaves(Color),
    /// Skin and hair.
    Head(Color),
    /// Clothes.
    Cloth(Color),
    /// Grey metal.
    Metal,
    /// Sign of a pedestrian crossing.
    Sign,
    /// Painted metal or plastic.
    Painted(Color),
    /// Plaster, brick or concrete without windows.
    Wall(Color),
    /// Bare wood.
    Wood,
    /// A pane.
    Glass,
    /// A wheel of a bicycle: a tyre and spokes.
    Spokes {
        /// The hub along the object's x axis, m.
        hub_x: f64,
        /// Radius of the tyre, m.
        radius: f64,
    },
    /// Wire netting.
    Netting,
}

/// How a surface answers a laser pulse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// Diffuse reflectivity, 0..1.
    pub reflectivity: f64,
    /// Share of pulses that the surface stops and sends back.
    pub solidity: f64,
    /// Share of the other pulses that go through and meet what is behind; the rest is lost.
    pub clearness: f64,
    /// Mean way into the solid before a pulse comes back, m; a pulse that gets to the other side goes on. Leaves.
    pub depth_m: f64,
    /// How much the range spreads, m. Grass.
    pub roughness_m: f64,
}

impl Surface {
    /// The surface of a part that was moved along the object's x axis.
    pub fn shifted(self, by: f64) -> Self {
        match self {
            Self::Wheel { hub_x, radius } => Self::Wheel { hub_x: hub_x + by, radius },
            Self::Spokes { hub_x, radius } => Self::Spokes { hub_x: hub_x + by, radius },
            other => other,
        }
    }

    /// The answer to a pulse at a point of the object's frame.
    pub fn echo(&self, local: &Vector3<f64>, normal: &Vector3<f64>) -> Echo {
        let solid = |reflectivity| Echo { reflectivity, solidity: 1.0, clearness: 0.0, depth_m: 0.0, roughness_m: 0.0 };
        let pane = Echo { solidity: 0.22, clearness: 0.55, ..solid(0.10) };
        match self {
            Self::Asphalt => solid(0.14),
            Self::Marking => solid(0.65),
            Self::Sidewalk | Self::Concrete => solid(0.30),
            Self::BicycleLane => solid(0.18),
            Self::Gravel => Echo { roughness_m: 0.012, ..solid(0.25) },
            Self::Kerb => solid(0.35),
            Self::Grass => Echo { roughness_m: 0.03, ..solid(0.45) },
            Self::CarBody(paint) if paint.is_plate_or_light(local, normal) => solid(0.95),
            Self::CarBody(paint) => solid(0.12 + 0.4 * f64::from(paint.color[1])),
            Self::CarCabin(paint) if paint.is_window(local, normal) => pane,
            Self::CarCabin(paint) => solid(0.12 + 0.4 * f64::from(paint.color[1])),
            Self::Wheel { .. } => solid(0.08),
            Self::Facade(color) => solid(0.25 + 0.3 * f64::from(color[0])),
            Self::Bark => solid(0.3),
            Self::Leaves(_) => Echo { depth_m: 0.35, ..solid(0.5) },
            Self::Head(_) => solid(0.4),
            Self::Cloth(color) => solid(0.25 + 0.3 * f64::from(color[1])),
            Self::Metal => solid(0.4),
            Self::Sign => solid(0.95),
            Self::Painted(color) => solid(0.12 + 0.4 * f64::from(color[1])),
            Self::Wall(color) => solid(0.25 + 0.3 * f64::from(color[0])),
            Self::Wood => solid(0.35),
            Self::Glass => pane,
            Self::Spokes { hub_x, radius } => {
                let tyre = (local.x - hub_x).hypot(local.z - radius) > 0.84 * radius;
                Echo { solidity: if tyre { 0.9 } else { 0.14 }, clearness: 1.0, ..solid(0.2) }
            }
            Self::Netting => Echo { solidity: 0.3, clearness: 1.0, ..solid(0.3) },
        }
    }
}

impl CarPaint {
    /// Whether a point of the body is a lamp or a number plate.
    pub fn is_plate_or_light(&self, local: &Vector3<f64>, normal: &Vector3<f64>) -> bool {
        normal.x.abs() > 0.7 && (self.is_light(local) || self.is_plate(local))
    }

    /// Whether a point of the front or rear is a lamp.
    pub fn is_light(&self, local: &Vector3<f64>) -> bool {
        let from_side = 0.5 * self.width - local.y.abs();
        (0.06..0.46).contains(&from_side) && (0.60..0.78).contains(&local.z)
    }

    /// Whether a point of the front or rear is the number plate.
    pub fn is_plate(&self, local: &Vector3<f64>) -> bool {
        local.y.abs() < 0.26 && (0.42..0.54).contains(&local.z)
    }

    /// Whether a point of the body lies in the shade of a wheel arch.
    pub fn is_arch(&self, local: &Vector3<f64>) -> bool {
        let from_axle = local.x.abs() - self.axle();
        from_axle.hypot(local.z - self.wheel_radius()) < self.wheel_radius() + 0.06
    }

    /// Whether a point of the cabin is glass.
    pub fn is_window(&self, local: &Vector3<f64>, normal: &Vector3<f64>) -> bool {
        if normal.z > 0.8 || local.z > self.height - 0.09 {
            return false;
        }
        let across = normal.y.abs() > 0.5;
        let door_post = (local.x + 0.05 * self.length).abs() < 0.05;
        if across { !door_post } else { local.y.abs() < 0.5 * self.width - 0.22 }
    }

    /// Distance of each axle from the middle, m.
    pub fn axle(&self) -> f64 {
        0.29 * self.length
    }

    /// Radius of the wheels, m.
    pub fn wheel_radius(&self) -> f64 {
        0.32
    }
}
