//! Which MAC a host is told.

use fhrp::{Action, Context, Instant, Mac, Solicitation};

use super::GatewayGroup;
use super::forwarder::{Forwarder, ForwarderState};
use crate::balance::Candidate;
use crate::counters::Count;

impl GatewayGroup {
    /// A host asks for a virtual address.
    pub(super) fn is_solicited(&mut self, context: &mut Context<'_>, solicitation: &Solicitation) {
        if !self.held.addresses.contains_key(&solicitation.target) {
            return;
        }
        let told = match self.asked_itself(context.now, solicitation.to_mac) {
            Some(told) => told,
            None if self.is_gateway() => self.chooses(context, solicitation),
            None => None,
        };
        match told {
            Some(mac) => {
                self.counters.bump(Count::HostsAnswered);
                self.remembers_client(context.now, solicitation, mac);
                context.ask(Action::Answer(mac));
            }
            None => self.counters.bump(Count::HostsNotAnswered),
        }
    }

    /// Who tries an address out is no host yet, and whoever forwards without being the gateway knows some hosts alone.
    fn remembers_client(&mut self, now: Instant, solicitation: &Solicitation, told: Mac) {
        let Some((cache, from)) = self.config.client_cache.zip(solicitation.from) else { return };
        let number = self.forwarders.iter().find(|(_, forwarder)| forwarder.mac == told).map(|(it, _)| *it);
        if let Some(number) = number.filter(|_| self.is_gateway()) {
            self.clients.told(cache, now, solicitation.from_mac, from, number);
        }
    }

    /// A host wants to know whether the forwarder that it was told is still there. That one says so itself, while hosts
    /// are told of it; afterwards the host is to ask everybody, and is told of another one.
    ///
    /// `None`: no forwarder of this router was asked.
    fn asked_itself(&self, now: Instant, to_mac: Mac) -> Option<Option<Mac>> {
        let asked =
            self.forwarders.values().find(|forwarder| forwarder.mac == to_mac && forwarder.is_active())?;
        let told = asked.primary || self.is_redirected(now, asked);
        Some(told.then_some(to_mac))
    }

    /// The active gateway chooses for everybody but members, who have the address themselves.
    fn chooses(&mut self, context: &mut Context<'_>, solicitation: &Solicitation) -> Option<Mac> {
        let (now, host) = (context.now, solicitation.from_mac);
        if self.members.get(now, host).is_some() {
            return None;
        }
        let own = self.forwarders.iter().find(|(_, forwarder)| forwarder.primary).map(|(number, _)| *number);
        let all = self.candidates(now);
        if !all.iter().any(|it| it.eligible) {
            return self.serves_itself(context, own);
        }
        // Who tries an address out is no host of it yet.
        if solicitation.from.is_none() {
            let own = all.iter().find(|it| it.eligible && Some(it.number) == own);
            let number = own.or_else(|| all.iter().find(|it| it.eligible))?.number;
            return self.forwarders.get(&number).map(|forwarder| forwarder.mac);
        }
        let number = self.balancer.choose(self.config.balancing, &all, own, host)?;
        let forwarder = self.forwarders.get_mut(&number)?;
        forwarder.hosts = forwarder.hosts.saturating_add(1);
        Some(forwarder.mac)
    }

    /// Nobody forwards yet, and somebody asks: our own forwarder begins now.
    fn serves_itself(&mut self, context: &mut Context<'_>, own: Option<u8>) -> Option<Mac> {
        let number = own.filter(|_| !self.low)?;
        let waits = matches!(self.forwarders.get(&number)?.state, ForwarderState::Listen(_));
        if !waits {
            return None;
        }
        self.takes_over(context, number, false, "a host asks, and nobody forwards");
        let forwarder = self.forwarders.get_mut(&number)?;
        forwarder.hosts = forwarder.hosts.saturating_add(1);
        Some(forwarder.mac)
    }

    /// All forwarders, and whether hosts may be told of them: somebody forwards, and its owner is not gone for long.
    fn candidates(&self, now: Instant) -> Vec<Candidate> {
        let candidate = |(number, forwarder): (&u8, &Forwarder)| {
            let weighting = match forwarder.is_active() {
                true => Some(self.weighting()),
                false => forwarder.by().map(|by| by.weighting),
            };
            Candidate {
                number: *number,
                weighting: weighting.unwrap_or_default(),
                eligible: weighting.is_some() && self.is_redirected(now, forwarder),
            }
        };
        self.forwarders.iter().map(candidate).collect()
    }

    /// Whether hosts are told of a forwarder.
    fn is_redirected(&self, now: Instant, forwarder: &Forwarder) -> bool {
        forwarder.is_home() || self.retirement().redirect.is_zero() || forwarder.redirect_until > now
    }
}
