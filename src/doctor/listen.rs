//! Listens to every sensor and bus for a second, all at once.

use super::{Check, Verdict, car};
use crate::drive::address::{BusAddress, CameraAddress, InsAddress};
use crate::drive::calibration;
use crate::drive::car::{Camera, Can, Car, Ins, Lidar, SignalsPort};
use crate::drive::lidar_port::LidarPort;
use crate::runtime::clock::{Stopwatch, receive_time};
use crate::system::video::VideoDevice;
use anyhow::{Context, bail, ensure};
use control::safety::HealthItem;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::time::Duration;
use vehicle::can::bindings::Quantity;
use vehicle::can::{Frame, cannelloni};
use vehicle::ins::Stream;

/// How long.
const LISTEN: Duration = Duration::from_millis(1200);
/// The longest wait for one datagram.
const PATIENCE: Duration = Duration::from_millis(100);
/// Largest datagram, bytes.
const LARGEST: usize = 65_536;

/// What was heard: how good it is, and the numbers.
type Heard = anyhow::Result<(Verdict, String)>;
type Work<'a> = Box<dyn FnOnce() -> Heard + Send + 'a>;

/// Listens to all that the car has.
pub(super) fn to_all(whole: &Car) -> Vec<Check> {
    let mut all: Vec<(HealthItem, String, Work<'_>)> = Vec::new();
    for one in &whole.lidar {
        all.push((HealthItem::Sensors, format!("lidar {} alive", one.name), Box::new(|| lidar(one))));
    }
    if let Some(one) = &whole.camera {
        all.push((HealthItem::Sensors, "camera alive".into(), Box::new(|| camera(one, whole))));
    }
    all.push((HealthItem::Sensors, "GPS/INS alive".into(), Box::new(|| ins(&whole.ins))));
    if let Some(one) = &whole.signals {
        all.push((HealthItem::Sensors, "signals alive".into(), Box::new(|| signals(one))));
    }
    all.push((HealthItem::Can, "CAN alive".into(), Box::new(|| can(&whole.can, whole))));
    std::thread::scope(|scope| {
        let at_work: Vec<_> = all.into_iter().map(|(item, name, work)| (item, name, scope.spawn(work))).collect();
        let finish = |(item, name, thread): (_, String, std::thread::ScopedJoinHandle<'_, Heard>)| match thread.join() {
            Ok(Ok((verdict, finding))) => Check::new(item, name, verdict, finding),
            Ok(Err(error)) => Check::fail(item, name, &error),
            Err(_) => Check::new(item, name, Verdict::Fail, "the check panicked"),
        };
        at_work.into_iter().map(finish).collect()
    })
}

fn lidar(lidar: &Lidar) -> Heard {
    let config = vehicle::lidar::Config { cut_deg: lidar.cut_deg, clock: lidar.clock.into() };
    let port = LidarPort::open(lidar.port, PATIENCE, car::decoder(lidar)?, config);
    let mut port = port.with_context(|| format!("{}", lidar.port))?;
    let watch = Stopwatch::start();
    while watch.elapsed() < LISTEN {
        match port.receive() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(error).with_context(|| format!("{}", lidar.port)),
        }
    }
    let (counts, clock) = (port.assembler().counts(), port.assembler().clock());
    ensure!(counts.packets > 0, "{}: silent for {:.1} s", lidar.port, LISTEN.as_secs_f64());
    let numbers = format!(
        "{} packets, {} not of a {}, {} lost, {} sweeps; clock {clock}",
        counts.packets, counts.refused, lidar.model, counts.lost, counts.sweeps
    );
    ensure!(counts.refused < counts.packets, "{}: {numbers}", lidar.port);
    ensure!(!clock.out_of_bound, "{}: {numbers}", lidar.port);
    let good = counts.refused == 0 && counts.lost * 100 <= counts.packets && counts.sweeps > 0;
    Ok((if good { Verdict::Pass } else { Verdict::Warn }, numbers))
}

fn camera(camera: &Camera, whole: &Car) -> Heard {
    match &camera.source {
        CameraAddress::Device(path) => video(path, whole),
        CameraAddress::Http { host, path } => stream(host, path),
    }
}

/// A camera of V4L2, as the drive will open it.
fn video(path: &Path, whole: &Car) -> Heard {
    let lidars: Vec<&str> = whole.lidar.iter().map(|lidar| lidar.name.as_str()).collect();
    let places = calibration::read(&whole.calibration, &lidars, true)?;
    let size_px = places.calibration.camera.map(|camera| [camera.width, camera.height]);
    let mut device = VideoDevice::start(path, size_px.context("the calibration has no camera")?)?;
    let (watch, mut images, mut damaged, mut bytes) = (Stopwatch::start(), 0, 0, 0);
    while watch.elapsed() < LISTEN {
        let taken = device.take(PATIENCE, |taken| (taken.bytes.len(), taken.is_damaged));
        if let Some((length, is_damaged)) = taken.with_context(|| format!("{}", path.display()))? {
            (images, damaged, bytes) = (images + 1, damaged + u32::from(is_damaged), bytes + length);
        }
    }
    let whole = images - damaged;
    ensure!(whole > 0, "{}: no image in {:.1} s ({damaged} damaged)", path.display(), LISTEN.as_secs_f64());
    Ok(seen(whole, bytes, watch.elapsed()))
}

/// Images that came, in words.
fn seen(images: u32, bytes: usize, in_time: Duration) -> (Verdict, String) {
    let rate = f64::from(images) / in_time.as_secs_f64();
    let verdict = if rate >= 5.0 { Verdict::Pass } else { Verdict::Warn };
    (verdict, format!("{images} images, {rate:.0} a second, {:.0} kB each", bytes as f64 * 1e-3 / f64::from(images)))
}

/// Motion JPEG over HTTP.
fn stream(host: &str, path: &str) -> Heard {
    let said = || format!("http://{host}{path}");
    let address = host.to_socket_addrs().with_context(said)?.next().with_context(said)?;
    let mut stream = TcpStream::connect_timeout(&address, LISTEN).with_context(said)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").with_context(said)?;
    let (mut images, mut bytes, mut head) = (0, 0usize, Vec::new());
    let mut last = [0u8; 2];
    let mut buffer = vec![0; LARGEST];
    let watch = Stopwatch::start();
    while watch.elapsed() < LISTEN {
        let length = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => return Err(error).with_context(said),
        };
        if head.len() < 64 {
            head.extend_from_slice(&buffer[..length.min(64)]);
        }
        // The marker of a JPEG's start, also where a read cuts it.
        let joined = last.iter().chain(&buffer[..length]).copied().collect::<Vec<u8>>();
        let begin = |three: &&[u8]| **three == [0xFF, 0xD8, 0xFF];
        images += joined.windows(3).filter(begin).count() as u32;
        last = [joined[joined.len() - 2], joined[joined.len() - 1]];
        bytes += length;
    }
    let answer = String::from_utf8_lossy(&head);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if !head.is_empty() && status != "200" {
        bail!("{}: answered {}", said(), answer.lines().next().unwrap_or_default());
    }
    ensure!(images > 0, "{}: no image in {:.1} s ({bytes} bytes came)", said(), LISTEN.as_secs_f64());
    Ok(seen(images, bytes, watch.elapsed()))
}

/// A device that only the drive itself opens.
fn device(path: &Path, why: &str) -> Heard {
    let metadata = std::fs::metadata(path).with_context(|| format!("{}", path.display()))?;
    ensure!(!metadata.is_file() && !metadata.is_dir(), "{}: is no device", path.display());
    std::fs::OpenOptions::new().read(true).open(path).with_context(|| format!("{}", path.display()))?;
    Ok((Verdict::Warn, format!("{} is there; {why}", path.display())))
}

/// Hands over every datagram that comes.
fn datagrams(address: SocketAddr, mut take: impl FnMut(&[u8])) -> anyhow::Result<u64> {
    let socket = UdpSocket::bind(address).with_context(|| format!("{address}"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut buffer = vec![0; LARGEST];
    let mut count = 0;
    let watch = Stopwatch::start();
    while watch.elapsed() < LISTEN {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                count += 1;
                take(&buffer[..length]);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error).with_context(|| format!("{address}")),
        }
    }
    ensure!(count > 0, "{address}: silent for {:.1} s", LISTEN.as_secs_f64());
    Ok(count)
}

fn ins(ins: &Ins) -> Heard {
    let address = match &ins.source {
        InsAddress::Serial(path, _) => return device(path, "its fixes are looked at when the drive starts"),
        InsAddress::Udp(address) => *address,
    };
    let mut stream = Stream::default();
    let count = datagrams(address, |bytes| stream.push(bytes, |_| {}))?;
    let counts = stream.counts();
    let numbers = format!(
        "{} messages in {count} datagrams, {} with wrong checksums, {} broken",
        counts.read, counts.checksum, counts.broken
    );
    ensure!(counts.read > 0, "{address}: {numbers}");
    let good = counts.checksum + counts.broken == 0;
    Ok((if good { Verdict::Pass } else { Verdict::Warn }, numbers))
}

fn signals(port: &SignalsPort) -> Heard {
    let (mut read, mut wrong) = (0u64, None);
    let count = datagrams(port.port, |bytes| match vehicle::signals::parse(bytes) {
        Ok(_) => read += 1,
        Err(error) => wrong = Some(error),
    })?;
    ensure!(read > 0, "{}: none of {count} datagrams tells signals: {}", port.port, wrong.unwrap_or_default());
    Ok((if read == count { Verdict::Pass } else { Verdict::Warn }, format!("{read} of {count} datagrams tell signals")))
}

fn can(can: &Can, whole: &Car) -> Heard {
    let address = match &can.bus {
        BusAddress::Interface(name) => return interface(name),
        BusAddress::Udp(address) => *address,
    };
    let mut reader = car::reader(whole)?;
    let mut frames: Vec<Frame> = Vec::new();
    let (mut all, mut broken, mut refused) = (0u64, 0u64, None);
    datagrams(address, |bytes| {
        frames.clear();
        broken += u64::from(cannelloni::decode(bytes, &mut frames).is_err());
        for frame in &frames {
            all += 1;
            if let Err(error) = reader.take(frame, receive_time()) {
                refused.get_or_insert_with(|| error.to_string());
            }
        }
    })?;
    let state = reader.state();
    let silent: Vec<String> = can
        .bindings
        .read
        .keys()
        .filter(|quantity| state.get(**quantity).is_none())
        .map(|quantity: &Quantity| format!("{quantity:?}"))
        .collect();
    let refusal = refused.map_or(String::new(), |reason| format!("; refused: {reason}"));
    let numbers = format!("{all} frames, {broken} datagrams of something else, {} frames lost{refusal}", reader.lost());
    ensure!(silent.is_empty(), "{address}: nothing of {} in {numbers}", silent.join(", "));
    let good = broken == 0 && reader.lost() == 0 && refusal.is_empty();
    Ok((if good { Verdict::Pass } else { Verdict::Warn }, numbers))
}

/// What the kernel counts of an interface of SocketCAN.
fn interface(name: &str) -> Heard {
    let folder = Path::new("/sys/class/net").join(name);
    let read = |file: &str| -> anyhow::Result<String> {
        let path = folder.join(file);
        Ok(std::fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?.trim().to_string())
    };
    let count = |file: &str| -> anyhow::Result<u64> { read(file)?.parse().with_context(|| format!("{name}: {file}")) };
    // ARPHRD_CAN, linux/if_arp.h.
    let kind = read("type").with_context(|| format!("there is no CAN interface {name}"))?;
    ensure!(kind == "280", "{name} is no CAN interface (type {kind})");
    let up = u32::from_str_radix(read("flags")?.trim_start_matches("0x"), 16).is_ok_and(|flags| flags & 1 == 1);
    ensure!(up, "{name} is down: ip link set {name} up type can bitrate 500000");
    let (frames, errors) = (count("statistics/rx_packets")?, count("statistics/rx_errors")?);
    std::thread::sleep(LISTEN);
    let (frames, errors) = (count("statistics/rx_packets")? - frames, count("statistics/rx_errors")? - errors);
    ensure!(frames > 0, "{name}: silent for {:.1} s", LISTEN.as_secs_f64());
    Ok((if errors == 0 { Verdict::Pass } else { Verdict::Warn }, format!("{frames} frames, {errors} errors")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender of the same datagram, until the test ends.
    fn sending(bytes: &'static [u8], work: impl FnOnce(SocketAddr)) {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = sender.send_to(bytes, free);
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            work(free);
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    fn ins_at(address: SocketAddr) -> Ins {
        Ins { source: InsAddress::Udp(address), antenna_m: [0.0; 3], clock: crate::drive::car::Clock::default() }
    }

    #[test]
    fn a_unit_that_speaks_passes_and_a_silent_one_fails() {
        const SENTENCE: &[u8] =
            b"$GPHDT,274.07,T*03\r\n$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,*76\r\n";
        sending(SENTENCE, |address| {
            let (verdict, numbers) = ins(&ins_at(address)).unwrap();
            assert_eq!(verdict, Verdict::Pass, "{numbers}");
        });
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = format!("{:#}", ins(&ins_at(silent)).unwrap_err());
        assert!(error.contains("silent") && error.contains(&silent.to_string()), "{error}");
        sending(b"noise that no receiver sends", |address| assert!(ins(&ins_at(address)).is_err()));
    }

    #[test]
    fn a_taken_port_and_a_missing_interface_are_named() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let error = format!("{:#}", ins(&ins_at(taken.local_addr().unwrap())).unwrap_err());
        assert!(error.contains("in use"), "{error}");
        let error = format!("{:#}", interface("nocan7").unwrap_err());
        assert!(error.contains("nocan7"), "{error}");
        assert!(format!("{:#}", interface("lo").unwrap_err()).contains("no CAN interface"));
    }

    #[test]
    fn a_camera_that_streams_passes() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=b\r\n\r\n");
            while stream.write_all(b"--b\r\nContent-Length: 6\r\n\r\n\xFF\xD8\xFF\xE0\xFF\xD9\r\n").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let (verdict, numbers) = stream(&host, "/").unwrap();
        assert_eq!(verdict, Verdict::Pass, "{numbers}");
        server.join().unwrap();
        assert!(format!("{:#}", stream(&host, "/").unwrap_err()).contains(&host));
    }
}
