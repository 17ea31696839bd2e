//! Late fusion.
