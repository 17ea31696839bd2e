//! Datagrams of any bytes as cannelloni's, and their frames to a reader that checks counters and checksums.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use types::ReceiveTime;
use vehicle::can::bindings::Bindings;
use vehicle::can::reader::Reader;
use vehicle::can::{Database, cannelloni};

/// A bus with a counter and a checksum.
const DBC: &str = include_str!("../../../src/simulation/as_car/car.dbc");
/// What is read from it.
const COMMANDS: &str = include_str!("../../../src/simulation/as_car/commands.toml");

static READER: LazyLock<Reader> = LazyLock::new(|| {
    let database = Database::parse(DBC.as_bytes()).expect("our own DBC file");
    let bindings: Bindings = toml::from_str(COMMANDS).expect("our own bindings");
    Reader::new(&database, &bindings).expect("they fit together")
});

fuzz_target!(|datagrams: Vec<Vec<u8>>| {
    let (mut reader, mut frames) = (READER.clone(), Vec::new());
    for (count, datagram) in datagrams.iter().enumerate() {
        frames.clear();
        let _ = cannelloni::decode(datagram, &mut frames);
        for frame in &frames {
            let _ = reader.take(frame, ReceiveTime::from_nanos(count as i64));
        }
        // What was understood is written and understood again.
        let (mut bytes, mut again) = (Vec::new(), Vec::new());
        let taken = cannelloni::encode(count as u8, &frames, &mut bytes);
        if taken > 0 {
            cannelloni::decode(&bytes, &mut again).expect("our own datagram");
            assert_eq!(again, frames[..taken]);
        }
    }
});
