//! A simulated router: the real engine with the real protocol modules, inside a machine whose processor, kernel
//! and clock can be as bad as the scenario likes.
//!
//! The machine does what the daemon's event loop does, in the same order: frames first, then the kernel's answers
//! and operators, then what was missed while it stood still, then the timers, and at last everything that the
//! engine has asked for.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use fhrp::{Answer, Command, HoldFault, Holdings, InterfaceAddress, Link, Mac, Presence};

use super::clock::{Clock, Moment};
use super::dice::Dice;
use super::rules::Duty;
use super::scenario::{Member, Router};
use super::segment::Frame;
use crate::engine::group::HoldResult;
use crate::engine::{Engine, GroupIndex, Now};
use crate::protocols::PROTOCOLS;

/// The one interface of each router.
pub const INTERFACE: &str = "eth0";
/// The kernel's number of it.
pub const LINK: u32 = 2;
/// Last octet of the hostile station's addresses.
pub const STRANGER: u8 = 250;
/// Frames a receive queue holds while nothing is wrong.
const QUEUE: usize = 256;

/// The MAC of the machine with this last octet.
pub fn mac(address: u8) -> Mac {
    Mac([0x02, 0, 0, 0, 0, address])
}

/// The address of the machine with this last octet: what it speaks from.
pub fn address(ipv6: bool, last: u8) -> IpAddr {
    match ipv6 {
        false => Ipv4Addr::new(10, 0, 0, last).into(),
        true => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into()).into(),
    }
}

/// Something an operator or the kernel tells the daemon.
#[derive(Debug, Clone)]
pub enum Order {
    /// The carrier comes or goes.
    Carrier(bool),
    /// Stop.
    Stop,
    /// Tracked faults take so much of a group's priority.
    Penalty(usize, u16),
    /// A group has other settings.
    Reload(usize, Member),
    /// An operator's wish for a group.
    Command(usize, Command),
}

/// The kernel has answered.
#[derive(Debug)]
pub struct Grant {
    /// Which group's wish.
    pub group: usize,
    /// Which of its wishes.
    pub ticket: u64,
    /// What it wished for.
    pub holdings: Holdings,
    /// What came of it.
    pub result: HoldResult,
}

/// A router.
pub struct Machine {
    /// Its settings.
    pub setup: Router,
    /// Its clock.
    pub clock: Clock,
    /// The daemon, while it runs.
    pub daemon: Option<Daemon>,
    /// How many daemons it has had.
    pub lives: u64,
    /// Whether the machine has power.
    pub powered: bool,
    /// Whether its interface has carrier.
    pub carrier: bool,
    /// Since when the machine stands still.
    pub frozen: Option<Moment>,
    /// What it held has lapsed, and comes into force again when the daemon has had a turn.
    pub gate_closed: bool,
    /// What the kernel holds for each group.
    pub kernel: Vec<Holdings>,
    /// Changes that the kernel makes one after the other: when it will be done with the last.
    pub kernel_busy_until: Moment,
    /// How late it is at most, in microseconds.
    pub lateness_us: u64,
    /// How long its kernel takes at most, in microseconds.
    pub kernel_us: u64,
    /// How many causes make its kernel refuse.
    pub refusing: u8,
    /// How many frames its queue holds.
    pub queue_limit: usize,
}

/// The process on a machine.
pub struct Daemon {
    /// The engine.
    pub engine: Engine,
    /// Each group's number in the engine.
    pub groups: Vec<GroupIndex>,
    /// Frames that wait, each with its arrival.
    pub queue: VecDeque<(Moment, Rc<Frame>)>,
    /// Answers of the kernel that wait.
    pub grants: VecDeque<Grant>,
    /// Orders that wait.
    pub orders: VecDeque<Order>,
    /// When it will wake up.
    pub wake: Option<Moment>,
    /// For how long it stood still, until it knows.
    pub stood_still: Option<std::time::Duration>,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// What is said for each group if it dies.
    pub wills: BTreeMap<usize, Vec<fhrp::Datagram>>,
    /// For each group and router, the number of the latest of its messages that was obeyed.
    pub obeyed: Vec<Vec<u64>>,
    /// The number of each group's latest wish.
    pub tickets: Vec<u64>,
}

impl Machine {
    /// A machine without a daemon.
    pub fn new(setup: &Router, groups: usize) -> Self {
        Machine {
            clock: Clock::new(setup.clock_us * 1_000, setup.drift_ppm),
            daemon: None,
            lives: 0,
            powered: false,
            carrier: true,
            frozen: None,
            gate_closed: false,
            kernel: vec![Holdings::none(); groups],
            kernel_busy_until: 0,
            lateness_us: setup.lateness_us,
            kernel_us: setup.kernel_us,
            refusing: 0,
            queue_limit: QUEUE,
            setup: setup.clone(),
        }
    }

    /// Its own MAC.
    pub fn mac(&self) -> Mac {
        mac(self.setup.address)
    }

    /// The time of a turn.
    pub fn now(&self, moment: Moment) -> Now {
        Now { monotonic: self.clock.shows(moment), wall: self.clock.wall(moment) }
    }

    /// The queue is as long as ever again.
    pub fn mend_queue(&mut self) {
        self.queue_limit = QUEUE;
    }

    /// Its interface, as the kernel describes it.
    pub fn link(&self, besides: &[InterfaceAddress]) -> Link {
        let last = self.setup.address;
        let own =
            [format!("10.0.0.{last}/24"), format!("fe80::{last:x}/64"), format!("2001:db8::{last:x}/64")];
        let own = own.iter().filter_map(|text| text.parse().ok());
        Link {
            index: LINK,
            name: INTERFACE.to_owned(),
            mac: self.mac(),
            up: self.carrier,
            mtu: 1500,
            addresses: own.chain(besides.iter().copied()).collect(),
        }
    }

    /// A daemon without groups, just started. Its chance hangs on the machine and on how many it has had.
    pub fn boot(&mut self, noise: u64, routers: usize) -> Daemon {
        self.lives += 1;
        let mut dice = Dice::new(noise ^ (u64::from(self.setup.address) << 32) ^ self.lives);
        Daemon {
            engine: Engine::new(PROTOCOLS, Box::new(move || dice.any())),
            groups: Vec::new(),
            queue: VecDeque::new(),
            grants: VecDeque::new(),
            orders: VecDeque::new(),
            wake: None,
            stood_still: None,
            stopping: false,
            wills: BTreeMap::new(),
            obeyed: vec![vec![0; routers]; self.kernel.len()],
            tickets: vec![0; self.kernel.len()],
        }
    }

    /// Whether the daemon can do anything.
    pub fn runs(&self) -> bool {
        self.daemon.is_some() && self.powered && self.frozen.is_none()
    }

    /// Whether it does a group's duty.
    pub fn does(&self, now: Moment, group: usize, duty: &Duty) -> bool {
        self.holds(now, group) && duty.is_done_by(&self.kernel[group])
    }

    /// Whether what a group holds is in force. While the machine stands still, the gate closes by itself when
    /// the lease has run out.
    pub fn holds(&self, now: Moment, group: usize) -> bool {
        let Some(held) = self.kernel.get(group).filter(|held| !held.is_empty()) else { return false };
        let lapsed = |since: Moment| self.clock.shows(now).since(self.clock.shows(since)) > held.lease;
        self.powered && self.daemon.is_some() && !self.gate_closed && !self.frozen.is_some_and(lapsed)
    }

    /// Whether a host's packet that arrives here with this destination MAC, between these two, is forwarded.
    pub fn forwards(&self, now: Moment, to: Mac, source: IpAddr, destination: IpAddr) -> bool {
        let takes = |held: &Holdings| held.forward.get(&to).is_some_and(|it| it.takes(source, destination));
        // A router forwards whatever is sent to its own MAC, whoever is Active.
        (to == self.mac() && self.powered && self.frozen.is_none())
            || (0..self.kernel.len()).any(|group| self.holds(now, group) && takes(&self.kernel[group]))
    }

    /// The MAC that the kernel answers with when a host asks for an address that is on the interface.
    pub fn kernel_answers(&self, now: Moment, target: IpAddr) -> Option<Mac> {
        let on_interface = (0..self.kernel.len()).filter(|group| self.holds(now, *group)).any(|group| {
            self.kernel[group].addresses.get(&target).is_some_and(|address| {
                address.answer == Answer::Silent
                    && matches!(address.presence, Presence::OnInterface | Presence::Native)
            })
        });
        on_interface.then(|| self.mac())
    }

    /// What the kernel says to a wish now.
    pub fn verdict(&self, holdings: &Holdings) -> HoldResult {
        if self.refusing == 0 || holdings.is_empty() {
            return Ok(());
        }
        Err(HoldFault {
            operation: format!("hold on {INTERFACE}"),
            cause: "refused by the scenario".to_owned(),
        })
    }
}
