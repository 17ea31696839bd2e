//! The words to a service manager (`sd_notify(3)`): one datagram each to the socket of `NOTIFY_SOCKET`.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// A way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// The service manager that has started this process, if one has. Takes what systemd puts into the environment.
    ///
    /// # Errors
    /// The socket cannot be reached.
    #[allow(clippy::disallowed_methods)] // this is the edge to the service manager
    pub fn from_environment() -> io::Result<Option<Self>> {
        let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return Ok(None) };
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        // A watchdog of another process is not ours.
        let ours = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| ours).map(Duration::from_micros);
        Ok(Some(Self { socket: connect(path.as_encoded_bytes())?, watchdog }))
    }

    /// How long the manager waits for a word of [`Self::alive`] before it ends this process. Speak twice as often.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// All is up: whoever waits for this service may go on.
    ///
    /// # Errors
    /// The manager is gone.
    pub fn ready(&self) -> io::Result<()> {
        self.send("READY=1")
    }

    /// All is well. Only the supervisor says so, and only while it finds it so.
    ///
    /// # Errors
    /// The manager is gone.
    pub fn alive(&self) -> io::Result<()> {
        self.send("WATCHDOG=1")
    }

    /// The end has begun.
    ///
    /// # Errors
    /// The manager is gone.
    pub fn stopping(&self) -> io::Result<()> {
        self.send("STOPPING=1")
    }

    /// A line for people: `systemctl status` shows it.
    ///
    /// # Errors
    /// The manager is gone.
    pub fn status(&self, line: &str) -> io::Result<()> {
        self.send(&format!("STATUS={}", line.replace(['\n', '\r'], " ")))
    }

    fn send(&self, word: &str) -> io::Result<()> {
        self.socket.send(word.as_bytes()).map(drop)
    }
}

/// Connects with a path, or with a name of Linux's abstract namespace, which is written with an `@`.
fn connect(path: &[u8]) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold us up.
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    if let Some(name) = path.strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)?;
        return Ok(socket);
    }
    use std::os::unix::ffi::OsStrExt;
    socket.connect(std::ffi::OsStr::from_bytes(path))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_manager_hears_each_word_as_one_datagram() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier { socket: connect(path.as_os_str().as_encoded_bytes()).unwrap(), watchdog: None };
        notifier.ready().unwrap();
        notifier.alive().unwrap();
        notifier.status("engaged\nat 8 m/s").unwrap();
        notifier.stopping().unwrap();
        let words: Vec<String> = (0..4).map(|_| heard(&manager)).collect();
        assert_eq!(words, ["READY=1", "WATCHDOG=1", "STATUS=engaged at 8 m/s", "STOPPING=1"]);
        // A manager that does not read, or is gone, holds nobody up.
        while notifier.alive().is_ok() {}
        drop(manager);
        assert!(notifier.alive().is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_abstract_name_is_reached() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("chauffeur-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier { socket: connect(format!("@{name}").as_bytes()).unwrap(), watchdog: None };
        notifier.ready().unwrap();
        assert_eq!(heard(&manager), "READY=1");
        assert!(connect(b"/no/such/socket").is_err());
    }
}
