//! Datagrams of any bytes as states of traffic lights.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = vehicle::signals::parse(bytes);
});
