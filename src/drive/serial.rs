//! A serial line without flow control: eight bits, no parity, as they come.

use rustix::termios::{ControlModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a serial line. A read gives what has come, or nothing after a tenth of a second.
///
/// # Errors
/// The system's: no such device, no terminal, a speed that it cannot do.
pub fn open(device: &Path, baud: u32) -> io::Result<File> {
    let line = File::options().read(true).write(true).open(device)?;
    let mut settings = tcgetattr(&line)?;
    settings.make_raw();
    settings.set_speed(baud)?;
    // Without the lines of a modem.
    settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    settings.special_codes[SpecialCodeIndex::VMIN] = 0;
    settings.special_codes[SpecialCodeIndex::VTIME] = 1;
    tcsetattr(&line, OptionalActions::Flush, &settings)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::{Read, Write};

    #[test]
    fn bytes_come_through_a_terminal_unchanged() {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let mut line = open(Path::new(name.to_str().unwrap()), 115_200).unwrap();
        let bytes: Vec<u8> = (0..=255).collect();
        File::from(master.try_clone().unwrap()).write_all(&bytes).unwrap();
        let (mut read, mut buffer) = (Vec::<u8>::new(), [0; 64]);
        while read.len() < bytes.len() {
            let length = line.read(&mut buffer).unwrap();
            assert!(length > 0, "{} of {}", read.len(), bytes.len());
            read.extend(&buffer[..length]);
        }
        assert_eq!(read, bytes, "no byte has a meaning of its own");
        assert_eq!(line.read(&mut buffer).unwrap(), 0, "silence is no error");
        assert!(open(Path::new("/dev/null"), 9600).is_err());
    }
}
