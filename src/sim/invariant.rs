//! What must always be true, each with the section that says so.

use std::fmt;

use serde::Serialize;

use super::clock::{Moment, SECOND};
use super::scenario::router_name;

/// What must be true. Those that a protocol refines in its own words say so in their breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// In a connected, healed network every duty has exactly one holder.
    OneHolder,
    /// Where the protocol has a next in line, there is exactly one.
    OneStandby,
    /// The holder is the one that the election rules name.
    RightHolder,
    /// Two holders that hear each other are one again in bounded time.
    ShortOverlap,
    /// Nobody takes over before its timers allow it, or from a healthy holder that it does not outrank.
    NotTooEarly,
    /// Nobody waits longer than its timers say.
    NotTooLate,
    /// Whoever hears a better router gives way, and nobody else does.
    GivesWay,
    /// Whoever holds the role says so, as often as promised.
    Cadence,
    /// What is said is true: priority, interval, addresses, TTL, and who says it.
    Truthful,
    /// No change of state without a cause.
    Cause,
    /// Every timer that is armed fires or is cancelled.
    Timers,
    /// What is held is what the state calls for, and hosts are told.
    Obligations,
    /// Leaving: the successor is there, or had its time; afterwards nothing is held and nothing said.
    Leaving,
    /// A forged or replayed frame changes nothing.
    Forgery,
    /// A host's packet is forwarded once.
    ForwardedOnce,
    /// Where a gateway is, hosts reach it.
    Reachable,
    /// Nothing makes the code panic.
    NoPanic,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Invariant; 17] = [
        Invariant::OneHolder,
        Invariant::OneStandby,
        Invariant::RightHolder,
        Invariant::ShortOverlap,
        Invariant::NotTooEarly,
        Invariant::NotTooLate,
        Invariant::GivesWay,
        Invariant::Cadence,
        Invariant::Truthful,
        Invariant::Cause,
        Invariant::Timers,
        Invariant::Obligations,
        Invariant::Leaving,
        Invariant::Forgery,
        Invariant::ForwardedOnce,
        Invariant::Reachable,
        Invariant::NoPanic,
    ];

    /// Its name, as a mutant's row or a script has it.
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::OneHolder => "one-holder",
            Invariant::OneStandby => "one-standby",
            Invariant::RightHolder => "right-holder",
            Invariant::ShortOverlap => "short-overlap",
            Invariant::NotTooEarly => "not-too-early",
            Invariant::NotTooLate => "not-too-late",
            Invariant::GivesWay => "gives-way",
            Invariant::Cadence => "cadence",
            Invariant::Truthful => "truthful",
            Invariant::Cause => "cause",
            Invariant::Timers => "timers",
            Invariant::Obligations => "obligations",
            Invariant::Leaving => "leaving",
            Invariant::Forgery => "forgery",
            Invariant::ForwardedOnce => "forwarded-once",
            Invariant::Reachable => "reachable",
            Invariant::NoPanic => "no-panic",
        }
    }

    /// What it says, in a sentence.
    pub const fn statement(self) -> &'static str {
        match self {
            Invariant::OneHolder => {
                "in a connected, healed network every duty has exactly one holder, after a time that is computed \
                 from the configuration"
            }
            Invariant::OneStandby => {
                "HSRP: in such a network one is standby, the best of those that are not active; the others listen"
            }
            Invariant::RightHolder => {
                "the holder is one that the election rules allow: nobody who may preempt outranks it"
            }
            Invariant::ShortOverlap => {
                "two holders that hear each other are one after an interval of the better one, and the way"
            }
            Invariant::NotTooEarly => {
                "nobody takes over before its wait is over, and without preemption from no healthy holder"
            }
            Invariant::NotTooLate => {
                "a member whose wait is over takes over in that very turn; in HSRP, goes to the state that follows"
            }
            Invariant::GivesWay => "a holder that hears a better router gives way in that very turn",
            Invariant::Cadence => {
                "a holder, and in HSRP whoever speaks, says so once an interval, and at once where it is answered, \
                 left or challenged"
            }
            Invariant::Truthful => {
                "what is sent says what is so, with the right TTL, from the right MAC, sealed with the right key"
            }
            Invariant::Cause => "no change of state without a cause, and none at all while nothing happens",
            Invariant::Timers => "every timer that is armed fires or is cancelled; who waits has a timer",
            Invariant::Obligations => {
                "a holder holds, leaves a last will and announces; who is no holder holds nothing"
            }
            Invariant::Leaving => {
                "who leaves says so, goes on until a successor is heard or had its time, then holds nothing and \
                 is silent"
            }
            Invariant::Forgery => {
                "where authentication is on, a forged or replayed frame changes nothing but counters; elsewhere \
                 none that breaks a rule of receipt does. In HSRP nothing counts, nor in CARP unless counters are \
                 sealed: what is replayed is obeyed for as long as its key is believed"
            }
            Invariant::ForwardedOnce => "a host's packet is forwarded by one router, never by two",
            Invariant::NoPanic => {
                "nothing that a peer, a host, an operator or a kernel does makes a router panic"
            }
            Invariant::Reachable => "once the network has healed, every packet of every host is forwarded",
        }
    }

    /// Where that is written.
    pub const fn source(self) -> &'static str {
        match self {
            Invariant::OneHolder => "RFC 9568 §1, §6.4; RFC 2281 §1, §5.3; OpenBSD carp(4)",
            Invariant::OneStandby => "RFC 2281 §5.2, §5.3, §5.7",
            Invariant::RightHolder => {
                "RFC 9568 §6.1 Preempt_Mode, §6.4.2, §6.4.3; RFC 2281 §5.1, §5.2, §5.7; OpenBSD ip_carp.c, \
                 carp_proto_input_c"
            }
            Invariant::ShortOverlap => {
                "RFC 9568 §6.4.3; RFC 2281 §5.7 events g, h; OpenBSD ip_carp.c, carp_proto_input_c"
            }
            Invariant::NotTooEarly => {
                "RFC 9568 §6.1 Active_Down_Interval, Skew_Time, §6.4.2; RFC 3768 §6.1, §6.4.2; RFC 2281 §5.4, §5.7; \
                 OpenBSD ip_carp.c, carp_setrun"
            }
            Invariant::NotTooLate => {
                "RFC 9568 §6.4.2 Active_Down_Timer; RFC 3768 §6.4.2; RFC 2281 §5.4, §5.7 events c, d; OpenBSD \
                 ip_carp.c, carp_setrun"
            }
            Invariant::GivesWay => {
                "RFC 9568 §6.4.3; RFC 2281 §5.7 events f, g, j, k; OpenBSD ip_carp.c, carp_proto_input_c"
            }
            Invariant::Cadence => {
                "RFC 9568 §6.4.3 Adver_Timer; RFC 3768 §6.4.3; RFC 2281 §5.4, §5.6, §5.7 event e; OpenBSD ip_carp.c, \
                 carp_send_ad"
            }
            Invariant::Truthful => {
                "RFC 9568 §5.1, §5.2, §7.2; RFC 3768 §5.2, §5.3, §7.2; RFC 2281 §5.1, §5.2, §6.1; OpenBSD ip_carp.h, \
                 carp_header, ip_carp.c, carp_hmac_prepare"
            }
            Invariant::Cause => "RFC 9568 §6.3, §6.4; RFC 2281 §5.7; OpenBSD ip_carp.c, carp_set_state",
            Invariant::Timers => "RFC 9568 §6.2; RFC 2281 §5.4; OpenBSD ip_carp.c, carp_setrun",
            Invariant::Obligations => {
                "RFC 9568 §6.4.1 to §6.4.3, §8.1.2, §8.2.2; RFC 2281 §5.6, §6.1; OpenBSD ip_carp.c, \
                 carp_master_down, carp_send_arp"
            }
            Invariant::Leaving => {
                "RFC 9568 §6.4.3 Shutdown; RFC 2281 §5.7 event b; OpenBSD ip_carp.c, carpdetach, carp_send_ad"
            }
            Invariant::Forgery => {
                "RFC 9568 §7.1, §9; RFC 2338 §5.3.6; RFC 2281 §5.1, §7; OpenBSD ip_carp.c, carp_hmac_verify"
            }
            Invariant::ForwardedOnce => "RFC 9568 §6.4.3, §8.1.2; RFC 2281 §5.3, §6.1; OpenBSD carp(4)",
            Invariant::Reachable => "RFC 9568 §1, §8.1.2, §8.2.2; RFC 2281 §1, §6.1; OpenBSD carp(4)",
            Invariant::NoPanic => "RFC 9568 §9; RFC 2281 §7",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that must always be true was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// What must be true.
    pub invariant: Invariant,
    /// What is so instead, as a clause.
    pub what: String,
}

impl Breach {
    /// A breach of `invariant`, told as a clause.
    pub fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Breach { invariant, what: what.into() }
    }
}

/// A breach of `invariant`, as what a check comes to.
///
/// # Errors
/// Always.
pub fn broken(invariant: Invariant, what: impl Into<String>) -> Result<(), Breach> {
    Err(Breach::new(invariant, what))
}

/// A breach, with when and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Nanoseconds since the beginning.
    pub at: Moment,
    /// The router that did it, if it was one.
    pub router: Option<usize>,
    /// The group it is about, if it is about one.
    pub group: Option<usize>,
    /// What was broken.
    #[serde(flatten)]
    pub breach: Breach,
}

impl Violation {
    /// Whether the code panicked, so that nothing else is known.
    pub fn panics(&self) -> bool {
        self.breach.invariant == Invariant::NoPanic
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { at, router, group, breach } = self;
        write!(f, "{}.{:06} s", at / SECOND, at % SECOND / 1_000)?;
        if let Some(router) = router {
            write!(f, " {}", router_name(*router))?;
        }
        if let Some(group) = group {
            write!(f, " group {group}")?;
        }
        write!(f, ": {} ({}, {})", breach.what, breach.invariant, breach.invariant.source())
    }
}
