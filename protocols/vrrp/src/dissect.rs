//! What a frame says, for whoever reads a capture: read by [`wire`], proven by [`auth`], and the rules that it
//! breaks in words. What takes a second frame to see is not for here.
//!
//! A frame that is no advertisement still shows whatever can be read of it.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::address::is_link_local;
use fhrp::dissect::{Authentication, Dissection, Known, Problem, Value};
use fhrp::packet::ip_protocol;
use fhrp::{Family, Mac, Received};

use crate::auth;
use crate::config::virtual_mac;
use crate::wire::{
    self, AUTH_CISCO_MD5, AUTH_HEADER, AUTH_NONE, AUTH_TEXT, ChecksumForm, Credentials, Heard, HmacTrailer,
    MULTICAST_V4, MULTICAST_V6, Version, WireError,
};

mod fields;

/// TTL of an advertisement on the link. RFC 9568 §5.1.1.3, §5.1.2.3.
const ON_LINK: u8 = 255;
/// What is said of a proof if there is no key to try.
const NOT_TRIED: Option<bool> = None;
/// The counter of proofs that fit no key.
const FAILED: &str = "authentication-failures";
const RULE_HEADER: &str = "RFC 2338 §5.3.6.3";
const RULE_TRAILER: &str = "auth_hmac of keepalived 2.4";
const RULE_CISCO: &str = "authentication type 254 of Cisco IOS";

/// Takes a frame apart whose VRRP message is `message`.
pub(crate) fn dissect(received: &Received<'_>, message: &[u8], known: &Known<'_>) -> Dissection {
    let mut shown = Dissection::new("vrrp");
    let heard = wire::parse(received);
    let outline = Outline::read(message, received.source);
    outline.describe(&mut shown);
    judge_envelope(received, &outline, &mut shown.problems);
    match heard {
        Ok(heard) => describe(received, heard, known, &mut shown),
        Err(error) => {
            shown.addresses = outline.addresses(message, received.source);
            shown.problems.push(refused_by(&error, outline.version));
        }
    }
    if known.fields {
        shown.fields = fields::tree(received, message);
    }
    shown
}

/// The fixed part of a message, as far as it is there, whatever it is worth.
#[derive(Debug, Clone, Copy, Default)]
struct Outline {
    version: Option<u8>,
    kind: Option<u8>,
    vrid: Option<u8>,
    priority: Option<u8>,
    count: Option<u8>,
    auth_type: Option<u8>,
    interval: Option<Duration>,
}

impl Outline {
    fn read(message: &[u8], source: IpAddr) -> Outline {
        let at = |offset: usize| message.get(offset).copied();
        let version = at(0).map(|octet| octet >> 4);
        let is_version_two = version == Some(2) && source.is_ipv4();
        let interval = match (is_version_two, at(4), at(5)) {
            (true, _, Some(seconds)) => Some(Duration::from_secs(seconds.into())),
            (false, Some(high), Some(low)) if version == Some(3) => Some(wire::interval_v3(high, low)),
            _ => None,
        };
        Outline {
            version,
            kind: at(0).map(|octet| octet & 0x0f),
            vrid: at(1),
            priority: at(2),
            count: at(3),
            auth_type: at(4).filter(|_| is_version_two),
            interval,
        }
    }

    /// Versions that nobody knows may have anything anywhere; only the octets that have never moved are shown.
    fn describe(&self, shown: &mut Dissection) {
        shown.version = self.version;
        shown.group = self.vrid.map(u16::from);
        shown.priority = self.priority;
        shown.interval = self.interval;
        if self.kind == Some(wire::ADVERTISEMENT) && matches!(self.version, Some(2 | 3)) {
            shown.kind = "advertisement";
        }
        if let Some(auth_type) = self.auth_type {
            let kind = match auth_type {
                AUTH_NONE => Some("none"),
                AUTH_TEXT => Some("text"),
                AUTH_HEADER => Some("ah"),
                AUTH_CISCO_MD5 => Some("md5"),
                _ => None,
            };
            shown.authentication = kind.map(|kind| Authentication { kind, verified: NOT_TRIED });
            shown.details.push(("auth_type", Value::Number(auth_type.into())));
        }
    }

    /// As many of the addresses as are there.
    fn addresses(&self, message: &[u8], source: IpAddr) -> Vec<IpAddr> {
        if !matches!(self.version, Some(2 | 3)) {
            return Vec::new();
        }
        let mut addresses = wire::addresses(message.get(wire::FIXED..).unwrap_or_default(), source);
        addresses.truncate(self.count.unwrap_or_default().into());
        addresses
    }
}

/// What the IP header and the link layer show.
fn judge_envelope(received: &Received<'_>, outline: &Outline, problems: &mut Vec<Problem>) {
    let Received { source, destination, hop_limit, source_mac, destination_mac, .. } = *received;
    let old = outline.version == Some(2);
    let rule = |new, before| if old { before } else { new };
    let (group, family) = match source {
        IpAddr::V4(_) => (MULTICAST_V4, Family::Ipv4),
        IpAddr::V6(_) => (MULTICAST_V6, Family::Ipv6),
    };
    let name = if family == Family::Ipv4 { "TTL" } else { "hop limit" };
    if hop_limit != ON_LINK {
        let text = format!("{name} {hop_limit}, must be {ON_LINK}");
        // A unicast peer may be routers away, if its neighbours were told so.
        problems.push(match destination.is_multicast() {
            true => Problem::refusal("ttl-errors", text, rule("RFC 9568 §7.1", "RFC 3768 §7.1")),
            false => Problem::remark("ttl-errors", text, rule("RFC 9568 §7.1", "RFC 3768 §7.1")),
        });
    }
    if !destination.is_multicast() {
        return;
    }
    if destination != group {
        let text = format!("destination {destination}, must be {group}");
        problems.push(Problem::refusal(
            "destination-errors",
            text,
            match family {
                Family::Ipv4 => rule("RFC 9568 §5.1.1.2", "RFC 3768 §5.2.2"),
                Family::Ipv6 => "RFC 9568 §5.1.2.2",
            },
        ));
    }
    let there = |mac: Mac| mac != Mac::default();
    if let Some(wanted) = Mac::of_multicast(destination).filter(|mac| *mac != destination_mac)
        && there(destination_mac)
    {
        let text = format!("destination MAC {destination_mac}, must be {wanted}");
        let rule = if family == Family::Ipv4 { "RFC 1112 §6.4" } else { "RFC 2464 §7" };
        problems.push(Problem::remark("destination-mac-errors", text, rule));
    }
    if let Some(vrid) = outline.vrid {
        let wanted = virtual_mac(family, vrid);
        if there(source_mac) && source_mac != wanted {
            let text = format!("source MAC {source_mac}, must be the virtual one, {wanted}");
            problems.push(Problem::remark("source-mac-errors", text, rule("RFC 9568 §7.2", "RFC 3768 §7.2")));
        }
    }
    if family == Family::Ipv6 && !is_link_local(source) {
        let text = format!("source {source}, must be link-local");
        problems.push(Problem::remark("source-errors", text, "RFC 9568 §5.1.2.1"));
    }
}

/// What a readable advertisement says, and what is wrong with it.
fn describe(received: &Received<'_>, heard: Heard<'_>, known: &Known<'_>, shown: &mut Dissection) {
    let version = heard.advertisement.version;
    if version == Version::V3 && received.source.is_ipv4() {
        let form = match (
            heard.checksum_fits(ChecksumForm::MessageOnly),
            heard.checksum_fits(ChecksumForm::PseudoHeader),
        ) {
            (true, true) => "either",
            (true, false) => "message-only",
            (false, _) => "pseudo-header",
        };
        shown.details.push(("checksum_form", Value::Word(form)));
    }
    if heard.old_unicast_checksum {
        let text = "the checksum names the multicast group, as keepalived before 1.3.7 computed it";
        shown.problems.push(Problem::remark("old-unicast-checksums", text, "RFC 5798 §5.2.8"));
    }
    if heard.advertisement.vrid == 0 {
        let rule = if version == Version::V2 { "RFC 3768 §5.3.3" } else { "RFC 9568 §5.2.3" };
        shown.problems.push(Problem::refusal("vrid-errors", "VRID 0, must be 1 to 255", rule));
    }
    judge_proof(received, &heard, known, shown);
    shown.addresses = heard.advertisement.addresses;
    if let Some(first) = shown.addresses.first().filter(|ip| ip.is_ipv6() && !is_link_local(**ip)) {
        let text = format!("the first address is {first}, must be a link-local one");
        shown.problems.push(Problem::remark("address-list-errors", text, "RFC 9568 §5.2.9"));
    }
}

/// What a frame carries to prove who sent it, and what is said if no key made it.
struct Proof {
    kind: &'static str,
    counter: &'static str,
    failure: &'static str,
    rule: &'static str,
}

/// Whether one of the keys made the proof; with no key nothing is judged.
fn judge_proof(received: &Received<'_>, heard: &Heard<'_>, known: &Known<'_>, shown: &mut Dissection) {
    let Some(proof) = find_proof(received, heard, shown) else { return };
    let verified = if known.keys.is_empty() {
        NOT_TRIED
    } else {
        Some(known.keys.iter().any(|key| auth::is_proven(key, received, heard)))
    };
    if verified == Some(false) {
        shown.problems.push(Problem::refusal(proof.counter, proof.failure, proof.rule));
    }
    shown.authentication = Some(Authentication { kind: proof.kind, verified });
}

/// The proof, if there is any, with its numbers among the details and its malformations among the problems.
fn find_proof(received: &Received<'_>, heard: &Heard<'_>, shown: &mut Dissection) -> Option<Proof> {
    let Dissection { details, problems, .. } = shown;
    let mut refuse = |name, text: String, rule| problems.push(Problem::refusal(name, text, rule));
    let proof = |kind, counter, failure, rule| Some(Proof { kind, counter, failure, rule });
    match (&heard.credentials, &heard.trailer) {
        (Credentials::Contradictory(code), _) => {
            let text = match received.protocol {
                ip_protocol::AUTHENTICATION_HEADER => {
                    format!("an Authentication Header around a message of authentication type {code}")
                }
                _ => format!("authentication type {code} without an Authentication Header"),
            };
            refuse("authentication-type-mismatch", text, RULE_HEADER);
            None
        }
        (Credentials::Unknown(code), _) => {
            let text = format!("authentication type {code}, which is not known");
            refuse("invalid-authentication-type", text, "RFC 3768 §5.3.6");
            None
        }
        (_, Some(trailer)) => {
            details.push(("key_id", Value::Number(trailer.key.into())));
            details.push(("sequence", Value::digits(trailer.sequence.to_be_bytes())));
            if !trailer.is_well_formed() {
                let HmacTrailer { kind, reserved, .. } = trailer;
                let text =
                    format!("an HMAC trailer of type {kind} with reserved field {reserved}, must be 1 and 0");
                refuse("hmac-malformed", text, RULE_TRAILER);
            }
            proof("hmac-sha256", "hmac-invalid", "the HMAC fits no key", RULE_TRAILER)
        }
        (Credentials::None, None) => None,
        (Credentials::Text(_), None) => {
            proof("text", FAILED, "the password is none of the keys", "RFC 2338 §5.3.6.2")
        }
        (Credentials::AuthenticationHeader(view), None) => {
            details.push(("sequence", Value::Number(view.sequence.into())));
            proof("ah", FAILED, "the digest in the Authentication Header fits no key", RULE_HEADER)
        }
        (Credentials::CiscoMd5(tlv), None) => {
            details.push(("key_id", Value::Number(tlv.key.into())));
            if !tlv.well_formed {
                refuse(FAILED, "a Cisco MD5 field of unknown form".to_owned(), RULE_CISCO);
            }
            proof("md5", FAILED, "the Cisco MD5 digest fits no key", RULE_CISCO)
        }
    }
}

/// The refusal of a frame that is no advertisement.
fn refused_by(error: &WireError, version: Option<u8>) -> Problem {
    let old = version == Some(2);
    let rule = match error {
        WireError::Header { .. } => RULE_HEADER,
        WireError::Version(_) | WireError::VersionOverIpv6 => "RFC 9568 §5.2.1",
        WireError::Checksum { .. } if old => "RFC 3768 §5.3.8",
        WireError::Checksum { .. } => "RFC 9568 §5.2.8",
        WireError::Type(_) if old => "RFC 3768 §5.3.2",
        WireError::Type(_) => "RFC 9568 §5.2.2",
        WireError::NoAddresses if old => "RFC 3768 §5.3.5",
        WireError::NoAddresses => "RFC 9568 §5.2.5",
        WireError::ZeroInterval if old => "RFC 3768 §5.3.7",
        WireError::ZeroInterval => "RFC 9568 §5.2.7",
        WireError::Truncated { .. } | WireError::Length { .. } if old => "RFC 3768 §7.1",
        WireError::Truncated { .. } | WireError::Length { .. } => "RFC 9568 §7.1",
    };
    Problem::refusal(error.counter(), error.to_string(), rule)
}
