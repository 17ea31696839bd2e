//! Where sensors and buses are reached, as `[car]` writes it.

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a GPS/INS unit speaks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum InsAddress {
    /// Datagrams that come to this port.
    Udp(SocketAddr),
    /// A serial line: device and bits a second.
    Serial(PathBuf, u32),
}

/// Where a camera's images come from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CameraAddress {
    /// Motion JPEG over HTTP: host with port, and path.
    Http {
        /// `HOST:PORT`.
        host: String,
        /// From the first slash on.
        path: String,
    },
    /// A device of V4L2.
    Device(PathBuf),
}

/// Where a CAN bus is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum BusAddress {
    /// Cannelloni frames that come to this UDP port.
    Udp(SocketAddr),
    /// An interface of SocketCAN.
    Interface(String),
}

impl TryFrom<String> for InsAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || format!("{text} is neither udp:ADDRESS:PORT nor serial:DEVICE:BAUD");
        if let Some(address) = text.strip_prefix("udp:") {
            return address.parse().map(Self::Udp).map_err(|_| refused());
        }
        let (device, baud) = text.strip_prefix("serial:").and_then(|rest| rest.rsplit_once(':')).ok_or_else(refused)?;
        let baud = baud.parse().ok().filter(|baud| (1200..=4_000_000).contains(baud)).ok_or_else(refused)?;
        Ok(Self::Serial(device.into(), baud))
    }
}

impl TryFrom<String> for CameraAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("/dev/") {
            return Ok(Self::Device(text.into()));
        }
        let rest = text.strip_prefix("http://").filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let Some(rest) = rest else {
            return Err(format!("{text} is neither http://HOST:PORT/PATH nor /dev/videoN"));
        };
        let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        if host.contains(char::is_whitespace) || path.contains(char::is_whitespace) {
            return Err(format!("{text} has a space in it"));
        }
        let port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if port { host.to_string() } else { format!("{host}:80") };
        Ok(Self::Http { host, path: path.to_string() })
    }
}

impl TryFrom<String> for BusAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix("udp:") {
            return address.parse().map(Self::Udp).map_err(|_| format!("{text} is not udp:ADDRESS:PORT"));
        }
        // Names of network interfaces: up to 15 bytes, without slash, colon or space (Linux, dev_valid_name).
        let valid =
            (1..=15).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() && c != '/' && c != ':');
        if valid {
            Ok(Self::Interface(text))
        } else {
            Err(format!("{text} is neither udp:ADDRESS:PORT nor an interface such as can0"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_others_refused() {
        let ins = |text: &str| InsAddress::try_from(text.to_string());
        assert_eq!(ins("serial:/dev/ttyUSB0:115200"), Ok(InsAddress::Serial("/dev/ttyUSB0".into(), 115_200)));
        assert_eq!(ins("udp:[::1]:9001"), Ok(InsAddress::Udp("[::1]:9001".parse().unwrap())));
        assert!(ins("serial:/dev/ttyUSB0").is_err() && ins("serial:/dev/x:7").is_err() && ins("").is_err());
        let camera = |text: &str| CameraAddress::try_from(text.to_string());
        let http = |host: &str, path: &str| Ok(CameraAddress::Http { host: host.into(), path: path.into() });
        assert_eq!(camera("http://cam/?action=stream"), http("cam:80", "/?action=stream"));
        assert_eq!(camera("http://[::1]:8080"), http("[::1]:8080", "/"));
        assert!(camera("http:///x").is_err() && camera("https://x/").is_err() && camera("http://a b/").is_err());
        let bus = |text: &str| BusAddress::try_from(text.to_string());
        assert_eq!(bus("vcan0"), Ok(BusAddress::Interface("vcan0".into())));
        assert!(bus("").is_err() && bus("can 0").is_err() && bus("udp:x").is_err() && bus("a-very-long-name").is_err());
    }
}
