//! What an operator is shown: what `show standby` shows an engineer of Cisco's, in this suite's words.

use fhrp::time::spell;
use fhrp::view::{Detail, Timer};
use fhrp::{Instant, View};

use super::{Known, Preemption, StandbyGroup, State};
use crate::config::{Preempt, Times};
use crate::vmac::virtual_mac;

impl StandbyGroup {
    pub(super) fn shows(&self, now: Instant) -> View {
        View {
            protocol: "hsrp",
            version: self.config.version.word(),
            id: self.config.group,
            family: Some(self.config.family),
            state: self.state.name(),
            standing: self.state.standing(),
            since: self.since,
            reason: self.reason.clone(),
            priority: Some(self.priority()),
            configured_priority: Some(self.config.priority),
            active: if self.state.holds() { self.source } else { self.active.map(|active| active.source) },
            source: self.source,
            addresses: self.config.addresses.iter().copied().chain(self.learnt_address).collect(),
            virtual_macs: self.config.virtual_mac.into_iter().collect(),
            forwarders: Vec::new(),
            clients: Vec::new(),
            timers: self.shown_timers(now),
            counters: self.counters.view(),
            neighbours: self.neighbours.view(now),
            alarms: self.alarms.view(),
            details: self.details(now),
        }
    }

    fn shown_timers(&self, now: Instant) -> Vec<Timer> {
        let Times { hello, hold } = self.times();
        let mut timers = Vec::new();
        let mut timer = |name, length, expires: Option<Instant>| {
            timers.push(Timer { name, length, remaining: expires.map(|at| now.until(at)) });
        };
        let next_hello = match &self.state {
            State::Speak(speak) => Some(speak.hello_at),
            State::Standby(standby) => Some(standby.hello_at),
            State::Active(active) => Some(active.hello_at),
            State::Initial | State::Learn | State::Listen(_) | State::Leaving(_) => None,
        };
        timer("hello-time", hello, next_hello);
        timer("hold-time", hold, None);
        let patience =
            |known: Option<Known>| known.and_then(|known| known.times).map_or(hold, |times| times.hold);
        timer("active-timer", patience(self.active), self.active_timer());
        timer("standby-timer", patience(self.standby), self.standby_timer());
        if let Some(end) = self.preempt_at() {
            let Preempt { delay, sync, .. } = self.config.preempt;
            timer("preempt-delay", if self.in_step { delay } else { delay.max(sync) }, Some(end));
        }
        if let Some(end) = self.delayed_until.filter(|end| *end > now) {
            timer("initial-delay", self.config.initial_delay.started, Some(end));
        }
        if let State::Leaving(leaving) = &self.state {
            timer("hand-over", super::roles::HAND_OVER, Some(leaving.until));
        }
        timers
    }

    fn details(&self, now: Instant) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value: String| details.push(Detail { name, value });
        let router = |known: Option<Known>, local: bool| match known {
            _ if local => "local".to_owned(),
            Some(Known { source, priority, mac, .. }) => format!("{source}, priority {priority}, from {mac}"),
            None => "unknown".to_owned(),
        };
        tell("active-router", router(self.active, self.state.holds()));
        tell("standby-router", router(self.standby, matches!(self.state, State::Standby(_))));
        tell("state-changes", self.changes.to_string());
        tell("preemption", self.preemption_in_words());
        tell("authentication", self.guard.scheme().to_string());
        tell("virtual-mac", self.mac_in_words());
        if let Some(times) = self.config.times {
            tell("configured-times", in_words(times));
        }
        if let Some(address) = self.learnt_address {
            tell("address", format!("{}, learnt from the active router", address.ip));
        }
        if let (State::Initial, Some(at)) = (&self.state, self.retry_at()) {
            tell("next-try", format!("in {}", spell(now.until(at))));
        }
        if matches!(self.state, State::Leaving(_)) {
            tell("leaving", "Resign sent; holding until a successor is heard".to_owned());
        }
        details
    }

    fn mac_in_words(&self) -> String {
        let usual = virtual_mac(self.config.version, self.config.family, self.config.group);
        match self.config.virtual_mac {
            None => "the interface's own (use-bia)".to_owned(),
            Some(mac) if Some(mac) == usual => {
                format!("{mac}, of version {}", self.config.version.number())
            }
            Some(mac) => format!("{mac}, as configured"),
        }
    }

    fn preemption_in_words(&self) -> String {
        let preempt = self.config.preempt;
        match (self.preemption, preempt.on) {
            (Preemption::Suspended, true) => "suspended: the role was handed over by command".to_owned(),
            (_, false) => "off: a worse active router is left alone".to_owned(),
            (_, true) => {
                let delay = (!preempt.delay.is_zero()).then(|| format!("after {}", spell(preempt.delay)));
                let sync = (!preempt.sync.is_zero() && !self.in_step)
                    .then(|| format!("after {} or as soon as what it needs is in step", spell(preempt.sync)));
                ["on".to_owned()].into_iter().chain(delay).chain(sync).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

/// Hello and hold time in words.
pub(super) fn in_words(times: Times) -> String {
    format!("hello {}, hold {}", spell(times.hello), spell(times.hold))
}
