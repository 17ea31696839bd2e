//! The simulated car on loopback, driven by a minimal computer in the same process: what it sends decodes to a car that can be
//! driven, what it is told moves it, and it says what became of it.
#![cfg(test)]
#![allow(clippy::disallowed_methods)] // a computer of its own, with its own clock

mod tests {
    use chauffeur::config::Config;
    use chauffeur::drive::car::Car;
    use chauffeur::runtime::clock::receive_time;
    use chauffeur::simulation::as_car::describe::Ports;
    use chauffeur::simulation::as_car::driver::SafetyDriver;
    use chauffeur::simulation::as_car::fault::Faults;
    use chauffeur::simulation::as_car::outcome::Outcome;
    use chauffeur::simulation::as_car::{AsCar, Signs};
    use sim::Scenario;
    use std::io::{Read, Write as _};
    use std::net::{TcpStream, UdpSocket};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};
    use vehicle::can::bindings::Quantity;
    use vehicle::can::reader::Reader;
    use vehicle::can::writer::{Request, Writer};
    use vehicle::can::{Database, cannelloni};
    use vehicle::lidar::setup::decoder;
    use vehicle::lidar::{Config as LidarConfig, SweepAssembler};

    /// What the computer found.
    #[derive(Debug, Default)]
    struct Found {
        sweeps: u64,
        lost: u64,
        images: usize,
        fixes: u64,
        signals: u64,
        wrong_frames: u64,
        top_speed_mps: f64,
        lidar_out_of_bound: bool,
    }

    /// Six free ports in a row, as likely as not still free when they are used.
    fn ports() -> Ports {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Ports::from(if free > 60_000 { free - 8 } else { free })
    }

    /// Arms when asked, accelerates gently, and brakes after two seconds; all from what the car sends.
    fn compute(car: &Car, over: &AtomicBool) -> Found {
        let bus = Database::parse(&std::fs::read(&car.can.dbc).unwrap()).unwrap();
        let mut reader = Reader::new(&bus, &car.can.bindings).unwrap();
        let mut writers: Vec<Writer> =
            car.can.bindings.write.iter().map(|write| Writer::new(&bus, write).unwrap()).collect();
        let socket = |address: std::net::SocketAddr| {
            let socket = UdpSocket::bind(address).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let lidar = &car.lidar[0];
        let angles = std::fs::read_to_string(lidar.angles.as_ref().unwrap()).unwrap();
        let config = LidarConfig { clock: lidar.clock.into(), ..LidarConfig::default() };
        let mut assembler = SweepAssembler::new(decoder(&lidar.model, Some(&angles)).unwrap(), config);
        let (packets, frames) = (socket(lidar.port), socket("127.0.0.1:0".parse().unwrap()));
        let (hears, lights) = (udp(&car.can.bus), socket(car.signals.as_ref().unwrap().port));
        let fixes = ins(&car.ins.source);
        let mut unit = vehicle::ins::InsUnit::new(vehicle::ins::unit::Config {
            antenna_m: car.ins.antenna_m,
            clock: car.ins.clock.into(),
            origin: None,
        });
        let (mut stream, mut found, mut buffer) = (vehicle::ins::Stream::default(), Found::default(), vec![0; 65_536]);
        let (mut mode, mut engaged, mut heard) = (0, None, Vec::new());
        let begin = Instant::now();
        let mut ticks = 0_u32;
        while !over.load(Ordering::Relaxed) {
            let received = receive_time();
            while let Ok(length) = packets.recv(&mut buffer) {
                found.sweeps += u64::from(assembler.push(&buffer[..length], received).unwrap().is_some());
            }
            while let Ok(length) = fixes.recv(&mut buffer) {
                stream.push(&buffer[..length], |message| {
                    found.fixes += u64::from(unit.take(&message, received).is_some());
                });
            }
            while let Ok(length) = lights.recv(&mut buffer) {
                let told: serde_json::Value = serde_json::from_slice(&buffer[..length]).unwrap();
                found.signals += u64::from(told["stamp_ns"].as_i64().unwrap() > 0 && told["phases"].is_array());
            }
            while let Ok(length) = hears.recv(&mut buffer) {
                heard.clear();
                cannelloni::decode(&buffer[..length], &mut heard).unwrap();
                let wrong = heard.iter().filter(|frame| reader.take(frame, received).is_err()).count();
                found.wrong_frames += wrong as u64;
            }
            let state = reader.state();
            let is_down = |button| state.get(button).is_some_and(|(value, _)| value > 0.5);
            mode = match mode {
                0 if is_down(Quantity::Arm) => 1,
                1 if is_down(Quantity::Engage) => 2,
                _ if is_down(Quantity::Disarm) => 0,
                mode => mode,
            };
            engaged = engaged.or((mode == 2).then(Instant::now));
            let speed_mps = state.get(Quantity::SpeedMps).map_or(0.0, |(speed, _)| speed);
            found.top_speed_mps = found.top_speed_mps.max(speed_mps);
            let driven_s = engaged.map_or(0.0, |engaged| engaged.elapsed().as_secs_f64());
            let acceleration_mps2 = if driven_s < 2.0 { 1.0 } else { -2.0 };
            let request =
                Request { steering_rad: 0.0, acceleration_mps2, enabled: mode == 2, ready: found.sweeps > 2, mode };
            let commands: Vec<_> = writers.iter_mut().map(|writer| writer.encode(&request).unwrap()).collect();
            let mut datagram = Vec::new();
            cannelloni::encode(ticks as u8, &commands, &mut datagram);
            frames.send_to(&datagram, car.can.peer.unwrap()).unwrap();
            ticks += 1;
            std::thread::sleep((begin + ticks * Duration::from_millis(10)).saturating_duration_since(Instant::now()));
        }
        found.lost = assembler.counts().lost;
        found.lidar_out_of_bound = assembler.clock().out_of_bound;
        found
    }

    fn udp(bus: &chauffeur::drive::address::BusAddress) -> UdpSocket {
        let chauffeur::drive::address::BusAddress::Udp(address) = bus else { panic!("{bus:?}") };
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    fn ins(source: &chauffeur::drive::address::InsAddress) -> UdpSocket {
        let chauffeur::drive::address::InsAddress::Udp(address) = source else { panic!("{source:?}") };
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// Counts the parts of the camera's stream.
    fn look(host: &str) -> usize {
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: car\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes); // the end of the car may come as a reset
        let whole = bytes.windows(4).filter(|window| *window == [b'i', b'm', b'a', b'g']).count();
        assert!(bytes.windows(3).filter(|window| *window == [0xFF, 0xD8, 0xFF]).count() == whole);
        whole
    }

    fn run(faults: &[&str]) -> (Outcome, Found) {
        let folder = tempfile::tempdir().unwrap();
        let car = AsCar {
            scenario: Scenario::family("yard").unwrap(),
            seed: 2,
            folder: folder.path().to_path_buf(),
            ports: ports(),
            duration_s: Some(4.0),
            patience_s: 30.0,
            camera: true,
            driver: SafetyDriver::default(),
            faults: Faults::new(faults.iter().map(|fault| fault.parse().unwrap()).collect()),
        };
        let prepared = car.prepare().unwrap();
        let car = Config::read(Some(&folder.path().join("car.toml"))).unwrap().car.unwrap();
        let chauffeur::drive::address::CameraAddress::Http { host, .. } = car.camera.as_ref().unwrap().source.clone()
        else {
            panic!()
        };
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let computer = scope.spawn(|| compute(&car, &over));
            let eye = scope.spawn(|| look(&host));
            let outcome = prepared.run(&Signs::default()).unwrap();
            over.store(true, Ordering::Relaxed);
            let mut found = computer.join().unwrap();
            found.images = eye.join().unwrap();
            (outcome, found)
        })
    }

    #[test]
    fn a_minimal_computer_drives_the_car() {
        let (outcome, found) = run(&[]);
        println!("{found:?}\n{:?}, jitter {:?}", outcome.pace, outcome.ear.jitter_ms());
        let seconds = outcome.pace.simulated_s;
        // It stood, was armed and engaged, sped up for two seconds and braked.
        let report = outcome.report.as_ref().unwrap();
        assert_eq!((report.failures(), report.collisions.len()), (Vec::<String>::new(), 0));
        assert!((1.0..2.6).contains(&found.top_speed_mps) && (1.5..7.0).contains(&report.travelled_m), "{report:?}");
        let modes: Vec<_> = outcome.ear.changes().iter().filter_map(|(_, told)| told.mode).collect();
        assert!(modes.starts_with(&[0, 0, 1]) && modes.contains(&2) && modes.last() == Some(&0), "{modes:?}");
        // On a busy machine the kernel may drop what a slow reader does not take; what comes is right.
        assert_eq!((found.wrong_frames, outcome.ear.counts().1.len()), (0, 0));
        let most = |rate: f64| rate * seconds;
        for (what, count, rate) in [
            ("sweeps", found.sweeps, 10.0),
            ("images", found.images as u64, 10.0),
            ("fixes", found.fixes, 100.0),
            ("signals", found.signals, 10.0),
        ] {
            let count = count as f64;
            assert!((0.5 * most(rate)..=most(rate) + 1.0).contains(&count), "{what}: {count} in {seconds} s");
        }
        assert!(outcome.to_json()["report"]["travelled_m"].as_f64() == Some(report.travelled_m));
    }

    #[test]
    fn faults_reach_the_computer() {
        let (outcome, found) = run(&["can-checksum@1:0.5", "lidar-silent@1:1", "ins-hour-ahead@1:0.5"]);
        println!("{found:?}");
        // Five messages a step, for half a second.
        assert!((200..=300).contains(&found.wrong_frames), "{found:?}");
        assert!((found.sweeps as f64) < 10.0 * outcome.pace.simulated_s - 8.0, "{found:?}");
        assert!((found.fixes as f64) < 100.0 * outcome.pace.simulated_s - 2.0, "{found:?}");
        assert_eq!(outcome.effects.len(), 3);
        assert!(outcome.effects.iter().all(|effect| effect.safe_ms.is_some()), "it disarms at the end");
    }
}
