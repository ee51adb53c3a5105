//! One router's group, watched: what it heard, what it said, what it holds, and what it may do with that.
//!
//! | part | what lives there |
//! |---|---|
//! | this one | what is remembered; what the router is told besides messages |
//! | `says` | what it says and asks for, looked at |
//! | `hears` | what it hears, and what has to come of that |
//! | `countdown` | the delay of a preemption, as far as it can be seen |
//! | `leaving` | how it leaves |
//! | `nonces` | whose message proves itself new |
//! | `peers` | who comes first where several could take a forwarder over |
//! | `taking` | taking forwarders over |
//! | `election` | who is the gateway, and who is next in line |
//! | `turn` | what must be so at the end of a turn |

mod countdown;
mod election;
mod hears;
mod leaving;
mod nonces;
mod peers;
mod says;
mod taking;
mod turn;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ::glbp::config::{DEFAULT_TIMES, Retirement, Times};
use ::glbp::wire::{Challenge, State};
use fhrp::{Command, Instant, Mac};

use self::countdown::Countdown;
use self::election::Election;
use self::leaving::Leaving;
use self::nonces::Nonces;
use self::peers::Peers;
use super::setup::{FORWARDERS, Member, Setup};
use crate::sim::machine;

/// A place for each forwarder, by its number; the first is nobody's.
const PLACES: usize = FORWARDERS as usize + 1;

/// Messages say how much time is left in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// What is remembered of one router.
#[derive(Debug)]
pub(super) struct Witness {
    setup: Rc<Setup>,
    member: Member,
    address: u8,
    /// What tracked faults take of its weighting, and whether what is left is too little.
    penalty: u16,
    low: bool,
    weighs_since: Instant,
    /// Those that were ever in force.
    hold_times: HoldTimes,
    up: bool,
    stopping: bool,
    leaving: Option<Leaving>,
    /// The gateway's state, as the router said it last; `None`: it has said nothing, or goodbye.
    said: Option<State>,
    /// When it began to say so, or to prepare for it.
    hello: Option<LastHello>,
    /// The forwarder that the last hello was sent from.
    spoken_for: u8,
    /// Forwarders that it asks the kernel for, a bit each; and at the end of the last turn.
    wished: Numbers,
    wished_before: Numbers,
    /// Forwarders that it said in this turn: those of each message, and whether that was all of them.
    listed: Vec<(Numbers, bool)>,
    /// What it will be said to have left if it dies, and the nonce that this proves itself with.
    will: Option<Numbers>,
    will_challenge: Option<Challenge>,
    /// What it said in this turn from its own MAC, and what others claimed that it has.
    last_words: Numbers,
    contested: Numbers,
    /// How long what it holds is held without it; and what it had said in this turn before it noticed that this is over.
    lease: Duration,
    lapsed: Option<usize>,
    /// It has to ask for what it holds once more.
    owes_hold: bool,
    /// Messages that were handed in in this turn, and whether one was of a better router that is next in line, or wants
    /// to be.
    heard_messages: u32,
    outdone: bool,
    /// When it began to take part: nobody has been silent for longer.
    begun: Instant,
    /// How its state was at the end of the last turn.
    said_before: Option<State>,
    /// Everything that it was had been said by then.
    was_known: bool,
    /// Forwarders that hosts were told in this turn though nobody had been heard to forward.
    told_early: Numbers,
    /// Forwarders that hosts were told in this turn.
    told: Numbers,
    /// It has answered a host, or given a forwarder away, in this turn.
    acted: Option<&'static str>,
    nonces: Nonces,
    /// The active gateway, as far as it has heard.
    active: Option<Other>,
    /// In this turn nobody was active at some moment, as far as it had heard.
    vacant: bool,
    /// When it became active without a forwarder: since then it may have one that it has not said yet.
    lonely_since: Option<Instant>,
    /// The same before it fell silent: it remembers what it had.
    was_lonely: bool,
    /// It is told to give the role away; and it has, to whoever has it now, from whom it does not take it back.
    hands_over: bool,
    gave_away: bool,
    /// When it may take the role from a worse one.
    preempts: Countdown,
    places: [Place; PLACES],
    /// The forwarder that it said it was given.
    own: Option<u8>,
    /// It said so without having to wait for its kernel: since then it cannot have lost it unheard.
    own_is_new: bool,
    /// Whom it asked for one last, and when.
    asked: Option<(IpAddr, Instant)>,
    /// The longest time that a nonce of its may be good for: it depends on the times that were ever in force.
    nonce_period: Duration,
    peers: Peers,
    election: Election,
    /// How long others are believed to live, as they said last, and until when that is remembered.
    holds: BTreeMap<Mac, (Duration, Instant)>,
    /// When the last turn was over: what ran out since then has yet to be dealt with.
    turned_at: Instant,
    /// A message is being handed in; when it arrived.
    hearing: bool,
    arrived: Instant,
    /// When the first one of this turn did.
    first_arrived: Option<Instant>,
    /// What it says waits until the kernel has answered; since when.
    waits: bool,
    asked_at: Instant,
    /// What is said in this turn may have waited since then.
    waited_since: Option<Instant>,
    /// Everything that it has asked for since then.
    wished_meanwhile: Numbers,
    /// Hellos may have been left out for newer ones: it cannot be said from which MAC the next one comes.
    any_turn: bool,
    /// Its settings have changed: its rights may be others.
    judges_again: bool,
    /// Effects of this turn that have been looked at.
    seen: usize,
}

/// The shortest and the longest hold time that may ever have been in force.
#[derive(Debug, Clone, Copy)]
struct HoldTimes {
    shortest: Duration,
    longest: Duration,
}

impl HoldTimes {
    fn of(member: &Member) -> Self {
        let hold = member.times().unwrap_or(DEFAULT_TIMES).hold;
        HoldTimes { shortest: hold, longest: hold }
    }

    fn may_be(&mut self, hold: Duration) {
        self.shortest = self.shortest.min(hold);
        self.longest = self.longest.max(hold);
    }
}

/// Forwarders, a bit each.
type Numbers = u8;

const fn bit(number: u8) -> Numbers {
    1 << number
}

/// The last hello of a router, and when it has to say the next.
#[derive(Debug, Clone, Copy)]
struct LastHello {
    at: Instant,
    promised: Duration,
}

/// Another router in the gateway's role.
#[derive(Debug, Clone, Copy)]
struct Other {
    source: IpAddr,
    priority: u8,
    times: Times,
    retirement: Retirement,
    until: Instant,
}

/// What is known of a forwarder.
#[derive(Debug, Clone, Default)]
struct Place {
    known: bool,
    /// Until when anybody forwards for it, as far as it was heard; `None`: never heard.
    until: Option<Instant>,
    by: Option<By>,
    /// Who left it, and when; `None`: somebody has forwarded since.
    left: Option<(Instant, Mac)>,
    /// Until when it lives, and hosts are told of it, as a stand-in for its owner said last.
    ends: Option<(Instant, Instant)>,
    preempts: Countdown,
    /// What this router said of it last.
    claimed: Option<Claimed>,
    /// The member that this router, as the active gateway, gave it to.
    given: Option<Mac>,
}

/// Another router that forwards.
#[derive(Debug, Clone, Copy)]
struct By {
    owner: Mac,
    right: u8,
    /// Until when it is believed to be there at least, and at most.
    until: Instant,
    at_most: Instant,
    heard: Instant,
    /// When its silence counts by the clock, if that is known.
    silent_at: Option<Instant>,
    redirection: Duration,
}

/// What this router said of a forwarder.
#[derive(Debug, Clone, Copy)]
struct Claimed {
    at: Instant,
    /// When it was written, at the earliest.
    written: Instant,
    right: u8,
    lifetime: Duration,
    redirection: Duration,
}

impl Place {
    /// It is known from now on, or has been since one of these moments. Whether it was before cannot be said where its time
    /// has nearly run out: others count it in whole seconds.
    fn is_learnt(&mut self, least: Instant, most: Instant, delay: Duration) {
        let sure = self.until.is_some_and(|until| until > most + ROUNDING * 2);
        match std::mem::replace(&mut self.known, true) {
            false => self.preempts = Countdown::begins_between(least, most, delay),
            true if sure => return,
            true => self.preempts.may_begin(least, most, delay),
        }
        self.ends = None;
        if let Some(by) = &mut self.by {
            by.until = by.until.min(most);
        }
        self.until = None;
    }
}

/// A router's right to a forwarder, as it is said.
const fn right(primary: bool, low: bool) -> u8 {
    match (primary, low) {
        (true, false) => 167,
        (false, false) => 135,
        (true, true) => 39,
        (false, true) => 7,
    }
}

/// Whether the router with this right was given the forwarder.
const fn is_primary(right: u8) -> bool {
    right & 0x20 != 0
}

impl Witness {
    pub(super) fn new(setup: Rc<Setup>, member: Member, address: u8) -> Self {
        let mut witness = Witness {
            setup,
            address,
            penalty: 0,
            low: false,
            weighs_since: Instant::ZERO,
            hold_times: HoldTimes::of(&member),
            member,
            up: false,
            stopping: false,
            leaving: None,
            said: None,
            hello: None,
            spoken_for: 0,
            wished: 0,
            wished_before: 0,
            listed: Vec::new(),
            will: None,
            will_challenge: None,
            last_words: 0,
            contested: 0,
            begun: Instant::ZERO,
            lease: Duration::ZERO,
            lapsed: None,
            owes_hold: false,
            heard_messages: 0,
            outdone: false,
            said_before: None,
            was_known: false,
            told_early: 0,
            told: 0,
            acted: None,
            nonces: Nonces::default(),
            active: None,
            vacant: false,
            lonely_since: None,
            was_lonely: false,
            hands_over: false,
            gave_away: false,
            preempts: Countdown::default(),
            places: std::array::from_fn(|_| Place::default()),
            own: None,
            own_is_new: false,
            asked: None,
            nonce_period: Duration::ZERO,
            peers: Peers::default(),
            election: Election::default(),
            holds: BTreeMap::new(),
            turned_at: Instant::ZERO,
            hearing: false,
            arrived: Instant::ZERO,
            first_arrived: None,
            waits: false,
            asked_at: Instant::ZERO,
            waited_since: None,
            wished_meanwhile: 0,
            any_turn: false,
            judges_again: false,
            seen: 0,
        };
        witness.weighs();
        witness
    }

    /// Another process, or none: nothing of it is left but its settings.
    pub(super) fn reborn(&mut self) {
        *self = Witness::new(self.setup.clone(), self.member.clone(), self.address);
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    pub(super) fn source(&self) -> IpAddr {
        machine::address(self.setup.ipv6, self.address)
    }

    fn mac(&self) -> Mac {
        machine::mac(self.address)
    }

    pub(super) fn priority(&self) -> u8 {
        self.member.priority
    }

    /// What it said last that the gateway's state is.
    pub(super) fn said(&self) -> Option<State> {
        self.said
    }

    /// Whether it takes part.
    pub(super) fn runs(&self) -> bool {
        self.said.is_some() && !self.stopping
    }

    /// Whether it could take part, and says nothing.
    pub(super) fn is_silent(&self) -> bool {
        self.up && !self.stopping && self.said.is_none()
    }

    pub(super) fn state_name(&self) -> &'static str {
        match self.said {
            None if self.stopping => "Leaving",
            None => "Initial",
            Some(State::Active) => "Active",
            Some(State::Standby) => "Standby",
            Some(State::Speak) => "Speak",
            Some(_) => "Listen",
        }
    }

    /// The forwarder that it said it was given.
    pub(super) fn own(&self) -> Option<u8> {
        self.own
    }

    pub(super) fn forwards(&self, number: u8) -> bool {
        self.wished & bit(number) != 0
    }

    /// Whether it would have said by now that it was given a forwarder: one whose weighting is too low leaves it to others
    /// and says nothing of it, and so does one that takes none from others.
    pub(super) fn should_have_own(&self) -> bool {
        !self.low && self.member.takes_forwarders_after_ms.is_some()
    }

    /// Whether it knows that there is such a forwarder. `ends`: those without an owner are given up.
    pub(super) fn knows(&self, number: u8, ends: bool) -> bool {
        let place = &self.places[usize::from(number)];
        let owned = self.own == Some(number) || place.by.is_some_and(|by| is_primary(by.right));
        self.runs() && place.known && (owned || !ends)
    }

    /// Its right to a forwarder, as it would say it.
    pub(super) fn right_to(&self, number: u8) -> u8 {
        right(self.own == Some(number), self.low)
    }

    /// Whether it would take a forwarder from somebody with this right.
    pub(super) fn would_take(&self, number: u8, from: u8) -> bool {
        self.member.takes_forwarders_after_ms.is_some() && self.right_to(number) > from
    }

    /// Whether it would take the gateway's role from this one.
    pub(super) fn would_replace(&self, priority: u8, source: IpAddr) -> bool {
        let suspended = self.preempts.is_suspended();
        self.member.preempts_after_ms.is_some() && !suspended && self.outranks(priority, source)
    }

    fn outranks(&self, priority: u8, source: IpAddr) -> bool {
        (self.member.priority, self.source()) > (priority, source)
    }

    /// Its right to a forwarder; `None` where it may have been given one that it has not said yet.
    fn sure_right_to(&self, number: u8) -> Option<u8> {
        let long = self.member.retirement_s.is_none() && self.own_is_new;
        match self.own {
            Some(own) if own == number && self.own_is_new => Some(right(true, self.low)),
            Some(_) if long => Some(right(false, self.low)),
            Some(_) | None => None,
        }
    }

    fn weighting(&self) -> u8 {
        let left = u16::from(self.member.weighting.0).saturating_sub(self.penalty);
        u8::try_from(left).unwrap_or(u8::MAX)
    }

    /// Below the lower threshold is too little, from the upper one on enough, and between them nothing changes.
    fn weighs(&mut self) {
        let (_, lower, upper) = self.member.weighting;
        match self.weighting() {
            left if left < lower => self.low = true,
            left if left >= upper => self.low = false,
            _ => {}
        }
    }

    pub(super) fn link(&mut self, up: bool) {
        // What it heard while it took no part counts for nothing.
        if !(std::mem::replace(&mut self.up, up) && up) {
            self.falls_silent();
            self.cannot_serve();
        }
    }

    /// It takes no part any more, whether it could say so or not. What it knows of forwarders it keeps.
    fn falls_silent(&mut self) {
        self.said = None;
        self.hello = None;
        self.active = None;
        self.peers.forget();
        for place in &mut self.places {
            place.by = None;
            place.left = None;
            place.claimed = None;
            place.given = None;
        }
        self.own = None;
        self.was_lonely |= self.lonely_since.take().is_some();
        self.gave_away = false;
    }

    pub(super) fn granted(&mut self, granted: bool) {
        if !granted {
            self.cannot_serve();
        }
        self.waited_since = std::mem::take(&mut self.waits).then_some(self.asked_at);
        self.any_turn |= self.waited_since.is_some();
        self.judges_again = true;
    }

    pub(super) fn penalty(&mut self, now: Instant, amount: u16) {
        self.penalty = amount;
        self.weighs_since = now;
        self.weighs();
        self.judges_again = true;
    }

    pub(super) fn reload(&mut self, now: Instant, member: Member) {
        self.hold_times.may_be(member.times().unwrap_or(DEFAULT_TIMES).hold);
        self.member = member;
        self.weighs_since = now;
        self.weighs();
        self.judges_again = true;
    }

    /// It heard nothing because it could hear nothing.
    pub(super) fn stood_still(&mut self, now: Instant, span: Duration) {
        self.cannot_serve();
        if self.runs() && self.wished != 0 && self.lease < span {
            (self.owes_hold, self.lapsed) = (true, Some(self.listed.len()));
        }
        self.is_patient(now);
    }

    /// Others get the time for another hello.
    fn is_patient(&mut self, now: Instant) {
        let own = self.member.times().map(|times| times.hello);
        let hello = own.into_iter().chain(self.active.map(|active| active.times.hello)).max();
        let patience = hello.unwrap_or_default().max(DEFAULT_TIMES.hello);
        for by in self.places.iter_mut().filter_map(|place| place.by.as_mut()) {
            by.at_most = by.at_most.max(now + patience);
        }
        self.election.waits_until(now + patience);
    }

    pub(super) fn ordered(&mut self, command: Command) {
        match command {
            // It does not take back what it gave away.
            Command::HandOver => {
                self.preempts.suspends();
                self.hands_over = self.said == Some(State::Active) && !self.waits && !self.any_turn;
            }
            Command::Announce | Command::TakeOver | Command::Ready => {}
        }
    }
}
