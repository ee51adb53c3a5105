//! Where the tests of the protocols put one group on: it is told what happens and answers in words, a line per action,
//! in order. Time is what the test says it is.
//!
//! What a datagram says, only its protocol knows: each has a [`Language`], and says in its own tests what may arrive.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::time::Duration;

use fhrp::view::Timer;
use fhrp::{
    Action, Command, Context, Datagram, Group, HoldFault, Input, Instant, InterfaceAddress, Mac, Note,
    Received, Route, Siblings, View,
};

/// Wall-clock time at [`Instant::ZERO`].
pub const WALL: Duration = Duration::from_secs(1_800_000_000);

/// An address, which a test writes down rightly.
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An address with its prefix length, which a test writes down rightly.
pub fn address(text: &str) -> InterfaceAddress {
    text.parse().unwrap()
}

/// Seconds.
pub fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Milliseconds.
pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How the datagrams of a protocol are told.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// One that is sent.
    pub datagram: fn(&Datagram) -> String,
    /// A last will that has something to say.
    pub will: fn(&[Datagram]) -> String,
}

/// A group, its clock, and what it said last.
pub struct Stage<G> {
    /// The group.
    pub group: G,
    /// What time it is.
    pub now: Instant,
    /// What it answered last.
    pub actions: Vec<Action>,
    /// What every throw of the dice gives.
    pub random: u64,
    /// The other groups on the link.
    pub siblings: Siblings,
    language: Language,
}

impl<G: Group> Stage<G> {
    /// At zero, not even told of its link.
    pub fn new(group: G, language: Language) -> Self {
        Stage {
            group,
            now: Instant::ZERO,
            actions: Vec::new(),
            random: 0,
            siblings: Siblings::NONE,
            language,
        }
    }

    /// Something happens now.
    pub fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        self.actions.clear();
        let random = self.random;
        let mut random = || random;
        let mut context = Context {
            now: self.now,
            wall: WALL + Duration::from_nanos(self.now.as_nanos()),
            siblings: self.siblings,
            random: &mut random,
            out: &mut self.actions,
        };
        self.group.handle(&mut context, input);
        self.actions.iter().map(|action| spell(action, self.language)).collect()
    }

    /// Its deadline has passed, as far as it knows.
    pub fn tick(&mut self) -> Vec<String> {
        self.tell(Input::Tick)
    }

    /// Goes to the next deadline and ticks.
    pub fn next_tick(&mut self) -> Vec<String> {
        self.now = self.deadline().max(self.now);
        self.tick()
    }

    /// Goes on to `end`, ticking at every deadline, and collects what is said with the time it is said at.
    pub fn run_to(&mut self, end: Instant) -> Vec<(Duration, String)> {
        let mut lines = Vec::new();
        while let Some(deadline) = self.group.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            let when = self.now.since(Instant::ZERO);
            lines.extend(self.tick().into_iter().map(|line| (when, line)));
        }
        self.now = end;
        lines
    }

    /// Goes on by `span`, ticking at every deadline, and collects what is said.
    pub fn run(&mut self, span: Duration) -> Vec<String> {
        self.run_to(self.now + span).into_iter().map(|(_, line)| line).collect()
    }

    /// Time passes, and nobody tells the group.
    pub fn pass(&mut self, span: Duration) {
        self.now += span;
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Instant {
        self.group.deadline().unwrap()
    }

    /// Whether anything but an outside event can matter.
    pub fn waits(&self) -> bool {
        self.group.deadline().is_some()
    }

    /// What an operator is shown.
    pub fn view(&self) -> View {
        self.group.view(self.now)
    }

    /// Its state, in the protocol's own words.
    pub fn state(&self) -> &'static str {
        self.view().state
    }

    /// One of its counters; 0 if it has none of that name.
    pub fn counter(&self, name: &str) -> u64 {
        self.view().counters.iter().find(|counter| counter.name == name).map_or(0, |counter| counter.count)
    }

    /// One of its timers.
    pub fn timer(&self, name: &str) -> Timer {
        *self.view().timers.iter().find(|timer| timer.name == name).unwrap()
    }

    /// How long a timer has to run; `None` if it does not.
    pub fn remaining(&self, name: &str) -> Option<Duration> {
        self.view().timers.iter().find(|timer| timer.name == name).and_then(|timer| timer.remaining)
    }

    /// Another fact that is shown.
    pub fn detail(&self, name: &str) -> String {
        self.view().details.iter().find(|detail| detail.name == name).unwrap().value.clone()
    }

    /// An operator wishes something.
    pub fn command(&mut self, command: Command) -> Vec<String> {
        self.tell(Input::Command(command))
    }

    /// The kernel refuses what the group asked for last.
    pub fn refuse_hold(&mut self) -> Vec<String> {
        let fault =
            HoldFault { operation: "add 10.0.0.1/24 to eth0".into(), cause: "permission denied".into() };
        self.tell(Input::Held(Err(fault)))
    }

    /// The datagrams that it sent last.
    pub fn sent(&self) -> Vec<&Datagram> {
        let sent = self.actions.iter().filter_map(|action| match action {
            Action::Send(datagram) | Action::SendOnceHeld(datagram) => Some(datagram),
            _ => None,
        });
        sent.collect()
    }
}

/// A datagram as it arrives at once, untouched. One that is routed comes from and goes to a MAC of zeros.
pub fn arriving(datagram: &Datagram) -> Received<'_> {
    let (source_mac, destination_mac) = match datagram.route {
        Route::Link { source_mac, destination_mac } => (source_mac, destination_mac),
        Route::Routed => (Mac::default(), Mac::default()),
    };
    Received {
        at: Instant::ZERO,
        source_mac,
        destination_mac,
        source: datagram.source,
        destination: datagram.destination,
        hop_limit: datagram.hop_limit,
        protocol: datagram.protocol,
        ports: datagram.ports,
        ip_header: &[],
        payload: &datagram.payload,
    }
}

fn spell(action: &Action, language: Language) -> String {
    match action {
        Action::SendOnceHeld(datagram) => format!("once held, {}", (language.datagram)(datagram)),
        Action::Send(datagram) => (language.datagram)(datagram),
        Action::Hold(holdings) if holdings.is_empty() => "release".to_owned(),
        Action::Hold(_) => "hold".to_owned(),
        Action::Announce(_) => "announce".to_owned(),
        Action::Answer(mac) => format!("answer {mac}"),
        Action::LastWill(datagrams) if datagrams.is_empty() => "no will".to_owned(),
        Action::LastWill(datagrams) => (language.will)(datagrams),
        Action::Note(Note::Transition { from, to, .. }) => format!("{from} -> {to}"),
        Action::Note(Note::Refused { counter, .. }) => format!("refused {counter}"),
        Action::Note(Note::Alarm { name, raised: true, .. }) => format!("alarm {name}"),
        Action::Note(Note::Alarm { name, raised: false, .. }) => format!("alarm {name} over"),
        Action::Note(Note::Remark { name, .. }) => format!("remark {name}"),
    }
}
