//! A DBC file of any bytes, and a frame of each of its messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vehicle::can::Database;

fuzz_target!(|input: (Vec<u8>, [u8; 8])| {
    let Ok(database) = Database::parse(&input.0) else { return };
    for message in &database.messages {
        for signal in message.signals.iter().filter(|signal| message.holds(signal, &input.1)) {
            let value = signal.layout.value(&input.1);
            if let Ok(raw) = signal.layout.bits_of(value) {
                signal.layout.put_raw(raw, &mut input.1.clone());
            }
        }
    }
});
