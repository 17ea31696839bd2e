//! `chauffeur calibrate`.

use crate::calibrate::calibrate;
use crate::render::{misalignment, save_png};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measure how far the camera is turned away from where the calibration has it.
///
/// Edges of depth in the sweeps are held against edges of the images. Exit code 1 if a turn is beyond the tolerance by more than its
/// uncertainty, or if the drive does not tell.
#[derive(Debug, Args)]
pub struct Options {
    /// The drive, with camera and lidar; a minute with houses, poles and parked cars is good.
    drive: PathBuf,
    /// The largest turn that is well, deg.
    #[arg(long, default_value_t = 0.4, value_name = "DEG")]
    tolerance: f64,
    /// Moments to look at, spread over the drive.
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u64).range(3..=2000))]
    moments: u64,
    /// A picture: rims before and after, and the score over each turn.
    #[arg(long, value_name = "FILE.png")]
    output: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A standard error above this says that the drive does not tell, deg.
const UNSURE_DEG: f64 = 0.3;

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let tolerance = options.tolerance;
    anyhow::ensure!((0.01..=2.0).contains(&tolerance), "--tolerance {tolerance} is outside 0.01 to 2");
    let found = calibrate(&options.drive, options.moments)?;
    let measured = &found.measured;
    let sure = measured.inside && measured.axes.iter().all(|axis| axis.error_deg < UNSURE_DEG);
    let within = measured.axes.iter().all(|axis| axis.turn_deg.abs() <= tolerance + axis.error_deg);
    let verdict = match (sure, within) {
        (false, _) => "unsure",
        (true, true) => "within",
        (true, false) => "beyond",
    };
    let corrected =
        nalgebra::UnitQuaternion::from_rotation_matrix(&measured.turn.of_points()) * found.camera.camera_from_lidar;
    if let Some(output) = &options.output {
        save_png(&misalignment::picture(&found), output)?;
    }
    if options.json {
        let axes: Vec<_> = measured
            .axes
            .iter()
            .map(|axis| json!({ "name": axis.name, "turn_deg": axis.turn_deg, "error_deg": axis.error_deg }))
            .collect();
        let q = corrected.rotation.coords;
        let said = json!({
            "verdict": verdict, "tolerance_deg": tolerance, "moments": found.moments, "edges": measured.edges,
            "score": measured.scores[0], "score_as_calibrated": measured.scores[1], "axes": axes,
            "camera_from_lidar": { "translation_m": corrected.translation.vector.as_slice(), "rotation_xyzw": q.as_slice() },
        });
        println!("{said:#}");
    } else {
        println!("{}: {} moments, {} rims of objects", options.drive.display(), found.moments, measured.edges);
        println!("the camera is turned from its calibration by");
        for axis in &measured.axes {
            println!("  {:<6}{:+7.2} deg  +- {:.2}", axis.name, axis.turn_deg, axis.error_deg);
        }
        println!("score {:.4}, as calibrated {:.4}", measured.scores[0], measured.scores[1]);
        println!(
            "tolerance {tolerance} deg: {}",
            match verdict {
                "unsure" => "the drive does not tell: take one with more standing objects",
                "within" => "within",
                _ => "beyond it: calibrate anew",
            }
        );
    }
    Ok(ExitCode::from(u8::from(verdict != "within")))
}
