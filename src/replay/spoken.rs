//! What a router said, frame by frame, in a form that two routers can be compared in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use fhrp::Received;
use fhrp::dissect::{Dissection, Field};

use super::protocol::{Says, is_its_own};

/// Frames of one router in one group.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    pub(super) frames: Vec<Frame>,
    /// Everything that any frame looked like.
    faces: Vec<Face>,
    known: HashMap<Face, u32>,
}

/// A frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) at: u64,
    /// What it looks like.
    face: u32,
    /// What had been heard just before it.
    pub(super) prompt: Option<Prompt>,
}

/// The latest frame of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prompt {
    pub(super) at: u64,
    pub(super) source: IpAddr,
    pub(super) priority: Option<u8>,
}

/// Which of a router's rows of frames it belongs to: versions and destinations have a row each.
pub(super) type Stream = (Option<u8>, IpAddr);

/// What a frame looks like, without what its sender counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Face {
    pub(super) stream: Stream,
    pub(super) says: Says,
    pub(super) fields: BTreeMap<String, String>,
}

impl Spoken {
    pub(super) fn add(
        &mut self,
        at: u64,
        received: &Received<'_>,
        dissection: &Dissection,
        prompt: Option<Prompt>,
    ) {
        let face = Face {
            stream: (dissection.version, received.destination),
            says: Says::of(dissection),
            fields: fields(received, dissection),
        };
        let number = match self.known.get(&face) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.faces.len()).unwrap_or(u32::MAX);
                self.faces.push(face.clone());
                self.known.insert(face, number);
                number
            }
        };
        self.frames.push(Frame { at, face: number, prompt });
    }

    pub(super) fn face(&self, frame: &Frame) -> Option<&Face> {
        self.faces.get(frame.face as usize)
    }

    /// The rows, each with its frames in order.
    pub(super) fn streams(&self) -> BTreeMap<Stream, Vec<Frame>> {
        let mut streams: BTreeMap<Stream, Vec<Frame>> = BTreeMap::new();
        for frame in &self.frames {
            if let Some(face) = self.face(frame) {
                streams.entry(face.stream).or_default().push(*frame);
            }
        }
        streams
    }

    /// The frame of this row nearest to a moment that says this of the role.
    pub(super) fn nearest(&self, row: &[Frame], at: u64, says: Says) -> Option<Frame> {
        let fits = |frame: &&Frame| self.face(frame).is_some_and(|face| face.says == says);
        let after = row.partition_point(|frame| frame.at < at);
        let before = row[..after].iter().rfind(fits);
        let next = row[after..].iter().find(fits);
        let nearest = [before, next].into_iter().flatten().min_by_key(|frame| frame.at.abs_diff(at));
        nearest.copied()
    }
}

/// Every field by name, from the link layer to the last octet.
fn fields(received: &Received<'_>, dissection: &Dissection) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |name: &str, value: String| add(&mut all, name, value);
    put("source MAC", received.source_mac.to_string());
    put("destination MAC", received.destination_mac.to_string());
    put("destination", received.destination.to_string());
    put("TTL", received.hop_limit.to_string());
    put("IP protocol", received.protocol.to_string());
    match (received.source, received.ip_header) {
        (IpAddr::V4(_), [_, tos, _, _, _, _, flags, ..]) => {
            put("TOS", format!("{tos:#04x}"));
            put("IPv4 flags", if flags & 0x40 == 0 { "none" } else { "DF" }.to_owned());
        }
        (IpAddr::V6(_), [first, second, third, fourth, ..]) => {
            put("traffic class", format!("{:#04x}", first << 4 | second >> 4));
            put("flow label", format!("{:02x}{third:02x}{fourth:02x}", second & 0x0f));
        }
        _ => {}
    }
    flatten(&dissection.fields, "", dissection.protocol, &mut all);
    all
}

fn flatten(fields: &[Field], within: &str, protocol: &str, all: &mut BTreeMap<String, String>) {
    for field in fields {
        let name =
            if within.is_empty() { field.name.to_owned() } else { format!("{within} / {}", field.name) };
        if field.inside.is_empty() {
            if !is_its_own(protocol, &name) {
                add(all, &name, field.value.clone());
            }
        } else {
            flatten(&field.inside, &name, protocol, all);
        }
    }
}

/// Several fields of one name are a list.
fn add(all: &mut BTreeMap<String, String>, name: &str, value: String) {
    all.entry(name.to_owned()).and_modify(|list| *list += &format!(", {value}")).or_insert(value);
}
