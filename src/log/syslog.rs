//! The system's log, for a daemon without a terminal: a datagram a line to `/dev/log`. RFC 3164 §4.1, without its time,
//! which the system's logger adds.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;

/// Where the system's logger listens.
const SOCKET: &str = "/dev/log";

/// Facilities by name, in the order of their codes. RFC 3164 §4.1.1, as syslog(3) spells them.
const FACILITIES: [&str; 12] =
    ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"];
const FIRST_LOCAL: u8 = 16;

/// What part of the system a line is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// Daemons without a facility of their own.
    pub const DAEMON: Facility = Facility(3);

    /// The facility of this name; `None` for `none`, which is no log at all.
    ///
    /// # Errors
    /// There is no such name: a sentence for the operator.
    pub fn named(name: &str) -> Result<Option<Facility>, String> {
        if name == "none" {
            return Ok(None);
        }
        if let Some(digit) =
            name.strip_prefix("local").and_then(|rest| rest.parse::<u8>().ok()).filter(|it| *it < 8)
        {
            return Ok(Some(Facility(FIRST_LOCAL + digit)));
        }
        let code = (0..).zip(FACILITIES).find(|(_, known)| *known == name).map(|(code, _)| Facility(code));
        code.map(Some).ok_or_else(|| format!("there is no syslog facility `{name}`; it is `daemon`"))
    }
}

/// Sends lines that begin with their priority, as sd-daemon(3) has it: `<6>text`.
#[derive(Debug)]
pub struct Syslog {
    socket: Option<UnixDatagram>,
    facility: Option<Facility>,
    tag: &'static str,
}

impl Syslog {
    /// Lines of `tag`. Without a logger, or a facility, they are lost.
    pub fn new(facility: Option<Facility>, tag: &'static str) -> Self {
        Syslog { socket: UnixDatagram::unbound().ok(), facility, tag }
    }

    fn send(&self, line: &str) {
        let (Some(Facility(facility)), Some(socket)) = (self.facility, &self.socket) else { return };
        let packet = packet(facility, self.tag, std::process::id(), line);
        // Whoever should hear of it is the one who does not listen.
        let _ = socket.send_to(packet.as_bytes(), SOCKET);
    }
}

fn packet(facility: u8, tag: &str, pid: u32, line: &str) -> String {
    let split = line.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let (severity, text) =
        split.and_then(|(number, text)| Some((number.parse().ok()?, text))).unwrap_or((6, line));
    let priority = u16::from(facility) * 8 + severity;
    format!("<{priority}>{tag}[{pid}]: {text}")
}

impl Write for Syslog {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        String::from_utf8_lossy(octets).lines().for_each(|line| self.send(line));
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_syslog() {
        assert_eq!(Facility::named("daemon"), Ok(Some(Facility::DAEMON)));
        assert_eq!(Facility::named("kern"), Ok(Some(Facility(0))));
        assert_eq!(Facility::named("local7"), Ok(Some(Facility(23))));
        assert_eq!(Facility::named("none"), Ok(None));
        assert!(Facility::named("local8").is_err() && Facility::named("nonsense").is_err());
    }

    #[test]
    fn a_line_is_one_packet_with_its_priority() {
        assert_eq!(packet(3, "ucarp", 7, "<4>eth0 is down"), "<28>ucarp[7]: eth0 is down");
        assert_eq!(packet(16, "ucarp", 7, "no priority"), "<134>ucarp[7]: no priority");
    }
}
