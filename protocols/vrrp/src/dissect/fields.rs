//! The octets of a frame, field by field, with what they mean.

use std::net::IpAddr;

use fhrp::Received;
use fhrp::address::is_link_local;
use fhrp::dissect::Field;
use fhrp::packet::ip_protocol;

use crate::wire::{
    AUTH_CISCO_MD5, AUTH_HEADER, AUTH_NONE, AUTH_TEXT, ChecksumForm, CiscoTlv, FIXED, HmacTrailer, Version,
    addresses, interval_v3, set_checksum, size_of_address, sum,
};

/// Octets of Authentication Data.
const AUTH_DATA: usize = 8;

/// Every field that is there, however short or wrong the message is.
pub(super) fn tree(received: &Received<'_>, message: &[u8]) -> Vec<Field> {
    let start = received.payload.len().saturating_sub(message.len());
    let mut fields = Fields { octets: received.payload, at: 0, list: Vec::new() };
    if received.protocol == ip_protocol::AUTHENTICATION_HEADER {
        fields.authentication_header(start);
    }
    fields.at = start;
    fields.advertisement(received, message);
    fields.list
}

/// Fields in the order of the octets. Whatever adds to them stops where the octets end.
struct Fields<'a> {
    octets: &'a [u8],
    at: usize,
    list: Vec<Field>,
}

impl Fields<'_> {
    /// The next octets, if they are all there, and where they begin.
    fn take<const N: usize>(&mut self) -> Option<(usize, [u8; N])> {
        let at = self.at;
        let octets = self.octets.get(at..)?.first_chunk::<N>()?;
        self.at += N;
        Some((at, *octets))
    }

    fn add(&mut self, field: Field) {
        self.list.push(field);
    }

    /// A number of one octet, with its meaning if that says more.
    fn octet(&mut self, name: &'static str, meaning: impl Fn(u8) -> Option<String>) -> Option<u8> {
        let (at, [value]) = self.take()?;
        let field = Field::new(at, 1, name, value);
        self.add(Field { meaning: meaning(value), ..field });
        Some(value)
    }

    /// A number of four octets.
    fn word(&mut self, name: &'static str) -> Option<u32> {
        let (at, octets) = self.take()?;
        let value = u32::from_be_bytes(octets);
        self.add(Field::new(at, 4, name, value));
        Some(value)
    }

    /// Octets as hexadecimal digits, as many as are there up to `end`.
    fn digits(&mut self, name: &'static str, end: usize) {
        let end = end.min(self.octets.len());
        let Some(octets) = self.octets.get(self.at..end).filter(|octets| !octets.is_empty()) else { return };
        let field = Field::new(self.at, octets.len(), name, hexadecimal(octets));
        self.add(field);
        self.at = end;
    }

    /// One field that holds what `read` adds.
    fn group(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> Option<()>) {
        let start = self.at;
        let before = std::mem::take(&mut self.list);
        read(self);
        let inside = std::mem::replace(&mut self.list, before);
        self.add(Field::new(start, self.at - start, name, "").holding(inside));
    }

    fn authentication_header(&mut self, end: usize) -> Option<()> {
        self.octet("Next Header", |next| (next == ip_protocol::VRRP).then(|| "VRRP".to_owned()))?;
        self.octet("Payload Len", |words| Some(format!("{} octets", 4 * (usize::from(words) + 2))))?;
        self.digits("Reserved", self.at + 2);
        let (at, index) = self.take::<4>()?;
        let field = Field::new(at, 4, "Security Parameters Index", hexadecimal(&index));
        self.add(field.meaning(format!("as an address: {}", IpAddr::from(index))));
        self.word("Sequence Number")?;
        self.digits("Integrity Check Value", end);
        Some(())
    }

    fn advertisement(&mut self, received: &Received<'_>, message: &[u8]) -> Option<()> {
        let (at, [first]) = self.take()?;
        let version = match (first >> 4, received.source) {
            (2, IpAddr::V4(_)) => Some(Version::V2),
            (3, _) => Some(Version::V3),
            _ => None,
        };
        self.add(Field::new(at, 1, "Version", first >> 4));
        let kind = Field::new(at, 1, "Type", first & 0x0f);
        self.add(if first & 0x0f == 1 { kind.meaning("ADVERTISEMENT") } else { kind });
        self.octet("Virtual Rtr ID", |vrid| (vrid == 0).then(|| "no virtual router can have it".to_owned()))?;
        self.octet("Priority", priority)?;
        let count = self.octet("Count IPvX Addr", |_| None)?;
        let auth_type = match version {
            Some(Version::V2) => Some(self.settings_v2()?),
            Some(Version::V3) => {
                self.settings_v3()?;
                None
            }
            None => {
                self.digits("of an unknown version", self.octets.len());
                return None;
            }
        };
        self.checksum(received, message, version?, auth_type)?;
        self.addresses(count, received.source)?;
        if let Some(auth_type) = auth_type {
            self.authentication(auth_type)?;
        }
        if self.octets.len() == self.at + HmacTrailer::LENGTH {
            self.group("HMAC trailer", Self::trailer);
        }
        self.digits("beyond the message", self.octets.len());
        Some(())
    }

    /// The authentication type, and the interval.
    fn settings_v2(&mut self) -> Option<u8> {
        let auth_type = self.octet("Auth Type", |kind| {
            let meaning = match kind {
                AUTH_NONE => "none",
                AUTH_TEXT => "simple text password",
                AUTH_HEADER => "IP Authentication Header",
                AUTH_CISCO_MD5 => "Cisco MD5",
                _ => return None,
            };
            Some(meaning.to_owned())
        })?;
        self.octet("Adver Int", |seconds| Some(format!("{seconds} s")))?;
        Some(auth_type)
    }

    fn settings_v3(&mut self) -> Option<()> {
        let (at, [high, low]) = self.take()?;
        let reserved = Field::new(at, 1, "Reserved", high >> 4);
        self.add(if high >> 4 == 0 { reserved } else { reserved.meaning("must be sent as 0, is ignored") });
        let interval = interval_v3(high, low).as_millis();
        let field = Field::new(at, 2, "Max Advertise Interval", interval / 10);
        self.add(field.meaning(format!("{interval} ms")));
        Some(())
    }

    /// In both forms, where there are two.
    fn checksum(
        &mut self,
        received: &Received<'_>,
        message: &[u8],
        version: Version,
        auth_type: Option<u8>,
    ) -> Option<()> {
        let (at, octets) = self.take()?;
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
        self.add(Field::new(at, 2, "Checksum", format!("{found:#06x}")).meaning(meaning));
        Some(())
    }

    fn addresses(&mut self, count: u8, over: IpAddr) -> Option<()> {
        let size = size_of_address(over);
        for _ in 0..count {
            let octets = self.octets.get(self.at..self.at + size)?;
            let address = *addresses(octets, over).first()?;
            let field = Field::new(self.at, size, "IPvX Address", address);
            self.add(if is_link_local(address) { field.meaning("link-local") } else { field });
            self.at += size;
        }
        Some(())
    }

    fn authentication(&mut self, auth_type: u8) -> Option<()> {
        let (at, data) = self.take::<AUTH_DATA>()?;
        let field = Field::new(at, AUTH_DATA, "Authentication Data", hexadecimal(&data));
        self.add(match auth_type {
            AUTH_TEXT => field.meaning(format!("`{}`, for everybody to read", text(&data))),
            _ if data == [0; AUTH_DATA] => field,
            _ => field.meaning("must be sent as zeros, is ignored"),
        });
        if auth_type == AUTH_CISCO_MD5 && self.octets.len() >= self.at + CiscoTlv::LENGTH {
            self.group("Cisco MD5", Self::cisco);
        }
        Some(())
    }

    fn cisco(&mut self) -> Option<()> {
        self.octet("Type", |_| None)?;
        self.octet("Length", |octets| Some(format!("{octets} octets follow")))?;
        self.octet("Algorithm", |code| (code == 1).then(|| "MD5".to_owned()))?;
        self.octet("Padding", |_| None)?;
        self.digits("Flags", self.at + 2);
        let (at, sender) = self.take::<4>()?;
        self.add(Field::new(at, 4, "Sender", IpAddr::from(sender)));
        self.word("Key number")?;
        self.digits("Digest", self.at + 16);
        Some(())
    }

    fn trailer(&mut self) -> Option<()> {
        self.octet("Type", |kind| (kind == 1).then(|| "HMAC-SHA-256, cut to 128 bits".to_owned()))?;
        self.octet("Key number", |_| None)?;
        self.digits("Reserved", self.at + 2);
        self.word("Seconds")?;
        let (at, fraction) = self.take()?;
        let fraction = u16::from_be_bytes(fraction);
        let milliseconds = u32::from(fraction) * 1000 / 65_536;
        self.add(Field::new(at, 2, "Fraction", fraction).meaning(format!("{milliseconds} ms")));
        let (at, counter) = self.take()?;
        self.add(Field::new(at, 2, "Counter", u16::from_be_bytes(counter)));
        self.digits("HMAC", self.at + 16);
        Some(())
    }
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

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Text padded with zeros, with everything unprintable spelt out.
fn text(octets: &[u8]) -> String {
    let end = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    octets.get(..end).unwrap_or_default().escape_ascii().to_string()
}
