//! HTTP for one page: as much of RFC 9112 as a scraper needs, with limits.

use super::Metrics;
use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Requests at a time.
const THREADS: usize = 4;
/// A request and its answer must be over after this.
const PATIENCE: Duration = Duration::from_secs(1);
/// Largest request, bytes.
const MOST_SAID: usize = 8 << 10;
/// Between two looks at whether the server is to close.
const STEP: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The endpoint, open until it is dropped.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl MetricsServer {
    /// Listens for scrapers. Port 0 takes any that is free.
    ///
    /// # Errors
    /// The address is taken or not of this computer; no thread can be had.
    pub fn open(address: SocketAddr, metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| format!("--metrics {address}"))?;
        listener.set_nonblocking(true)?;
        let mut server = Self { address: listener.local_addr()?, closing: Arc::default(), threads: Vec::new() };
        for _ in 0..THREADS {
            let (listener, metrics, closing) =
                (listener.try_clone()?, Arc::clone(metrics), Arc::clone(&server.closing));
            let body = move || {
                while !closing.load(Ordering::Acquire) {
                    let mut wait = [PollFd::new(&listener, PollFlags::IN)];
                    let _ = poll(&mut wait, Some(&STEP));
                    if let Ok((stream, _)) = listener.accept() {
                        // A scraper that goes away, or says nothing, is its own affair.
                        let _ = answer(stream, &metrics);
                    }
                }
            };
            server.threads.push(std::thread::Builder::new().name("metrics".into()).spawn(body)?);
        }
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let end = Instant::now() + PATIENCE;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut said = Vec::new();
    let mut buffer = [0; 1024];
    let whole = loop {
        if let Some(length) = said.windows(4).position(|four| four == b"\r\n\r\n") {
            break Some(length);
        }
        if said.len() > MOST_SAID {
            break None;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            more => said.extend_from_slice(&buffer[..more]),
        }
    };
    let (status, kind, body) = match whole {
        None => ("431 Request Header Fields Too Large", "text/plain", "the request is too long\n".to_string()),
        Some(length) => page(&String::from_utf8_lossy(&said[..length]), metrics),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if !said.starts_with(b"HEAD ") {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}

/// Status, type and body of the answer to a request's head.
fn page(head: &str, metrics: &Metrics) -> (&'static str, &'static str, String) {
    let line = head.lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = words[..] else {
        return ("400 Bad Request", "text/plain", "this is no request\n".to_string());
    };
    if !version.starts_with("HTTP/1.") {
        return ("505 HTTP Version Not Supported", "text/plain", "HTTP/1.1 is spoken here\n".to_string());
    }
    if method != "GET" && method != "HEAD" {
        return ("405 Method Not Allowed", "text/plain", "GET only\n".to_string());
    }
    match target.split('?').next() {
        Some("/metrics") => ("200 OK", "text/plain; version=0.0.4", metrics.text()),
        _ => ("404 Not Found", "text/plain", "there is /metrics\n".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn server() -> MetricsServer {
        MetricsServer::open("127.0.0.1:0".parse().unwrap(), &Arc::default()).unwrap()
    }

    #[test]
    fn the_page_is_served_and_everything_else_refused() {
        let server = server();
        let answer = ask(server.address(), b"GET /metrics HTTP/1.1\r\nHost: car\r\n\r\n");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())) && body.contains("chauffeur_frames_total 0\n")
        );
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"GET /metrics HTTP/2\r\n\r\n", "505"),
            (b"\xFF\x00\r\n\r\n", "400"),
            (&[b'a'; 9000], "431"),
        ] {
            let answer = ask(server.address(), request);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        assert!(ask(server.address(), b"HEAD /metrics HTTP/1.0\r\n\r\n").ends_with("\r\n\r\n"));
    }

    #[test]
    fn silent_and_dripping_clients_do_not_keep_others_out() {
        let server = server();
        let mut idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
        let begin = Instant::now();
        // Letters one by one do not lengthen the second that a client has.
        let dripping = idle.pop().unwrap();
        let drip = std::thread::spawn(move || {
            for _ in 0..40 {
                let _ = (&dripping).write_all(b"x");
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        drip.join().unwrap();
    }
}
