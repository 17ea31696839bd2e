//! One drive for one CAN interface: a name that is taken as long as the pipeline or its supervisor lives. A socket for UDP has that by
//! itself; an interface of SocketCAN takes any number of writers.

use super::address::BusAddress;
use anyhow::Context;
use std::os::unix::net::UnixDatagram;

/// The name, taken.
#[derive(Debug)]
pub struct Hold {
    _taken: Option<UnixDatagram>,
}

impl Hold {
    /// Takes the name of a bus.
    ///
    /// # Errors
    /// Somebody has it.
    pub fn of(bus: &BusAddress) -> anyhow::Result<Self> {
        match bus {
            BusAddress::Udp(_) => Ok(Self { _taken: None }),
            BusAddress::Interface(interface) => take(interface).with_context(|| {
                format!(
                    "car.can.bus = {interface}: another drive is on this bus, or the supervisor of the last one still holds its car; \
                     take over, or wait a minute"
                )
            }),
        }
    }
}

/// Networks and these names have the same scope in Linux: a namespace of networks has its own of both.
#[cfg(target_os = "linux")]
fn take(interface: &str) -> anyhow::Result<Hold> {
    use std::os::linux::net::SocketAddrExt;
    let name = std::os::unix::net::SocketAddr::from_abstract_name(format!("chauffeur-bus-{interface}"))?;
    let socket = UnixDatagram::bind_addr(&name)?;
    // The supervisor's process inherits it, and has it when the pipeline is gone.
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::empty())?;
    Ok(Hold { _taken: Some(socket) })
}

#[cfg(not(target_os = "linux"))]
fn take(_: &str) -> anyhow::Result<Hold> {
    anyhow::bail!("SocketCAN: only on Linux")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn an_interface_has_one_drive_until_the_last_of_its_processes_has_ended() {
        let bus = BusAddress::Interface(format!("t{}", std::process::id()));
        let first = Hold::of(&bus).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let said = |held: anyhow::Result<Hold>| held.unwrap_err().to_string();
        assert!(said(Hold::of(&bus)).contains("another drive is on this bus"));
        drop(first);
        assert!(said(Hold::of(&bus)).contains("still holds its car"), "the child has it");
        child.kill().unwrap();
        child.wait().unwrap();
        drop(Hold::of(&bus).unwrap());
        let udp = BusAddress::Udp("127.0.0.1:1".parse().unwrap());
        let _two = (Hold::of(&udp).unwrap(), Hold::of(&udp).unwrap());
    }
}
