//! What is said and held: messages, holdings, announcements and the last will. RFC 2281 §5.1, §5.6, §6.

use std::net::Ipv4Addr;

use fhrp::packet::ip_protocol;
use fhrp::{Action, Context, Datagram, Holdings, Mac, Purpose, Route};

use super::StandbyGroup;
use crate::counters::Count;
use crate::judge::multicast;
use crate::machine::roles::resigned_to;
use crate::wire::{GroupMessage, InterfaceMessage, Message, Operation, PORT_IPV4, PORT_IPV6, State, Version};

/// No key may sign: we are silent, and everybody else takes us for dead.
pub(super) const NO_KEY: &str = "no-key";

/// When something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Now.
    Now,
    /// As soon as what was asked for last is held.
    OnceHeld,
}

impl StandbyGroup {
    /// Says something of this group. Only an active router speaks from the virtual MAC. RFC 2281 §6.1.
    pub(super) fn says(&mut self, context: &mut Context<'_>, when: When, operation: Operation, state: State) {
        let Some(datagram) = self.datagram(context, operation, state) else { return };
        self.counters.bump(match operation {
            Operation::Hello => Count::HellosSent,
            Operation::Coup => Count::CoupsSent,
            Operation::Resign => Count::ResignsSent,
        });
        context.ask(action(when, datagram));
    }

    /// Says something of all groups of the interface, from its own MAC.
    pub(super) fn says_message(&mut self, context: &mut Context<'_>, when: When, message: &InterfaceMessage) {
        let own = self.own_mac();
        if let Some(datagram) = self.sealed(context, &Message::Interface(*message), own) {
            context.ask(action(when, datagram));
        }
    }

    /// What is said on our behalf if this process dies: Resign.
    pub(super) fn leaves_will(&mut self, context: &mut Context<'_>) {
        self.will_key = self.guard.signing_key(context.wall);
        let will = self.datagram(context, Operation::Resign, resigned_to(Purpose::Stop));
        context.ask(Action::LastWill(will.into_iter().collect()));
    }

    /// HOLD: everything an Active holds.
    pub(super) fn hold(&mut self, context: &mut Context<'_>) {
        self.held = self.holdings();
        context.ask(Action::Hold(self.held.clone()));
    }

    /// A gratuitous ARP or unsolicited NA for each address.
    pub(super) fn announce(&mut self, context: &mut Context<'_>) {
        self.counters.bump(Count::Announcements);
        context.ask(Action::Announce(self.config.announcements.form));
    }

    /// What an Active holds as things are.
    pub(super) fn holdings(&self) -> Holdings {
        self.config.holdings(self.learnt_address, self.own_mac(), self.times().hold)
    }

    fn own_mac(&self) -> Mac {
        self.link.as_ref().map(|link| link.mac).unwrap_or_default()
    }

    fn datagram(
        &mut self,
        context: &mut Context<'_>,
        operation: Operation,
        state: State,
    ) -> Option<Datagram> {
        let own = self.own_mac();
        let times = self.times();
        let message = GroupMessage {
            version: self.config.version,
            operation,
            state,
            group: self.config.group,
            priority: self.priority(),
            hello: times.hello,
            hold: times.hold,
            identifier: if self.config.version == Version::V2 { own } else { Mac::default() },
            address: self.address().map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.ip),
        };
        let virtual_mac = self.config.virtual_mac.filter(|_| state == State::Active);
        self.sealed(context, &Message::Group(message), virtual_mac.unwrap_or(own))
    }

    /// A message behind the headers of its version; none without an address to speak from or a key to sign with.
    fn sealed(&mut self, context: &mut Context<'_>, message: &Message, source_mac: Mac) -> Option<Datagram> {
        let source = self.source?;
        let Some(payload) = self.guard.seal(message, source, context.wall) else {
            let interval = self.times().hello;
            let reason = "no key may sign now: this router cannot say anything".to_owned();
            self.alarms.raise(context, NO_KEY, context.now, interval, reason);
            return None;
        };
        let destination = multicast(self.config.version, self.config.family);
        let port = if source.is_ipv4() { PORT_IPV4 } else { PORT_IPV6 };
        Some(Datagram {
            route: Route::Link {
                source_mac,
                destination_mac: Mac::of_multicast(destination).unwrap_or(Mac::BROADCAST),
            },
            source,
            destination,
            hop_limit: if self.config.version == Version::V1 { 1 } else { 255 },
            traffic_class: if source.is_ipv4() { 0xc0 } else { 0xe0 },
            identification: 0,
            dont_fragment: false,
            protocol: ip_protocol::UDP,
            ports: Some((port, port)),
            payload,
        })
    }
}

fn action(when: When, datagram: Datagram) -> Action {
    match when {
        When::Now => Action::Send(datagram),
        When::OnceHeld => Action::SendOnceHeld(datagram),
    }
}
