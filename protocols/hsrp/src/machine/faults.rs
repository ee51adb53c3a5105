//! What keeps a group from running, each cause by its name, and the address it speaks from.

use std::net::IpAddr;

use fhrp::{Family, HoldFault};
use thiserror::Error;

use super::StandbyGroup;

/// Why a group cannot run.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Fault {
    #[error("the interface does not exist")]
    NoLink,
    #[error("link {0} is down")]
    LinkDown(String),
    #[error("{link} has no {what} to speak from")]
    NoSource { link: String, what: String },
    /// RFC 2281 §5.1: nobody owns a virtual address.
    #[error("{address} is an address of {link} itself")]
    AddressTaken { link: String, address: IpAddr },
    #[error("{0}")]
    Refused(HoldFault),
}

impl StandbyGroup {
    /// Every cause that holds now.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let Some(link) = self.link.as_ref().filter(|link| link.index != 0) else {
            return vec![Fault::NoLink];
        };
        let mut faults = Vec::new();
        let name = || link.name.clone();
        if !link.up {
            faults.push(Fault::LinkDown(name()));
        }
        if self.choose_source().is_none() {
            let what = match (self.config.source, self.config.family) {
                (Some(wished), _) => format!("address {wished}"),
                (None, Family::Ipv4) => "IPv4 address".to_owned(),
                (None, Family::Ipv6) => "IPv6 link-local address".to_owned(),
            };
            faults.push(Fault::NoSource { link: name(), what });
        }
        let taken = self.config.addresses.iter().map(|address| address.ip).find(|ip| link.has(*ip));
        if let Some(address) = taken {
            faults.push(Fault::AddressTaken { link: name(), address });
        }
        if let Some(refusal) = &self.refusal {
            faults.push(Fault::Refused(refusal.cause.clone()));
        }
        faults
    }

    /// The address we speak from: never a virtual one. RFC 2281 §5.1.
    pub(super) fn choose_source(&self) -> Option<IpAddr> {
        let link = self.link.as_ref()?;
        let virtual_ips: Vec<IpAddr> = self.config.addresses.iter().map(|address| address.ip).collect();
        link.source(self.config.family, self.config.source, virtual_ips.first().copied(), &virtual_ips)
    }
}

/// All causes, in one clause.
pub(super) fn in_words(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}
