//! What keeps a group from running, each cause by its name, and for how long it stays away when the kernel refused.

use std::net::IpAddr;
use std::time::Duration;

use thiserror::Error;

use crate::address::Family;
use crate::holdings::HoldFault;
use crate::link::Link;
use crate::time::Instant;

/// How long a group stays away after the kernel refused an address for the first time.
pub const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// How long at most, after it refused again and again.
pub const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Why a group cannot run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The kernel knows no such interface.
    #[error("the interface does not exist")]
    NoLink,
    /// Set down, or without carrier.
    #[error("link {0} is down")]
    LinkDown(String),
    /// Nothing to speak from.
    #[error("{link} has no {what} to speak from")]
    NoSource {
        /// The interface.
        link: String,
        /// The address that is missing, or its kind.
        what: String,
    },
    /// A virtual address is somebody's own.
    #[error("{address} is an address of {link} itself")]
    AddressTaken {
        /// The interface.
        link: String,
        /// The address.
        address: IpAddr,
    },
    /// What is to be said is too long.
    #[error("an advertisement of {size} octets does not fit the MTU {mtu} of {link}")]
    TooLong {
        /// Its length as an IP packet.
        size: usize,
        /// The longest one that fits.
        mtu: u32,
        /// The interface.
        link: String,
    },
    /// The kernel refused what was to be held.
    #[error("{0}")]
    Refused(HoldFault),
}

/// Everything that is wrong with a link, for a group of this family that wishes to speak from `wished` and could speak
/// from `source`. [`Fault::NoLink`] stands alone: nothing else can be said then.
pub fn of_link(
    link: Option<&Link>,
    family: Family,
    wished: Option<IpAddr>,
    source: Option<IpAddr>,
) -> Vec<Fault> {
    let Some(link) = link.filter(|link| link.index != 0) else {
        return vec![Fault::NoLink];
    };
    let mut faults = Vec::new();
    if !link.up {
        faults.push(Fault::LinkDown(link.name.clone()));
    }
    if source.is_none() {
        let what = match (wished, family) {
            (Some(wished), _) => format!("address {wished}"),
            (None, Family::Ipv4) => "IPv4 address".to_owned(),
            (None, Family::Ipv6) => "IPv6 link-local address".to_owned(),
        };
        faults.push(Fault::NoSource { link: link.name.clone(), what });
    }
    faults
}

/// All causes, in one clause.
pub fn in_words(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}

/// The kernel refused what a group wanted to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it said.
    pub cause: HoldFault,
    /// When it is asked again.
    pub until: Instant,
}

/// How long a group stays away the next time that it is refused: longer each time, until something is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { next: FIRST_BACKOFF }
    }
}

impl Backoff {
    /// It is refused now.
    pub fn refused(&mut self, now: Instant, cause: HoldFault) -> Refusal {
        let until = now + self.next;
        self.next = (self.next * 2).min(LONGEST_BACKOFF);
        Refusal { cause, until }
    }

    /// What it wants is granted.
    pub fn granted(&mut self) {
        *self = Backoff::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_of_a_fault_has_its_name() {
        let own = "192.0.2.7".parse().unwrap();
        let link = Link { index: 3, name: "eth0".into(), up: true, ..Link::default() };
        let words =
            |link: Option<&Link>, wished, source| in_words(&of_link(link, Family::Ipv4, wished, source));
        assert_eq!(words(None, None, None), "the interface does not exist");
        assert_eq!(words(Some(&Link::default()), None, None), "the interface does not exist");
        assert_eq!(words(Some(&link), None, Some(own)), "");
        let down = Link { up: false, ..link };
        let expected = "link eth0 is down; eth0 has no IPv4 address to speak from";
        assert_eq!(words(Some(&down), None, None), expected);
        let expected = "link eth0 is down; eth0 has no address 192.0.2.7 to speak from";
        assert_eq!(words(Some(&down), Some(own), None), expected);
    }

    #[test]
    fn who_is_refused_again_and_again_stays_away_longer() {
        let fault = || HoldFault { operation: "add 10.0.0.1/24 to eth0".into(), cause: "no".into() };
        let mut backoff = Backoff::default();
        let mut away = || backoff.refused(Instant::ZERO, fault()).until.since(Instant::ZERO).as_secs();
        assert_eq!([away(), away(), away(), away(), away(), away()], [5, 10, 20, 40, 60, 60]);
        backoff.granted();
        assert_eq!(backoff, Backoff::default());
    }
}
