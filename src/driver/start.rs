//! From a plan to a running loop.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use fhrp::{Instant, Link, Mac};
use thiserror::Error;
use tokio::sync::mpsc::Sender;

use super::advertiser::Advertiser;
use super::journal::Journal;
use super::links::LinkPort;
use super::remote::{Remote, channel};
use super::{Driver, FRAME, Phase};
use crate::addr::cleanup::{self, Cleaned};
use crate::addr::kernel::Watch;
use crate::addr::thread::{self, Heartbeat, KernelThread, Request};
use crate::addr::{Claim, ClaimError, Preparation, claim};
use crate::config::{GroupPlan, Plan};
use crate::engine::{Engine, Now};
use crate::event::{Event, What};
use crate::guardian::Guardian;
use crate::hook::Orders;
use crate::net::clock::{Alarm, Clock};
use crate::protocols;

/// What the loop needs to begin.
pub struct Options {
    /// What to run.
    pub plan: Plan,
    /// What is nobody else's.
    pub possession: Possession,
    /// Where events go. When it is full they are dropped, which shows as a gap in their numbers.
    pub events: Sender<Event>,
    /// Where the groups' programs are ordered.
    pub hooks: Orders,
    /// Who speaks for us if we die.
    pub guardian: Option<Guardian>,
}

/// What a daemon has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possession {
    /// Its interfaces, with everything that an earlier daemon left there.
    Interfaces,
    /// Its groups alone, on interfaces that others of its kind work on. It puts nothing there that could be left.
    Groups,
}

/// Why the loop cannot begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// Somebody else works on the interface.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// What an earlier life left in the kernel cannot be removed.
    #[error("cannot remove what an earlier run left behind: {0}")]
    Leftovers(#[source] std::io::Error),
    /// A system call failed.
    #[error("{operation}: {error}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Takes possession of the interfaces, removes what an earlier run left behind, and makes a loop that is ready
/// to [`run`](Driver::run).
///
/// # Errors
/// If another daemon works on an interface of the plan, or the system refuses what cannot be done without.
pub fn prepare(options: Options) -> Result<(Driver, Remote), StartError> {
    let system = |operation| move |error| StartError::System { operation, error };
    let Options { plan, possession, events, hooks, guardian } = options;
    let interfaces: BTreeSet<String> = plan.groups.iter().map(|group| group.interface.clone()).collect();
    let (claims, cleaned) = take_possession(&plan, possession, &interfaces)?;
    let (remote, inbox) = channel().map_err(system("create an eventfd"))?;
    let heartbeat = Arc::new(Heartbeat::default());
    let kernel = KernelThread::start(thread::Options {
        heartbeat: heartbeat.clone(),
        watch: Watch::All,
        guardian: guardian.as_ref().map(Guardian::sender),
    })
    .map_err(system("start the kernel thread"))?;
    let mut driver = Driver {
        engine: Engine::new(protocols::PROTOCOLS, generator().map_err(system("read random numbers"))?),
        links: BTreeMap::new(),
        routed: HashMap::new(),
        kernel,
        heartbeat,
        guardian,
        alarm: Alarm::new().map_err(system("create a timer"))?,
        inbox,
        journal: Journal::new(events),
        hooks,
        advertiser: Advertiser::default(),
        plan: plan.clone(),
        registered: BTreeMap::new(),
        subjects: HashMap::new(),
        programs: HashMap::new(),
        faults: HashMap::new(),
        claims,
        effects: Vec::new(),
        buffer: vec![0; FRAME],
        frame: Vec::with_capacity(FRAME),
        began: Clock::now(),
        last_turn: Clock::now(),
        last_stall: Instant::ZERO,
        told_guardian: Instant::ZERO,
        demotions: 0,
        phase: Phase::Running,
        random: generator().map_err(system("read random numbers"))?,
    };
    let now = Driver::now();
    for what in cleaned.removed {
        let text = format!("removed what an earlier run left behind: {what}");
        driver.journal.write(now, None, What::Kernel { text, lost: false });
    }
    for group in plan.groups {
        driver.register(now, group);
    }
    driver.form_files(now);
    for name in interfaces {
        if nix::net::if_::if_nametoindex(name.as_str()).is_err() {
            let text = "does not exist; its groups wait for it".to_owned();
            driver.journal.write(now, None, What::Interface { name, text });
        }
    }
    Ok((driver, remote))
}

fn take_possession(
    plan: &Plan,
    possession: Possession,
    interfaces: &BTreeSet<String>,
) -> Result<(Vec<Claim>, Cleaned), StartError> {
    match possession {
        Possession::Interfaces => {
            let claims = interfaces.iter().map(|name| claim(name)).collect::<Result<Vec<_>, _>>()?;
            let mine: Vec<&str> = interfaces.iter().map(String::as_str).collect();
            Ok((claims, cleanup::run(&mine).map_err(StartError::Leftovers)?))
        }
        Possession::Groups => {
            let identities = plan.groups.iter().map(GroupPlan::identity);
            let claims = identities.map(|it| claim(&format!("{}/{}/{}", it.interface, it.protocol, it.id)));
            Ok((claims.collect::<Result<Vec<_>, _>>()?, Cleaned::default()))
        }
    }
}

impl Driver {
    /// Opens the sockets of these links, where groups live on them, and has the kernel thread prepare them.
    pub(super) fn open_links(&mut self, now: Now, links: &[Link]) {
        for link in links {
            let result = self.open_link(link);
            if let Err(error) = result {
                let name = link.name.clone();
                let text = format!("cannot be listened to: {error}");
                self.journal.write(now, None, What::Interface { name, text });
            }
        }
        let preparations = self.links.values().map(|port| self.preparation(&port.link)).collect();
        self.kernel.ask(Request::Prepare(preparations));
    }

    fn open_link(&mut self, link: &Link) -> std::io::Result<()> {
        let mut ears = BTreeSet::new();
        let mut multicasts: BTreeSet<IpAddr> = BTreeSet::new();
        let mut solicited = BTreeSet::new();
        for (_, registered) in self.registered.iter().filter(|(id, _)| id.interface == link.name) {
            for ear in protocols::ears(&registered.plan.protocol) {
                ears.insert(ear);
                multicasts.insert(ear.multicast);
            }
            solicited.extend(protocols::solicited_addresses(&registered.plan.protocol));
            let macs = protocols::virtual_macs(&registered.plan.protocol);
            multicasts.extend(macs.into_iter().filter_map(group_of));
        }
        if ears.is_empty() {
            self.links.remove(&link.index);
            return Ok(());
        }
        let ears = ears.into_iter().collect();
        match self.links.get_mut(&link.index) {
            Some(port) => {
                port.listen_to(ears)?;
                port.join(multicasts, &solicited)
            }
            None => {
                let mut port = LinkPort::open(link.clone(), ears)?;
                let joined = port.join(multicasts, &solicited);
                self.links.insert(link.index, port);
                joined
            }
        }
    }

    fn preparation(&self, link: &Link) -> Preparation {
        let here = self.registered.iter().filter(|(identity, _)| identity.interface == link.name);
        let mut preparation = Preparation { link: link.index, ..Preparation::default() };
        for (_, registered) in here {
            let plan = &registered.plan.protocol;
            preparation.macs.extend(protocols::virtual_macs(plan));
            preparation.shared |= protocols::shares(plan);
            if !protocols::redirects(plan) {
                preparation.unredirected.extend(protocols::families(plan));
            }
        }
        preparation
    }
}

/// The group to join for a virtual MAC that is a group's: switches that snoop IGMP then let its frames through to us.
/// RFC 1112 §6.4.
fn group_of(mac: Mac) -> Option<IpAddr> {
    match mac.0 {
        [0x01, 0x00, 0x5e, high @ 0..=0x7f, middle, low] => {
            Some(Ipv4Addr::new(224, high, middle, low).into())
        }
        _ => None,
    }
}

/// A generator of random numbers for protocol jitter, seeded by the system. Nothing secret comes from it.
fn generator() -> std::io::Result<Box<dyn FnMut() -> u64 + Send>> {
    let mut seed = [0u8; 8];
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())?;
    let mut state = u64::from_ne_bytes(seed);
    // SplitMix64: every seed gives a full period, and three lines are easily checked.
    Ok(Box::new(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }))
}
