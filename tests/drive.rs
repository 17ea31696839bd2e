//! `chauffeur drive` at the edges of a simulated car, in real time: it drives, its log replays bit for bit, and it stops when something
//! fails. The machine may be busy: then the car stops early, which is no error of the drive; that it does not stop is.
#![cfg(test)]
#![allow(clippy::disallowed_methods)] // it waits for other processes

mod tests {
    use std::net::UdpSocket;
    use std::path::Path;
    use std::process::{Command, Output, Stdio};
    use std::sync::Mutex;

    /// One car at a time: each needs the machine in real time.
    static ROAD: Mutex<()> = Mutex::new(());

    fn chauffeur() -> Command {
        Command::new(env!("CARGO_BIN_EXE_chauffeur"))
    }

    /// The first of ten ports in a row, as likely as not still free when they are used.
    fn ports() -> String {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        (if free > 60_000 { free - 1000 } else { free }).to_string()
    }

    fn text(output: &Output) -> String {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    #[test]
    fn a_car_is_armed_engaged_and_driven_and_the_drive_replays_bit_for_bit() {
        let _road = ROAD.lock();
        let folder = tempfile::tempdir().unwrap();
        let (car, drive, report) =
            (folder.path().join("car"), folder.path().join("drive.mcap"), folder.path().join("report.json"));
        let world = chauffeur()
            .args(["simulate", "yard", "--seed", "1", "--duration", "8", "--ports", &ports(), "--as-car"])
            .arg(&car)
            .arg("--json")
            .arg(&report)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&car.join("car.toml"));
        let computer = chauffeur()
            .args(["drive", "--models", "none", "--output"])
            .arg(&drive)
            .arg(car.join("car.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let world = world.wait_with_output().unwrap();
        let pid = computer.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        let computer = computer.wait_with_output().unwrap();
        let (world, said) = (text(&world), text(&computer));
        assert!(said.contains("armed by hand") && said.contains("standby -> engaged"), "{said}\n{world}");
        assert!(world.contains("collisions          none"), "{world}");
        assert_eq!(computer.status.code(), Some(0), "{said}");

        let again = folder.path().join("again.mcap");
        let replay = chauffeur()
            .args(["replay", "--mode", "faithful", "--models", "none", "--output"])
            .arg(&again)
            .arg(&drive)
            .output();
        let replay = replay.unwrap();
        assert!(replay.status.success(), "{}", text(&replay));
        let diff = chauffeur().arg("diff").arg(&drive).arg(&again).output().unwrap();
        assert!(diff.status.success() && text(&diff).contains("exact: every bit"), "{}", text(&diff));
    }

    #[test]
    fn it_stops_when_something_fails() {
        let _road = ROAD.lock();
        for fault in
            ["lidar-silent", "ins-frozen", "can-checksum", "drive-kill", "drive-stopped", "plan-hangs", "disk-full"]
        {
            let output = chauffeur()
                .args(["bench", "faults", "--after", "2", "--lasts", "1", "--ports", &ports(), "--only", fault])
                .args(["--", "--models", "none"])
                .output()
                .unwrap();
            let table = text(&output);
            for wrong in ["COLLISION", "DROVE ON", "LATE", "CAME BACK", "HUNG"] {
                assert!(!table.contains(wrong), "{table}");
            }
            if !table.contains("good") {
                println!("this machine is too busy for {fault}: {table}");
            }
        }
    }

    fn wait_for(path: &Path) {
        for _ in 0..600 {
            if path.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("{} was not written", path.display());
    }
}
