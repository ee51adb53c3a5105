//! What keeps a group from running, each cause by its name, and the address it speaks from.

use std::net::IpAddr;

use fhrp::faults::{Fault, of_link};

use super::GatewayGroup;

impl GatewayGroup {
    /// Every cause that holds now.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let link = self.link.as_ref();
        let mut faults = of_link(link, self.config.family, self.config.source, self.choose_source());
        let Some(link) = link.filter(|link| link.index != 0) else { return faults };
        // Nobody owns a virtual address.
        let taken = self.config.addresses.iter().map(|address| address.ip).find(|ip| link.has(*ip));
        if let Some(address) = taken {
            faults.push(Fault::AddressTaken { link: link.name.clone(), address });
        }
        if let Some(refusal) = &self.refusal {
            faults.push(Fault::Refused(refusal.cause.clone()));
        }
        faults
    }

    /// The address we speak from: never a virtual one.
    pub(super) fn choose_source(&self) -> Option<IpAddr> {
        let link = self.link.as_ref()?;
        let virtual_ips: Vec<IpAddr> = self.config.addresses.iter().map(|address| address.ip).collect();
        link.source(self.config.family, self.config.source, virtual_ips.first().copied(), &virtual_ips)
    }
}
