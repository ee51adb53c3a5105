//! One group: its members, the contests for its roles, and what is wrong with it.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use fhrp::Family;

use super::Heard;
use super::contest::{Contest, Scene};
use super::member::Member;
use super::reading::{Part, Reading, Stance, Statement, read};
use super::story::{Event, Finding, GroupStory, What};

/// Most routers of a group: a LAN has fewer, a flood of forged sources more.
const MEMBERS: usize = 64;
/// What a flood does not bring about: so many routers of a group at most, and so many frames of each of them.
const PROVEN_MEMBERS: usize = 4;
const PROOF: u64 = 50;
/// Most events, and most spans of a member, that are kept of a group.
const EVENTS: usize = 20_000;
/// Most findings that are kept of a group.
const FINDINGS: usize = 1_000;
/// Most roles: a gateway and its forwarders, of which GLBP has four.
const ROLES: usize = 16;
/// Most announcements that are remembered.
const ANNOUNCEMENTS: usize = 64;
/// How long after a take-over an announcement belongs to it.
const ANNOUNCED_WITHIN: u64 = 1_000_000_000;

/// What there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Whoever comes.
    Anybody,
    /// Only what happens to those who are there, and to groups that have been for long.
    Known,
    /// Nothing more.
    Nothing,
}

/// Which group it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The number of the interface it was captured on, if each of them is a network of its own.
    pub interface: Option<u32>,
    /// The VLAN it lives in, if frames were tagged.
    pub vlan: Option<u16>,
    /// Its protocol.
    pub protocol: &'static str,
    /// Its address family.
    pub family: Family,
    /// Its number.
    pub group: u16,
}

/// A group, as far as it has been heard.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<IpAddr, Member>,
    contests: BTreeMap<Part, Contest>,
    events: Vec<Event>,
    /// By member and problem, or by pair and setting.
    findings: BTreeMap<(String, Vec<IpAddr>), Finding>,
    /// The latest announcements: who has the role is often known only after them.
    announced: VecDeque<u64>,
    refused: u64,
    left_out: u64,
    /// Octets of the words behind changes of settings.
    words: usize,
    /// As it was weighed last.
    weight: usize,
}

impl Group {
    /// A frame for this group. Says whether its sender says something new of its settings.
    pub(super) fn hear(&mut self, protocol: &'static str, heard: &Heard<'_>, room: Room) -> bool {
        let is_news = self.follow(protocol, heard, room);
        self.judge(heard, room);
        is_news
    }

    /// Octets that it takes, more or less, as of when it was weighed last.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Weighs it: a few steps for each member, whatever happened to them.
    pub(super) fn weigh(&mut self) -> usize {
        /// A map has room for eleven from the beginning.
        const MAPS: usize = 11 * (size_of::<(IpAddr, Member)>() + size_of::<(Part, Contest)>());
        // Behind each event and finding there are a few words.
        let events = self.events.len() * size_of::<Event>() * 2;
        let findings = self.findings.len() * size_of::<Finding>() * 3;
        let members = self.members.values().map(Member::weight).sum::<usize>();
        let contests = self.contests.values().map(Contest::weight).sum::<usize>();
        self.weight = size_of::<Self>() + MAPS + self.words + events + findings + members + contests;
        self.weight
    }

    /// What the frame says of roles and settings.
    fn follow(&mut self, protocol: &'static str, heard: &Heard<'_>, room: Room) -> bool {
        self.expire(protocol, heard.at_ns, heard.frame);
        let Some(reading) = read(heard.dissection) else { return false };
        let is_new = !self.members.contains_key(&heard.source);
        if is_new && !self.lets_in(room) || room == Room::Nothing || self.events.len() >= EVENTS {
            self.left_out += 1;
            return false;
        }
        let member = self.members.entry(heard.source).or_insert_with(|| Member::new(heard.at_ns));
        let silences = std::mem::take(&mut member.silences);
        let (changes, any) = member.hear(heard);
        if member.spans() > EVENTS {
            self.left_out += 1;
            return any;
        }
        silences.iter().for_each(|place| self.returned(*place, heard.at_ns));
        for (setting, before, now) in changes {
            self.words += before.len() + now.len();
            let what = What::Setting { who: heard.source, setting, before, now };
            self.events.push(Event { at_ns: heard.at_ns, frame: heard.frame, part: Part::Gateway, what });
        }
        if any {
            self.compare(protocol, heard);
        }
        let mut quiet = silences.is_empty() && !is_new;
        for statement in self.told(&reading, heard) {
            if self.contests.len() >= ROLES && !self.contests.contains_key(&statement.part) {
                self.left_out += 1;
                continue;
            }
            let contest = self.contests.entry(statement.part).or_insert_with(|| Contest::new(statement.part));
            let held = contest.holds(heard.source);
            let mut scene = Scene {
                protocol,
                members: &mut self.members,
                events: &mut self.events,
                frame: heard.frame,
                left_out: &mut self.left_out,
            };
            contest.hear(&mut scene, heard.at_ns, heard.source, &statement, reading.patience);
            quiet &= contest.is_settled() && held == (statement.stance == Stance::Holds);
        }
        self.beat(heard, quiet, reading.every);
        self.attribute(heard.at_ns);
        any
    }

    /// Whether one more router is to be remembered. In a flood it is if it comes to a group that has proved to be one.
    fn lets_in(&self, room: Room) -> bool {
        let is_proven = || {
            !self.members.is_empty()
                && self.members.values().all(|member| member.frames() >= PROOF)
                && self.members.len() < PROVEN_MEMBERS
        };
        match room {
            Room::Anybody => self.members.len() < MEMBERS,
            Room::Known => is_proven(),
            Room::Nothing => false,
        }
    }

    /// What the frame says, and what it says by being silent of it.
    fn told(&self, reading: &Reading, heard: &Heard<'_>) -> Vec<Statement> {
        let who = heard.source;
        if self.is_superseded(heard) && !reading.statements.iter().any(|said| said.stance == Stance::Resigns)
        {
            return Vec::new();
        }
        let named = |part: Part| reading.statements.iter().any(|statement| statement.part == part);
        let dropped = self
            .contests
            .iter()
            .filter(|(part, contest)| reading.complete && contest.holds(who) && !named(**part));
        let lets_go = |part: Part| Statement {
            part,
            stance: Stance::StandsBy,
            word: "listen",
            coup: false,
            rank: None,
        };
        let dropped = dropped.map(|(part, _)| lets_go(*part));
        reading.statements.iter().copied().chain(dropped).collect()
    }

    /// Whether its sender says the same in a newer version as well: then this says nothing of time or roles.
    /// RFC 9568 §8.4.
    fn is_superseded(&self, heard: &Heard<'_>) -> bool {
        let said = self.members.get(&heard.source).and_then(Member::said);
        said.is_some_and(|said| said.version > heard.dissection.version)
    }

    /// Regularity counts while nothing happens.
    fn beat(&mut self, heard: &Heard<'_>, quiet: bool, every: Option<Duration>) {
        if self.is_superseded(heard) {
            return;
        }
        let Some(member) = self.members.get_mut(&heard.source) else { return };
        if !quiet {
            member.cadence.pause();
        }
        member.cadence.beat(heard.at_ns, every);
    }

    /// What the frame itself shows to be wrong.
    fn judge(&mut self, heard: &Heard<'_>, room: Room) {
        for problem in &heard.dissection.problems {
            let key = (problem.name.to_owned(), vec![heard.source]);
            let has_room = match room {
                Room::Anybody => true,
                Room::Known => self.members.contains_key(&heard.source),
                Room::Nothing => false,
            };
            let is_full = !has_room || self.findings.len() >= FINDINGS;
            if is_full && !self.findings.contains_key(&key) {
                self.left_out += 1;
                continue;
            }
            let finding = self.findings.entry(key).or_insert_with(|| Finding {
                name: problem.name.to_owned(),
                text: problem.text.clone(),
                rule: problem.rule,
                refused: problem.refused,
                who: vec![heard.source],
                first_ns: heard.at_ns,
                first_frame: heard.frame,
                count: 0,
            });
            finding.count += 1;
        }
        let refusal = heard.dissection.problems.iter().find(|problem| problem.refused);
        self.refused += u64::from(refusal.is_some());
        if let (Some(problem), Some(member)) = (refusal, self.members.get_mut(&heard.source)) {
            member.refused += 1;
            member.refusal = Some((heard.at_ns, problem.text.clone()));
        }
    }

    /// What does not go together with what other members say, beyond what each frame was judged for.
    fn compare(&mut self, protocol: &str, heard: &Heard<'_>) {
        let Some(one) = self.members.get(&heard.source) else { return };
        for (address, other) in &self.members {
            if *address == heard.source {
                continue;
            }
            for found in one.disagreements(other, protocol).into_iter().filter(|found| !found.judged) {
                if self.findings.len() >= FINDINGS {
                    self.left_out += 1;
                    return;
                }
                let mut who = vec![heard.source, *address];
                who.sort_unstable();
                let text = found.sentence(heard.source, *address);
                let name = format!("{}-mismatch", found.setting.replace(' ', "-"));
                self.findings.entry((name.clone(), who.clone())).or_insert_with(|| Finding {
                    name,
                    text,
                    rule: found.rule,
                    refused: found.refused,
                    who,
                    first_ns: heard.at_ns,
                    first_frame: heard.frame,
                    count: 1,
                });
            }
        }
    }

    fn returned(&mut self, place: usize, at: u64) {
        if let Some(event) = self.events.get_mut(place) {
            let began = event.at_ns;
            if let What::Silence { length_ns, returned, .. } = &mut event.what {
                (*length_ns, *returned) = (at.saturating_sub(began), true);
            }
        }
    }

    fn expire(&mut self, protocol: &'static str, now: u64, frame: u64) {
        for contest in self.contests.values_mut() {
            let mut scene = Scene {
                protocol,
                members: &mut self.members,
                events: &mut self.events,
                frame,
                left_out: &mut self.left_out,
            };
            contest.expire(&mut scene, now);
        }
    }

    /// Somebody announces one of its addresses to the hosts.
    pub(super) fn announced(&mut self, at: u64) {
        if self.announced.len() >= ANNOUNCEMENTS {
            self.announced.pop_front();
        }
        self.announced.push_back(at);
        self.attribute(at);
    }

    /// The first announcement behind a take-over belongs to it.
    fn attribute(&mut self, now: u64) {
        for contest in self.contests.values_mut() {
            let Some(event) = contest.taken.and_then(|place| self.events.get_mut(place)) else { continue };
            let taken = event.at_ns;
            let (What::TakeOver(change) | What::Election(change)) = &mut event.what else {
                contest.taken = None;
                continue;
            };
            let until = taken.saturating_add(ANNOUNCED_WITHIN);
            let found = self.announced.iter().find(|at| (taken..until).contains(*at));
            change.announced_ns = found.map(|at| at - taken);
            if found.is_some() || now > until {
                contest.taken = None;
            }
        }
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// The capture is over.
    pub(super) fn story(mut self, key: Key, end: u64, frame: u64) -> GroupStory {
        for contest in self.contests.values_mut() {
            let mut scene = Scene {
                protocol: key.protocol,
                members: &mut self.members,
                events: &mut self.events,
                frame,
                left_out: &mut self.left_out,
            };
            contest.finish(&mut scene, end);
        }
        self.attribute(end);
        for member in self.members.values() {
            // A silence that lasts is as long as the capture.
            for place in &member.silences {
                let Some(event) = self.events.get_mut(*place) else { continue };
                let began = event.at_ns;
                if let What::Silence { length_ns, .. } = &mut event.what {
                    *length_ns = end.saturating_sub(began);
                }
            }
        }
        self.events.sort_by_key(|event| event.at_ns);
        GroupStory {
            protocol: key.protocol,
            group: key.group,
            family: key.family,
            interface: key.interface,
            vlan: key.vlan,
            members: self.members.into_iter().map(|(address, member)| member.story(address, end)).collect(),
            events: self.events,
            findings: self.findings.into_values().collect(),
        }
    }
}

/// The key of the group that a frame belongs to; `None` if its number could not be read.
pub fn key_of(heard: &Heard<'_>) -> Option<Key> {
    Some(Key {
        interface: heard.interface,
        vlan: heard.vlan,
        protocol: heard.dissection.protocol,
        family: Family::of(heard.source),
        group: heard.dissection.group?,
    })
}
