//! What a run leaves behind for whoever wants to know what happened: a log, the states over time, and every frame.

use super::clock::Moment;
use super::segment::Port;

/// A run, written down.
#[derive(Debug, Default)]
pub struct Record {
    /// What happened, in order.
    pub lines: Vec<Line>,
    /// Changes of states.
    pub states: Vec<StateChange>,
    /// Frames, as they came into the switches.
    pub frames: Vec<Recorded>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Moment,
    /// To which router, if to one.
    pub router: Option<usize>,
    /// In which group, if in one.
    pub group: Option<usize>,
    /// What kind of thing.
    pub kind: LineKind,
    /// What.
    pub text: String,
}

/// Kinds of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Something is broken.
    Fault,
    /// Something is made good.
    Repair,
    /// An operator's wish.
    Wish,
    /// A change of state, with its cause.
    Transition,
    /// Something else that a group says.
    Note,
    /// Something that the simulation found out.
    Finding,
}

/// A router's state in a group from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateChange {
    /// When.
    pub at: Moment,
    /// Whose.
    pub router: usize,
    /// In which group.
    pub group: usize,
    /// The state, in the protocol's word; `off` without a daemon.
    pub state: &'static str,
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When it came in.
    pub at: Moment,
    /// Where.
    pub port: Port,
    /// All of it.
    pub octets: Vec<u8>,
    /// What to know about it besides.
    pub remark: Option<&'static str>,
}
