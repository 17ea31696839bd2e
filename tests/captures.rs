//! Recordings of a network become drives. Protects: what a lidar sent is what the drive holds, and what was lost is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may panic

mod support;

use recordings::Message;
use std::path::Path;
use support::{fail, messages, shared_data, succeed, text};
use types::SpinningPoint;

/// A pcap of VLP-16 packets at 10 Hz: every pulse answered from 10 m.
fn vlp16_capture(packets: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(number.to_le_bytes());
    }
    for index in packets {
        let micros = index * 1327;
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend((1206_u16 + 28).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 168, 1, 201, 255, 255, 255, 255]);
        frame.extend(2368_u16.to_be_bytes());
        frame.extend(2368_u16.to_be_bytes());
        frame.extend((1206_u16 + 8).to_be_bytes());
        frame.extend([0, 0]);
        for block in 0..12 {
            frame.extend([0xFF, 0xEE]);
            frame.extend((((index * 480 + block * 40) % 36_000) as u16).to_le_bytes());
            frame.extend([0x88, 0x13, 51].repeat(32));
        }
        frame.extend((micros + 5_000_000).to_le_bytes());
        frame.extend([0x37, 0x22]);
        for number in [1_700_000_000 + micros / 1_000_000, micros % 1_000_000, frame.len() as u32, frame.len() as u32] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// Points of each sweep of a drive.
fn sweeps(drive: &Path) -> Vec<usize> {
    let sweep = |message| match message {
        Message::Lidar(sweep) => Some(sweep.data.len() / SpinningPoint::STRIDE),
        _ => None,
    };
    messages(drive).into_iter().filter_map(sweep).collect()
}

#[test]
fn a_capture_becomes_a_drive_and_holes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, drive) = (folder.path().join("lidar.pcap"), folder.path().join("lidar.mcap"));
    std::fs::write(&capture, vlp16_capture((0..300).filter(|index| *index != 50))).unwrap();
    let said = succeed(&["import", "pcap", text(&capture), "--sensor", "vlp-16", "--output", text(&drive)]);
    println!("{said}");
    assert!(
        said.contains("299 datagrams, 0 refused, 1 lost") && said.contains("3 whole turns (1 with holes)"),
        "{said}"
    );
    assert_eq!(sweeps(&drive), [74 * 384, 75 * 384, 75 * 384, 37 * 384 + 192]);
    assert!(succeed(&["info", text(&drive)]).contains("vlp-16 packets of lidar.pcap"));
}

#[test]
fn another_sensor_and_a_broken_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (capture, drive) = (folder.path().join("lidar.pcap"), folder.path().join("lidar.mcap"));
    let bytes = vlp16_capture(0..3);
    std::fs::write(&capture, &bytes).unwrap();
    let import =
        |sensor: &str| fail(&["import", "pcap", text(&capture), "--sensor", sensor, "--output", text(&drive)], 2);
    assert!(
        import("vlp-32c").contains("3 datagrams, none of them a packet of vlp-32c: product 0x22"),
        "{}",
        import("vlp-32c")
    );
    assert!(import("xt32").contains("xt32 needs its angle correction file"), "{}", import("xt32"));
    std::fs::write(&capture, &bytes[..bytes.len() - 100]).unwrap();
    assert!(import("vlp-16").contains("cut off or broken behind frame 2"), "{}", import("vlp-16"));
}

#[test]
fn a_real_capture_of_an_os0() {
    let Some(shared) = shared_data("a_real_capture_of_an_os0") else { return };
    let file = |end: &str| shared.join(format!("lidar_packets/ouster/OS-0-128-U1_v2.3.0_1024x10{end}"));
    let folder = tempfile::tempdir().unwrap();
    let drive = folder.path().join("os0.mcap");
    let (capture, metadata) = (file(".pcap"), file(".json"));
    let arguments = ["import", "pcap", text(&capture), "--sensor", "ouster", "--port", "7502"];
    let said = succeed(&[&arguments[..], &["--calibration", text(&metadata), "--output", text(&drive)]].concat());
    println!("{said}");
    assert!(said.contains("0 refused, 0 lost") && said.contains("97299 points"), "{said}");
    assert_eq!(sweeps(&drive), [97_299]);
}
