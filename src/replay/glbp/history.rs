//! What a router lived through before the capture began, where its first messages show that it was there already.
//!
//! A forwarder is given by a gateway, and another one's is taken over only from who was heard: a router that starts with
//! the capture could have neither. So it starts earlier, and others whom nobody saw give it what it has and fall silent
//! when it must have lost them.

use std::net::IpAddr;
use std::time::Duration;

use ::glbp::auth::Guard;
use ::glbp::config::{DEFAULT_RETIREMENT, Retirement, Times};
use ::glbp::vmac::{LAST_FORWARDER, virtual_mac};
use ::glbp::wire::{
    Challenge, Forwarder, Hello, Kind, MULTICAST_V4, MULTICAST_V6, Message, PORT, Peer, State,
};
use fhrp::packet::ip_protocol;
use fhrp::{Instant, Mac, Received};

use super::retold::Echo;
use super::{Announced, PRIMARY, SUFFICIENT, is_primary};
use crate::analyze::moment::nanos;
use crate::replay::hellos::{Stateful, neighbour_of};

/// How long after its start the others speak for the first time: it has said something by then.
const SETTLED: i64 = 1_000_000;
/// Most words of the others; nobody lost a forwarder longer ago than that.
const WORDS: usize = 50_000;
/// The right of whoever was given a forwarder. Cisco, as its routers say it.
const RIGHT: u8 = 0x07 | PRIMARY | SUFFICIENT;
/// The number that the others want to be told again.
const NUMBER: u32 = 0x00c0_ffee;

/// What was before the capture.
#[derive(Debug, Clone)]
pub(in crate::replay) struct History {
    /// When it starts, in nanoseconds since the capture's first frame.
    pub(in crate::replay) from: i64,
    /// The forwarder that it was given.
    number: Option<u8>,
    /// Forwarders of others that it stands in for, or will, and when it heard of each of them last.
    lost: Vec<(u8, i64)>,
    /// Until when somebody else is active; `None`: when the capture begins.
    active_until: Option<i64>,
    /// Whether a third router is standby.
    third: bool,
    hello: i64,
}

/// Something that one of the others says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::replay) struct Word {
    pub(in crate::replay) at: i64,
    /// Whether the third router says it.
    third: bool,
    /// The state that it says; `None`: only forwarders.
    state: Option<State>,
    /// The forwarders that it is active for.
    forwarders: Vec<u8>,
}

impl Announced {
    /// What it must have lived through before the capture began, if anything.
    pub(in crate::replay) fn history(&self) -> Option<History> {
        let first = self.own.iter().find(|own| own.state().is_some())?;
        let (at, hold) = (signed(first.at), signed(self.hold()));
        let hello = signed(nanos(first.hello?.hello)).max(1);
        let all = 1..=LAST_FORWARDER;
        let said = |number: u8| first.active_for(number).map(|forwarder| forwarder.priority);
        let number = all.clone().find(|number| said(*number).is_some_and(is_primary));
        let lost: Vec<(u8, i64)> = all
            .clone()
            .filter_map(|number| Some((number, self.lost(number)?)))
            .filter(|(_, at)| *at < 0)
            .collect();
        let state = first.state()?;
        let has_some = all.clone().any(|number| said(number).is_some());
        if !has_some && state != State::Standby {
            return None;
        }
        let active_until = (state == State::Active).then_some(at - hold);
        let alone = match state {
            State::Active => at - hold * 3 - hello,
            State::Standby => at - hold * 2,
            State::Speak => at - hold - hello,
            _ => at - hold * 2 - hello,
        };
        let heard = lost.iter().map(|(_, at)| at - hold * 2 - hello).min().unwrap_or(alone);
        let from = alone.min(heard);
        (from < 0).then_some(History {
            from,
            number,
            lost,
            active_until,
            third: state == State::Listen,
            hello,
        })
    }

    /// When it heard last of a forwarder of somebody else that it stands in for: it says how much time is left.
    fn lost(&self, number: u8) -> Option<i64> {
        let said = |own: &super::Spoke| own.active_for(number).map(|it| (own.at, *it));
        let (at, forwarder) = self.own.iter().find_map(said)?;
        if is_primary(forwarder.priority) {
            return None;
        }
        let timeout =
            self.own.iter().find_map(|own| own.hello).map_or(DEFAULT_RETIREMENT.timeout, |it| it.timeout);
        Some(signed(at) - signed(nanos(timeout.saturating_sub(forwarder.lifetime))))
    }
}

impl History {
    /// What the others say, in the order of time.
    pub(in crate::replay) fn words(&self) -> Vec<Word> {
        let step = usize::try_from(self.hello).unwrap_or(usize::MAX);
        let turns = (self.from + SETTLED..0).step_by(step).take(WORDS);
        let mut moments: Vec<i64> = turns.chain(self.lost.iter().map(|(_, at)| *at)).collect();
        moments.extend(self.active_until);
        moments.sort_unstable();
        moments.dedup();
        let mut words = Vec::new();
        for at in moments {
            let active = self.active_until.is_none_or(|until| at <= until);
            let still = self.lost.iter().filter(|(_, lost)| at <= *lost);
            let forwarders: Vec<u8> = still.map(|(number, _)| *number).collect();
            if active || !forwarders.is_empty() {
                let state = active.then_some(State::Active);
                words.push(Word { at, third: false, state, forwarders });
            }
            if self.third {
                words.push(Word { at, third: true, state: Some(State::Standby), forwarders: Vec::new() });
            }
        }
        words
    }
}

/// The others whom nobody saw. Where the capture has others, they are those.
#[derive(Debug, Clone)]
pub(in crate::replay) struct Ghosts {
    group: u16,
    guard: Guard,
    challenges: bool,
    own: (IpAddr, Mac),
    number: Option<u8>,
    all: [(IpAddr, Mac); 2],
    times: Times,
    retirement: Retirement,
    address: IpAddr,
}

impl Ghosts {
    /// `None` if nothing can be said in its group.
    pub(in crate::replay) fn of(announced: &Announced, history: &History) -> Option<Self> {
        let hello = announced.own.iter().find_map(|own| own.hello)?;
        let own = (announced.source, announced.owner?);
        let mut seen: Vec<(IpAddr, Mac)> = Vec::new();
        for other in &announced.others {
            if seen.len() < 2 && !seen.iter().any(|(source, _)| *source == other.source) {
                seen.push((other.source, other.owner));
            }
        }
        let mut all = [own; 2];
        for (place, ghost) in all.iter_mut().enumerate() {
            let last = u8::try_from(place).unwrap_or_default() + 2;
            let taken: Vec<IpAddr> =
                seen.iter().map(|(source, _)| *source).chain([own.0, hello.address]).collect();
            *ghost = seen
                .get(place)
                .copied()
                .unwrap_or_else(|| (neighbour_of(own.0, &taken), Mac([0x02, 0, 0, 0, 0, last])));
            if seen.len() == place {
                seen.push(*ghost);
            }
        }
        let proof = announced.proofs.0.first()?.1.as_ref().ok()?;
        Some(Ghosts {
            group: announced.group,
            guard: Guard::new(proof),
            challenges: announced.challenges(),
            own,
            number: history.number,
            all,
            times: Times { hello: hello.hello, hold: hello.hold },
            retirement: Retirement { redirect: hello.redirect, timeout: hello.timeout },
            address: hello.address,
        })
    }

    /// A word, as UDP carries it, and what the envelope says around it.
    pub(in crate::replay) fn says(&self, word: &Word, echo: &Echo) -> Option<Letter> {
        let (source, owner) = self.all[usize::from(word.third)];
        let hello = word.state.map(|state| Hello {
            state,
            // Nobody is better than the one that is active, and nobody but that one than the one that is standby.
            priority: u8::MAX - u8::from(word.third),
            hello: self.times.hello,
            hold: self.times.hold,
            redirect: self.retirement.redirect,
            timeout: self.retirement.timeout,
            address: self.address,
        });
        let forwarders = word.forwarders.iter().filter_map(|number| {
            let Retirement { redirect, timeout } = self.retirement;
            self.forwarder(*number, State::Active, RIGHT, 100, (timeout, redirect))
        });
        let forwarders = forwarders.collect();
        let group = if source.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 };
        let to = (group, Mac::of_multicast(group)?);
        self.letter(Kind::Hello, (source, owner), to, hello, forwarders, echo)
    }

    /// The answer to its request for a forwarder.
    pub(in crate::replay) fn gives(&self, echo: &Echo) -> Option<Letter> {
        let given = self.forwarder(self.number?, State::Unsaid, 0, 0, (Duration::ZERO, Duration::ZERO))?;
        self.letter(Kind::Response, self.all[0], self.own, None, vec![given], echo)
    }

    fn forwarder(
        &self,
        number: u8,
        state: State,
        priority: u8,
        weighting: u8,
        (lifetime, redirection): (Duration, Duration),
    ) -> Option<Forwarder> {
        let mac = virtual_mac(self.group, number)?;
        Some(Forwarder { number, state, priority, weighting, lifetime, redirection, mac })
    }

    fn letter(
        &self,
        kind: Kind,
        from: (IpAddr, Mac),
        to: (IpAddr, Mac),
        hello: Option<Hello>,
        forwarders: Vec<Forwarder>,
        echo: &Echo,
    ) -> Option<Letter> {
        let peers = echo.last().map(|nonce| Peer { owner: self.own.1, nonce });
        let challenge = self.challenges.then(|| Challenge {
            generation: 0,
            nonce: NUMBER,
            peers: peers.into_iter().collect(),
        });
        let message = Message { kind, group: self.group, owner: from.1, challenge, hello, forwarders };
        let payload = self.guard.seal(&message, from.0, Duration::ZERO)?;
        Some(Letter { from, to, payload })
    }
}

/// A message and its envelope.
#[derive(Debug, Clone)]
pub(in crate::replay) struct Letter {
    from: (IpAddr, Mac),
    to: (IpAddr, Mac),
    payload: Vec<u8>,
}

impl Letter {
    /// As it arrives.
    pub(in crate::replay) fn received(&self, at: Instant) -> Received<'_> {
        Received {
            at,
            source_mac: self.from.1,
            destination_mac: self.to.1,
            source: self.from.0,
            destination: self.to.0,
            hop_limit: 255,
            protocol: ip_protocol::UDP,
            ports: Some((PORT, PORT)),
            ip_header: &[],
            payload: &self.payload,
        }
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
