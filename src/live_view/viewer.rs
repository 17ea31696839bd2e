//! One viewer: its handshake, its wishes, and what it is sent. Runs in a thread of its own; whatever the other side does, only that
//! thread feels it.

use super::hub::bit;
use super::outbox::{Item, Outbox};
use super::{Shared, protocol};
use protocol::Wish;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::{HeaderValue, StatusCode};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket, accept_hdr_with_config};

/// The handshake must be over after this.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// A viewer that takes nothing for so long is let go.
const STALLED: Duration = Duration::from_secs(10);
/// Between two looks at what the viewer says.
const STEP: Duration = Duration::from_millis(20);
/// When the view closes, viewers get what still waits for them, for so long.
const FAREWELL: Duration = Duration::from_millis(500);
/// Largest word of a viewer, bytes.
const MOST_SAID: usize = 64 << 10;
const MOST_SUBSCRIPTIONS: usize = 256;
/// After so many words that make no sense the viewer is let go.
const MOST_NONSENSE: u32 = 16;

/// Serves a connection to its end.
pub(super) fn serve(stream: TcpStream, shared: &Shared) {
    let Some(socket) = shake_hands(stream) else { return };
    let outbox = Arc::new(Outbox::default());
    shared.change(|outboxes| outboxes.push(Arc::clone(&outbox)));
    let mut viewer = Viewer {
        socket,
        outbox: Arc::clone(&outbox),
        subscriptions: BTreeMap::new(),
        nonsense: 0,
        moved: Instant::now(),
    };
    let _ = viewer.run(shared);
    shared.change(|outboxes| outboxes.retain(|other| !Arc::ptr_eq(other, &outbox)));
}

/// A stream that fails after a certain time, so that a handshake letter by letter ends.
struct Timed {
    stream: TcpStream,
    end: Option<Instant>,
}

impl Timed {
    fn check(&self) -> io::Result<()> {
        if self.end.is_some_and(|end| Instant::now() > end) { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[allow(clippy::result_large_err)] // the type is the library's
fn choose_name(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    const HEADER: &str = "sec-websocket-protocol";
    let offered = request.headers().get_all(HEADER).iter().filter_map(|line| line.to_str().ok());
    let Some(name) = protocol::agree(offered) else {
        let mut refusal =
            ErrorResponse::new(Some(format!("Sec-WebSocket-Protocol must name {}", protocol::NAMES.join(" or "))));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Err(refusal);
    };
    response.headers_mut().insert(HEADER, HeaderValue::from_static(name));
    Ok(response)
}

fn shake_hands(stream: TcpStream) -> Option<WebSocket<Timed>> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(HANDSHAKE)).ok()?;
    stream.set_write_timeout(Some(HANDSHAKE)).ok()?;
    stream.set_nodelay(true).ok()?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MOST_SAID))
        .max_frame_size(Some(MOST_SAID))
        .write_buffer_size(0)
        .max_write_buffer_size(64 << 20);
    let timed = Timed { stream, end: Some(Instant::now() + HANDSHAKE) };
    let mut socket = accept_hdr_with_config(timed, choose_name, Some(limits)).ok()?;
    socket.get_mut().end = None;
    socket.get_ref().stream.set_nonblocking(true).ok()?;
    Some(socket)
}

struct Viewer {
    socket: WebSocket<Timed>,
    outbox: Arc<Outbox>,
    /// Channels by the viewer's own numbers.
    subscriptions: BTreeMap<u32, u16>,
    nonsense: u32,
    /// When the viewer last took something that waited for it.
    moved: Instant,
}

/// Why a connection ends; nobody is told.
struct Gone;

impl Viewer {
    fn run(&mut self, shared: &Shared) -> Result<(), Gone> {
        self.put(Message::text(protocol::server_info()))?;
        self.put(Message::text(protocol::advertise()))?;
        let mut end: Option<Instant> = None;
        loop {
            let all_sent = self.flush()?;
            if all_sent {
                self.moved = Instant::now();
                let item = self.outbox.pop(if end.is_some() { Duration::ZERO } else { STEP });
                match item {
                    Some(item) => self.send(item)?,
                    None if end.is_some() => return self.close(),
                    None => {}
                }
            } else {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.listen(shared)?;
            if shared.closing() {
                end.get_or_insert_with(|| Instant::now() + FAREWELL);
            }
            if self.moved.elapsed() > STALLED || end.is_some_and(|end| Instant::now() > end) {
                return self.close();
            }
        }
    }

    fn close(&mut self) -> Result<(), Gone> {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
        Ok(())
    }

    /// Writes a message; what the network does not take stays in a buffer, and nothing follows before that is empty.
    fn put(&mut self, message: Message) -> Result<(), Gone> {
        match self.socket.write(message) {
            Ok(()) => Ok(()),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Gone),
        }
    }

    /// Whether nothing is left in the buffer.
    fn flush(&mut self) -> Result<bool, Gone> {
        match self.socket.flush() {
            Ok(()) => Ok(true),
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(_) => Err(Gone),
        }
    }

    fn send(&mut self, item: Item) -> Result<(), Gone> {
        match item {
            Item::Time(nanos) => self.put(Message::binary(protocol::time(nanos))),
            Item::Message(channel, log_time, payload) => {
                let numbers: Vec<u32> =
                    self.subscriptions.iter().filter(|(_, its)| **its == channel).map(|(number, _)| *number).collect();
                numbers
                    .into_iter()
                    .try_for_each(|number| self.put(Message::binary(protocol::message(number, log_time, &payload))))
            }
        }
    }

    /// Hears all that the viewer has said until now, at most so much that it gets its messages, too.
    fn listen(&mut self, shared: &Shared) -> Result<(), Gone> {
        for _ in 0..32 {
            match self.socket.read() {
                Ok(Message::Text(text)) => match serde_json::from_str(text.as_str()) {
                    Ok(wish) => self.obey(wish, shared)?,
                    Err(_) => self.complain("not understood: this server knows subscribe and unsubscribe")?,
                },
                Ok(Message::Binary(_)) => self.complain("this server takes no data")?,
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return Err(Gone),
            }
        }
        Ok(())
    }

    fn obey(&mut self, wish: Wish, shared: &Shared) -> Result<(), Gone> {
        match wish {
            Wish::Subscribe { subscriptions } => {
                for one in subscriptions {
                    let channel = u16::try_from(one.channel_id).ok().filter(|id| known(*id));
                    match channel {
                        None => self.complain(&format!("there is no channel {}", one.channel_id))?,
                        Some(_) if self.subscriptions.len() >= MOST_SUBSCRIPTIONS => {
                            self.complain("too many subscriptions")?;
                        }
                        Some(channel) => {
                            self.subscriptions.insert(one.id, channel);
                        }
                    }
                }
            }
            Wish::Unsubscribe { subscription_ids } => {
                for number in subscription_ids {
                    self.subscriptions.remove(&number);
                }
            }
        }
        let wanted = self.subscriptions.values().fold(0, |all, channel| all | bit(*channel));
        let outbox = Arc::clone(&self.outbox);
        shared.change(|_| outbox.want(wanted));
        Ok(())
    }

    fn complain(&mut self, text: &str) -> Result<(), Gone> {
        self.nonsense += 1;
        if self.nonsense > MOST_NONSENSE {
            return Err(Gone);
        }
        self.put(Message::text(protocol::warning(text)))
    }
}

fn known(channel: u16) -> bool {
    (1..=recordings::STREAM_CHANNELS).contains(&channel)
}
