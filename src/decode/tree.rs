//! A frame octet by octet: where each field lies, what it says, and what that means.

use fhrp::dissect::Field;

use super::line::{self, Style};
use super::text::Text;
use super::{Decoded, Message, What};
use crate::capture::link;
use crate::capture::neighbour;

/// Appends the line of words, and below it a line for each field: octets from the beginning of the frame, how many
/// they are, name, value, meaning.
pub fn write(decoded: &Decoded<'_>, style: &Style, out: &mut Vec<u8>) {
    line::write(decoded, style, out);
    let mut text = Text(out);
    let (frame, packet) = (&decoded.frame, &decoded.packet);
    text.str("       record at offset ");
    text.number(frame.offset);
    text.str(", ");
    text.number(frame.octets.len() as u64);
    text.str(" of ");
    text.number(frame.original.into());
    text.str(" octets captured\n");
    for comment in frame.comments() {
        text.str("       # ");
        text.foreign(&comment);
        text.str("\n");
    }
    if packet.below > 0 {
        let mut link = Field::new(0, packet.below, "Link layer", frame.link());
        if frame.link() == crate::capture::LinkType::Ethernet {
            link = link.meaning(format!("{} → {}", packet.source_mac, packet.destination_mac));
        }
        write_field(&link, 0, 0, &mut text);
    }
    match &decoded.what {
        What::Message(message) => write_message(message, packet.below, packet.ether_type, &mut text),
        What::Neighbour(..) => {
            neighbour::fields(packet).iter().for_each(|field| write_field(field, packet.below, 0, &mut text));
        }
    }
}

fn write_message(message: &Message<'_>, below: usize, ether_type: u16, text: &mut Text<'_>) {
    let Some(received) = &message.received else { return };
    let (name, limit) = if ether_type == link::IPV6 { ("IPv6", "hop limit") } else { ("IPv4", "TTL") };
    let ip = Field::new(
        0,
        received.ip_header.len(),
        name,
        format!("{} → {}", received.source, received.destination),
    );
    let ip = ip.meaning(format!("{limit} {}, protocol {}", received.hop_limit, received.protocol));
    write_field(&ip, below, 0, text);
    let mut start = below + received.ip_header.len();
    if let Some((source, destination)) = received.ports {
        write_field(&Field::new(0, UDP, "UDP", format!("{source} → {destination}")), start, 0, text);
        start += UDP;
    }
    message.shown.fields.iter().for_each(|field| write_field(field, start, 0, text));
}

/// Octets of a UDP header.
const UDP: usize = 8;

fn write_field(field: &Field, start: usize, depth: usize, text: &mut Text<'_>) {
    text.str("       ");
    text.padded((start + field.offset) as u64, 5, b' ');
    text.padded(field.length as u64, 5, b' ');
    text.str("  ");
    (0..depth).for_each(|_| text.str("  "));
    text.str(field.name);
    if !field.value.is_empty() {
        let width = 28_usize.saturating_sub(field.name.len() + 2 * depth);
        (0..=width).for_each(|_| text.str(" "));
        text.foreign(&field.value);
    }
    if let Some(meaning) = &field.meaning {
        text.str(" – ");
        text.foreign(meaning);
    }
    text.str("\n");
    field.inside.iter().for_each(|field| write_field(field, start, depth + 1, text));
}
