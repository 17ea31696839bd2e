//! A serial line of any bytes, in pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vehicle::ins::Stream;

fuzz_target!(|pieces: Vec<Vec<u8>>| {
    let mut stream = Stream::default();
    for piece in &pieces {
        stream.push(piece, |_| {});
    }
});
