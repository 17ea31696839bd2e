//! A simulated street with traffic, and the sensors of the car that drives through it.
//!
//! In: a seed and the time that passes. Out: camera frames, lidar sweeps, GPS/INS outputs, and the truth about every object.
//! Never: a file, a clock, a thread, or a number that does not follow from the seed.
//!
//! `odom` is `base_link` at the first instant. Lidar and camera look at the same solids through the same ray caster, so they
//! agree; the lidar spins while everything moves, so its sweeps are distorted as real ones are.

mod beams;
mod bodies;
mod camera;
mod clutter;
mod develop;
mod ego;
mod facade;
mod facet;
mod grain;
mod ground;
mod history;
mod hull;
mod ins;
mod lens;
mod lidar;
mod light;
mod look;
#[allow(dead_code)] // until the world has lanes
mod marks;
mod paint;
#[allow(dead_code)] // until the world has lanes
mod pavement;
mod people;
mod random;
mod raster;
mod relief;
pub mod scatter;
mod scatter_place;
mod scatter_plan;
mod roads;
mod scenario;
mod scene;
mod shade;
mod shadow;
mod shape;
mod street;
mod surface;
mod town;
mod traffic;
mod vehicles;
mod world;

pub use beams::LidarKind;
pub use scenario::{Actors, Corridor, Events, Grid, Mix, Range, Scenario, ScenarioError};
pub use world::{SimError, Truth, World};
