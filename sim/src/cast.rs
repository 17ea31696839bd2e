//! Who there is: kinds of road users, their sizes and their bodies.

use crate::people;
use crate::random::Random;
use crate::scenario::Mix;
use crate::scene::Body;
use crate::town::CAR_COLORS;
use crate::vehicles::{self, CarForm};
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

    /// The body of one of them; a tractor comes without its trailer.
    pub fn body(self, random: &mut Random) -> Body {
        use CarForm::{Estate, Hatchback, Pickup, Saloon, Suv, Van};
        let color = random.pick(&CAR_COLORS);
        let mut draw = |low, high| random.between(low, high);
        match self {
            Self::Car => {
                let form = random.pick(&[Hatchback, Hatchback, Saloon, Saloon, Estate, Estate, Suv, Suv, Pickup]);
                let size = form.size(random);
                vehicles::car(form, color, size)
            }
            Self::Van => {
                let size = Van.size(random);
                vehicles::car(Van, color, size)
            }
            Self::Truck => vehicles::truck([draw(6.0, 9.8), draw(2.2, 2.5), draw(2.8, 3.7)], random),
            Self::Tractor => vehicles::truck([draw(5.5, 6.2), 2.5, draw(3.3, 3.8)], random),
            Self::Trailer => vehicles::trailer([draw(10.0, 12.5), 2.5, draw(3.6, 4.0)], random),
            Self::Bus => vehicles::bus([draw(9.5, 12.2), 2.5, draw(2.95, 3.3)], random),
            Self::Forklift => vehicles::forklift([draw(2.4, 3.4), draw(1.1, 1.4), draw(2.1, 2.4)]),
            Self::Motorcycle => people::motorcycle(random, true),
            Self::Cyclist => people::cyclist(random),
            Self::Pedestrian => people::pedestrian(random, true),
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
}
