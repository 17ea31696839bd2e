//! CAN signals against an independent implementation: Python's cantools.
//!
//! Our own DBC file against golden values that stand in `data/car_cantools.json` (made by `data/car_cantools.py`), always; real DBC files
//! against cantools itself, where they and it are there.
#![cfg(test)]

mod tests {
    use serde_json::Value;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use vehicle::can::Database;

    /// Prints, for a DBC file, frames of fixed noise as JSON: message, hex bytes, decoded signals. Without fixed noise it could not
    /// be repeated.
    const SCRIPT: &str = include_str!("data/car_cantools.py");

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// Compares every frame: all signals that cantools finds are there with the same values, and no others; and the bits of
    /// each value are those of the frame. Gives the number of values.
    fn compare(database: &Database, golden: &Value) -> usize {
        let mut values = 0;
        for frame in golden.as_array().unwrap() {
            let name = frame["message"].as_str().unwrap();
            let message = database.message(name).unwrap_or_else(|| panic!("{name}"));
            let data = bytes(frame["data"].as_str().unwrap());
            let expected = frame["signals"].as_object().unwrap();
            let there: Vec<_> = message.signals.iter().filter(|signal| message.holds(signal, &data)).collect();
            assert_eq!(there.len(), expected.len(), "{name} {frame}");
            for signal in there {
                let wanted = &expected[&signal.name];
                // Python writes what is not finite as a name.
                let Some(wanted) = wanted.as_f64() else { continue };
                let found = signal.layout.value(&data);
                assert!(
                    (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0),
                    "{name}.{}: {found} {wanted}",
                    signal.name
                );
                let (low, high) = signal.layout.limits();
                if (low..=high).contains(&wanted) && signal.layout.bits <= 48 {
                    assert_eq!(signal.layout.bits_of(wanted), Ok(signal.layout.raw(&data)), "{name}.{}", signal.name);
                }
                values += 1;
            }
        }
        values
    }

    #[test]
    fn our_own_file_has_the_golden_values() {
        let database = Database::parse(include_bytes!("data/car.dbc")).unwrap();
        let golden: Value = serde_json::from_str(include_str!("data/car_cantools.json")).unwrap();
        let values = compare(&database, &golden);
        assert!(values > 300, "{values}");
    }

    #[test]
    fn real_files_agree_with_cantools() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/can"));
        let Ok(entries) = std::fs::read_dir(folder) else {
            eprintln!("skipped: ../shared/data is absent");
            return;
        };
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 5, "{files:?}");
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "dbc")) {
            let database = Database::parse(&std::fs::read(file).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let signals: usize = database.messages.iter().map(|message| message.signals.len()).sum();
            let name = file.file_name().unwrap().to_string_lossy();
            println!(
                "{name}: {} messages, {signals} signals, {} refused",
                database.messages.len(),
                database.refused.len()
            );
            for refused in &database.refused {
                println!("  line {}: {}.{}: {}", refused.line, refused.message, refused.signal, refused.reason);
            }
            let output = Command::new("python3").args(["-c", SCRIPT]).arg(file).output();
            match output {
                Ok(output) if output.status.success() => {
                    let golden: Value = serde_json::from_slice(&output.stdout).unwrap();
                    println!("  {} values equal those of cantools", compare(&database, &golden));
                }
                _ => eprintln!("skipped: python3 with cantools is absent"),
            }
        }
    }
}
