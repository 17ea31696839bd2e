//! Recordings of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = vehicle::capture::read(bytes, |_| {});
});
