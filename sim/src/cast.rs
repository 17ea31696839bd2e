//! Who there is: kinds of road users, their sizes and their bodies.

use crate::bodies;
use crate::random::Random;
use crate::scenario::Mix;
use crate::scene::Body;
use crate::surface::Color;
use crate::town::CAR_COLORS;
use types::ObjectClass;

/// A kind of road user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Passenger car.
    Car,
    /// Delivery van.
    Van,
    /// Truck in one piece.
    Truck,
    /// Tractor that pulls a trailer.
    Tractor,
    /// The trailer of a tractor.
    Trailer,
    /// Bus.
    Bus,
    /// Fork-lift truck.
    Forklift,
    /// Motorcycle with its rider.
    Motorcycle,
    /// Bicycle with its rider.
    Cyclist,
    /// Person on foot.
    Pedestrian,
}

impl Kind {
    /// What it counts as.
    pub const fn class(self) -> ObjectClass {
        match self {
            Self::Car | Self::Van => ObjectClass::Car,
            Self::Truck | Self::Tractor | Self::Trailer | Self::Forklift => ObjectClass::Truck,
            Self::Bus => ObjectClass::Bus,
            Self::Motorcycle => ObjectClass::Motorcycle,
            Self::Cyclist => ObjectClass::Cyclist,
            Self::Pedestrian => ObjectClass::Pedestrian,
        }
    }

    /// Length, width and height of one of them, m.
    pub fn size(self, random: &mut Random) -> [f64; 3] {
        let mut draw = |low, high| random.between(low, high);
        match self {
            Self::Car => [draw(3.8, 4.9), draw(1.7, 1.9), draw(1.42, 1.7)],
            Self::Van => [draw(4.9, 6.0), draw(1.9, 2.05), draw(1.9, 2.6)],
            Self::Truck => [draw(7.0, 9.8), draw(2.3, 2.5), draw(2.9, 3.7)],
            Self::Tractor => [draw(5.6, 6.1), 2.5, draw(3.3, 3.8)],
            Self::Trailer => [draw(10.5, 12.5), 2.5, draw(3.7, 4.0)],
            Self::Bus => [draw(10.5, 12.2), 2.5, draw(2.95, 3.3)],
            Self::Forklift => [draw(2.4, 3.4), draw(1.1, 1.4), draw(2.1, 2.4)],
            Self::Motorcycle => [draw(2.0, 2.3), draw(0.75, 0.85), draw(1.4, 1.6)],
            Self::Cyclist => [1.8, 0.6, 1.75],
            Self::Pedestrian => [0.6, 0.6, draw(1.5, 1.92)],
        }
    }

    /// Whether it can hardly turn in a narrow junction.
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Truck | Self::Tractor | Self::Bus)
    }

    /// Half the distance between its axles as a share of its length.
    pub const fn axle_share(self) -> f64 {
        match self {
            Self::Trailer => 0.33,
            Self::Bus | Self::Truck => 0.26,
            _ => 0.29,
        }
    }

    /// Strongest acceleration it uses, m/s2.
    pub const fn acceleration_mps2(self) -> f64 {
        match self {
            Self::Car | Self::Van | Self::Motorcycle => 1.6,
            Self::Truck | Self::Tractor | Self::Trailer | Self::Bus => 0.9,
            Self::Forklift | Self::Cyclist | Self::Pedestrian => 1.0,
        }
    }

    /// Fastest it goes, m/s.
    pub const fn fastest_mps(self) -> f64 {
        match self {
            Self::Car | Self::Van | Self::Motorcycle => 36.0,
            Self::Truck | Self::Tractor | Self::Trailer => 23.0,
            Self::Bus => 26.0,
            Self::Forklift => 4.5,
            Self::Cyclist => 6.0,
            Self::Pedestrian => 1.6,
        }
    }

    /// A motor vehicle of a mix.
    pub fn motor(mix: &Mix, random: &mut Random) -> Self {
        let mut left = random.unit();
        for (share, kind) in [
            (mix.van, Self::Van),
            (mix.truck, Self::Truck),
            (mix.trailer, Self::Tractor),
            (mix.bus, Self::Bus),
            (mix.forklift, Self::Forklift),
            (mix.motorcycle, Self::Motorcycle),
        ] {
            if left < share {
                return kind;
            }
            left -= share;
        }
        Self::Car
    }

    /// The body of one of this size.
    pub fn body(self, [length, width, height]: [f64; 3], random: &mut Random) -> Body {
        let shirt = random.pick(&SHIRTS);
        let (trousers, skin) = (random.pick(&TROUSERS), random.pick(&SKINS));
        match self {
            Self::Pedestrian => bodies::pedestrian(shirt, trousers, skin, height),
            Self::Cyclist => bodies::cyclist(shirt, trousers, skin),
            _ => bodies::car(random.pick(&CAR_COLORS), length, width, height),
        }
    }
}

const SHIRTS: [Color; 6] = [
    [0.45, 0.06, 0.05],
    [0.06, 0.12, 0.40],
    [0.70, 0.68, 0.60],
    [0.55, 0.40, 0.05],
    [0.05, 0.25, 0.20],
    [0.05, 0.05, 0.06],
];
const TROUSERS: [Color; 3] = [[0.03, 0.04, 0.08], [0.08, 0.07, 0.06], [0.20, 0.17, 0.12]];
const SKINS: [Color; 3] = [[0.55, 0.36, 0.26], [0.25, 0.14, 0.09], [0.42, 0.26, 0.18]];
