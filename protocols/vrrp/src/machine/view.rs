//! What an operator is shown: one reason for everything, in the words of the log.

use fhrp::view::{Detail, Timer};
use fhrp::{Instant, Link, View};

use super::backup::Preemption;
use super::timers::{active_down_interval, skew_time, spell};
use super::{State, VirtualRouter};
use crate::config::Versions;
use crate::neighbours::form_name;
use crate::wire::Version;

impl VirtualRouter {
    pub(super) fn shows(&self, now: Instant) -> View {
        View {
            protocol: "vrrp",
            version: match self.config.versions {
                Versions::V2 => "2",
                Versions::V3 => "3",
                Versions::Both => "2+3",
            },
            id: u16::from(self.config.vrid),
            family: Some(self.config.family),
            state: self.state.name(),
            standing: self.state.standing(),
            since: self.since,
            reason: self.reason.clone(),
            priority: Some(self.priority()),
            configured_priority: Some(self.config.priority),
            active: match &self.state {
                State::Initialize => None,
                State::Backup(backup) => {
                    backup.active.filter(|(_, priority)| *priority != 0).map(|(address, _)| address)
                }
                State::Active(_) | State::Leaving(_) => self.source,
            },
            source: self.source,
            addresses: self.config.addresses.iter().chain(&self.config.excluded).copied().collect(),
            virtual_macs: self.config.virtual_mac.into_iter().collect(),
            forwarders: Vec::new(),
            clients: Vec::new(),
            timers: self.timers(now),
            counters: self.counters.view(),
            neighbours: self.neighbours.view(now),
            alarms: self.alarms.view(),
            details: self.details(now),
        }
    }

    fn timers(&self, now: Instant) -> Vec<Timer> {
        let (versions, own) = (self.config.versions, self.config.advertise_interval);
        let mut timers = Vec::new();
        let mut timer = |name, length, expires: Option<Instant>| {
            timers.push(Timer { name, length, remaining: expires.map(|at| now.until(at)) });
        };
        let next = match &self.state {
            State::Active(active) => Some(active.advert_at),
            State::Initialize | State::Backup(_) | State::Leaving(_) => None,
        };
        timer("advertise-interval", own, next);
        let backup = match &self.state {
            State::Backup(backup) => Some(backup),
            State::Initialize | State::Active(_) | State::Leaving(_) => None,
        };
        let interval = backup.map_or(own, |backup| backup.interval);
        let down = active_down_interval(versions, self.priority(), interval);
        timer("active-advertise-interval", interval, None);
        timer("skew-time", skew_time(versions, self.priority(), interval), None);
        timer("active-down-interval", down, backup.map(|backup| self.takeover_at(backup)));
        if let Some(Preemption::After(end)) = backup.map(|backup| backup.preemption) {
            timer("preempt-delay", self.config.preempt_delay, Some(end).filter(|end| *end > now));
        }
        if let Some(end) = self.startup_until.filter(|end| *end > now) {
            timer("startup-delay", self.config.startup_delay, Some(end));
        }
        if let State::Leaving(leaving) = &self.state {
            timer("hand-over", now.until(leaving.until()), Some(leaving.until()));
        }
        timers
    }

    fn details(&self, now: Instant) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value: String| details.push(Detail { name, value });
        tell("accept-mode", self.accept_mode().to_owned());
        tell("preempt-mode", self.preempt_mode());
        tell("authentication", self.guard.scheme().to_string());
        if self.config.versions != Versions::V2 {
            let forms = self.forms_sent(Version::V3, now).iter().map(|form| form_name(*form));
            tell("checksum", forms.collect::<Vec<_>>().join(" and "));
        }
        let mac = self.link.as_ref().map(|link: &Link| link.mac).unwrap_or_default();
        tell(
            "mac",
            match self.config.virtual_mac {
                Some(virtual_mac) => format!("{virtual_mac}, virtual"),
                None => format!("{mac}, the interface's own"),
            },
        );
        tell(
            "destination",
            match self.config.peers.as_slice() {
                [] => "multicast".to_owned(),
                peers => peers.iter().map(|peer| peer.address.to_string()).collect::<Vec<_>>().join(", "),
            },
        );
        tell(
            "source",
            match (self.source, self.config.source) {
                (None, _) => "none yet".to_owned(),
                (Some(source), Some(_)) => format!("{source}, as configured"),
                (Some(source), None) => format!("{source}, the interface's first that fits"),
            },
        );
        if let Some(mut refusal) = self.retry_at().map(|at| spell(now.until(at))) {
            refusal.insert_str(0, "in ");
            tell("next-try", refusal);
        }
        if matches!(self.state, State::Leaving(_)) {
            tell("leaving", "priority 0 sent; holding until a successor is heard".to_owned());
        }
        details
    }

    fn accept_mode(&self) -> &'static str {
        match (self.config.virtual_mac, self.is_owner(), self.config.accept) {
            (_, true, _) => "on: this router owns the addresses",
            (None, ..) => "on: the addresses are put on the interface",
            (Some(_), _, true) => "on",
            (Some(_), _, false) => "off: the addresses are routed through, but will not answer ping",
        }
    }

    fn preempt_mode(&self) -> String {
        let suspended =
            matches!(&self.state, State::Backup(backup) if backup.preemption == Preemption::Suspended);
        match (self.is_owner(), self.config.preempt, self.config.preempt_delay) {
            _ if suspended => "suspended: the role was handed over by command".to_owned(),
            (true, ..) => "on: this router owns the addresses".to_owned(),
            (false, false, _) => "off: a worse Active is left alone".to_owned(),
            (false, true, delay) if delay.is_zero() => "on".to_owned(),
            (false, true, delay) => format!("on, after {}", spell(delay)),
        }
    }
}
