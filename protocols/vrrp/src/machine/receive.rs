//! The checks a frame has to pass before it is obeyed, in order: integrity before meaning. RFC 9568 §7.1,
//! RFC 3768 §7.1.
//!
//! Whatever fails is counted under its own name, and its sender stands in the list of neighbours with the
//! rule it broke.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::counters::Counted;
use fhrp::{Context, Family, Instant, Note, Received, address};

use super::alarms::TWO_OWNERS;
use super::timers::spell;
use super::{State, VirtualRouter};
use crate::config::{AcceptChecksum, OWNER_PRIORITY, OnMismatch, SendChecksum, Versions};
use crate::counters::Count;
use crate::neighbours::{form_name, speaks_version_three};
use crate::wire::{self, Advertisement, ChecksumForm, Heard, Version};

/// TTL of an advertisement on the link.
const ON_LINK: u8 = 255;

/// Why a frame is not obeyed.
struct Refusal {
    counter: &'static str,
    reason: String,
}

impl Refusal {
    fn new(count: Count, reason: String) -> Self {
        Refusal { counter: count.name(), reason }
    }
}

/// A frame that passed.
struct Passed {
    advertisement: Advertisement,
    /// Where there is a choice: version 3 over IPv4.
    checksum: Option<ChecksumForm>,
    /// Settings that differ from ours and may.
    differs: Vec<String>,
}

impl VirtualRouter {
    /// A frame for this virtual router.
    pub(super) fn hears(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        if !self.started {
            return;
        }
        // The kernel's time stamp cannot lie in the future of this turn; a replayed one might.
        let received = Received { at: received.at.min(context.now), ..*received };
        match self.judge(&received, context.wall) {
            Ok(passed) if self.is_superseded(&passed.advertisement, &received) => {
                self.counters.bump(Count::VersionTwoIgnored);
            }
            Ok(passed) => self.accepts(context, &received, passed),
            Err(refusal) => self.refuses(context, &received, &refusal),
        }
    }

    /// While both versions are spoken, version 2 of a router that also speaks version 3 says nothing new.
    /// RFC 9568 §8.4.
    fn is_superseded(&self, advertisement: &Advertisement, received: &Received<'_>) -> bool {
        self.config.versions == Versions::Both
            && advertisement.version == Version::V2
            && speaks_version_three(&self.neighbours, received.source, received.at)
    }

    fn accepts(&mut self, context: &mut Context<'_>, received: &Received<'_>, passed: Passed) {
        let Passed { advertisement, checksum, differs } = passed;
        let (at, source) = (received.at, received.source);
        self.counters.bump(Count::AdvertisementsReceived);
        if advertisement.priority == 0 {
            self.counters.bump(Count::PriorityZeroReceived);
        }
        let text = differs.join("; ");
        let (habits, news) = self.neighbours.obeyed(received, advertisement.priority, differs);
        habits.reads(received.at, &advertisement, checksum);
        if news && !text.is_empty() {
            context.note(Note::Remark { name: "mismatch", about: Some(source), text });
        }
        if let Some(form) = checksum {
            self.learns_checksum(context, source, form);
        }
        if self.is_owner() && advertisement.priority == OWNER_PRIORITY {
            self.counters.bump(Count::OwnerConflicts);
            self.alarm_two_owners(context, at, source);
        }
        match &self.state {
            State::Initialize => {}
            State::Backup(_) => self.backup_hears(context, at, source, &advertisement),
            State::Active(_) => self.active_hears(context, at, source, &advertisement),
            State::Leaving(_) => self.leaving_hears(context, at, source, &advertisement),
        }
    }

    fn refuses(&mut self, context: &mut Context<'_>, received: &Received<'_>, refusal: &Refusal) {
        let Refusal { counter, reason } = refusal;
        let (at, from) = (received.at, received.source);
        let priority = wire::peek(received).map(|peek| peek.priority);
        self.counters.bump_name(counter);
        self.neighbours.refused(received, priority, reason);
        context.note(Note::Refused { from, counter, reason: reason.clone() });
        if *counter == Count::OwnerConflicts.name() {
            self.alarm_two_owners(context, at, from);
        }
        // Our own frame come back claims nothing, and several sets of unicast peers may share a VRID.
        let claims = ![Count::OwnAddress.name(), Count::UnknownPeer.name()].contains(counter);
        if claims && priority != Some(0) {
            self.notice_rival(context, at, from, format!("is discarded: {reason}"));
        }
    }

    /// What we send follows what is heard, where the configuration leaves it to us.
    fn learns_checksum(&mut self, context: &mut Context<'_>, source: IpAddr, form: ChecksumForm) {
        if form == ChecksumForm::PseudoHeader {
            self.counters.bump(Count::PseudoHeaderChecksums);
        }
        let before = self.heard_checksum.replace(form);
        let changes = before.unwrap_or(ChecksumForm::MessageOnly) != form;
        if changes && self.config.send_checksum == SendChecksum::AsHeard {
            let text = format!("{source} uses the {}: so does what we send", form_name(form));
            context.note(Note::Remark { name: "checksum-form", about: Some(source), text });
        }
    }

    fn alarm_two_owners(&mut self, context: &mut Context<'_>, at: Instant, source: IpAddr) {
        let reason = format!("{source} has priority 255 too: both claim the addresses as their own");
        self.alarms.raise(context, TWO_OWNERS, at, self.config.advertise_interval, reason);
    }

    fn judge(&mut self, received: &Received<'_>, wall: Duration) -> Result<Passed, Refusal> {
        self.check_envelope(received)?;
        let heard = wire::parse(received)
            .map_err(|error| Refusal { counter: error.counter(), reason: error.to_string() })?;
        self.check_checksum(&heard)?;
        let advertisement = &heard.advertisement;
        if advertisement.vrid != self.config.vrid {
            let reason = format!("VRID {}, ours is {}", advertisement.vrid, self.config.vrid);
            return Err(Refusal::new(Count::VridErrors, reason));
        }
        self.guard
            .admit(received, &heard, wall)
            .map_err(|refusal| Refusal { counter: refusal.counter(), reason: refusal.to_string() })?;
        let differs = self.check_settings(received, &heard)?;
        if self.is_version_two() && self.is_owner() && advertisement.priority == OWNER_PRIORITY {
            let reason = "priority 255, and this router owns the addresses".to_owned();
            return Err(Refusal::new(Count::OwnerConflicts, reason));
        }
        if !self.config.peers.is_empty() && self.peer_ttl(received.source).is_none() {
            return Err(Refusal::new(Count::UnknownPeer, "not one of the configured peers".to_owned()));
        }
        let choice = advertisement.version == Version::V3 && self.config.family == Family::Ipv4;
        let checksum = choice.then_some(heard.checksum);
        Ok(Passed { advertisement: heard.advertisement, checksum, differs })
    }

    /// Rows 1 to 3: our own echo, TTL, version.
    fn check_envelope(&mut self, received: &Received<'_>) -> Result<(), Refusal> {
        let source = received.source;
        if Some(source) == self.source || self.link.as_ref().is_some_and(|link| link.has(source)) {
            let reason = "our own address: a loop, or somebody else uses it".to_owned();
            return Err(Refusal::new(Count::OwnAddress, reason));
        }
        // Who is no peer is refused below as just that.
        let least = if self.config.peers.is_empty() { ON_LINK } else { self.peer_ttl(source).unwrap_or(0) };
        if received.hop_limit < least {
            let bound = if least == ON_LINK { "must be" } else { "must be at least" };
            let reason = format!("TTL {}, {bound} {least}", received.hop_limit);
            return Err(Refusal::new(Count::TtlErrors, reason));
        }
        let spoken: &[u8] = match self.config.versions {
            Versions::V2 => &[2],
            Versions::V3 => &[3],
            Versions::Both => &[2, 3],
        };
        match wire::peek(received) {
            Some(peek) if !spoken.contains(&peek.version) => {
                let ours = spoken.iter().map(u8::to_string).collect::<Vec<_>>().join(" and ");
                let reason = format!("version {}, ours is {ours}", peek.version);
                Err(Refusal::new(Count::VersionErrors, reason))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn peer_ttl(&self, source: IpAddr) -> Option<u8> {
        self.config.peers.iter().find(|peer| peer.address == source).map(|peer| peer.min_ttl)
    }

    fn check_checksum(&self, heard: &Heard<'_>) -> Result<(), Refusal> {
        if heard.advertisement.version == Version::V2 || self.config.family == Family::Ipv6 {
            return Ok(());
        }
        let wanted = match self.config.accept_checksum {
            AcceptChecksum::Both => return Ok(()),
            AcceptChecksum::MessageOnly => ChecksumForm::MessageOnly,
            AcceptChecksum::PseudoHeader => ChecksumForm::PseudoHeader,
        };
        if heard.checksum_fits(wanted) {
            return Ok(());
        }
        let (found, wanted) = (form_name(heard.checksum), form_name(wanted));
        Err(Refusal::new(Count::ChecksumErrors, format!("{found}, and only {wanted} is accepted")))
    }

    /// Rows 10 and 11: interval and addresses. Version 2 wants them equal, version 3 only says so.
    fn check_settings(&mut self, received: &Received<'_>, heard: &Heard<'_>) -> Result<Vec<String>, Refusal> {
        let advertisement = &heard.advertisement;
        let strict = self.is_version_two() && self.config.on_mismatch == OnMismatch::Discard;
        let mut differs = Vec::new();

        let (theirs, ours) = (advertisement.interval, self.interval_said_in(advertisement.version));
        if theirs != ours {
            let reason = format!("interval {}, ours is {}", spell(theirs), spell(ours));
            if strict && !self.config.learn_interval {
                return Err(Refusal::new(Count::AdvertiseIntervalErrors, reason));
            }
            self.counters.bump(Count::AdvertiseIntervalErrors);
            differs.push(reason);
        }
        if let Some(reason) = self.compare_addresses(&advertisement.addresses) {
            // RFC 3768 §7.1: the owner's word on its own addresses counts.
            if strict && advertisement.priority != OWNER_PRIORITY {
                return Err(Refusal::new(Count::AddressListErrors, reason));
            }
            self.counters.bump(Count::AddressListErrors);
            differs.push(reason);
        }
        if self.config.family == Family::Ipv6 {
            let first = advertisement.addresses.first();
            if let Some(first) = first.filter(|first| !address::is_link_local(**first)) {
                differs.push(format!("the first address is {first}, not a link-local one"));
            }
            if self.config.peers.is_empty() && !address::is_link_local(received.source) {
                differs.push("the source is not link-local".to_owned());
            }
        }
        if heard.old_unicast_checksum {
            differs.push("the checksum names the multicast group, as keepalived before 1.3.7".to_owned());
        }
        Ok(differs)
    }

    /// How two sets of addresses differ; their order does not count.
    fn compare_addresses(&self, theirs: &[IpAddr]) -> Option<String> {
        let own = self.config.addresses.iter().map(|address| address.ip);
        if theirs.iter().copied().eq(own.clone()) {
            return None;
        }
        let (theirs, own): (BTreeSet<_>, BTreeSet<_>) = (theirs.iter().copied().collect(), own.collect());
        let list = |set: Vec<&IpAddr>| set.into_iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        let without = list(own.difference(&theirs).collect());
        let besides = list(theirs.difference(&own).collect());
        match (without.is_empty(), besides.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("addresses without {without}")),
            (true, false) => Some(format!("addresses with {besides} besides ours")),
            (false, false) => Some(format!("addresses with {besides} instead of {without}")),
        }
    }
}
