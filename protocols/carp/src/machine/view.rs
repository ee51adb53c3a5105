//! What an operator is shown: one reason for everything, in the words of the log.

use fhrp::time::spell;
use fhrp::view::{Detail, Timer};
use fhrp::{Instant, View};

use super::{State, VirtualHost};
use crate::config::{Balancing, Counting, Delivery, Demotion, Destination, Interval};

impl VirtualHost {
    pub(super) fn shows(&self, now: Instant) -> View {
        View {
            protocol: "carp",
            version: "2",
            id: u16::from(self.config.vhid),
            family: None,
            state: self.state.name(),
            standing: self.state.standing(),
            since: self.since,
            reason: self.reason.clone(),
            priority: None,
            configured_priority: None,
            active: match &self.state {
                State::Init => None,
                State::Backup(backup) => backup.master.map(|(master, _)| master),
                State::Master(_) | State::Leaving(_) => self.sources.first().copied(),
            },
            source: self.sources.first().copied(),
            addresses: self.config.addresses.clone(),
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
        let mut timers = Vec::new();
        let mut timer = |name, length, expires: Option<Instant>| {
            timers.push(Timer { name, length, remaining: expires.map(|at| now.until(at)) });
        };
        let next = match &self.state {
            State::Master(master) => Some(master.advertises_at),
            State::Init | State::Backup(_) | State::Leaving(_) => None,
        };
        timer("advertisement-interval", self.claim().interval.length(), next);
        let (silence, claim) = match &self.state {
            State::Backup(backup) => {
                (Some(self.silence_ends(backup)), backup.claim.as_ref().map(|claim| claim.at))
            }
            State::Init | State::Master(_) | State::Leaving(_) => (None, None),
        };
        timer("master-down", self.own_patience(), silence);
        if let Some(at) = claim {
            timer("take-over", now.until(at), Some(at));
        }
        if let State::Leaving(leaving) = &self.state {
            timer("hand-over", now.until(leaving.until), Some(leaving.until));
        }
        if let Some((_, until)) = self.former.as_ref().filter(|(_, until)| *until > now) {
            timer("grace", self.config.grace, Some(*until));
        }
        timers
    }

    fn details(&self, now: Instant) -> Vec<Detail> {
        let mut details = Vec::new();
        let mut tell = |name, value: String| details.push(Detail { name, value });
        let said = self.claim().interval;
        let interval = self.config.interval;
        let short = |interval: Interval| format!("{}/{}", interval.base, interval.skew);
        let every = spell(said.length());
        tell(
            "interval",
            match said == interval {
                true => format!("{}: every {every}", short(interval)),
                false => format!("{}: every {every}; {} as configured", short(said), short(interval)),
            },
        );
        tell(
            "demotion",
            format!(
                "{}, {}",
                self.demotion(),
                match self.config.demotion {
                    Demotion::Counter => "said by the counter",
                    Demotion::Skew => "said by the skew",
                    Demotion::Both => "said by counter and skew",
                }
            ),
        );
        tell("preemption", self.preemption_in_words().to_owned());
        tell(
            "counter",
            match self.config.counting {
                Counting::Cookie => {
                    "constant: what is recorded can be repeated under any interval".to_owned()
                }
                Counting::Sealed => "sealed: understood by this suite alone".to_owned(),
            },
        );
        let own = self.link.as_ref().map(|link| link.mac).unwrap_or_default();
        tell(
            "mac",
            match self.config.virtual_mac {
                Some(mac) => format!("{mac}, virtual"),
                None => format!("{own}, the interface's own"),
            },
        );
        if let Some(Balancing { delivery, count, number }) = self.config.balancing {
            let how = match delivery {
                Delivery::Group => "ip",
                Delivery::Stealth => "ip-stealth",
                Delivery::Unicast => "ip-unicast",
            };
            tell("balancing", format!("{how}, bucket {number} of {count}"));
        }
        tell(
            "destination",
            match &self.config.destination {
                Destination::Multicast { .. } => "multicast".to_owned(),
                Destination::Peers(peers) => {
                    peers.iter().map(|peer| peer.address.to_string()).collect::<Vec<_>>().join(", ")
                }
            },
        );
        tell(
            "sources",
            match self.sources.as_slice() {
                [] => "none yet".to_owned(),
                sources => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            },
        );
        if let Some(at) = self.retry_at() {
            tell("next-try", format!("in {}", spell(now.until(at))));
        }
        if matches!(self.state, State::Leaving(_)) {
            tell("leaving", "255/255 sent; holding until a successor is heard".to_owned());
        }
        details
    }

    fn preemption_in_words(&self) -> &'static str {
        match (&self.state, self.config.preempt) {
            (State::Backup(backup), _) if backup.suspended => {
                "suspended: the role was handed over by command"
            }
            (_, true) => "on",
            (_, false) => "off: a slower master is left alone, unless it is demoted",
        }
    }
}
