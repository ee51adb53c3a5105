//! Captures made readable: each frame of a redundancy protocol taken apart and judged as a router would judge it, with
//! the ARP and Neighbour Discovery about virtual addresses between them.
//!
//! | module | what lives there |
//! |---|---|
//! | [`dissector`] | what one frame alone shows |
//! | [`keys`] | keys that proofs are verified with |
//! | [`virtuals`] | virtual addresses and MACs, learnt from the frames |
//! | `judge` | what takes several frames to see |
//! | [`filter`] | which frames are asked for |
//! | `recent` | a map that forgets |
//! | `text` | numbers and words, written a million times |
//! | [`line`](mod@line), [`tree`], [`json`] | a frame in words, octet by octet, and for programs |
//!
//! A frame is looked at, which takes no more than the frame and most of the time; and then judged, in the order of the
//! capture. Nothing here keeps a frame, so a capture may be longer than memory; whatever is remembered of it is bounded.

use std::net::IpAddr;
use std::sync::Arc;

use fhrp::Received;
use fhrp::dissect::{Dissection, Problem};

use crate::capture::link;
use crate::capture::neighbour::Neighbour;
use crate::capture::{Frame, Packet, Tags};
use crate::net::frame::{Opened, Unreadable};

use self::judge::Judge;
use self::keys::Keys;
use self::virtuals::{About, Virtuals};

pub mod dissector;
pub mod filter;
pub mod json;
mod judge;
pub mod keys;
pub mod line;
mod recent;
mod text;
pub mod tree;
pub mod virtuals;

use dissector::{Dissector, Look, Looked};

/// Where frames belong together: one interface, one VLAN.
pub(crate) type Scope = (u32, Tags);

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Keys to verify with.
    pub keys: Keys,
    /// Virtual addresses that CARP's digests may cover, besides those that are announced.
    pub carp_addresses: Vec<IpAddr>,
    /// Whether to take frames apart octet by octet.
    pub fields: bool,
}

/// A frame worth showing.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// As it was captured.
    pub frame: Frame<'a>,
    /// Without its link layer.
    pub packet: Packet<'a>,
    /// What it says.
    pub what: What<'a>,
}

/// What a frame says.
#[derive(Debug)]
pub enum What<'a> {
    /// A message of a redundancy protocol.
    Message(Message<'a>),
    /// ARP or Neighbour Discovery about a virtual address.
    Neighbour(About, Neighbour, Vec<Problem>),
}

/// A message of a redundancy protocol.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its envelope; `None` if that could not be read.
    pub received: Option<Received<'a>>,
    /// Its content, and every rule that is broken.
    pub shown: Box<Dissection>,
    /// Whether enough of it was captured to judge it.
    pub whole: bool,
    /// Where several keys were given for its protocol: which of them made its proof, from 0.
    pub key: Option<usize>,
}

impl Decoded<'_> {
    /// Every rule that the frame breaks.
    pub fn problems(&self) -> &[Problem] {
        match &self.what {
            What::Message(message) => &message.shown.problems,
            What::Neighbour(_, _, problems) => problems,
        }
    }
}

/// Takes frames apart, in the order of their capture.
pub struct Decoder {
    dissector: Arc<Dissector>,
    virtuals: Virtuals,
    judge: Judge,
}

impl Decoder {
    /// One that has seen nothing yet.
    pub fn new(wish: Wish) -> Decoder {
        Decoder { dissector: Arc::new(Dissector::new(wish)), virtuals: Virtuals::new(), judge: Judge::new() }
    }

    /// Forgets every frame: the next one is another capture's.
    pub fn forget(&mut self) {
        (self.virtuals, self.judge) = (Virtuals::new(), Judge::new());
    }

    /// What looks at frames for this one, in any order and on any thread.
    pub fn dissector(&self) -> Arc<Dissector> {
        self.dissector.clone()
    }

    /// The next frame; `None` if it is nobody's business here.
    pub fn decode<'a>(&mut self, frame: Frame<'a>) -> Option<Decoded<'a>> {
        let looked = self.dissector.look(frame)?;
        self.judge(looked)
    }

    /// The next frame, after a look at it; `None` if it is nobody's business here.
    pub fn judge<'a>(&mut self, Looked { frame, packet, look }: Looked<'a>) -> Option<Decoded<'a>> {
        let scope = (frame.interface_number, packet.tags);
        let what = match look {
            Look::Neighbour => self.neighbour(scope, &packet)?,
            Look::Unreadable(whose, fault) => {
                let mut shown = Box::new(Dissection::new(whose));
                shown.problems.push(problem_of(fault, &packet));
                What::Message(Message { received: None, shown, whole: true, key: None })
            }
            Look::Message(opened, shown) => {
                What::Message(self.message(scope, &frame, &packet, opened, shown))
            }
        };
        Some(Decoded { frame, packet, what })
    }

    fn message<'a>(
        &mut self,
        scope: Scope,
        frame: &Frame<'a>,
        packet: &Packet<'a>,
        Opened { received, fault }: Opened<'a>,
        mut shown: Box<Dissection>,
    ) -> Message<'a> {
        let is_cut = usize::try_from(frame.original).is_ok_and(|original| original > frame.octets.len());
        let whole = !(is_cut && matches!(fault, Some(Unreadable::Truncated { .. })));
        if whole {
            if shown.protocol == "carp" {
                self.prove_carp(scope, &received, &mut shown);
            }
            if let Some(fault) = fault {
                shown.problems.insert(0, problem_of(fault, packet));
            }
            self.judge.hears(scope, &received, &mut shown, &mut self.virtuals);
        } else {
            // What the capture left out, nobody may be accused of.
            let text = format!("only {} of {} octets were captured", frame.octets.len(), frame.original);
            shown.problems =
                vec![Problem::remark("cut-frames", text, "the capture's own limit (snap length)")];
        }
        let announced = match shown.group.map(u8::try_from) {
            Some(Ok(vhid)) if shown.protocol == "carp" => self.virtuals.announced_for(scope, vhid),
            _ => &[],
        };
        let key = self.dissector.key_of(&received, &shown, announced);
        Message { received: Some(received), shown, whole, key }
    }

    /// CARP's digest covers addresses that are not in the message: those that somebody announced may be them. They may
    /// not be all of them, so a digest that does not fit proves nothing.
    fn prove_carp(&mut self, scope: Scope, received: &Received<'_>, shown: &mut Dissection) {
        let Some(vhid) = shown.group.and_then(|group| u8::try_from(group).ok()) else { return };
        self.virtuals.learn_host(scope, vhid);
        let is_proven =
            |shown: &Dissection| shown.authentication.as_ref().is_some_and(|it| it.verified == Some(true));
        let announced = self.virtuals.announced_for(scope, vhid);
        if announced.is_empty() || is_proven(shown) || !self.dissector.has_keys("carp") {
            return;
        }
        if let Some(again) =
            self.dissector.dissect(shown.protocol, received, announced).filter(|again| is_proven(again))
        {
            *shown = *again;
        }
    }

    fn neighbour<'a>(&mut self, scope: Scope, packet: &Packet<'_>) -> Option<What<'a>> {
        let said = Neighbour::read(packet)?;
        let by_address = self.virtuals.group_of(scope, said.about);
        let by_source = said.source.and_then(|source| self.virtuals.group_of(scope, source));
        let by_mac = || self.virtuals.group_of_mac(scope, said.mac);
        let about = by_address.or(by_source).or_else(by_mac)?;
        let mut problems = Vec::new();
        if said.checksum == Some(false) {
            problems.push(Problem::refusal("icmpv6-errors", "wrong ICMPv6 checksum", "RFC 4861 §7.1.1"));
        }
        if let Some(limit) = said.hop_limit.filter(|_| !said.is_believed() && said.checksum == Some(true)) {
            let text = format!("hop limit {limit}, must be 255");
            problems.push(Problem::refusal("icmpv6-errors", text, "RFC 4861 §7.1.1"));
        }
        if said.is_claim() && said.is_believed() {
            self.virtuals.learn_announcement(scope, said.about, said.mac);
        }
        if by_address.is_some() {
            problems.extend(self.judge.judge_claim(scope, &said, about, &self.virtuals));
        }
        Some(What::Neighbour(about, said, problems))
    }
}

/// A fault of the envelope, with the rule that it breaks.
fn problem_of(fault: Unreadable, packet: &Packet<'_>) -> Problem {
    let rule = match fault {
        Unreadable::Truncated { .. } | Unreadable::IpHeader if packet.ether_type == link::IPV6 => {
            "RFC 8200 §3"
        }
        Unreadable::Truncated { .. } | Unreadable::IpHeader | Unreadable::EtherType(_) => "RFC 791 §3.1",
        Unreadable::IpChecksum => "RFC 1122 §3.2.1.2",
        Unreadable::Fragment => "no message is so long that it must be cut",
        Unreadable::Source(_) => "RFC 1122 §3.2.1.3",
        Unreadable::UdpLength { .. } => "RFC 768",
        Unreadable::UdpChecksum if packet.leaves_udp_checksum() => {
            let text = "the UDP checksum was left to the interface: captured at its sender";
            return Problem::remark(fault.counter(), text, "RFC 768");
        }
        Unreadable::UdpChecksum => "RFC 768",
    };
    Problem::refusal(fault.counter(), fault.to_string(), rule)
}
