//! One group, with what the engine keeps beside it.

use std::time::Duration;

use fhrp::announcer::ArpForm;
use fhrp::{Datagram, Family, Group, HoldFault, Holdings, Lead, Siblings, Standing};
use serde::Serialize;

use super::GroupIndex;
use super::siblings::{Companies, CompanyIndex};
use super::troubles::Troubles;

/// Which group it is: what stays the same when everything else about it is reconfigured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Identity {
    /// The interface's name.
    pub interface: String,
    /// The protocol's name.
    pub protocol: &'static str,
    /// The address family in which it has its number; `None`: one number counts for both.
    pub family: Option<Family>,
    /// The group's number.
    pub id: u16,
}

impl std::fmt::Display for Identity {
    /// `eth0 vrrp 10`, and `eth0 vrrp 10 IPv6`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.interface, self.protocol, self.id)?;
        match self.family {
            Some(Family::Ipv4) | None => Ok(()),
            Some(Family::Ipv6) => f.write_str(" IPv6"),
        }
    }
}

/// What one group wants to hold from now on; replaces everything it held before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whose wish it is.
    pub group: GroupIndex,
    /// Its number among the group's wishes; comes back with the answer.
    pub ticket: u64,
    /// The interface it is about.
    pub link: u32,
    /// What it wants.
    pub holdings: Holdings,
}

/// What the address manager was asked for, done or not.
pub type HoldResult = Result<(), HoldFault>;

/// A group in the engine's table.
pub(super) struct Slot {
    pub(super) identity: Identity,
    pub(super) group: Box<dyn Group>,
    /// The kernel's number of its interface; 0 while there is none.
    pub(super) link: u32,
    /// Where its siblings are counted; `None` until it has a link.
    company: Option<CompanyIndex>,
    standing: Standing,
    /// Which group it follows.
    pub(super) leader: Option<GroupIndex>,
    /// Which groups follow it, and how it stands for them.
    pub(super) followers: Vec<GroupIndex>,
    pub(super) lead: Lead,
    /// What is wrong beside what it sees itself.
    pub(super) troubles: Troubles,
    /// What it moves together with.
    pub(super) failover_group: Option<String>,
    pub(super) started: bool,
    pub(super) stopping: bool,
    /// The latest wish.
    pub(super) holdings: Holdings,
    /// The number of the latest wish, and whether the address manager has yet to answer it.
    pub(super) ticket: u64,
    pub(super) waiting: bool,
    /// Whether something is held, and in place.
    pub(super) established: bool,
    /// What waits until the latest wish is fulfilled.
    pub(super) unsent: Unsent,
    /// An announcement that waits until the latest wish is fulfilled.
    pub(super) announce: Option<ArpForm>,
}

/// What a group has said that may not be heard before what it wants to hold is in place. What it says later must
/// not overtake that: it would be taken for the claim, or would take back what nobody has heard yet.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// What asked to wait. Of that too the newest: what goes the same way as something of a later turn is left out.
    first: Vec<Datagram>,
    /// What was said since; of that the newest alone, for the rest is out of date and a kernel may take its time.
    then: Vec<Datagram>,
}

impl Unsent {
    pub(super) fn is_any(&self) -> bool {
        !self.first.is_empty()
    }

    /// This asks to wait, all of one turn.
    pub(super) fn first(&mut self, asks: Vec<Datagram>) {
        let way = |it: &Datagram| (it.route, it.source, it.destination);
        self.first.retain(|older| asks.iter().all(|newer| way(newer) != way(older)));
        self.first.extend(asks);
    }

    /// This was said while something waited.
    pub(super) fn then(&mut self, said: Vec<Datagram>) {
        if self.is_any() && !said.is_empty() {
            self.then = said;
        }
    }

    pub(super) fn in_order(self) -> impl Iterator<Item = Datagram> {
        self.first.into_iter().chain(self.then)
    }
}

impl Slot {
    pub(super) fn new(identity: Identity, group: Box<dyn Group>) -> Self {
        let view = group.view(fhrp::Instant::ZERO);
        let lead = Lead { state: view.state, standing: view.standing, lease: Duration::ZERO };
        Slot {
            identity,
            group,
            leader: None,
            followers: Vec::new(),
            lead,
            link: 0,
            company: None,
            standing: Standing::Down,
            troubles: Troubles::default(),
            failover_group: None,
            started: false,
            stopping: false,
            holdings: Holdings::none(),
            ticket: 0,
            waiting: false,
            established: false,
            unsent: Unsent::default(),
            announce: None,
        }
    }

    /// It is on a link now, with others perhaps; if it was on another before, it has left those.
    pub(super) fn joins(&mut self, companies: &mut Companies, own: GroupIndex, company: CompanyIndex) {
        if self.company == Some(company) {
            return;
        }
        let standing = self.standing;
        self.stands(companies, own, Standing::Down);
        self.company = Some(company);
        self.stands(companies, own, standing);
    }

    /// A group that follows speaks for nobody, and is none of those who do.
    pub(super) fn follows(&mut self, companies: &mut Companies, own: GroupIndex, leader: Option<GroupIndex>) {
        self.leader = leader;
        let standing = if leader.is_some() { Standing::Down } else { self.lead.standing };
        self.stands(companies, own, standing);
    }

    /// It stands otherwise than before.
    pub(super) fn stands(&mut self, companies: &mut Companies, own: GroupIndex, standing: Standing) {
        if let Some(company) = self.company {
            companies.moves(company, own, self.standing, standing);
        }
        self.standing = standing;
    }

    /// What it is told of its siblings.
    pub(super) fn siblings(&self, companies: &Companies, own: GroupIndex) -> Siblings {
        self.company.map_or(Siblings::NONE, |company| companies.siblings(company, own, self.standing))
    }

    /// Notes a new wish. What waited for an older one waits for this one, unless nothing is to be held any more:
    /// then it would speak of what is gone.
    pub(super) fn hold(&mut self, holdings: &Holdings) {
        self.holdings = holdings.clone();
        self.ticket += 1;
        self.waiting = true;
        if holdings.is_empty() {
            self.established = false;
            self.unsent = Unsent::default();
            self.announce = None;
        }
    }

    /// Whether it was told to leave and has: nothing held, nothing under way, nothing to wait for.
    pub(super) fn has_left(&self) -> bool {
        self.stopping && self.holdings.is_empty() && !self.waiting && self.group.deadline().is_none()
    }
}
