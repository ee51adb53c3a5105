//! What a run is made of: machines, groups, hosts, and a script of deeds. A value that can be written down,
//! changed a little by the shrinker, and run again.
//!
//! Times are microseconds of simulated time. Everything random *within* a run (a frame's delay, whether it is
//! lost) hangs on [`Scenario::noise`] and on the frame, see [`noise`](super::dice::noise).

mod check;
mod words;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{carp, glbp, hsrp, vrrp};
pub use check::Impossible;

/// Machines on one segment at most.
pub const MOST_ROUTERS: usize = 8;
/// Groups on one segment at most.
pub const MOST_GROUPS: usize = 4;
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
    /// HSRP.
    Hsrp(hsrp::Setup),
    /// CARP.
    Carp(carp::Setup),
    /// GLBP.
    Glbp(glbp::Setup),
}

impl Group {
    /// Which group it is, in a few words.
    pub fn name(&self) -> String {
        match self {
            Group::Vrrp(setup) => setup.name(),
            Group::Hsrp(setup) => setup.name(),
            Group::Carp(setup) => setup.name(),
            Group::Glbp(setup) => setup.name(),
        }
    }

    /// The longest time between two signs of life of its holder, in microseconds.
    pub fn longest_interval_us(&self) -> u64 {
        match self {
            Group::Vrrp(setup) => setup.longest_interval_us(),
            Group::Hsrp(setup) => setup.longest_interval_us(),
            Group::Carp(setup) => setup.longest_interval_us(),
            Group::Glbp(setup) => setup.longest_interval_us(),
        }
    }

    /// Whether it needs a wire that carries everything to everybody, and no switches.
    pub fn needs_hub(&self) -> bool {
        match self {
            Group::Vrrp(_) | Group::Hsrp(_) | Group::Glbp(_) => false,
            Group::Carp(setup) => setup.needs_hub(),
        }
    }

    /// Whether its members prove who they are, so that somebody may try to.
    pub fn is_sealed(&self) -> bool {
        match self {
            Group::Vrrp(setup) => setup.authentication != vrrp::Authentication::None,
            Group::Hsrp(_) | Group::Carp(_) => true,
            Group::Glbp(setup) => setup.authentication != glbp::Authentication::None,
        }
    }

    /// One member's settings in words.
    pub fn member_in_words(&self, router: usize) -> String {
        match self {
            Group::Vrrp(setup) => setup.members[router].to_string(),
            Group::Hsrp(setup) => setup.members[router].to_string(),
            Group::Carp(setup) => setup.members[router].to_string(),
            Group::Glbp(setup) => setup.members[router].to_string(),
        }
    }

    /// The same with one setting as everybody has it, for each that is not.
    pub fn simpler(&self) -> Vec<Group> {
        match self {
            Group::Vrrp(setup) => setup.simpler().into_iter().map(Group::Vrrp).collect(),
            Group::Hsrp(setup) => setup.simpler().into_iter().map(Group::Hsrp).collect(),
            Group::Carp(setup) => setup.simpler().into_iter().map(Group::Carp).collect(),
            Group::Glbp(setup) => setup.simpler().into_iter().map(Group::Glbp).collect(),
        }
    }

    /// Whether it can work, with so many routers.
    ///
    /// # Errors
    /// What is wrong, as a clause.
    pub fn check(&self, routers: usize) -> Result<(), String> {
        match self {
            Group::Vrrp(setup) => setup.check(routers),
            Group::Hsrp(setup) => setup.check(routers),
            Group::Carp(setup) => setup.check(routers),
            Group::Glbp(setup) => setup.check(routers),
        }
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Group::Vrrp(setup) => setup.fmt(f),
            Group::Hsrp(setup) => setup.fmt(f),
            Group::Carp(setup) => setup.fmt(f),
            Group::Glbp(setup) => setup.fmt(f),
        }
    }
}

/// One member's settings, as a reload brings them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "protocol")]
pub enum Member {
    /// VRRP.
    Vrrp(vrrp::Member),
    /// HSRP.
    Hsrp(hsrp::Member),
    /// CARP.
    Carp(carp::Member),
    /// GLBP.
    Glbp(glbp::Member),
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
    /// An operator has the role taken.
    TakeOver,
    /// An operator has the addresses announced.
    Announce,
    /// What has to be in step before the role is taken is said to be.
    Ready,
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
    /// It sends a message again that it has heard, with whatever changed that nobody can prove to be changed.
    Alter {
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
    /// A claim in another version of the protocol, with the members' own key.
    OtherVersion,
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

impl Scenario {
    /// The same without one router and all that is done to it.
    pub fn without_router(&self, gone: usize) -> Scenario {
        let mut fewer = self.clone();
        fewer.routers.remove(gone);
        for group in &mut fewer.groups {
            match group {
                Group::Vrrp(setup) => drop(setup.members.remove(gone)),
                Group::Hsrp(setup) => drop(setup.members.remove(gone)),
                Group::Carp(setup) => drop(setup.members.remove(gone)),
                Group::Glbp(setup) => drop(setup.members.remove(gone)),
            }
        }
        fewer.deeds = self.deeds_mapped(|what| what.without_router(gone));
        fewer
    }

    /// The same without one group and its hosts.
    pub fn without_group(&self, gone: usize) -> Scenario {
        let mut fewer = self.clone();
        fewer.groups.remove(gone);
        carp::setup::count_anew(fewer.groups.iter_mut().filter_map(|group| match group {
            Group::Carp(setup) => Some(setup),
            Group::Vrrp(_) | Group::Hsrp(_) | Group::Glbp(_) => None,
        }));
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
