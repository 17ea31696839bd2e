//! Motion JPEG over HTTP, as mjpg-streamer sends it: one part an image, with its length and its time.

use anyhow::Context;
use crossbeam_channel::{Sender, bounded};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Who may look at once.
const MOST_CLIENTS: usize = 4;
/// Images that wait for one who is slow; more are left out for that one.
const WAITING: usize = 3;
const BOUNDARY: &str = "chauffeurframe";
/// Longest request.
const LONGEST_REQUEST: usize = 8192;
const PATIENCE: Duration = Duration::from_secs(2);

/// The part of one image: `unix_ns` is when it was taken.
#[must_use]
pub fn part(jpeg: &[u8], unix_ns: i64) -> Vec<u8> {
    let micros = unix_ns.div_euclid(1000);
    let head = format!(
        "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nX-Timestamp: {}.{:06}\r\n\r\n",
        jpeg.len(),
        micros.div_euclid(1_000_000),
        micros.rem_euclid(1_000_000)
    );
    [head.as_bytes(), jpeg, b"\r\n"].concat()
}

/// Gives images to whoever looks.
pub struct Streamer {
    clients: Mutex<Vec<Sender<Arc<Vec<u8>>>>>,
    stop: AtomicBool,
    left_out: AtomicU64,
}

impl Streamer {
    /// A streamer at this address, and the address that it got.
    ///
    /// # Errors
    /// If the port is taken or a thread cannot be had.
    pub fn start(address: SocketAddr) -> anyhow::Result<(Arc<Self>, SocketAddr, std::thread::JoinHandle<()>)> {
        let listener = TcpListener::bind(address).with_context(|| format!("the camera's port {address}"))?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let streamer = Arc::new(Self {
            clients: Mutex::new(Vec::new()),
            stop: AtomicBool::new(false),
            left_out: AtomicU64::new(0),
        });
        let body = {
            let streamer = Arc::clone(&streamer);
            move || streamer.accept(&listener)
        };
        let thread = std::thread::Builder::new().name("camera port".to_string()).spawn(body)?;
        Ok((streamer, address, thread))
    }

    /// Gives a part to everybody who looks.
    pub fn publish(&self, part: Vec<u8>) {
        let part = Arc::new(part);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|client| match client.try_send(Arc::clone(&part)) {
            Ok(()) => true,
            Err(error) => {
                self.left_out.fetch_add(u64::from(error.is_full()), Ordering::Relaxed);
                error.is_full()
            }
        });
    }

    /// Images that somebody was too slow for.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Ends all connections.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn accept(&self, listener: &TcpListener) {
        while !self.stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn admit(&self, stream: TcpStream) {
        let (sender, parts) = bounded::<Arc<Vec<u8>>>(WAITING);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MOST_CLIENTS {
            return; // closed by going out of scope
        }
        let body = move || {
            // Whoever goes away or is slow loses the connection, nobody else does.
            let _ = serve(stream, parts.iter());
        };
        // Threads end when their sender is dropped: at the next image, or when the streamer stops.
        if std::thread::Builder::new().name("camera client".to_string()).spawn(body).is_ok() {
            clients.push(sender);
        }
    }
}

fn serve(mut stream: TcpStream, parts: impl Iterator<Item = Arc<Vec<u8>>>) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..length]);
        if length == 0 || request.len() > LONGEST_REQUEST {
            return Ok(());
        }
    }
    if !request.starts_with(b"GET ") {
        return stream.write_all(b"HTTP/1.0 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    }
    let head = format!(
        "HTTP/1.0 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: multipart/x-mixed-replace;boundary={BOUNDARY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    for part in parts {
        stream.write_all(&part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_parts_and_the_fifth_nothing() {
        let (streamer, address, thread) = Streamer::start("127.0.0.1:0".parse().unwrap()).unwrap();
        let ask = || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: car\r\n\r\n").unwrap();
            stream
        };
        let mut clients: Vec<TcpStream> = (0..MOST_CLIENTS).map(|_| ask()).collect();
        let read = |client: &mut TcpStream, until: &str| {
            let mut text = Vec::new();
            while !text.ends_with(until.as_bytes()) {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                text.push(byte[0]);
            }
            String::from_utf8(text).unwrap()
        };
        for client in &mut clients {
            assert!(read(client, "\r\n\r\n").contains(&format!("boundary={BOUNDARY}")));
        }
        let mut fifth = ask();
        assert!(matches!(fifth.read(&mut [0; 10]), Ok(0) | Err(_)));
        streamer.publish(part(b"PICTURE", 1_700_000_000_123_456_789));
        for client in &mut clients {
            let head = read(client, "\r\n\r\n");
            assert!(
                head.contains("X-Timestamp: 1700000000.123456\r\n") && head.contains("Content-Length: 7\r\n"),
                "{head}"
            );
            assert_eq!(read(client, "\r\n"), "PICTURE\r\n");
        }
        // Whoever does not read delays nobody.
        for _ in 0..200 {
            streamer.publish(vec![0; 100_000]);
        }
        assert!(streamer.left_out() > 0);
        streamer.stop();
        thread.join().unwrap();
    }
}
