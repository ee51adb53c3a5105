//! Colours and shapes. Roles differ in height, fill and hatching as well as in colour, so that the picture can be
//! read in grey and by the colour-blind; a reader who prefers a dark screen gets one.

use super::{MarkKind, Role};

/// The style sheet; only classes inside a `timeline` are touched.
pub(super) const SHEET: &str = "\
.timeline{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace}\
.timeline .ground{fill:#ffffff}\
.timeline text{fill:#1c2430;stroke:#ffffff;stroke-width:3px;stroke-linejoin:round;paint-order:stroke}\
.timeline .bold{font-weight:bold}\
.timeline .quiet{fill:#5b6675}\
.timeline .grid{stroke:#e3e7ed;stroke-width:1px}\
.timeline .rule{stroke:#c4ccd6;stroke-width:1px}\
.timeline .down{fill:none;stroke:#9aa5b1;stroke-width:1.5px;stroke-dasharray:2 4}\
.timeline .unknown{fill:none;stroke:#b3bcc7;stroke-width:1px;stroke-dasharray:5 3}\
.timeline .standing{fill:#c7d6ea}\
.timeline .partial{fill:#f0b24a}\
.timeline .holding{fill:#1f63b5}\
.timeline .trouble{fill:#c62f3b}\
.timeline .hatch{stroke:#ffffff;stroke-width:2px;stroke-opacity:.25}\
.timeline .f1{fill:#0d7d68}.timeline .f2{fill:#7a4fb0}.timeline .f3{fill:#a5650a}.timeline .f4{fill:#b23a7a}\
.timeline text.in{fill:#ffffff;stroke:none}\
.timeline text.on{stroke:none}\
.timeline .tick{stroke:#5b6675;stroke-width:1px;fill:none}\
.timeline .over{stroke:#1c2430;fill:#1c2430}\
.timeline .fault{stroke:#c62f3b;fill:#c62f3b}\
.timeline .repair{stroke:#22863a;fill:#22863a}\
.timeline .problem{stroke:#a85d00;fill:#a85d00}\
.timeline .command{stroke:#7a4fb0;fill:#7a4fb0}\
.timeline .notice{stroke:#5b6675;fill:#5b6675}\
.timeline .line{fill:none;stroke-width:1px;stroke-dasharray:4 3}\
.timeline .whole{fill:none;stroke-width:1.5px}\
.timeline .glyph{stroke-width:1px}\
.timeline .leader{stroke-width:.75px}\
@media (prefers-color-scheme:dark){\
.timeline .ground{fill:#14181f}\
.timeline text{fill:#e4e9f0;stroke:#14181f}\
.timeline .quiet{fill:#9aa7b6}\
.timeline .grid{stroke:#262d37}\
.timeline .rule{stroke:#3b4552}\
.timeline .down{stroke:#6b7684}\
.timeline .unknown{stroke:#566170}\
.timeline .standing{fill:#33445c}\
.timeline .partial{fill:#c98a1d}\
.timeline .holding{fill:#3f8ae0}\
.timeline .f1{fill:#1f9e85}.timeline .f2{fill:#9a72d0}.timeline .f3{fill:#c08227}.timeline .f4{fill:#cf5b98}\
.timeline .tick{stroke:#9aa7b6}\
.timeline .over{stroke:#e4e9f0;fill:#e4e9f0}\
.timeline .fault{stroke:#f0616c;fill:#f0616c}\
.timeline .repair{stroke:#4fbf6b;fill:#4fbf6b}\
.timeline .problem{stroke:#e09b3d;fill:#e09b3d}\
.timeline .command{stroke:#b18fe6;fill:#b18fe6}\
.timeline .notice{stroke:#9aa7b6;fill:#9aa7b6}\
}";

/// How the bar of a role looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    pub(super) class: &'static str,
    /// Of the lane's full bar.
    pub(super) height: f64,
    /// The class of text on it.
    pub(super) text: &'static str,
    /// Whether it is hatched.
    pub(super) hatched: bool,
}

/// The bar of a role.
pub(super) fn bar(role: Role) -> Bar {
    let (class, height, text, hatched) = match role {
        Role::Down => ("down", 0.0, "quiet", false),
        Role::Unknown => ("unknown", 0.7, "quiet on", false),
        Role::StandingBy => ("standing", 0.7, "on", false),
        Role::Partial => ("partial", 1.0, "on", false),
        Role::Holding => ("holding", 1.0, "in", false),
        Role::Forwarder(number) => (FORWARDERS[usize::from(number.wrapping_sub(1)) % 4], 1.0, "in", false),
        Role::Trouble => ("trouble", 1.0, "in", true),
    };
    Bar { class, height, text, hatched }
}

const FORWARDERS: [&str; 4] = ["f1", "f2", "f3", "f4"];

/// The class of a mark.
pub(super) fn class(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Frame => "tick",
        MarkKind::TakeOver => "over",
        MarkKind::Fault => "fault",
        MarkKind::Repair => "repair",
        MarkKind::Problem => "problem",
        MarkKind::Command => "command",
        MarkKind::Notice => "notice",
    }
}

/// The outline of a mark around the origin, about nine wide: each kind has a shape of its own.
pub(super) fn glyph(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Frame => "M0 -3v6",
        MarkKind::TakeOver => "M0 -5L5 0L0 5L-5 0Z",
        MarkKind::Fault => {
            "M-4 -2.5L-2.5 -4L0 -1.5L2.5 -4L4 -2.5L1.5 0L4 2.5L2.5 4L0 1.5L-2.5 4L-4 2.5L-1.5 0Z"
        }
        MarkKind::Repair => "M-4 0L-2.6 -1.4L-1 .4L2.8 -3.6L4.2 -2.2L-1 3.2Z",
        MarkKind::Problem => "M0 -4.5L4.6 3.8L-4.6 3.8Z",
        MarkKind::Command => "M-3.6 -4.2L4.4 0L-3.6 4.2Z",
        MarkKind::Notice => "M-3 -3H3V3H-3Z",
    }
}
