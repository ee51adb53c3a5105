//! The segment: two switches with a cable between them, and everything that can go wrong on the way from one
//! port to another.
//!
//! The switches learn MACs as real ones do, so that a virtual MAC that nobody speaks from is flooded, and one
//! that two speak from moves to and fro. Where a group shares a MAC that all its masters speak from, hubs stand in their
//! place.

use std::net::IpAddr;
use std::rc::Rc;

use fhrp::Mac;

use super::clock::Moment;
use super::dice::noise_below;
use super::rules::Said;
use super::scenario::{Group, MOST_HOSTS, MOST_ROUTERS, Network, Scenario};

/// Where something is plugged in: routers first, then hosts, then the stranger.
pub type Port = usize;

/// Ports there are at most.
pub const MOST_PORTS: usize = MOST_ROUTERS + MOST_HOSTS + 1;

/// A frame on its way.
#[derive(Debug)]
pub struct Frame {
    /// Which of all frames it is.
    pub number: u64,
    /// Where it came in.
    pub origin: Port,
    /// Ethernet source.
    pub from: Mac,
    /// Ethernet destination.
    pub to: Mac,
    /// All of it; empty for a host's packet, which nobody reads.
    pub octets: Vec<u8>,
    /// What it says, for those who need no octets.
    pub sense: Sense,
}

/// What a frame says.
#[derive(Debug)]
pub enum Sense {
    /// A message of a group's protocol, from a member.
    Message {
        /// The group.
        group: usize,
        /// What it says; `None` if it cannot be read.
        said: Option<Said>,
    },
    /// A host asks for its gateway.
    Question {
        /// Which host.
        host: usize,
    },
    /// Somebody says that an address is at a MAC.
    Answer {
        /// The address.
        address: IpAddr,
        /// Where it is said to be.
        mac: Mac,
    },
    /// A host's packet to somewhere beyond its gateway.
    Packet {
        /// Whose it is.
        host: usize,
        /// Which of the host's packets.
        number: u64,
    },
    /// Something that a hostile station sent.
    Hostile {
        /// The group it is meant for.
        group: usize,
        /// What it says, if it can be read.
        said: Option<Said>,
        /// Whose message it repeats, and which; `None`: it was made up.
        repeats: Option<(Port, u64)>,
    },
}

/// Where and when a frame arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// At this port.
    pub port: Port,
    /// At this moment.
    pub at: Moment,
}

/// The two switches.
#[derive(Debug)]
pub struct Segment {
    ports: usize,
    routers: usize,
    network: Network,
    noise: u64,
    far: [bool; MOST_PORTS],
    /// Whether the cable between the switches is there.
    pub trunk: bool,
    /// Ports whose cable does not carry anything.
    pub cut: [bool; MOST_PORTS],
    /// How many causes keep frames from getting from one port to another.
    pub blocked: [[u8; MOST_PORTS]; MOST_PORTS],
    /// How many frames in a hundred are lost.
    pub loss: u8,
    /// How many frames in a hundred are delivered twice.
    pub duplicate: u8,
    /// By how many microseconds frames may overtake each other.
    pub reorder_us: u64,
    /// The switches are hubs: they learn nothing.
    hubs: bool,
    /// Where each switch believes a MAC to be.
    tables: [Vec<(Mac, Port)>; 2],
    /// When the last frame from one port to another arrived: later ones do not overtake it.
    last: [[Moment; MOST_PORTS]; MOST_PORTS],
    /// Messages between routers that are lost, by their number, in descending order; and how many there were.
    lost: Vec<u64>,
    messages: u64,
}

impl Segment {
    /// Two switches, connected, where nothing goes wrong.
    pub fn new(scenario: &Scenario, far: &[bool]) -> Self {
        let mut sides = [false; MOST_PORTS];
        sides[..far.len()].copy_from_slice(far);
        Segment {
            ports: far.len(),
            routers: scenario.routers.len(),
            network: scenario.network.clone(),
            noise: scenario.noise,
            far: sides,
            trunk: true,
            cut: [false; MOST_PORTS],
            blocked: [[0; MOST_PORTS]; MOST_PORTS],
            loss: 0,
            duplicate: 0,
            reorder_us: 0,
            hubs: scenario.groups.iter().any(Group::needs_hub),
            tables: [Vec::new(), Vec::new()],
            last: [[0; MOST_PORTS]; MOST_PORTS],
            lost: scenario.lost.iter().rev().copied().collect(),
            messages: 0,
        }
    }

    /// The longest a frame travels while nothing is wrong, in microseconds.
    pub fn longest_us(network: &Network) -> u64 {
        network.delay_us + network.jitter_us
    }

    /// Whether messages will still be lost by their number.
    pub fn will_lose(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Whether frames get from one port to the other while nothing but cables is wrong.
    pub fn connected(&self, one: Port, other: Port) -> bool {
        !self.cut[one] && !self.cut[other] && (self.trunk || self.far[one] == self.far[other])
    }

    /// The switches forget what they learnt about each other's ports: the cable between them has changed.
    pub fn forget(&mut self) {
        for (side, table) in [false, true].into_iter().zip(&mut self.tables) {
            table.retain(|(_, port)| self.far[*port] == side);
        }
    }

    /// Takes a frame in and says where it comes out, appending to `arrivals`.
    pub fn carry(&mut self, now: Moment, frame: &Rc<Frame>, arrivals: &mut Vec<Arrival>) {
        let from = frame.origin;
        if self.cut[from] {
            return;
        }
        for side in [false, true] {
            if !self.hubs && (self.trunk || side == self.far[from]) {
                learn(&mut self.tables[usize::from(side)], frame.from, from);
            }
        }
        let known = self.whereabouts(from, frame.to);
        for port in (0..self.ports).filter(|port| *port != from) {
            if known.is_some_and(|known| known != port) || !self.connected(from, port) {
                continue;
            }
            self.deliver(now, frame, port, arrivals);
        }
    }

    /// The port that the sender's switch believes a MAC to be at; `None`: the frame is flooded.
    fn whereabouts(&self, from: Port, to: Mac) -> Option<Port> {
        if to.is_group() {
            return None;
        }
        let table = &self.tables[usize::from(self.far[from])];
        table.iter().find(|(mac, _)| *mac == to).map(|(_, port)| *port)
    }

    fn deliver(&mut self, now: Moment, frame: &Frame, port: Port, arrivals: &mut Vec<Arrival>) {
        let from = frame.origin;
        let message = matches!(frame.sense, Sense::Message { .. });
        let about = |what: u64| [frame.number, port as u64, what];
        if self.blocked[from][port] > 0
            || noise_below(100, self.noise, about(1)) < u64::from(self.loss)
            || (message && port < self.routers && self.is_among_the_lost())
        {
            return;
        }
        let twice = message && noise_below(100, self.noise, about(2)) < u64::from(self.duplicate);
        for copy in 0..=u64::from(twice) {
            let jitter = noise_below(self.network.jitter_us + 1, self.noise, about(3 + 2 * copy));
            let overtaking = match message {
                true => noise_below(self.reorder_us + 1, self.noise, about(4 + 2 * copy)),
                false => 0,
            };
            let mut at = now + (self.network.delay_us + jitter + overtaking) * 1_000;
            let last = &mut self.last[from][port];
            if overtaking == 0 {
                at = at.max(*last + 1);
                *last = at;
            }
            arrivals.push(Arrival { port, at });
        }
    }

    /// Counts a message between routers, and says whether it is one of the lost.
    fn is_among_the_lost(&mut self) -> bool {
        let lost = self.lost.pop_if(|number| *number == self.messages).is_some();
        self.messages += 1;
        lost
    }
}

fn learn(table: &mut Vec<(Mac, Port)>, mac: Mac, port: Port) {
    if mac.is_group() {
        return;
    }
    match table.iter_mut().find(|(known, _)| *known == mac) {
        Some(entry) => entry.1 = port,
        None => table.push((mac, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const B: Mac = Mac([2, 0, 0, 0, 0, 2]);

    fn frame(number: u64, origin: Port, from: Mac, to: Mac) -> Rc<Frame> {
        Rc::new(Frame { number, origin, from, to, octets: Vec::new(), sense: Sense::Question { host: 0 } })
    }

    fn ports(segment: &mut Segment, frame: &Rc<Frame>) -> Vec<Port> {
        let mut arrivals = Vec::new();
        segment.carry(0, frame, &mut arrivals);
        arrivals.iter().map(|arrival| arrival.port).collect()
    }

    fn between(jitter_us: u64, far: &[bool]) -> Segment {
        let network = Network { delay_us: 10, jitter_us };
        let scenario = Scenario {
            noise: 1,
            network,
            routers: Vec::new(),
            groups: Vec::new(),
            hosts: Vec::new(),
            deeds: Vec::new(),
            lost: Vec::new(),
        };
        Segment::new(&scenario, far)
    }

    fn segment() -> Segment {
        between(5, &[false, false, true])
    }

    #[test]
    fn what_is_unknown_is_flooded_and_what_is_known_is_not() {
        let mut segment = segment();
        assert_eq!(ports(&mut segment, &frame(1, 0, A, B)), [1, 2]);
        assert_eq!(ports(&mut segment, &frame(2, 2, B, A)), [0]);
        assert_eq!(ports(&mut segment, &frame(3, 0, A, B)), [2]);
        assert_eq!(ports(&mut segment, &frame(4, 0, A, Mac::BROADCAST)), [1, 2]);
    }

    #[test]
    fn a_hub_learns_nothing() {
        let mut segment = segment();
        segment.hubs = true;
        segment.trunk = false;
        assert_eq!(ports(&mut segment, &frame(1, 0, A, B)), [1]);
        segment.trunk = true;
        for number in 2..4 {
            assert_eq!(ports(&mut segment, &frame(number, 2, B, A)), [0, 1]);
            assert_eq!(ports(&mut segment, &frame(number, 0, A, B)), [1, 2]);
        }
    }

    #[test]
    fn apart_and_together() {
        let mut segment = segment();
        assert_eq!(ports(&mut segment, &frame(1, 2, B, Mac::BROADCAST)), [0, 1]);
        segment.trunk = false;
        segment.forget();
        assert_eq!(ports(&mut segment, &frame(2, 0, A, B)), [1]);
        segment.trunk = true;
        segment.forget();
        assert_eq!(ports(&mut segment, &frame(3, 0, A, B)), [1, 2]);
    }

    #[test]
    fn a_cut_and_a_one_way_fault() {
        let mut segment = segment();
        segment.cut[1] = true;
        segment.blocked[0][2] = 1;
        assert!(ports(&mut segment, &frame(1, 0, A, Mac::BROADCAST)).is_empty());
        assert_eq!(ports(&mut segment, &frame(2, 2, B, Mac::BROADCAST)), [0]);
        assert!(ports(&mut segment, &frame(3, 1, A, B)).is_empty());
    }

    #[test]
    fn frames_stay_in_order() {
        let mut segment = between(500, &[false, false]);
        let mut arrivals = Vec::new();
        for number in 0..200 {
            segment.carry(number * 1_000, &frame(number, 0, A, Mac::BROADCAST), &mut arrivals);
        }
        assert!(arrivals.is_sorted_by(|one, next| one.at < next.at));
    }
}
