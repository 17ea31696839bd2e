//! Datagrams of any bytes, in a row, to every lidar decoder and the assembler behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use types::ReceiveTime;
use vehicle::lidar::angles::Angles;
use vehicle::lidar::ouster::Ouster;
use vehicle::lidar::ouster_metadata::Metadata;
use vehicle::lidar::{Config, Decoder, SweepAssembler, hesai, velodyne};

fn hesai(model: hesai::Model) -> Decoder {
    let channels = model.channels();
    let angles = Angles { elevation_deg: vec![1.0; channels], azimuth_deg: vec![0.0; channels] };
    Decoder::Hesai(hesai::Hesai::new(model, &angles))
}

/// The sensor of the first byte.
fn decoder(which: u8) -> Decoder {
    match which % 11 {
        0 => Decoder::Velodyne(velodyne::Velodyne::new(velodyne::Model::Vlp16)),
        1 => Decoder::Velodyne(velodyne::Velodyne::new(velodyne::Model::Vlp32c)),
        2 => Decoder::Velodyne(velodyne::Velodyne::new(velodyne::Model::Vls128)),
        3 => hesai(hesai::Model::Xt32),
        4 => hesai(hesai::Model::Pandar40p),
        5 => hesai(hesai::Model::Pandar128),
        profile => {
            let profile = [
                "LEGACY",
                "RNG19_RFL8_SIG16_NIR16",
                "RNG19_RFL8_SIG16_NIR16_DUAL",
                "RNG15_RFL8_NIR8",
                "FUSA_RNG15_RFL8_NIR8_DUAL",
            ][usize::from(profile) - 6];
            let json = include_str!("../ouster.json").replace("PROFILE", profile);
            Decoder::Ouster(Box::new(Ouster::new(Metadata::parse(&json).expect("the metadata is sound"))))
        }
    }
}

fuzz_target!(|input: (u8, Vec<(i64, Vec<u8>)>)| {
    let mut assembler = SweepAssembler::new(decoder(input.0), Config::default());
    for (received, bytes) in &input.1 {
        let _ = assembler.push(bytes, ReceiveTime::from_nanos(*received));
    }
    let _ = assembler.finish();
});
