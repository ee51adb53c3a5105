//! Whether a scenario that comes from a file can be run.

use thiserror::Error;

use super::{MOST_GROUPS, MOST_HOSTS, MOST_ROUTERS, Scenario, What};

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
    /// Whether it can be run: what [`generate`](crate::sim::generate) makes can, what comes from a file need not.
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
        for (number, setup) in self.groups.iter().enumerate() {
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
}
