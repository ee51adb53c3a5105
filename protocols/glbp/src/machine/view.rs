//! What an operator is shown: what `show glbp` shows an engineer of Cisco's, in this suite's words.

use fhrp::time::spell;
use fhrp::view::{self, Detail, Timer};
use fhrp::{Instant, View};

use super::forwarder::{Forwarder, ForwarderState, right};
use super::{GatewayGroup, HAND_OVER, Known, State};
use crate::config::{ClientCache, Preempt, Retirement, Times};

impl GatewayGroup {
    pub(super) fn shows(&self, now: Instant) -> View {
        View {
            protocol: "glbp",
            version: "1",
            id: self.config.group,
            family: Some(self.config.family),
            state: self.state.name(),
            standing: self.standing(),
            since: self.since,
            reason: self.reason.clone(),
            priority: Some(self.config.priority),
            configured_priority: Some(self.config.priority),
            active: if self.is_gateway() { self.source } else { self.active.map(|active| active.source) },
            source: self.source,
            addresses: self.config.addresses.iter().copied().chain(self.learnt_address).collect(),
            virtual_macs: self.forwarders.values().map(|forwarder| forwarder.mac).collect(),
            forwarders: self.shown_forwarders(now),
            clients: self.clients.view(self.config.client_cache, now),
            timers: self.shown_timers(now),
            counters: self.counters.view(),
            neighbours: self.neighbours.view(now),
            alarms: self.alarms.view(),
            details: self.details(now),
        }
    }

    fn shown_forwarders(&self, now: Instant) -> Vec<view::Forwarder> {
        self.forwarders
            .iter()
            .map(|(number, forwarder)| self.shown_forwarder(now, *number, forwarder))
            .collect()
    }

    fn shown_forwarder(&self, now: Instant, number: u8, forwarder: &Forwarder) -> view::Forwarder {
        let local = forwarder.is_active();
        let by = forwarder.by();
        let retirement = self.retirement();
        let home = forwarder.is_home();
        let expires = match &forwarder.state {
            ForwarderState::Listen(waiting) => Some(now.until(waiting.active_at)),
            ForwarderState::Initial | ForwarderState::Active => None,
        };
        let redirection = if home { retirement.redirect } else { now.until(forwarder.redirect_until) };
        view::Forwarder {
            number,
            state: forwarder.state.name(),
            changes: forwarder.changes,
            since: now.since(forwarder.since),
            mac: forwarder.mac,
            owner: forwarder.owner,
            own: forwarder.primary,
            active: if local { self.source } else { by.map(|by| by.source) },
            local,
            priority: if local { Some(right(forwarder.primary, self.low)) } else { by.map(|by| by.priority) },
            weighting: if local { Some(self.weighting()) } else { by.map(|by| by.weighting) },
            expires,
            preempts: forwarder.countdown.deadline().map(|at| now.until(at)),
            redirection: Some(redirection).filter(|_| !retirement.redirect.is_zero()),
            lifetime: if home { retirement.timeout } else { now.until(forwarder.lives_until) },
            hosts: forwarder.hosts,
        }
    }

    fn shown_timers(&self, now: Instant) -> Vec<Timer> {
        let (Times { hello, hold }, Retirement { redirect, timeout }) = (self.times(), self.retirement());
        let mut timers = Vec::new();
        let mut timer = |name, length, expires: Option<Instant>| {
            timers.push(Timer { name, length, remaining: expires.map(|at| now.until(at)) });
        };
        let next_hello = match &self.state {
            State::Disabled | State::Initial | State::Leaving(_) => None,
            State::Listen(listen) => Some(listen.hello_at),
            State::Speak(speak) => Some(speak.hello_at),
            State::Standby(standby) => Some(standby.hello_at),
            State::Active(active) => Some(active.hello_at),
        };
        timer("hello-time", hello, next_hello);
        timer("hold-time", hold, None);
        let patience = |known: Option<Known>| known.map_or(hold, |known| known.times.hold);
        timer("active-timer", patience(self.active), self.active_timer());
        timer("standby-timer", patience(self.standby), self.standby_timer());
        timer("redirect-time", redirect, None);
        timer("forwarder-timeout", timeout, None);
        if let Some(end) = self.preempt_at() {
            timer("preempt-delay", self.config.preempt.delay, Some(end));
        }
        if let State::Leaving(leaving) = &self.state {
            timer("hand-over", HAND_OVER, Some(leaving.until));
        }
        timers
    }

    fn details(&self, now: Instant) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value: String| details.push(Detail { name, value });
        let router = |known: Option<Known>, local: bool| match known {
            _ if local => "local".to_owned(),
            Some(Known { source, priority, owner, .. }) => {
                format!("{source}, priority {priority}, owner {owner}")
            }
            None => "unknown".to_owned(),
        };
        tell("active-gateway", router(self.active, self.is_gateway()));
        tell("standby-gateway", router(self.standby, matches!(self.state, State::Standby(_))));
        tell("state-changes", self.changes.to_string());
        tell("preemption", in_words_of(self.config.preempt, self.suspended));
        tell("forwarder-preemption", in_words_of(self.config.forwarder_preempt, false));
        tell("weighting", self.weighting_in_words());
        tell("load-balancing", self.config.balancing.word().to_owned());
        tell("client-cache", self.config.client_cache.map_or("off".to_owned(), cache_in_words));
        tell("authentication", self.guard.scheme().to_string());
        if let Some(times) = self.config.times {
            tell("configured-times", times_in_words(times));
        }
        if let Some(address) = self.learnt_address {
            tell("address", format!("{}, learnt from the group", address.ip));
        }
        tell("member", format!("{}, local", self.own_mac()));
        for (owner, member) in self.members.living(now) {
            let proven = if self.nonces.is_some() { ", authenticated" } else { "" };
            tell("member", format!("{owner}, {}{proven}", member.source));
        }
        if let Some(at) = self.retry_at() {
            tell("next-try", format!("in {}", spell(now.until(at))));
        }
        if matches!(self.state, State::Leaving(_)) {
            tell("leaving", "goodbye said; serving hosts until successors are heard".to_owned());
        }
        details
    }

    fn weighting_in_words(&self) -> String {
        let weighting = self.config.weighting;
        let low = if self.low { ", low" } else { "" };
        format!(
            "{}{low} (configured {}), thresholds: lower {}, upper {}",
            self.weighting(),
            weighting.maximum,
            weighting.lower,
            weighting.upper
        )
    }
}

fn in_words_of(preempt: Preempt, suspended: bool) -> String {
    match (preempt.on, suspended) {
        (true, true) => "suspended: the role was handed over by command".to_owned(),
        (false, _) => "off".to_owned(),
        (true, false) if preempt.delay.is_zero() => "on".to_owned(),
        (true, false) => format!("on, after {}", spell(preempt.delay)),
    }
}

fn cache_in_words(cache: ClientCache) -> String {
    let ClientCache { maximum, timeout } = cache;
    let timeout = timeout.map(|timeout| format!(", each for {}", spell(timeout))).unwrap_or_default();
    format!("up to {maximum} hosts{timeout}")
}

fn times_in_words(times: Times) -> String {
    format!("hello {}, hold {}", spell(times.hello), spell(times.hold))
}

/// All times in words.
pub(super) fn in_words(times: Times, retirement: Retirement) -> String {
    let Retirement { redirect, timeout } = retirement;
    format!("{}, redirect {}, time-out {}", times_in_words(times), spell(redirect), spell(timeout))
}
