//! A simulated world: roads, traffic, and the sensors of the car that drives through it.
//!
//! In: a scenario, a seed, commands and the time that passes. Out: camera frames, lidar sweeps, GPS/INS outputs, wheel speeds,
//! signals, the truth about every object, and what went wrong.
//! Never: a file, a clock, a thread, or a number that does not follow from the seed.
//!
//! `odom` is `base_link` at the first instant. Lidar and camera see the same solids, one by rays, the other by raster, so
//! they agree; the lidar spins while everything moves, so its sweeps are distorted as real ones are.

mod beams;
mod bodies;
mod camera;
mod cast;
mod clutter;
mod develop;
mod event;
mod facade;
mod facet;
mod grain;
mod ground;
mod history;
mod hull;
mod ins;
mod judge;
mod lens;
mod lidar;
mod light;
mod longer;
mod look;
mod marks;
mod paint;
mod pavement;
mod people;
mod plant;
mod random;
mod raster;
mod relief;
mod road;
mod roads;
pub mod scatter;
mod scatter_place;
mod scatter_plan;
mod scenario;
mod scene;
mod shade;
mod shadow;
mod shape;
mod sky;
mod steer;
mod surface;
mod tile;
mod town;
mod traffic;
mod vehicles;
mod world;

pub use beams::{LidarKind, Sensors};
pub use event::{Event, EventKind, Fault};
pub use plant::{EgoMotion, Plant, Request};
pub use scenario::{Actors, Corridor, Events, Grid, Mix, Range, Scenario, ScenarioError};
pub use world::live::{Eye, Glimpse};
pub use world::{Driver, SimError, World};
