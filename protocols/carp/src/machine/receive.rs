//! The checks an advertisement has to pass before it is obeyed, in order: integrity before meaning. OpenBSD ip_carp.c,
//! carp_proto_input.
//!
//! Whatever fails is counted under its own name, and its sender stands in the list of neighbours with the rule it broke.

use std::net::IpAddr;

use fhrp::counters::Counted;
use fhrp::{Context, Instant, Note, Received};

use super::compare::Claim;
use super::{State, VirtualHost};
use crate::config::{Counting, Destination, Peer};
use crate::counters::Count;
use crate::judge::judge;
use crate::seal::Unbelieved;
use crate::vmac::ucarp_mac;
use crate::wire::{self, Advertisement};

/// An advertisement that passed.
pub(super) struct Heard {
    /// When it arrived.
    pub(super) at: Instant,
    /// Who sent it.
    pub(super) source: IpAddr,
    /// How well its sender says it is.
    pub(super) claim: Claim,
    /// Whether its sender takes its leave.
    pub(super) says_goodbye: bool,
    /// Whether its sender is ucarp, which decides ties in its own way.
    pub(super) is_ucarp: bool,
}

/// Why a frame is not obeyed.
struct Refusal {
    counter: &'static str,
    reason: String,
}

impl Refusal {
    fn new(count: Count, reason: impl Into<String>) -> Self {
        Refusal { counter: count.name(), reason: reason.into() }
    }
}

impl VirtualHost {
    /// A frame for this virtual host.
    pub(super) fn hears(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        if !self.started {
            return;
        }
        // The kernel's time stamp cannot lie in the future of this turn; a replayed one might.
        let received = Received { at: received.at.min(context.now), ..*received };
        match self.judges(&received, context.now) {
            Ok(advertisement) => self.accepts(context, &received, &advertisement),
            Err(refusal) => self.refuses(context, &received, &refusal),
        }
    }

    fn accepts(&mut self, context: &mut Context<'_>, received: &Received<'_>, advertisement: &Advertisement) {
        self.counters.bump(Count::AdvertisementsReceived);
        let says_goodbye = advertisement.says_goodbye();
        if says_goodbye {
            self.counters.bump(Count::GoodbyesReceived);
        }
        let differs = self.differs(advertisement);
        let text = differs.join("; ");
        let (habits, news) = self.neighbours.obeyed(received, None, differs);
        if !says_goodbye {
            habits.reads(advertisement);
        }
        if news && !text.is_empty() {
            let about = Some(received.source);
            context.note(Note::Remark { name: "mismatch", about, text });
        }
        let heard = Heard {
            at: received.at,
            source: received.source,
            claim: Claim { interval: advertisement.said_interval(), demote: advertisement.demote },
            says_goodbye,
            is_ucarp: received.source_mac == ucarp_mac(self.config.vhid),
        };
        match &self.state {
            State::Init => {}
            State::Backup(_) => self.backup_hears(context, &heard),
            State::Master(_) => self.master_hears(context, &heard),
            State::Leaving(_) => self.leaving_hears(context, &heard),
        }
    }

    /// Settings that may differ, and are a mistake nearly always.
    fn differs(&self, advertisement: &Advertisement) -> Vec<String> {
        let (theirs, ours) = (advertisement.advbase, self.config.interval.base);
        let differs = theirs != ours && !advertisement.says_goodbye();
        differs.then(|| format!("advbase {theirs}, ours is {ours}")).into_iter().collect()
    }

    fn refuses(&mut self, context: &mut Context<'_>, received: &Received<'_>, refusal: &Refusal) {
        let Refusal { counter, reason } = refusal;
        let (at, from) = (received.at, received.source);
        self.counters.bump_name(counter);
        self.neighbours.refused(received, None, reason);
        context.note(Note::Refused { from, counter, reason: reason.clone() });
        // Our own frame come back claims nothing, nor does what somebody repeats; and several sets of unicast peers may
        // share a VHID.
        let claims = ![Count::Looped, Count::Replays, Count::UnknownPeer].map(Count::name).contains(counter);
        if claims {
            self.notices_rival(context, at, from, format!("is discarded: {reason}"));
        }
    }

    fn judges(&mut self, received: &Received<'_>, now: Instant) -> Result<Advertisement, Refusal> {
        if self.sources.contains(&received.source) || self.is_ours(received.source) {
            let reason = "our own address: a loop, or somebody else uses it";
            return Err(Refusal::new(Count::Looped, reason));
        }
        let peer = self.expects(received)?;
        let heard = wire::parse(received.payload)
            .map_err(|error| Refusal { counter: error.counter(), reason: error.to_string() })?;
        let on_link = peer.is_none_or(|peer| !peer.is_routed);
        judge(received, &heard.advertisement, on_link)
            .map_err(|refusal| Refusal { counter: refusal.counter(), reason: refusal.to_string() })?;
        if heard.advertisement.vhid != self.config.vhid {
            let reason = format!("VHID {}, ours is {}", heard.advertisement.vhid, self.config.vhid);
            return Err(Refusal::new(Count::VhidErrors, reason));
        }
        let former = self.former.as_ref().filter(|(_, until)| *until > now);
        let fits = self.guard.admit(&heard).is_ok()
            || former.is_some_and(|(former, _)| former.admit(&heard).is_ok());
        if !fits {
            return Err(Refusal::new(Count::AuthenticationFailures, self.why_it_cannot_be_proven()));
        }
        self.believes_counter(&heard.advertisement)?;
        Ok(heard.advertisement)
    }

    fn is_ours(&self, source: IpAddr) -> bool {
        self.link.as_ref().is_some_and(|link| link.has(source))
    }

    /// Whether it came to where it should, and the peer that it is from. OpenBSD offers multicast and unicast each to the
    /// virtual hosts that are set so alone.
    fn expects(&self, received: &Received<'_>) -> Result<Option<Peer>, Refusal> {
        match &self.config.destination {
            Destination::Multicast { v4, v6 } => {
                let group = if received.source.is_ipv4() { v4 } else { v6 };
                if received.destination == *group {
                    return Ok(None);
                }
                let reason = format!("sent to {}, must be {group}", received.destination);
                Err(Refusal::new(Count::DestinationErrors, reason))
            }
            Destination::Peers(peers) => {
                let peer = peers.iter().find(|peer| peer.address == received.source);
                peer.copied()
                    .map(Some)
                    .ok_or_else(|| Refusal::new(Count::UnknownPeer, "not one of the configured peers"))
            }
        }
    }

    /// The addresses are nowhere in the message, so nobody can say what differs; but ours can be said.
    fn why_it_cannot_be_proven(&self) -> String {
        let addresses: Vec<String> =
            self.config.addresses.iter().map(|address| address.ip.to_string()).collect();
        format!(
            "the digest does not match: another password, somebody else's VHID, or other addresses than {}",
            addresses.join(", ")
        )
    }

    fn believes_counter(&mut self, advertisement: &Advertisement) -> Result<(), Refusal> {
        match self.config.counting {
            Counting::Cookie if Some(advertisement.counter) == self.cookie => {
                Err(Refusal::new(Count::Looped, "our own counter: a loop, or somebody repeats what we said"))
            }
            Counting::Cookie => Ok(()),
            Counting::Sealed => self.stamps.admit(advertisement).map_err(|unbelieved| {
                let count = match unbelieved {
                    Unbelieved::Unsealed => Count::Unsealed,
                    Unbelieved::Replay | Unbelieved::FromBefore => Count::Replays,
                };
                Refusal::new(count, unbelieved.to_string())
            }),
        }
    }
}
