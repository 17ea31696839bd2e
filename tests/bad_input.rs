//! Bad input, as a user would meet it. Protects: one clear line with the file, the field and the numbers, exit code 2, or
//! a frame that is skipped and counted; never a panic, never a silent zero.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::{Compression, DriveWriter, Message, RunRecord};
use std::fs;
use std::path::{Path, PathBuf};
use support::{chauffeur, fail, messages, shared_data, street, succeed, text};
use types::{CameraFrame, LidarSweep};

/// The street with some of its messages changed.
fn altered(folder: &Path, mut change: impl FnMut(Message) -> Vec<Message>) -> PathBuf {
    let path = folder.join("altered.mcap");
    let mut writer = DriveWriter::create(&path, &RunRecord::default(), Compression::None).unwrap();
    for message in messages(&street()).into_iter().flat_map(&mut change) {
        writer.write(&message).unwrap();
    }
    writer.finish().unwrap();
    path
}

fn replay_of(drive: &Path, folder: &Path) -> String {
    succeed(&["replay", text(drive), "--output", text(&folder.join("log.mcap"))])
}

fn refused(drive: &Path, folder: &Path, expected: &[&str]) {
    let said = fail(&["replay", text(drive), "--output", text(&folder.join("log.mcap"))], 2);
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    for part in expected {
        assert!(said.contains(part), "no \"{part}\" in: {said}");
    }
}

#[test]
fn cut_empty_and_foreign_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = fs::read(street()).unwrap();
    refused(&write("cut.mcap", &whole[..whole.len() / 2]), folder.path(), &["cut.mcap", "cut at byte", "whole chunks"]);
    refused(&write("empty.mcap", b""), folder.path(), &["empty.mcap", "empty"]);
    refused(&write("text.mcap", b"not an MCAP file, but text"), folder.path(), &["text.mcap", "not an MCAP file"]);
    refused(&folder.path().join("absent.mcap"), folder.path(), &["absent.mcap", "No such file"]);
}

#[test]
fn maps_are_drawn_and_foreign_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (file, output) = (folder.path().join("map.xml"), folder.path().join("map.png"));
    let draw = ["render", "--map", text(&file), "--output", text(&output)];
    for (content, part) in [("<gpx/>", "outermost element is <gpx>"), ("", "empty"), ("<osm", "XML"), ("{}", "JSON")] {
        fs::write(&file, content).unwrap();
        let said = fail(&draw, 2);
        assert!(said.contains("map.xml: ") && said.contains(part) && said.trim_end().lines().count() == 1, "{said}");
    }
    let road = "<OpenDRIVE><road id=\"1\" length=\"60\"><planView><geometry s=\"0\" x=\"0\" y=\"0\" hdg=\"0\" length=\"60\"><line/>
        </geometry></planView><lanes><laneSection s=\"0\"><right><lane id=\"-1\" type=\"driving\">
        <width sOffset=\"0\" a=\"3.5\" b=\"0\" c=\"0\" d=\"0\"/></lane></right></laneSection></lanes></road></OpenDRIVE>";
    fs::write(&file, road).unwrap();
    succeed(&draw);
    assert_eq!(fs::read(&output).unwrap()[..4], *b"\x89PNG");
    assert!(fail(&["render", "--output", text(&output)], 2).contains("--map"));
}

#[test]
fn foreign_bags_are_named_for_what_they_are() {
    let Some(shared) = shared_data("foreign_bags_are_named_for_what_they_are") else { return };
    let folder = tempfile::tempdir().unwrap();
    let bags: Vec<_> = fs::read_dir(shared.join("ros2_bags")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(bags.len(), 6);
    for bag in bags {
        let name = bag.file_name().unwrap().to_str().unwrap();
        let said = fail(&["replay", text(&bag), "--output", text(&folder.path().join("log.mcap"))], 2);
        assert!(said.contains(name) && said.contains("not a drive"), "{said}");
        if name.starts_with("wrong_rmw") {
            assert!(said.contains("wrong_format"), "{said}");
        }
    }
}

#[test]
fn points_that_are_not_finite_are_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let drive = altered(folder.path(), |message| match message {
        Message::Lidar(mut sweep) if sweep.seq == 5 => {
            let mut data = sweep.data.to_vec();
            for (point, value) in [(0, f32::NAN), (1, f32::INFINITY), (2, f32::NEG_INFINITY)] {
                let at = point * sweep.stride;
                data[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            sweep.data = data.into();
            vec![Message::Lidar(sweep)]
        }
        other => vec![other],
    });
    assert!(replay_of(&drive, folder.path()).contains("points not finite 3,"));
}

#[test]
fn an_empty_sweep_and_a_cut_jpeg_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let drive = altered(folder.path(), |message| match message {
        Message::Lidar(sweep) if sweep.seq == 4 => {
            vec![Message::Lidar(LidarSweep { data: Vec::new().into(), ..sweep })]
        }
        Message::Camera(frame) if frame.seq == 7 => {
            let half = frame.data.slice(..frame.data.len() / 2);
            vec![Message::Camera(CameraFrame { data: half, ..frame })]
        }
        other => vec![other],
    });
    let said = replay_of(&drive, folder.path());
    let by_stage = said.contains("decode skipped 1:") && said.contains("detect skipped 1:");
    assert!(said.contains("skipped 2,") && by_stage, "{said}");
    let log = messages(&folder.path().join("log.mcap"));
    for stage in ["decode", "detect"] {
        let skips = log.iter().filter(|m| matches!(m, Message::Text { name, .. } if name == stage)).count();
        assert_eq!(skips, 1, "{stage}");
    }
}

#[test]
fn messages_that_come_twice_or_alone_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let drive = altered(folder.path(), |message| match message {
        Message::Lidar(sweep) if sweep.seq == 9 => {
            let again = LidarSweep { seq: 1000, ..sweep.clone() };
            vec![Message::Lidar(sweep), Message::Lidar(again)]
        }
        Message::Lidar(sweep) if sweep.seq == 20 => Vec::new(),
        other => vec![other],
    });
    let said = replay_of(&drive, folder.path());
    assert!(said.contains("59 frames") && said.contains("late messages 1, without partner 1,"), "{said}");
}

#[test]
fn a_singular_camera_matrix_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let drive = altered(folder.path(), |message| match message {
        Message::Calibration(mut calibration) => {
            calibration.camera.as_mut().unwrap().k.fill(0.0);
            vec![Message::Calibration(calibration)]
        }
        other => vec![other],
    });
    refused(&drive, folder.path(), &["altered.mcap", "camera.k is singular", "determinant 0e0"]);
}

#[test]
fn a_full_disk_is_one_line() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: this system has no /dev/full");
        return;
    }
    for more in [&["--serial"][..], &[]] {
        let mut arguments = vec!["replay", "--output", "/dev/full"];
        arguments.extend(more);
        let said = fail(&arguments, 2);
        assert!(said.contains("/dev/full: cannot write: No space left on device"), "{said}");
    }
}

#[test]
fn models_that_are_missing_or_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = text(Path::new(env!("CARGO_MANIFEST_DIR"))).to_string() + "/models/public.toml";
    let log = folder.path().join("log.mcap");
    let run = |model_dir: &Path| {
        let arguments = ["replay", "--output", text(&log), "--models", &catalogue, "--model-dir", text(model_dir)];
        fail(&[&arguments[..], &["--onnxruntime", "off"]].concat(), 2)
    };
    let missing = run(folder.path());
    assert!(missing.contains("yolox_nano_dynhw.onnx"), "{missing}");
    for network in ["camera_det/yolox_nano_dynhw.onnx", "lidar_seg/3dmininet_tiny_semantickitti.onnx"] {
        let path = folder.path().join(network);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"not a network").unwrap();
    }
    let wrong = run(folder.path());
    assert!(wrong.contains("sha256") || wrong.contains("SHA-256") || wrong.contains("digest"), "{wrong}");
    let absent = fail(&["replay", "--output", text(&log), "--models", "absent.toml"], 2);
    assert!(absent.contains("absent.toml"), "{absent}");
    let library =
        ["replay", "--output", text(&log), "--models", &catalogue, "--onnxruntime", "/absent/libonnxruntime.so"];
    let library = fail(&library, 2);
    assert!(library.contains("/absent/libonnxruntime.so"), "{library}");
}

#[test]
fn a_network_that_rten_cannot_run_is_refused_by_operator_and_node() {
    let Some(shared) = shared_data("a_network_that_rten_cannot_run_is_refused_by_operator_and_node") else { return };
    let folder = tempfile::tempdir().unwrap();
    let catalogue = text(Path::new(env!("CARGO_MANIFEST_DIR"))).to_string() + "/models/public.toml";
    let models = shared.join("models");
    let log = folder.path().join("log.mcap");
    let said = fail(
        &[
            "replay",
            "--output",
            text(&log),
            "--models",
            &catalogue,
            "--model-dir",
            text(&models),
            "--onnxruntime",
            "off",
        ],
        2,
    );
    assert!(said.contains("MaxPool") && said.contains("/MaxPool_1") && said.contains("dilations"), "{said}");
}

#[test]
fn wishes_that_cannot_be_met() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.mcap");
    let config = folder.path().join("car.toml");
    fs::write(&config, "[planning]\nhorse_power = 90\n").unwrap();
    let said = fail(&["replay", "--output", text(&log), "--config", text(&config)], 2);
    assert!(said.contains("car.toml") && said.contains("horse_power"), "{said}");
    let said = fail(&["replay", "--output", text(&log), "--mode", "faithful"], 2);
    assert!(said.contains("street.mcap") && said.contains("no choices to obey"), "{said}");
    let said = fail(&["replay", "--output", text(&log), "--provider", "cuda", "--models", "none"], 2);
    assert!(said.contains("--models says none"), "{said}");
    let said = fail(&["replay", "--output", text(&log), "--provider", "cuda", "--onnxruntime", "off"], 2);
    assert!(said.contains("needs the ONNX Runtime library"), "{said}");
    let said = fail(&["replay", text(&street()), "--output", text(&street())], 2);
    assert!(said.contains("overwrite"), "{said}");
    let picture = folder.path().join("a.png");
    let said = fail(&["render", text(&street()), "--at", "100", "--output", text(&picture)], 2);
    assert!(said.contains("--at 100") && said.contains("street.mcap"), "{said}");
    let said = fail(&["import", "kitti", "--root", "/absent", "--sequence", "0000", "--output", text(&log)], 2);
    assert!(said.contains("/absent"), "{said}");
}

#[test]
#[allow(clippy::disallowed_methods)] // tests may read the environment
fn a_gpu_that_is_not_there() {
    // Whether the disk is fast enough is this machine's affair.
    let said = String::from_utf8_lossy(&chauffeur(&["doctor"]).stdout).into_owned();
    for file in
        ["libcuda.so.1", "libnvrtc.so", "libonnxruntime_providers_cuda.so", "libonnxruntime_providers_tensorrt.so"]
    {
        assert!(said.contains(file), "no {file} in {said}");
    }
    if std::env::var_os("ORT_DYLIB_PATH").is_none() || models::gpu::probe().is_ok() {
        eprintln!("a_gpu_that_is_not_there ends early: there is no ONNX Runtime, or there is a GPU");
        return;
    }
    for command in [&["replay", "--provider", "cuda"][..], &["bench", "frame", "--provider", "tensorrt"]] {
        let said = fail(command, 2);
        assert!(said.contains("needs an NVIDIA GPU: the driver"), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    }
    let output = chauffeur(&["doctor", "--provider", "cuda"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("needs an NVIDIA GPU: the driver"), "{said}");
}
