//! vehicle
