//! A group that follows another one: no election, no hellos, the leader's state. With hundreds of groups on one machine
//! one of them speaks for all, as Cisco's `standby follow` has it.
//!
//! It holds its own addresses with its own virtual MAC while its leader holds the role, and announces them again and
//! again: nothing else tells switches where that MAC is. It knows no members of its own.

use std::time::Duration;

use fhrp::announcer::Announcer;
use fhrp::counters::Counters;
use fhrp::faults::{Backoff, Fault, Refusal, in_words, of_link};
use fhrp::neighbours::Neighbours;
use fhrp::time::spell;
use fhrp::view::{Detail, Timer};
use fhrp::{
    Action, Command, Context, Group, HoldFault, Holdings, Input, Instant, Lead, Link, Note, Received,
    Standing, View,
};

use crate::config::Config;
use crate::neighbours::Said;
use crate::wire::{self, Message};

/// How long a follower that is stopped goes on serving hosts, for its leader to be succeeded.
pub const HAND_OVER: Duration = Duration::from_millis(250);

fhrp::counted! {
    /// What a follower counts.
    pub(crate) enum Count {
        BecameActive => "became-active",
        Announcements => "announcements",
        SpeakersIgnored => "speakers-ignored",
        HoldFaults => "hold-faults",
        Lapses => "lapses",
    }
}

/// One group that follows another.
pub struct Follower {
    config: Config,
    /// How the leader stands, as far as is known.
    lead: Option<Lead>,
    /// What is shown: the leader's state, or Initial.
    state: (&'static str, Standing),
    since: Instant,
    reason: String,
    changes: u64,
    started: bool,
    /// Stopped, and holding until then at most.
    leaving_until: Option<Instant>,
    link: Option<Link>,
    refusal: Option<Refusal>,
    backoff: Backoff,
    held: Holdings,
    announcer: Announcer,
    neighbours: Neighbours<Said>,
    counters: Counters<Count>,
}

impl Follower {
    /// A follower that has not been started: it holds nothing.
    pub fn new(config: Config) -> Self {
        Follower {
            config,
            lead: None,
            state: ("Initial", Standing::Down),
            since: Instant::ZERO,
            reason: "not started".to_owned(),
            changes: 0,
            started: false,
            leaving_until: None,
            link: None,
            refusal: None,
            backoff: Backoff::default(),
            held: Holdings::none(),
            announcer: Announcer::default(),
            neighbours: Neighbours::default(),
            counters: Counters::default(),
        }
    }

    fn leader(&self) -> &str {
        self.config.follow.as_deref().unwrap_or_default()
    }

    fn faults(&self) -> Vec<Fault> {
        let link = self.link.as_ref();
        // It says nothing, so any address to speak from will do.
        let source = self.config.addresses.first().map(|address| address.ip);
        let mut faults = of_link(link, self.config.family, None, source);
        if let Some(link) = link.filter(|link| link.index != 0) {
            let taken = self.config.addresses.iter().map(|address| address.ip).find(|ip| link.has(*ip));
            faults.extend(taken.map(|address| Fault::AddressTaken { link: link.name.clone(), address }));
        }
        faults.extend(self.refusal.as_ref().map(|refusal| Fault::Refused(refusal.cause.clone())));
        faults
    }

    /// What it should be now, and why.
    fn wanted(&self) -> ((&'static str, Standing), String) {
        let down = ("Initial", Standing::Down);
        if !self.started {
            return (down, "stopped".to_owned());
        }
        let faults = self.faults();
        if !faults.is_empty() {
            return (down, in_words(&faults));
        }
        match self.lead {
            None => (down, format!("{} is not known", self.leader())),
            Some(Lead { standing: Standing::Down, .. }) => (down, format!("{} takes no part", self.leader())),
            Some(lead) => ((lead.state, lead.standing), format!("{} is {}", self.leader(), lead.state)),
        }
    }

    /// Becomes what it should be.
    fn follows(&mut self, context: &mut Context<'_>) {
        let (wanted, reason) = self.wanted();
        let (from, held) = (self.state.0, self.state.1 == Standing::Holding);
        if wanted != self.state {
            self.state = wanted;
            self.since = context.now;
            self.changes = self.changes.saturating_add(1);
            let note = Note::Transition { from, to: wanted.0, standing: wanted.1, reason: reason.clone() };
            match (held, wanted.1 == Standing::Holding) {
                (false, true) => self.takes_up(context),
                (true, false) => self.lets_go(context),
                (true, true) | (false, false) => {}
            }
            context.note(note);
        } else if held && self.holdings() != self.held {
            self.holds(context);
            self.announces(context);
        }
        self.reason = reason;
    }

    fn takes_up(&mut self, context: &mut Context<'_>) {
        self.counters.bump(Count::BecameActive);
        self.holds(context);
        self.announces(context);
        self.announcer.start(context.now, &self.config.announcements);
    }

    fn lets_go(&mut self, context: &mut Context<'_>) {
        self.announcer.stop();
        self.leaving_until = None;
        self.held = Holdings::none();
        context.ask(Action::Hold(Holdings::none()));
    }

    fn holds(&mut self, context: &mut Context<'_>) {
        self.held = self.holdings();
        context.ask(Action::Hold(self.held.clone()));
    }

    fn announces(&mut self, context: &mut Context<'_>) {
        self.counters.bump(Count::Announcements);
        context.ask(Action::Announce(self.config.announcements.form));
    }

    fn holdings(&self) -> Holdings {
        let own = self.link.as_ref().map(|link| link.mac).unwrap_or_default();
        let lease = self.lead.map_or(Duration::ZERO, |lead| lead.lease);
        self.config.holdings(None, own, lease)
    }

    fn starts(&mut self, context: &mut Context<'_>) {
        self.started = true;
        self.follows(context);
    }

    /// It goes on serving hosts until its leader is succeeded, or has had its time.
    fn stops(&mut self, context: &mut Context<'_>) {
        if self.state.1 == Standing::Holding {
            self.leaving_until.get_or_insert(context.now + HAND_OVER);
        } else {
            self.ends(context);
        }
    }

    fn ends(&mut self, context: &mut Context<'_>) {
        self.started = false;
        self.refusal = None;
        self.leaving_until = None;
        self.follows(context);
    }

    fn ticks(&mut self, context: &mut Context<'_>) {
        let now = context.now;
        if self.leaving_until.is_some_and(|until| until <= now) {
            return self.ends(context);
        }
        if self.refusal.take_if(|refusal| refusal.until <= now).is_some() {
            self.follows(context);
        }
        if self.announcer.is_due(now, &self.config.announcements) {
            self.announces(context);
        }
    }

    fn is_led(&mut self, context: &mut Context<'_>, lead: Lead) {
        self.lead = Some(lead);
        if self.leaving_until.is_some() && lead.standing != Standing::Holding {
            return self.ends(context);
        }
        self.follows(context);
    }

    fn was_refused(&mut self, context: &mut Context<'_>, fault: &HoldFault) {
        self.counters.bump(Count::HoldFaults);
        if self.state.1 != Standing::Holding {
            let text = fault.to_string();
            return context.note(Note::Remark { name: "release-refused", about: None, text });
        }
        self.refusal = Some(self.backoff.refused(context.now, fault.clone()));
        self.follows(context);
    }

    /// Whatever lapsed is taken up again: whether the role is still the leader's, the leader decides.
    fn lapses(&mut self, context: &mut Context<'_>, away: Duration) {
        if self.state.1 == Standing::Holding {
            self.counters.bump(Count::Lapses);
            let text = format!("away for {}; what may have lapsed is taken up again", spell(away));
            context.note(Note::Remark { name: "stalled", about: None, text });
            self.holds(context);
            self.announces(context);
        }
    }

    /// Nobody has to say anything in a group that follows: somebody was told otherwise.
    fn hears(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        let message = wire::parse(received).ok().and_then(|heard| match heard.message {
            Message::Group(message) => Some(message),
            Message::Interface(_) => None,
        });
        let counter = "speakers-ignored";
        let reason = format!("speaks for this group, which follows {} here", self.leader());
        self.counters.bump(Count::SpeakersIgnored);
        let priority = message.map(|message| message.priority);
        let said = self.neighbours.refused(received, priority, &reason);
        said.reads(wire::version_of(received), message.as_ref());
        context.note(Note::Refused { from: received.source, counter, reason });
    }

    fn is_commanded(&mut self, context: &mut Context<'_>, command: Command) {
        match command {
            Command::Announce if self.state.1 == Standing::Holding => self.announces(context),
            Command::Announce | Command::HandOver | Command::TakeOver | Command::Ready => {
                let text = format!("it follows {}", self.leader());
                context.note(Note::Remark { name: "command-ignored", about: None, text });
            }
        }
    }

    /// A follower's changed settings. Whether it follows at all is settled before it is asked.
    pub(crate) fn reconfigures(&mut self, context: &mut Context<'_>, new: &Config) {
        if *new == self.config {
            return;
        }
        let other_leader = new.follow != self.config.follow;
        self.config = new.clone();
        if other_leader {
            self.lead = None;
        }
        self.follows(context);
        if self.state.1 == Standing::Holding {
            self.announcer.start(context.now, &self.config.announcements);
        }
    }

    /// The link that it was told of last, and whether it runs.
    pub(crate) fn on_stage(&self) -> (Option<&Link>, bool) {
        (self.link.as_ref(), self.started && self.leaving_until.is_none())
    }

    fn details(&self, now: Instant) -> Vec<Detail> {
        let mut details = vec![
            Detail { name: "follows", value: self.leader().to_owned() },
            Detail { name: "state-changes", value: self.changes.to_string() },
        ];
        if let Some(mac) = self.config.virtual_mac {
            details.push(Detail { name: "virtual-mac", value: mac.to_string() });
        }
        if let Some(pause) = self.config.announcements.refresh {
            details.push(Detail { name: "mac-refresh", value: format!("every {}", spell(pause)) });
        }
        if let Some(refusal) = &self.refusal {
            let value = format!("in {}", spell(now.until(refusal.until)));
            details.push(Detail { name: "next-try", value });
        }
        details
    }
}

impl Group for Follower {
    fn handle(&mut self, context: &mut Context<'_>, input: Input<'_>) {
        match input {
            Input::Start => self.starts(context),
            Input::Stop => self.stops(context),
            Input::Tick => self.ticks(context),
            Input::Packet(received) => self.hears(context, received),
            Input::Solicited(solicitation) => {
                if let (true, Some(mac)) =
                    (self.held.addresses.contains_key(&solicitation.target), self.config.virtual_mac)
                {
                    context.ask(Action::Answer(mac));
                }
            }
            Input::Link(link) => {
                self.link = Some(link.clone());
                self.follows(context);
            }
            // Its leader's is what counts.
            Input::Penalty(_) => {}
            Input::Command(command) => self.is_commanded(context, command),
            Input::Reconfigure(config) => {
                if let Some(new) = config.downcast_ref::<Config>() {
                    self.reconfigures(context, new);
                }
            }
            Input::Leads(lead) => self.is_led(context, lead),
            Input::Held(Ok(())) => self.backoff.granted(),
            Input::Held(Err(fault)) => self.was_refused(context, &fault),
            Input::Lapsed(span) => self.lapses(context, span),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let retry = self.refusal.as_ref().filter(|_| self.started).map(|refusal| refusal.until);
        [retry, self.leaving_until, self.announcer.deadline()].into_iter().flatten().min()
    }

    fn view(&self, now: Instant) -> View {
        let next = self.announcer.deadline().map(|at| now.until(at));
        let refresh = self.config.announcements.refresh;
        let timers = refresh.map(|length| Timer { name: "mac-refresh", length, remaining: next });
        View {
            protocol: "hsrp",
            version: self.config.version.word(),
            id: self.config.group,
            family: Some(self.config.family),
            state: self.state.0,
            standing: self.state.1,
            since: self.since,
            reason: self.reason.clone(),
            priority: None,
            configured_priority: None,
            active: None,
            source: None,
            addresses: self.config.addresses.clone(),
            virtual_macs: self.config.virtual_mac.into_iter().collect(),
            forwarders: Vec::new(),
            clients: Vec::new(),
            timers: timers.into_iter().collect(),
            counters: self.counters.view(),
            neighbours: self.neighbours.view(now),
            alarms: Vec::new(),
            details: self.details(now),
        }
    }
}
