//! What a run is made of: machines, groups, hosts, and a script of deeds. A value that can be written down,
//! changed a little by the shrinker, and run again.
//!
//! Times are microseconds of simulated time. Everything random *within* a run (a frame's delay, whether it is
//! lost) hangs on [`Scenario::noise`] and on the frame, see [`noise`](super::dice::noise).

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::vrrp;

/// Machines on one segment at most.
pub const MOST_ROUTERS: usize = 8;
/// Groups on one segment at most.
pub const MOST_GROUPS: usize = 2;
/// Hosts on one segment at most.
pub const MOST_HOSTS: usize = 4;

/// A LAN and what happens on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What all chance within the run hangs on.
    pub noise: u64,
    /// How frames travel while nothing is wrong.
    pub network: Network,
    /// The routers.
    pub routers: Vec<Router>,
    /// The redundancy groups; every router is a member of each.
    pub groups: Vec<Group>,
    /// The hosts.
    pub hosts: Vec<Host>,
    /// What is done to them, in order of time.
    pub deeds: Vec<Deed>,
    /// Messages between routers that are lost besides: which deliveries, counted from 0, in ascending order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<u64>,
}

/// How frames travel while nothing is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Network {
    /// From port to port, at least.
    pub delay_us: u64,
    /// Up to so much more.
    pub jitter_us: u64,
}

/// A router as a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Router {
    /// Last octet of its addresses and of its MAC; unique, 2 to 199.
    pub address: u8,
    /// By how many parts in a million its clock is too fast.
    pub drift_ppm: i64,
    /// What its clock shows at the beginning.
    pub clock_us: u64,
    /// How late it wakes up, at most, while nothing is wrong.
    pub lateness_us: u64,
    /// How long its kernel takes for a change, at most.
    pub kernel_us: u64,
    /// On which of the two switches it is.
    pub far: bool,
}

/// A host that sends packets through a group's virtual gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Host {
    /// Whose virtual address is its gateway.
    pub group: usize,
    /// One packet in so much time.
    pub every_us: u64,
    /// On which of the two switches it is.
    pub far: bool,
}

/// A redundancy group with its members' settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "protocol")]
pub enum Group {
    /// VRRP.
    Vrrp(vrrp::Setup),
}

/// One member's settings, as a reload brings them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "protocol")]
pub enum Member {
    /// VRRP.
    Vrrp(vrrp::Member),
}

/// Something that is done at a time, and lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deed {
    /// When.
    pub at_us: u64,
    /// For how long, if it comes to an end by itself; 0 otherwise.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub for_us: u64,
    /// What.
    pub what: What,
}

fn is_zero(us: &u64) -> bool {
    *us == 0
}

/// What can be done, and to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// To a router as a machine.
    Machine {
        /// Which.
        router: usize,
        /// What.
        deed: MachineDeed,
    },
    /// To a router as a member of a group.
    Member {
        /// Which.
        router: usize,
        /// Of which group.
        group: usize,
        /// What.
        deed: MemberDeed,
    },
    /// To the way from one router to another: nothing gets through, while the way back is open.
    OneWay {
        /// From here
        from: usize,
        /// to here.
        to: usize,
    },
    /// To the network.
    Network(NetworkDeed),
    /// By a hostile station.
    Stranger {
        /// To which group.
        group: usize,
        /// What.
        deed: StrangerDeed,
    },
}

/// What can be done to a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum MachineDeed {
    /// The daemon is started, on a machine that gets power if it had none.
    Start,
    /// The daemon is asked to stop.
    Stop,
    /// `kill -9`: the guardian says its last will.
    Kill,
    /// The plug is pulled: nobody says anything.
    PowerCut,
    /// The machine stands still for a while, and goes on as if nothing had been.
    Freeze,
    /// The cable is taken out of the router, which notices.
    Unplug,
    /// And back in.
    Plug,
    /// The cable is cut beyond a device that keeps the carrier up.
    Cut,
    /// And mended.
    Mend,
    /// Timers are late and frames wait, for a while.
    SlowCpu {
        /// By up to so much.
        lateness_us: u64,
    },
    /// The receive queue is short, for a while.
    ShortQueue {
        /// It holds so many frames.
        frames: usize,
    },
    /// The kernel takes its time for changes, for a while.
    SlowKernel {
        /// Up to so much.
        latency_us: u64,
    },
    /// The kernel refuses to hold anything, for a while.
    KernelRefuses,
}

/// What can be done to a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum MemberDeed {
    /// Tracked faults take something of the priority, until they take something else.
    Penalty {
        /// So much.
        amount: u16,
    },
    /// The configuration is read again and is another one.
    Reload {
        /// This one.
        member: Member,
    },
    /// An operator has the role handed over.
    HandOver,
    /// An operator has the addresses announced.
    Announce,
}

/// What can be done to the network, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum NetworkDeed {
    /// The two switches are apart.
    Partition,
    /// Frames are lost.
    Loss {
        /// So many in a hundred.
        percent: u8,
    },
    /// Frames are delivered twice.
    Duplicate {
        /// So many in a hundred.
        percent: u8,
    },
    /// Frames overtake each other.
    Reorder {
        /// By up to so much.
        jitter_us: u64,
    },
}

/// What a hostile station does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum StrangerDeed {
    /// It sends a message again that it has heard.
    Replay {
        /// So many messages ago; 0: the latest.
        frames_ago: usize,
    },
    /// It sends what it has made itself.
    Forge {
        /// Which is this.
        kind: Forgery,
    },
}

/// What a hostile station makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forgery {
    /// A claim to the role with the highest priority, sealed with a wrong key or none.
    Claim,
    /// Somebody else's goodbye, sealed with a wrong key or none.
    Goodbye,
    /// A claim that a router has forwarded: its TTL shows it.
    FromAfar,
    /// A heard frame with one bit changed.
    Flipped,
    /// Octets that mean nothing.
    Garbage,
}

impl What {
    /// The router it is done to, if it is done to one.
    pub fn router(&self) -> Option<usize> {
        match self {
            What::Machine { router, .. } | What::Member { router, .. } => Some(*router),
            What::OneWay { .. } | What::Network(_) | What::Stranger { .. } => None,
        }
    }

    /// The group it is about, if it is about one.
    pub fn group(&self) -> Option<usize> {
        match self {
            What::Member { group, .. } | What::Stranger { group, .. } => Some(*group),
            What::Machine { .. } | What::OneWay { .. } | What::Network(_) => None,
        }
    }

    /// The same on a LAN without this router; `None` if it is about this one.
    fn without_router(&self, gone: usize) -> Option<What> {
        let mut moved = self.clone();
        match &mut moved {
            What::Machine { router, .. } | What::Member { router, .. } => *router = without(*router, gone)?,
            What::OneWay { from, to } => {
                *from = without(*from, gone)?;
                *to = without(*to, gone)?;
            }
            What::Network(_) | What::Stranger { .. } => {}
        }
        Some(moved)
    }

    /// The same on a LAN without this group; `None` if it is about this one.
    fn without_group(&self, gone: usize) -> Option<What> {
        let mut moved = self.clone();
        match &mut moved {
            What::Member { group, .. } | What::Stranger { group, .. } => *group = without(*group, gone)?,
            What::Machine { .. } | What::OneWay { .. } | What::Network(_) => {}
        }
        Some(moved)
    }
}

/// A number in a list that has lost one of its members; `None` for that one.
fn without(number: usize, gone: usize) -> Option<usize> {
    match number.cmp(&gone) {
        Ordering::Less => Some(number),
        Ordering::Equal => None,
        Ordering::Greater => Some(number - 1),
    }
}

/// Why a scenario that somebody wrote cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Impossible {
    /// Too few or too many of something.
    #[error("{count} {what}, must be {least} to {most}")]
    Count {
        /// Of these,
        what: &'static str,
        /// so many,
        count: usize,
        /// at least
        least: usize,
        /// and at most so many.
        most: usize,
    },
    /// Something that there is not.
    #[error("{what} {number}, and there are {count}, counted from 0")]
    Unknown {
        /// A router or a group,
        what: &'static str,
        /// of this number
        number: usize,
        /// among so many.
        count: usize,
    },
    /// An address that is taken, or none for a router.
    #[error("router address {0}, must be 2 to 199 and a router's own")]
    Address(u8),
    /// A group whose settings cannot work.
    #[error("group {group}: {what}")]
    Group {
        /// Which.
        group: usize,
        /// What is wrong.
        what: String,
    },
    /// Deeds that are not in the order of time.
    #[error("deed {0} is earlier than the one before it")]
    Order(usize),
}

fn count(what: &'static str, count: usize, least: usize, most: usize) -> Result<(), Impossible> {
    match (least..=most).contains(&count) {
        true => Ok(()),
        false => Err(Impossible::Count { what, count, least, most }),
    }
}

fn known(what: &'static str, number: usize, count: usize) -> Result<(), Impossible> {
    if number < count { Ok(()) } else { Err(Impossible::Unknown { what, number, count }) }
}

impl Scenario {
    /// Whether it can be run: what [`generate`](super::generate) makes can, what comes from a file need not.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), Impossible> {
        let (routers, groups) = (self.routers.len(), self.groups.len());
        count("routers", routers, 1, MOST_ROUTERS)?;
        count("groups", groups, 1, MOST_GROUPS)?;
        count("hosts", self.hosts.len(), 0, MOST_HOSTS)?;
        for (place, router) in self.routers.iter().enumerate() {
            let taken = self.routers[..place].iter().any(|other| other.address == router.address);
            if taken || !(2..=199).contains(&router.address) {
                return Err(Impossible::Address(router.address));
            }
        }
        for (number, Group::Vrrp(setup)) in self.groups.iter().enumerate() {
            setup.check(routers).map_err(|what| Impossible::Group { group: number, what })?;
        }
        for host in &self.hosts {
            known("group", host.group, groups)?;
            count("microseconds between packets", host.every_us as usize, 1, usize::MAX)?;
        }
        for (place, deed) in self.deeds.iter().enumerate() {
            if place > 0 && deed.at_us < self.deeds[place - 1].at_us {
                return Err(Impossible::Order(place));
            }
            match &deed.what {
                What::Machine { router, .. } => known("router", *router, routers)?,
                What::Member { router, group, .. } => {
                    known("router", *router, routers)?;
                    known("group", *group, groups)?;
                }
                What::OneWay { from, to } => {
                    known("router", *from, routers)?;
                    known("router", *to, routers)?;
                }
                What::Network(_) => {}
                What::Stranger { group, .. } => known("group", *group, groups)?,
            }
        }
        Ok(())
    }

    /// The same without one router and all that is done to it.
    pub fn without_router(&self, gone: usize) -> Scenario {
        let mut fewer = self.clone();
        fewer.routers.remove(gone);
        for group in &mut fewer.groups {
            match group {
                Group::Vrrp(setup) => setup.members.remove(gone),
            };
        }
        fewer.deeds = self.deeds_mapped(|what| what.without_router(gone));
        fewer
    }

    /// The same without one group and its hosts.
    pub fn without_group(&self, gone: usize) -> Scenario {
        let mut fewer = self.clone();
        fewer.groups.remove(gone);
        fewer.hosts.retain(|host| host.group != gone);
        fewer.hosts.iter_mut().filter(|host| host.group > gone).for_each(|host| host.group -= 1);
        fewer.deeds = self.deeds_mapped(|what| what.without_group(gone));
        fewer
    }

    fn deeds_mapped(&self, map: impl Fn(&What) -> Option<What>) -> Vec<Deed> {
        let moved =
            self.deeds.iter().filter_map(|deed| Some(Deed { what: map(&deed.what)?, ..deed.clone() }));
        moved.collect()
    }
}

/// A router's name in every text and picture.
pub fn router_name(router: usize) -> String {
    format!("r{}", router + 1)
}

fn span(us: u64) -> String {
    format!("{:?}", std::time::Duration::from_micros(us))
}

impl Deed {
    /// What is done, without to whom: `stands still, for 1.5s`.
    pub fn done(&self) -> String {
        let done = match &self.what {
            What::Machine { deed, .. } => deed.to_string(),
            What::Member { deed, .. } => deed.to_string(),
            What::OneWay { from, to } => {
                format!("nothing gets from {} to {}", router_name(*from), router_name(*to))
            }
            What::Network(deed) => deed.to_string(),
            What::Stranger { deed, .. } => format!("a stranger {deed}"),
        };
        match self.for_us {
            0 => done,
            us => format!("{done}, for {}", span(us)),
        }
    }
}

impl fmt::Display for Deed {
    /// As a line of a script: `r2: stands still, for 1.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.what.router(), self.what.group()) {
            (Some(router), Some(group)) => write!(f, "{} group {group}: ", router_name(router))?,
            (Some(router), None) => write!(f, "{}: ", router_name(router))?,
            (None, Some(group)) => write!(f, "group {group}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.done())
    }
}

impl fmt::Display for MachineDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MachineDeed::Start => "starts",
            MachineDeed::Stop => "is told to stop",
            MachineDeed::Kill => "is killed",
            MachineDeed::PowerCut => "loses its power",
            MachineDeed::Freeze => "stands still",
            MachineDeed::Unplug => "is unplugged",
            MachineDeed::Plug => "is plugged in",
            MachineDeed::Cut => "cable cut, carrier stays",
            MachineDeed::Mend => "cable mended",
            MachineDeed::SlowCpu { lateness_us } => {
                return write!(f, "slow, late by up to {}", span(*lateness_us));
            }
            MachineDeed::ShortQueue { frames } => return write!(f, "its queue holds {frames} frames"),
            MachineDeed::SlowKernel { latency_us } => {
                return write!(f, "its kernel takes up to {}", span(*latency_us));
            }
            MachineDeed::KernelRefuses => "its kernel refuses",
        })
    }
}

impl fmt::Display for MemberDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemberDeed::Penalty { amount } => write!(f, "tracked faults take {amount} of the priority"),
            MemberDeed::Reload { member: Member::Vrrp(member) } => write!(f, "reloads: {member}"),
            MemberDeed::HandOver => f.write_str("is to hand over"),
            MemberDeed::Announce => f.write_str("is to announce"),
        }
    }
}

impl fmt::Display for NetworkDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetworkDeed::Partition => f.write_str("the switches are apart"),
            NetworkDeed::Loss { percent } => write!(f, "{percent} % of all frames are lost"),
            NetworkDeed::Duplicate { percent } => write!(f, "{percent} % of all frames come twice"),
            NetworkDeed::Reorder { jitter_us } => {
                write!(f, "frames overtake each other, by up to {}", span(*jitter_us))
            }
        }
    }
}

impl fmt::Display for StrangerDeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StrangerDeed::Replay { frames_ago } => {
                return write!(f, "repeats the message of {frames_ago} ago");
            }
            StrangerDeed::Forge { kind: Forgery::Claim } => "forges a claim to the role",
            StrangerDeed::Forge { kind: Forgery::Goodbye } => "forges somebody's goodbye",
            StrangerDeed::Forge { kind: Forgery::FromAfar } => "claims the role from beyond a router",
            StrangerDeed::Forge { kind: Forgery::Flipped } => "sends a message with one bit changed",
            StrangerDeed::Forge { kind: Forgery::Garbage } => "sends garbage",
        })
    }
}
