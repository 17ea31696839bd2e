//! Answers of a camera's server, in pieces: any bytes, and any bytes behind the beginning of a stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vehicle::multipart::Multipart;

const ANSWER: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n--b\r\n";

fuzz_target!(|input: (bool, Vec<Vec<u8>>)| {
    let (begins, pieces) = input;
    let (mut reader, mut images) = (Multipart::default(), Vec::new());
    if begins {
        reader.push(ANSWER, &mut images).expect("a stream begins so");
    }
    for piece in &pieces {
        if reader.push(piece, &mut images).is_err() {
            return;
        }
    }
    assert!(images.iter().all(|part| part.image.starts_with(&[0xFF, 0xD8])));
});
