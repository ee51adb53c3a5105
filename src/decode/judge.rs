//! What takes more than one frame to see: members of a group that disagree, numbers that go back, addresses that two
//! stations claim. Whatever is remembered is bounded.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::dissect::{Dissection, Problem, Value};
use fhrp::{Family, Mac, Received};
use foldhash::fast::RandomState;

use super::Scope;
use super::recent::Recent;
use super::virtuals::{About, Virtuals};
use crate::capture::neighbour::Neighbour;

/// Groups remembered.
const GROUPS: usize = 2_048;
/// Members remembered of a group.
const MEMBERS: usize = 8;
/// Addresses kept to be named in a problem; all of them count in comparisons.
const NAMED: usize = 4;
/// Two of CARP's counters that are farther apart have nothing to do with each other.
const RANDOM: u64 = 1 << 48;
/// Priority of a router that owns the addresses. RFC 9568 §5.2.4.
const OWNER: u8 = 255;

/// Everything remembered of groups.
pub(super) struct Judge {
    groups: Recent<(Scope, &'static str, u16, Family), Group>,
    hashes: RandomState,
}

#[derive(Default)]
struct Group {
    /// The one heard last is last.
    members: Vec<Member>,
    /// The highest number in an Authentication Header: all members share them.
    shared: Option<u64>,
}

/// A router, in one version of the protocol.
#[derive(Debug, Clone)]
struct Member {
    source: IpAddr,
    version: Option<u8>,
    /// Its own MAC, if it speaks from one.
    mac: Option<Mac>,
    is_owner: bool,
    counter: Option<u64>,
    settings: Settings,
}

/// What all members must have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Settings {
    interval: Option<Duration>,
    hello: Option<Duration>,
    hold: Option<Duration>,
    authentication: Option<&'static str>,
    /// Of the addresses, whatever their order; `None` if it names none.
    addresses: Option<u64>,
    named: Vec<IpAddr>,
}

impl Judge {
    pub(super) fn new() -> Judge {
        Judge { groups: Recent::new(GROUPS), hashes: RandomState::default() }
    }

    /// Judges a frame beside those before it, and remembers it if a router would obey it.
    pub(super) fn hears(
        &mut self,
        scope: Scope,
        received: &Received<'_>,
        shown: &mut Dissection,
        virtuals: &mut Virtuals,
    ) {
        let Some(number) = shown.group else { return };
        if !shown.is_valid() {
            return;
        }
        let about = About { protocol: shown.protocol, group: number };
        for address in shown.addresses.iter().take(usize::from(u8::MAX)) {
            if let Some(other) = virtuals.learn(scope, *address, about) {
                let text = format!("{address} is an address of {} {} too", other.protocol, other.group);
                shown.problems.push(Problem::remark("address-conflicts", text, "one address, one group"));
            }
        }
        let own_mac = Some(received.source_mac)
            .filter(|mac| *mac != Mac::default() && virtuals.group_of_mac(scope, *mac).is_none());
        let key = (scope, shown.protocol, number, Family::of(received.source));
        let group = self.groups.entry(key, Group::default);
        let place = group.bring_last(received.source, shown.version, || Settings::of(shown, &self.hashes));
        let Some((member, others)) = group.members.get_mut(..=place).and_then(<[Member]>::split_last_mut)
        else {
            return;
        };
        if !member.settings.is_of(shown, &self.hashes) {
            member.settings = Settings::of(shown, &self.hashes);
        }
        member.is_owner = shown.protocol == "vrrp" && shown.priority == Some(OWNER);
        if let Some(other) = others.iter().rev().find(|other| other.version == member.version) {
            member.compare(other, shown);
        }
        member.judge_mac(own_mac, &mut shown.problems);
        member.judge_counter(number_of(shown, "counter"), &mut shown.problems);
        judge_sequence(&mut group.shared, &mut member.counter, shown);
    }

    /// Judges a message of ARP or Neighbour Discovery about a virtual address.
    pub(super) fn judge_claim(
        &self,
        scope: Scope,
        said: &Neighbour,
        about: About,
        virtuals: &Virtuals,
    ) -> Option<Problem> {
        let by_mac = virtuals.group_of_mac(scope, said.mac);
        let is_theirs = by_mac.is_some_and(|by_mac| by_mac == about);
        let key = (scope, about.protocol, about.group, Family::of(said.about));
        let members = &self.groups.look(&key)?.members;
        let is_member = members.iter().any(|member| member.mac == Some(said.mac));
        if !said.is_claim() || is_theirs || is_member {
            return None;
        }
        let whose = match by_mac {
            Some(other) => format!("which belongs to {} {}", other.protocol, other.group),
            None => "which is neither virtual nor a member's".to_owned(),
        };
        let text = format!("{} is said to be at {}, {whose}", said.about, said.mac);
        let rule = if said.about.is_ipv4() { "RFC 5227 §2.4" } else { "RFC 4862 §5.4" };
        Some(Problem::remark("address-conflicts", text, rule))
    }
}

impl Group {
    /// Makes a member the latest, and says where it stands then; forgets one if there are too many.
    fn bring_last(
        &mut self,
        source: IpAddr,
        version: Option<u8>,
        settings: impl FnOnce() -> Settings,
    ) -> usize {
        let is_it = |member: &Member| member.source == source && member.version == version;
        match self.members.iter().rposition(is_it) {
            Some(place) => {
                if let Some(later) = self.members.get_mut(place..) {
                    later.rotate_left(1);
                }
            }
            None => {
                if self.members.len() >= MEMBERS {
                    self.members.remove(0);
                }
                self.members.push(Member {
                    source,
                    version,
                    mac: None,
                    is_owner: false,
                    counter: None,
                    settings: settings(),
                });
            }
        }
        self.members.len() - 1
    }
}

/// The numbers of VRRP's proofs: those of an Authentication Header are shared by the members, those of an HMAC trailer
/// are each sender's own.
fn judge_sequence(shared: &mut Option<u64>, own: &mut Option<u64>, shown: &mut Dissection) {
    let Some(number) = number_of(shown, "sequence") else { return };
    let is_shared = shown.authentication.as_ref().is_some_and(|proof| proof.kind == "ah");
    let last = if is_shared { shared } else { own };
    match *last {
        Some(last) if number <= last => {
            let text = format!("sequence number {number}, must be above {last}: a replay, or a restart");
            let rule = if is_shared { "RFC 2402 §3.4.3" } else { "auth_hmac of keepalived 2.4" };
            shown.problems.push(Problem::refusal("replays", text, rule));
        }
        Some(_) | None => *last = Some(number),
    }
}

impl Settings {
    fn of(shown: &Dissection, hashes: &RandomState) -> Settings {
        Settings {
            interval: shown.interval,
            hello: shown.hello,
            hold: shown.hold,
            authentication: shown.authentication.as_ref().map(|proof| proof.kind),
            addresses: set_of(&shown.addresses, hashes),
            named: shown.addresses.iter().copied().take(NAMED).collect(),
        }
    }

    fn is_of(&self, shown: &Dissection, hashes: &RandomState) -> bool {
        let named = shown.addresses.get(..shown.addresses.len().min(NAMED)).unwrap_or_default();
        (self.interval, self.hello, self.hold) == (shown.interval, shown.hello, shown.hold)
            && self.authentication == shown.authentication.as_ref().map(|proof| proof.kind)
            && self.named == named
            && (shown.addresses.len() <= NAMED || self.addresses == set_of(&shown.addresses, hashes))
    }
}

/// A number for a set of addresses; the same for every order of them.
fn set_of(addresses: &[IpAddr], hashes: &RandomState) -> Option<u64> {
    let named = addresses.iter().filter(|ip| !ip.is_unspecified());
    let sum = |sum: u64, ip: &IpAddr| sum.wrapping_add(hashes.hash_one(ip));
    named.clone().next().is_some().then(|| named.fold(0, sum))
}

impl Member {
    /// Names what differs from another member. Two that disagree accuse each other: which one is wrong, a capture
    /// does not show.
    fn compare(&self, other: &Member, shown: &mut Dissection) {
        let from = other.source;
        let rule = match (shown.protocol, shown.version) {
            ("vrrp", Some(2)) => "RFC 3768 §7.1",
            ("vrrp", _) => "RFC 9568 §7.1",
            _ => "members of a group are configured alike",
        };
        // RFC 3768 §7.1 wants both equal, and believes the owner about its own addresses.
        let is_strict = rule == "RFC 3768 §7.1";
        let mut say = |name, text: String, refused| {
            shown.problems.push(Problem { name, text, rule, refused });
        };
        let (ours, theirs) = (&self.settings, &other.settings);
        // CARP's intervals are its priorities: they differ on purpose.
        if shown.protocol != "carp"
            && let Some((one, another)) = differ(ours.interval, theirs.interval)
        {
            let text = format!("interval {one:?} here, {another:?} from {from}");
            say("advertise-interval-errors", text, is_strict);
        }
        if let Some((one, another)) = differ(ours.hello, theirs.hello) {
            say("hello-time-errors", format!("hello time {one:?} here, {another:?} from {from}"), false);
        }
        if let Some((one, another)) = differ(ours.hold, theirs.hold) {
            say("hold-time-errors", format!("hold time {one:?} here, {another:?} from {from}"), false);
        }
        if differ(ours.addresses, theirs.addresses).is_some() {
            let text = format!("addresses {} here, {} from {from}", list(&ours.named), list(&theirs.named));
            say("address-list-errors", text, is_strict && !self.is_owner);
        }
        if let Some((one, another)) = differ(ours.authentication, theirs.authentication) {
            let text = format!("authentication {one} here, {another} from {from}");
            say("authentication-type-mismatch", text, true);
        }
        if self.is_owner && other.is_owner {
            let text = format!("priority 255 here and from {from}: both claim to own the addresses");
            say("owner-conflicts", text, false);
        }
    }

    /// Of two stations with one address each speaks from a MAC of its own. A member may change between its own and
    /// the virtual one.
    fn judge_mac(&mut self, now: Option<Mac>, problems: &mut Vec<Problem>) {
        if let Some((before, now)) = differ(self.mac, now) {
            let text = format!(
                "{} speaks from {now}, and spoke from {before}: two routers with one address, or a changed MAC",
                self.source
            );
            problems.push(Problem::remark("duplicate-addresses", text, "RFC 5227 §2.4"));
        }
        self.mac = now.or(self.mac);
    }

    /// CARP's. It may stand still, and whoever hears nobody counts at random; where it goes back by a little, a frame was
    /// heard before or a router was started again.
    fn judge_counter(&mut self, now: Option<u64>, problems: &mut Vec<Problem>) {
        let Some(now) = now else { return };
        let went_back = |before: &u64| now < *before && *before - now < RANDOM;
        if let Some(before) = self.counter.filter(went_back) {
            let text = format!("counter {now:016x} after {before:016x}: a replay, or a router started again");
            problems.push(Problem::remark("replays", text, "OpenBSD ip_carp.c, sc_counter"));
        }
        self.counter = Some(now);
    }
}

/// Both, if both are known and they are not the same.
fn differ<T: PartialEq>(one: Option<T>, another: Option<T>) -> Option<(T, T)> {
    one.zip(another).filter(|(one, another)| one != another)
}

fn list(addresses: &[IpAddr]) -> String {
    addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
}

/// A detail that is a number.
fn number_of(shown: &Dissection, name: &str) -> Option<u64> {
    let (_, value) = shown.details.iter().find(|(known, _)| *known == name)?;
    match value {
        Value::Number(number) => Some(*number),
        Value::Digits(digits) => Some(digits.number),
        _ => None,
    }
}
