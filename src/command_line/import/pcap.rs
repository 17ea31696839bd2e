//! `chauffeur import pcap`: a lidar's packets, as a network recorder wrote them, to a drive.

use crate::runtime::clock::CpuWatch;
use anyhow::{Context, bail};
use clap::Args;
use nalgebra::{Isometry3, Vector3};
use recordings::{Compression, DriveWriter, Message, RunRecord};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use types::{Calibration, SpinningPoint};
use vehicle::clock;
use vehicle::lidar::{Config, PacketError, SweepAssembler, Turn, setup};

/// What to read, and where the lidar sits.
#[derive(Args, Debug)]
pub struct Options {
    /// The recording.
    file: PathBuf,
    /// Which lidar: vlp-16, vlp-32c, vls-128, xt32, pandar40p, pandar128, ot128 or ouster.
    #[arg(long)]
    sensor: String,
    /// Its angle correction file (Hesai) or metadata (Ouster).
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// The port that its packets went to; without it, all that are packets of the lidar are taken.
    #[arg(long)]
    port: Option<u16>,
    /// Where the lidar sits: x, y, z in m from the middle of the rear axle on the ground, and its yaw in degrees.
    #[arg(long, value_names = ["X", "Y", "Z", "YAW"], num_args = 4, allow_negative_numbers = true, default_values_t = [0.76, 0.0, 1.73, 0.0])]
    mount: Vec<f64>,
    /// Whether PTP or GPS sets the lidar's clock: its time is then the stamp.
    #[arg(long)]
    synchronised: bool,
    /// The drive to write.
    #[arg(long, value_name = "DRIVE.mcap")]
    output: PathBuf,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let text = match &options.calibration {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).with_context(|| path.display().to_string())?),
    };
    let decoder = setup::decoder(&options.sensor, text.as_deref()).with_context(|| match &options.calibration {
        Some(path) => path.display().to_string(),
        None => format!("--sensor {}", options.sensor),
    })?;
    let clock = clock::Config { synchronised: options.synchronised, ..clock::Config::default() };
    let mut assembler = SweepAssembler::new(decoder, Config { clock, ..Config::default() });
    let &[x, y, z, yaw_deg] = options.mount.as_slice() else { bail!("--mount takes four numbers") };
    let base_from_lidar = Isometry3::new(Vector3::new(x, y, z), Vector3::z() * yaw_deg.to_radians());
    let calibration = Calibration { base_from_lidar, camera: None };
    calibration.validate().context("--mount")?;

    let name = options.file.display().to_string();
    let input = File::open(&options.file).with_context(|| name.clone())?;
    let run = RunRecord {
        version: env!("CARGO_PKG_VERSION").into(),
        mode: "import".into(),
        source: format!("{} packets of {}", options.sensor, crate::stack::file_name(&options.file)),
        ..RunRecord::default()
    };
    let mut writer = DriveWriter::create(&options.output, &run, Compression::Lz4)?;
    writer.write(&Message::Calibration(calibration))?;
    let mut import = Import { points: 0, decoding_s: 0.0, refused: None, failed: None };
    let read = vehicle::capture::read(input, |datagram| {
        if import.failed.is_none() && options.port.is_none_or(|port| port == datagram.to.1) {
            let watch = CpuWatch::start();
            let turn = assembler.push(datagram.payload, datagram.received);
            import.decoding_s += watch.elapsed().as_secs_f64();
            import.take(turn, &mut writer);
        }
    });
    let (counts, clock) = (assembler.counts(), assembler.clock());
    // The turn that the recording ends in.
    import.take(Ok(assembler.finish()), &mut writer);
    if let Some(error) = import.failed {
        return Err(error.into());
    }
    // A recording that breaks off leaves a drive of what came before.
    let bytes = writer.finish()?.bytes;
    let summary = read.with_context(|| name.clone())?;
    if import.points == 0 {
        let refused = import.refused.map(|error| format!(": {error}")).unwrap_or_default();
        bail!("{name}: {} datagrams, none of them a packet of {}{refused}", summary.datagrams, options.sensor);
    }
    println!(
        "{}: {} datagrams, {} refused, {} lost, {} late ({} too late), {} twice, {} untimely, {} restarts",
        name,
        summary.datagrams,
        counts.refused,
        counts.lost,
        counts.late,
        counts.too_late,
        counts.duplicate,
        counts.untimely,
        counts.restarts
    );
    println!("clock of the lidar: {clock}");
    println!(
        "{}: {} whole turns ({} with holes) and the rest, {} points, {:.1} MB; decoded at {:.1} million points/s",
        options.output.display(),
        counts.sweeps,
        counts.with_holes,
        import.points,
        bytes as f64 * 1e-6,
        import.points as f64 * 1e-6 / import.decoding_s.max(1e-9)
    );
    Ok(ExitCode::SUCCESS)
}

/// What became of the packets so far.
struct Import {
    points: usize,
    decoding_s: f64,
    refused: Option<PacketError>,
    failed: Option<recordings::RecordingError>,
}

impl Import {
    fn take(&mut self, turn: Result<Option<Turn>, PacketError>, writer: &mut DriveWriter) {
        match turn {
            Ok(None) => {}
            Ok(Some(turn)) => {
                self.points += turn.sweep.data.len() / SpinningPoint::STRIDE;
                self.failed = writer.write(&Message::Lidar(turn.sweep)).err();
            }
            Err(error) => self.refused = self.refused.or(Some(error)),
        }
    }
}
