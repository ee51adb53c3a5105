//! What is said and held: messages, holdings and the last will.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::announcer::ArpForm;
use fhrp::packet::ip_protocol;
use fhrp::{Action, Context, Datagram, Family, Holdings, Instant, Mac, Route};

use super::GatewayGroup;
use super::forwarder::{Forwarder, right};
use crate::counters::Count;
use crate::vmac::LAST_FORWARDER;
use crate::wire::{self, Hello, Kind, MULTICAST_V4, MULTICAST_V6, Message, PORT, State};

/// No key may sign: we are silent, and everybody else takes us for dead.
const NO_KEY: &str = "no-key";
/// A goodbye is said a second time after this: nothing else makes up for its loss.
pub(super) const SECOND_GOODBYE: Duration = Duration::from_millis(50);

/// When something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Now.
    Now,
    /// As soon as what was asked for last is held.
    OnceHeld,
}

/// What is said to whom.
struct Letter {
    kind: Kind,
    hello: Option<Hello>,
    forwarders: Vec<wire::Forwarder>,
    source_mac: Mac,
    /// One member and its MAC; `None`: all of them.
    to: Option<(IpAddr, Mac)>,
}

impl GatewayGroup {
    /// Says who we are for the group and what we forward for, from the MAC of each of our forwarders in turn: so that
    /// switches know where all of them are. The next one is due after the hello time.
    pub(super) fn says_hello(&mut self, context: &mut Context<'_>) {
        let source_mac = self.next_speaker();
        self.says_hello_from(context, source_mac);
    }

    /// The same from a MAC of choice.
    pub(super) fn says_hello_from(&mut self, context: &mut Context<'_>, source_mac: Mac) {
        let hello = self.hello(self.state.said(), self.config.priority);
        let forwarders = self.forwarder_records(context.now);
        let letter = Letter { kind: Kind::Hello, hello: Some(hello), forwarders, source_mac, to: None };
        if let Some(datagram) = self.sealed(context, letter) {
            self.counters.bump(Count::HellosSent);
            self.outbox.says_hello();
            context.ask(Action::Send(datagram));
        }
        let next = context.now + self.pause(context);
        if let Some(hello_at) = self.state.hello_at() {
            *hello_at = next;
        }
    }

    /// Says that we forward for one forwarder, from its MAC, and nothing else.
    pub(super) fn says_forwarder(&mut self, context: &mut Context<'_>, when: When, number: u8) {
        let source_mac = self.forwarders.get(&number).map(|forwarder| forwarder.mac);
        let Some(datagram) = source_mac.and_then(|mac| self.claim(context, number, mac)) else { return };
        context.ask(match when {
            When::Now => {
                self.outbox.says_less();
                Action::Send(datagram)
            }
            When::OnceHeld => {
                self.outbox.claims();
                Action::SendOnceHeld(datagram)
            }
        });
    }

    /// The same from our own MAC, which no switch minds.
    pub(super) fn claims_forwarder(&mut self, context: &mut Context<'_>, number: u8) {
        if let Some(datagram) = self.claim(context, number, self.own_mac()) {
            self.outbox.says_less();
            context.ask(Action::Send(datagram));
        }
    }

    /// Says our nonce, and repeats those of others, and nothing else.
    pub(super) fn says_nonce(&mut self, context: &mut Context<'_>) {
        let source_mac = self.own_mac();
        let letter = Letter { kind: Kind::Hello, hello: None, forwarders: Vec::new(), source_mac, to: None };
        if let Some(datagram) = self.sealed(context, letter) {
            self.counters.bump(Count::HellosSent);
            context.ask(Action::Send(datagram));
        }
    }

    fn claim(&mut self, context: &mut Context<'_>, number: u8, source_mac: Mac) -> Option<Datagram> {
        let forwarders = vec![self.record(context.now, number, self.forwarders.get(&number)?)];
        let letter = Letter { kind: Kind::Hello, hello: None, forwarders, source_mac, to: None };
        let datagram = self.sealed(context, letter)?;
        self.counters.bump(Count::HellosSent);
        Some(datagram)
    }

    /// Says each forwarder from its own MAC, once it is held: switches may have forgotten.
    pub(super) fn announces_forwarders(&mut self, context: &mut Context<'_>) {
        for number in 1..=LAST_FORWARDER {
            if self.forwarders.get(&number).is_some_and(Forwarder::is_active) {
                self.says_forwarder(context, When::OnceHeld, number);
            }
        }
    }

    /// Says that we leave the gateway's roles and all forwarders. It comes from our own MAC: a successor may speak from
    /// theirs already.
    pub(super) fn says_goodbye(&mut self, context: &mut Context<'_>) {
        if let Some(datagram) = self.goodbye(context) {
            self.counters.bump(Count::HellosSent);
            context.ask(Action::Send(datagram));
        }
    }

    fn goodbye(&mut self, context: &mut Context<'_>) -> Option<Datagram> {
        let hello = self.hello(State::Listen, 0);
        let mut forwarders = self.forwarder_records(context.now);
        for record in &mut forwarders {
            (record.state, record.priority, record.weighting) = (State::Listen, 0, 0);
        }
        let source_mac = self.own_mac();
        self.sealed(
            context,
            Letter { kind: Kind::Hello, hello: Some(hello), forwarders, source_mac, to: None },
        )
    }

    /// Asks the active gateway for a forwarder.
    pub(super) fn request(&mut self, context: &mut Context<'_>, to: IpAddr, owner: Mac) -> Option<Datagram> {
        self.sealed(context, self.letter_about(Kind::Request, 0, Mac::default(), (to, owner)))
    }

    /// Gives a member a forwarder.
    pub(super) fn response(
        &mut self,
        context: &mut Context<'_>,
        to: IpAddr,
        owner: Mac,
        number: u8,
        mac: Mac,
    ) -> Option<Datagram> {
        self.sealed(context, self.letter_about(Kind::Response, number, mac, (to, owner)))
    }

    fn letter_about(&self, kind: Kind, number: u8, mac: Mac, to: (IpAddr, Mac)) -> Letter {
        let nothing = wire::Forwarder {
            number,
            state: State::Unsaid,
            priority: 0,
            weighting: 0,
            lifetime: Duration::ZERO,
            redirection: Duration::ZERO,
            mac,
        };
        Letter { kind, hello: None, forwarders: vec![nothing], source_mac: self.own_mac(), to: Some(to) }
    }

    /// What is said on our behalf if this process dies: goodbye. It proves itself with nonces, which change.
    pub(super) fn leaves_will(&mut self, context: &mut Context<'_>) {
        let will: Vec<Datagram> = match self.held.is_empty() {
            true => Vec::new(),
            false => self.goodbye(context).into_iter().collect(),
        };
        if will != self.will {
            self.will.clone_from(&will);
            context.ask(Action::LastWill(will));
        }
    }

    /// HOLD: everything we hold as things are, if that is something else than before.
    pub(super) fn hold(&mut self, context: &mut Context<'_>) {
        if self.holdings() != self.held {
            self.holds_again(context);
        }
    }

    /// HOLD, whether it is something else or not.
    pub(super) fn holds_again(&mut self, context: &mut Context<'_>) {
        self.held = self.holdings();
        match self.held.is_empty() {
            true if self.outbox.asks_for_nothing() => self.hastens_hello(context.now),
            true => {}
            false => self.outbox.asks(),
        }
        context.ask(Action::Hold(self.held.clone()));
    }

    /// The gateway's router advertisements begin. Hosts are told no MAC unasked: they would all have the same.
    pub(super) fn advertises_router(&mut self, context: &mut Context<'_>) {
        if self.held.router_advertisement.is_some() {
            context.ask(Action::Announce(ArpForm::default()));
        }
    }

    fn holdings(&self) -> Holdings {
        let active = self.forwarders.values().filter(|forwarder| forwarder.is_active());
        let macs = active.map(|forwarder| forwarder.mac);
        self.config.holdings(self.learnt_address, macs, self.is_gateway(), self.times().hold)
    }

    fn hello(&self, state: State, priority: u8) -> Hello {
        let (times, retirement) = (self.times(), self.retirement());
        let unknown: IpAddr = match self.config.family {
            Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        Hello {
            state,
            priority,
            hello: times.hello,
            hold: times.hold,
            redirect: retirement.redirect,
            timeout: retirement.timeout,
            address: self.address().map_or(unknown, |address| address.ip),
        }
    }

    /// The forwarders that we are active for.
    fn forwarder_records(&self, now: Instant) -> Vec<wire::Forwarder> {
        let active = self.forwarders.iter().filter(|(_, forwarder)| forwarder.is_active());
        active.map(|(number, forwarder)| self.record(now, *number, forwarder)).collect()
    }

    fn record(&self, now: Instant, number: u8, forwarder: &Forwarder) -> wire::Forwarder {
        let retirement = self.retirement();
        let (lifetime, redirection) = match forwarder.is_home() {
            true => (retirement.timeout, retirement.redirect),
            false => (now.until(forwarder.lives_until), now.until(forwarder.redirect_until)),
        };
        wire::Forwarder {
            number,
            state: State::Active,
            priority: right(forwarder.primary, self.low),
            weighting: self.weighting(),
            lifetime,
            redirection,
            mac: forwarder.mac,
        }
    }

    /// The MAC of the forwarder whose turn it is, or our own if we forward for none.
    fn next_speaker(&mut self) -> Mac {
        let mut active = self.forwarders.iter().filter(|(_, forwarder)| forwarder.is_active());
        let next = active.clone().find(|(number, _)| **number > self.spoken_for).or_else(|| active.next());
        let Some((number, forwarder)) = next else { return self.own_mac() };
        self.spoken_for = *number;
        forwarder.mac
    }

    /// A message behind its headers; none without an address to speak from or a key to sign with.
    fn sealed(&mut self, context: &mut Context<'_>, letter: Letter) -> Option<Datagram> {
        let source = self.source?;
        let Letter { kind, hello, forwarders, source_mac, to } = letter;
        let times = self.times();
        let challenge = self.nonces.as_mut().map(|nonces| {
            nonces.refresh(context.now, times.hold.max(times.hello * 2), &mut *context.random);
            nonces.challenge(context.now)
        });
        let message =
            Message { kind, group: self.config.group, owner: self.own_mac(), challenge, hello, forwarders };
        let Some(payload) = self.guard.seal(&message, source, context.wall) else {
            let reason = "no key may sign now: this router cannot say anything".to_owned();
            self.alarms.raise(context, NO_KEY, context.now, times.hello, reason);
            return None;
        };
        let group = if source.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 };
        let to_group = (group, Mac::of_multicast(group).unwrap_or(Mac::BROADCAST));
        let (destination, destination_mac) = to.unwrap_or(to_group);
        Some(Datagram {
            route: Route::Link { source_mac, destination_mac },
            source,
            destination,
            hop_limit: 255,
            traffic_class: 0xc0,
            identification: 0,
            dont_fragment: false,
            protocol: ip_protocol::UDP,
            ports: Some((PORT, PORT)),
            payload,
        })
    }
}
