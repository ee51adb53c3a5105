//! From a capture's frames to what the analysis hears: taken apart and judged as `firsthop decode` does it.

use std::time::Duration;

use super::{Analysis, Heard};
use crate::capture::neighbour::Kind;
use crate::capture::{Damage, Frame, Reader};
use crate::decode::{Decoded, Decoder, Message, What};

/// Reads a capture to its end. `per_interface`: each interface of it is a network of its own. What is wrong with the
/// file goes to `complain`, and the rest is read all the same.
pub fn listen(
    analysis: &mut Analysis,
    reader: &mut Reader,
    decoder: &mut Decoder,
    per_interface: bool,
    complain: &mut dyn FnMut(Damage),
) {
    while let Some(next) = reader.next_frame() {
        match next {
            Ok(frame) => hear(analysis, decoder, frame, per_interface),
            Err(damage) => complain(damage),
        }
    }
}

fn hear(analysis: &mut Analysis, decoder: &mut Decoder, frame: Frame<'_>, per_interface: bool) {
    let at_ns = analysis.frame(Duration::from_nanos(frame.at));
    frame.comments().for_each(|text| analysis.comment(text.into_owned()));
    let Some(decoded) = decoder.decode(frame) else { return };
    if let Some(heard) = heard(analysis.number(), at_ns, &decoded, per_interface) {
        return analysis.hear(&heard);
    }
    if let What::Neighbour(_, said, _) = &decoded.what
        && said.kind == Kind::Announcement
    {
        analysis.announced(said.about);
    }
}

/// A frame as the analysis hears it, if it is a message of one of the protocols and all of it was captured.
pub fn heard<'a>(frame: u64, at_ns: u64, decoded: &'a Decoded<'_>, per_interface: bool) -> Option<Heard<'a>> {
    let What::Message(Message { received: Some(received), shown, whole: true, key }) = &decoded.what else {
        return None;
    };
    Some(Heard {
        frame,
        at_ns,
        interface: per_interface.then_some(decoded.frame.interface_number),
        vlan: decoded.packet.tags.ids().last().copied(),
        source_mac: received.source_mac,
        source: received.source,
        dissection: shown,
        key: *key,
    })
}
