//! What a router said, frame by frame, in a form that two routers can be compared in.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::rc::Rc;

use fhrp::Received;
use fhrp::dissect::{Dissection, Field};

use super::protocol::{Says, is_its_own};

/// How soon after somebody else's frame a frame is an answer to it.
const ANSWER: u64 = 20_000_000;
/// Frames that are kept of a router in all its groups together, and different looks of them: days of a hundred groups
/// that say the same each second.
const FRAMES: usize = 600_000;
const FACES: usize = 2_000;
/// Looks that are kept in each group at least: settings do not change often.
const FEW_FACES: usize = 16;

/// Frames of one router in one group.
#[derive(Debug)]
pub(super) struct Spoken {
    rows: BTreeMap<Stream, Vec<Frame>>,
    frames: usize,
    /// Everything that any frame looked like.
    faces: Vec<Rc<Face>>,
    known: HashMap<Rc<Face>, u32>,
    prompts: Vec<Prompt>,
    most_frames: usize,
    most_faces: usize,
}

/// A frame; there are very many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) at: u64,
    /// What it looks like.
    face: u32,
    /// What had been heard just before it, from 1; 0: nothing.
    prompt: u32,
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
    /// Of a router that speaks in so many groups.
    pub(super) fn of_one_in(groups: usize) -> Self {
        Spoken {
            rows: BTreeMap::new(),
            frames: 0,
            faces: Vec::new(),
            known: HashMap::new(),
            prompts: Vec::new(),
            most_frames: FRAMES / groups.max(1),
            most_faces: FEW_FACES.max(FACES / groups.max(1)),
        }
    }

    /// Whether there is no room for another frame.
    pub(super) fn is_full(&self) -> bool {
        self.frames >= self.most_frames || self.faces.len() >= self.most_faces
    }

    /// How many frames there are.
    pub(super) fn len(&self) -> usize {
        self.frames
    }

    pub(super) fn add(
        &mut self,
        at: u64,
        received: &Received<'_>,
        dissection: &Dissection,
        prompt: Option<Prompt>,
    ) {
        let stream = (dissection.version, received.destination);
        let face = Face { stream, says: Says::of(dissection), fields: fields(received, dissection) };
        let number = match self.known.get(&face) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.faces.len()).unwrap_or(u32::MAX);
                let face = Rc::new(face);
                self.faces.push(Rc::clone(&face));
                self.known.insert(face, number);
                number
            }
        };
        let prompt = prompt.filter(|prompt| at.saturating_sub(prompt.at) <= ANSWER).map_or(0, |prompt| {
            self.prompts.push(prompt);
            u32::try_from(self.prompts.len()).unwrap_or_default()
        });
        self.frames += 1;
        self.rows.entry(stream).or_default().push(Frame { at, face: number, prompt });
    }

    pub(super) fn face(&self, frame: &Frame) -> Option<&Face> {
        self.faces.get(frame.face as usize).map(Rc::as_ref)
    }

    /// What had been heard so shortly before a frame that it may be an answer.
    pub(super) fn prompt(&self, frame: &Frame) -> Option<Prompt> {
        self.prompts.get(usize::try_from(frame.prompt).ok()?.checked_sub(1)?).copied()
    }

    /// The rows, each with its frames in order.
    pub(super) fn rows(&self) -> &BTreeMap<Stream, Vec<Frame>> {
        &self.rows
    }

    /// All frames in order, whatever row they are in.
    pub(super) fn in_order(&self) -> Vec<Frame> {
        let mut frames: Vec<Frame> = self.rows.values().flatten().copied().collect();
        frames.sort_by_key(|frame| frame.at);
        frames
    }

    /// A row, which may be empty.
    pub(super) fn row(&self, stream: &Stream) -> &[Frame] {
        self.rows.get(stream).map_or(&[], Vec::as_slice)
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

#[cfg(test)]
mod tests {
    use fhrp::{Instant, Mac};

    use super::*;

    fn say(spoken: &mut Spoken, at: u64, hop_limit: u8, prompt: Option<Prompt>) {
        let received = Received {
            at: Instant::from_nanos(at),
            source_mac: Mac::default(),
            destination_mac: Mac::default(),
            source: IpAddr::from([10, 0, 0, 2]),
            destination: IpAddr::from([224, 0, 0, 18]),
            hop_limit,
            protocol: 112,
            ports: None,
            ip_header: &[],
            payload: &[],
        };
        spoken.add(at, &received, &Dissection::new("vrrp"), prompt);
    }

    #[test]
    fn there_is_room_for_so_many_frames_and_so_many_looks() {
        let mut same = Spoken::of_one_in(300);
        let frames = (0_u64..).take_while(|at| {
            say(&mut same, *at, 255, None);
            !same.is_full()
        });
        assert_eq!(frames.count() + 1, FRAMES / 300);
        assert_eq!((same.len(), same.faces.len()), (FRAMES / 300, 1));
        let mut changing = Spoken::of_one_in(300);
        let looks = (1_u8..).take_while(|look| {
            say(&mut changing, 0, *look, None);
            !changing.is_full()
        });
        assert_eq!(looks.count() + 1, FEW_FACES);
    }

    #[test]
    fn an_answer_comes_soon() {
        let mut spoken = Spoken::of_one_in(1);
        let prompt = Prompt { at: 5, source: IpAddr::from([10, 0, 0, 3]), priority: Some(0) };
        say(&mut spoken, 5 + ANSWER, 255, Some(prompt));
        say(&mut spoken, 6 + ANSWER, 255, Some(prompt));
        let prompts: Vec<_> = spoken.rows().values().flatten().map(|frame| spoken.prompt(frame)).collect();
        assert_eq!(prompts, [Some(prompt), None]);
    }
}
