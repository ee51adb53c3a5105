//! The octets of a frame, field by field, with what they mean.

use std::net::IpAddr;

use fhrp::Received;
use fhrp::address::is_link_local;
use fhrp::dissect::Field;
use fhrp::fields::{Fields, hexadecimal, text};
use fhrp::packet::ip_protocol;

use crate::wire::{
    AUTH_CISCO_MD5, AUTH_HEADER, AUTH_NONE, AUTH_TEXT, ChecksumForm, CiscoTlv, FIXED, HmacTrailer, Version,
    interval_v3, set_checksum, size_of_address, sum,
};

/// Octets of Authentication Data.
const AUTH_DATA: usize = 8;

/// Every field that is there, however short or wrong the message is.
pub(super) fn tree(received: &Received<'_>, message: &[u8]) -> Vec<Field> {
    let mut fields = Fields::new(received.payload);
    if received.protocol == ip_protocol::AUTHENTICATION_HEADER {
        let around = received.payload.len().saturating_sub(message.len());
        fields.inside("Authentication Header", around, authentication_header);
    }
    advertisement(&mut fields, received, message);
    fields.digits("Trailing octets", usize::MAX);
    fields.finish()
}

fn authentication_header(fields: &mut Fields<'_>) -> Option<()> {
    fields.octet("Next Header", |next| (next == ip_protocol::VRRP).then(|| "VRRP".to_owned()))?;
    fields.octet("Payload Len", |words| Some(format!("{} octets", 4 * (usize::from(words) + 2))))?;
    fields.digits("Reserved", 2);
    let (at, index) = fields.take::<4>()?;
    let field = Field::new(at, 4, "Security Parameters Index", hexadecimal(&index));
    fields.add(field.meaning(format!("as an address: {}", IpAddr::from(index))));
    fields.word("Sequence Number", |_| None)?;
    fields.digits("Integrity Check Value", usize::MAX);
    Some(())
}

fn advertisement(fields: &mut Fields<'_>, received: &Received<'_>, message: &[u8]) -> Option<()> {
    let (at, [first]) = fields.take()?;
    let version = match (first >> 4, received.source) {
        (2, IpAddr::V4(_)) => Some(Version::V2),
        (3, _) => Some(Version::V3),
        _ => None,
    };
    fields.add(Field::new(at, 1, "Version", first >> 4));
    let kind = Field::new(at, 1, "Type", first & 0x0f);
    fields.add(if first & 0x0f == 1 { kind.meaning("ADVERTISEMENT") } else { kind });
    fields.octet("Virtual Rtr ID", |vrid| (vrid == 0).then(|| "no virtual router can have it".to_owned()))?;
    fields.octet("Priority", priority)?;
    let count = fields.octet("Count IPvX Addr", |_| None)?;
    let auth_type = match version {
        Some(Version::V2) => Some(settings_v2(fields)?),
        Some(Version::V3) => {
            settings_v3(fields)?;
            None
        }
        None => {
            fields.digits("of an unknown version", usize::MAX);
            return None;
        }
    };
    checksum(fields, received, message, version?, auth_type)?;
    virtual_addresses(fields, count, received.source)?;
    if let Some(auth_type) = auth_type {
        authentication(fields, auth_type)?;
    }
    if fields.rest().len() == HmacTrailer::LENGTH {
        fields.inside("HMAC trailer", HmacTrailer::LENGTH, trailer);
    }
    Some(())
}

/// The authentication type, and the interval.
fn settings_v2(fields: &mut Fields<'_>) -> Option<u8> {
    let auth_type = fields.octet("Auth Type", |kind| {
        let meaning = match kind {
            AUTH_NONE => "none",
            AUTH_TEXT => "simple text password",
            AUTH_HEADER => "IP Authentication Header",
            AUTH_CISCO_MD5 => "Cisco MD5",
            _ => return None,
        };
        Some(meaning.to_owned())
    })?;
    fields.octet("Adver Int", |seconds| Some(format!("{seconds} s")))?;
    Some(auth_type)
}

fn settings_v3(fields: &mut Fields<'_>) -> Option<()> {
    let (at, [high, low]) = fields.take()?;
    let reserved = Field::new(at, 1, "Reserved", high >> 4);
    fields.add(if high >> 4 == 0 { reserved } else { reserved.meaning("must be sent as 0, is ignored") });
    let interval = interval_v3(high, low).as_millis();
    let field = Field::new(at, 2, "Max Advertise Interval", interval / 10);
    fields.add(field.meaning(format!("{interval} ms")));
    Some(())
}

/// In both forms, where there are two.
fn checksum(
    fields: &mut Fields<'_>,
    received: &Received<'_>,
    message: &[u8],
    version: Version,
    auth_type: Option<u8>,
) -> Option<()> {
    let (at, octets) = fields.take()?;
    let found = u16::from_be_bytes(octets);
    let mut covered = covered(received, message, version, auth_type)?.to_vec();
    set_checksum(&mut covered, 0);
    let wanted = |form| sum(&covered, version, form, received.source, received.destination).checksum();
    let bare = wanted(ChecksumForm::MessageOnly);
    let judge = |wanted: u16, what: &str| match wanted == found {
        true => format!("right {what}"),
        false => format!("would be {wanted:#06x} {what}"),
    };
    let meaning = match (version, received.source) {
        (Version::V3, IpAddr::V4(_)) => format!(
            "{}; {}",
            judge(bare, "over the message alone (RFC 9568)"),
            judge(wanted(ChecksumForm::PseudoHeader), "with a pseudo-header (RFC 5798)")
        ),
        (Version::V2, _) | (Version::V3, IpAddr::V6(_)) if bare == found => "right".to_owned(),
        (Version::V2, _) | (Version::V3, IpAddr::V6(_)) => format!("must be {bare:#06x}"),
    };
    fields.add(Field::new(at, 2, "Checksum", format!("{found:#06x}")).meaning(meaning));
    Some(())
}

fn virtual_addresses(fields: &mut Fields<'_>, count: u8, over: IpAddr) -> Option<()> {
    for _ in 0..count {
        let (at, size, address) = match over {
            IpAddr::V4(_) => fields.take::<4>().map(|(at, octets)| (at, 4, IpAddr::from(octets)))?,
            IpAddr::V6(_) => fields.take::<16>().map(|(at, octets)| (at, 16, IpAddr::from(octets)))?,
        };
        let field = Field::new(at, size, "IPvX Address", address);
        fields.add(if is_link_local(address) { field.meaning("link-local") } else { field });
    }
    Some(())
}

fn authentication(fields: &mut Fields<'_>, auth_type: u8) -> Option<()> {
    let (at, data) = fields.take::<AUTH_DATA>()?;
    let field = Field::new(at, AUTH_DATA, "Authentication Data", hexadecimal(&data));
    fields.add(match auth_type {
        AUTH_TEXT => field.meaning(format!("`{}`, for everybody to read", text(&data))),
        _ if data == [0; AUTH_DATA] => field,
        _ => field.meaning("must be sent as zeros, is ignored"),
    });
    if auth_type == AUTH_CISCO_MD5 && fields.rest().len() >= CiscoTlv::LENGTH {
        fields.inside("Cisco MD5", CiscoTlv::LENGTH, cisco);
    }
    Some(())
}

fn cisco(fields: &mut Fields<'_>) -> Option<()> {
    fields.octet("Type", |_| None)?;
    fields.octet("Length", |octets| Some(format!("{octets} octets follow")))?;
    fields.octet("Algorithm", |code| (code == 1).then(|| "MD5".to_owned()))?;
    fields.octet("Padding", |_| None)?;
    fields.digits("Flags", 2);
    let (at, sender) = fields.take::<4>()?;
    fields.add(Field::new(at, 4, "Sender", IpAddr::from(sender)));
    fields.word("Key number", |_| None)?;
    fields.digits("Digest", 16);
    Some(())
}

fn trailer(fields: &mut Fields<'_>) -> Option<()> {
    fields.octet("Type", |kind| (kind == 1).then(|| "HMAC-SHA-256, cut to 128 bits".to_owned()))?;
    fields.octet("Key number", |_| None)?;
    fields.digits("Reserved", 2);
    fields.word("Seconds", |_| Some("since the Unix epoch, by the sender's clock".to_owned()))?;
    fields.short("Fraction", |parts| Some(format!("{} ms", u32::from(parts) * 1000 / 65_536)))?;
    fields.short("Counter", |_| None)?;
    fields.digits("HMAC", 16);
    Some(())
}

/// What the checksum covers: everything, but over IPv4 not an HMAC trailer.
fn covered<'a>(
    received: &Received<'_>,
    message: &'a [u8],
    version: Version,
    auth_type: Option<u8>,
) -> Option<&'a [u8]> {
    let addresses = usize::from(*message.get(3)?) * size_of_address(received.source);
    let behind = match (version, auth_type) {
        (Version::V2, Some(AUTH_CISCO_MD5)) => AUTH_DATA + CiscoTlv::LENGTH,
        (Version::V2, _) => AUTH_DATA,
        (Version::V3, _) => 0,
    };
    let complete = FIXED + addresses + behind;
    let has_trailer = received.source.is_ipv4() && message.len() == complete + HmacTrailer::LENGTH;
    message.get(..if has_trailer { complete } else { message.len() })
}

fn priority(value: u8) -> Option<String> {
    let meaning = match value {
        0 => "gives the role up",
        100 => "the default of a router that does not own the addresses",
        255 => "owns the addresses",
        _ => return None,
    };
    Some(meaning.to_owned())
}
