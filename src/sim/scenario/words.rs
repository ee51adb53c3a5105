//! Deeds in words, as a script, a log and a picture have them.

use std::fmt;

use super::{Deed, Forgery, MachineDeed, Member, MemberDeed, NetworkDeed, StrangerDeed, What, router_name};

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
            MemberDeed::Reload { member: Member::Hsrp(member) } => write!(f, "reloads: {member}"),
            MemberDeed::Reload { member: Member::Carp(member) } => write!(f, "reloads: {member}"),
            MemberDeed::Reload { member: Member::Glbp(member) } => write!(f, "reloads: {member}"),
            MemberDeed::HandOver => f.write_str("is to hand over"),
            MemberDeed::TakeOver => f.write_str("is to take over"),
            MemberDeed::Announce => f.write_str("is to announce"),
            MemberDeed::Ready => f.write_str("is in step"),
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
            StrangerDeed::Alter { frames_ago } => {
                return write!(f, "repeats the message of {frames_ago} ago, changed");
            }
            StrangerDeed::Forge { kind: Forgery::Claim } => "forges a claim to the role",
            StrangerDeed::Forge { kind: Forgery::Goodbye } => "forges somebody's goodbye",
            StrangerDeed::Forge { kind: Forgery::FromAfar } => "claims the role from beyond a router",
            StrangerDeed::Forge { kind: Forgery::OtherVersion } => "claims the role in another version",
            StrangerDeed::Forge { kind: Forgery::Flipped } => "sends a message with one bit changed",
            StrangerDeed::Forge { kind: Forgery::Garbage } => "sends garbage",
        })
    }
}

fn span(us: u64) -> String {
    format!("{:?}", std::time::Duration::from_micros(us))
}
