//! Chauffeur: an autonomous-driving perception and planning stack whose every drive replays bit for bit.
//!
//! This package wires the rooms together. `runtime` owns threads, queues and clocks; `command_line` owns stdout and
//! exit codes; `render` draws; `stack` builds the stages of one car from its configuration;
//! `drive` runs the stack in a car; `live_view` and `metrics` show a run to whoever watches (`watch`); `doctor` says whether this computer
//! and car may drive; `commonroad` drives the planner alone on recorded scenarios; `evaluate` makes numbers of a drive,
//! and `check` holds drives against references and criteria.

pub mod check;
pub mod command_line;
pub mod commonroad;
pub mod config;
pub mod drive;
pub mod evaluate;
pub mod live_view;
pub mod metrics;
pub mod onnxruntime;
pub mod render;
pub mod replay;
pub mod report;
pub mod runtime;
pub mod simulation;
pub mod stack;
pub mod watch;
