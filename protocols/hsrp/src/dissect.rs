//! What a frame says, for whoever reads a capture: read by [`wire`], judged by [`judge`], proven by [`auth`].
//!
//! A frame that is no message still shows whatever can be read of it.
//!
//! [`auth`]: crate::auth
//! [`judge`]: crate::judge

use std::time::Duration;

use fhrp::dissect::{Authentication, Dissection, Known, Problem, Value};
use fhrp::{Family, Mac, Received};

use crate::auth::{AuthRefusal, is_proven};
use crate::judge::judge;
use crate::vmac::{is_virtual, virtual_mac};
use crate::wire::{
    self, ALGORITHM_MD5, Credentials, GroupMessage, Heard, InterfaceMessage, Md5Tlv, Message, State, Version,
};

mod fields;

/// TTL that version 1 is sent with. RFC 2281 §5.1.
const TTL_V1: u8 = 1;
/// TTL or hop limit that version 2 is sent with.
const TTL_V2: u8 = 255;

/// Takes a frame apart.
pub(crate) fn dissect(received: &Received<'_>, known: &Known<'_>) -> Dissection {
    let mut shown = Dissection::new("hsrp");
    let version = wire::version_of(received);
    shown.version = Some(version.number());
    shown.group = wire::group_in(received);
    judge_envelope(received, version, &mut shown.problems);
    match wire::parse(received) {
        Ok(heard) => {
            describe(received, &heard.message, &mut shown);
            judge_proof(received, &heard, known, &mut shown);
        }
        Err(error) => {
            if let Some(message) = wire::salvage(received) {
                describe(received, &message, &mut shown);
            }
            shown.problems.push(Problem::refusal(error.counter(), error.to_string(), error.rule()));
        }
    }
    if known.fields {
        shown.fields = fields::tree(received, version);
    }
    shown
}

fn describe(received: &Received<'_>, message: &Message, shown: &mut Dissection) {
    match message {
        Message::Group(message) => describe_group(received, message, shown),
        Message::Interface(message) => describe_interface(received, message, shown),
    }
}

fn describe_group(received: &Received<'_>, message: &GroupMessage, shown: &mut Dissection) {
    let GroupMessage { version, operation, state, group, priority, hello, hold, identifier, address } =
        *message;
    shown.kind = operation.word();
    shown.state = state.word();
    shown.priority = Some(priority);
    shown.hello = Some(hello);
    shown.hold = Some(hold);
    if !address.is_unspecified() {
        shown.addresses.push(address);
    }
    if version == Version::V2 {
        shown.details.push(("identifier", Value::Mac(identifier)));
    }
    if let State::Unknown(code) = state {
        shown.details.push(("state_code", Value::Number(code.into())));
        let text = format!("state {code}, which does not exist");
        shown.problems.push(Problem::remark("state-errors", text, "RFC 2281 §5.1"));
    }
    let virtual_mac = virtual_mac(version, Family::of(received.source), group);
    judge_source_mac(received, virtual_mac, state == State::Active, &mut shown.problems);
    if hello >= hold || hold == Duration::ZERO {
        let text = format!("hold time {} ms with hello time {} ms", hold.as_millis(), hello.as_millis());
        shown.problems.push(Problem::remark("timer-errors", text, "RFC 2281 §5.1"));
    }
}

fn describe_interface(received: &Received<'_>, message: &InterfaceMessage, shown: &mut Dissection) {
    let InterfaceMessage { role, active, passive, .. } = *message;
    shown.kind = "interface-state";
    shown.state = role.word();
    shown.details.push(("active_groups", Value::Number(active.into())));
    shown.details.push(("passive_groups", Value::Number(passive.into())));
    if role.word().is_none() {
        shown.details.push(("state_code", Value::Number(role.code().into())));
        let text = format!("state {}, which does not exist", role.code());
        shown.problems.push(Problem::remark("state-errors", text, "Cisco HSRP version 1, Advertise"));
    }
    judge_source_mac(received, None, false, &mut shown.problems);
}

/// The active router of a group, and nobody else, speaks from the virtual MAC. Groups may be told to use another MAC,
/// so this is never more than a remark.
fn judge_source_mac(received: &Received<'_>, own: Option<Mac>, active: bool, problems: &mut Vec<Problem>) {
    let source = received.source_mac;
    if source == Mac::default() {
        return;
    }
    let text = match own {
        Some(own) if active && source != own => {
            format!("source MAC {source}, must be the virtual one, {own}")
        }
        Some(own) if !active && source == own => {
            format!("source MAC {source}, which only the active router may use")
        }
        Some(_) => return,
        None if is_virtual(source) => format!("source MAC {source}, which no interface has for its own"),
        None => return,
    };
    problems.push(Problem::remark("source-mac-errors", text, "RFC 2281 §6.1"));
}

/// What the IP header and the link layer show.
fn judge_envelope(received: &Received<'_>, version: Version, problems: &mut Vec<Problem>) {
    let Received { source, destination, destination_mac, hop_limit, .. } = *received;
    if let Err(refusal) = judge(received, version) {
        problems.push(Problem::refusal(refusal.counter(), refusal.to_string(), refusal.rule()));
    }
    let wanted = Mac::of_multicast(destination);
    if let Some(wanted) = wanted.filter(|mac| ![*mac, Mac::default()].contains(&destination_mac)) {
        let text = format!("destination MAC {destination_mac}, must be {wanted}");
        let rule = if source.is_ipv4() { "RFC 1112 §6.4" } else { "RFC 2464 §7" };
        problems.push(Problem::remark("destination-mac-errors", text, rule));
    }
    let (ttl, rule) = match version {
        Version::V1 => (TTL_V1, "RFC 2281 §5.1"),
        Version::V2 => (TTL_V2, "Cisco HSRP version 2, multicast"),
    };
    if hop_limit != ttl {
        let name = if source.is_ipv4() { "TTL" } else { "hop limit" };
        problems.push(Problem::remark("ttl-errors", format!("{name} {hop_limit}, is sent with {ttl}"), rule));
    }
}

/// What is said to prove the sender, and whether one of the keys fits.
fn judge_proof(received: &Received<'_>, heard: &Heard<'_>, known: &Known<'_>, shown: &mut Dissection) {
    if let (Message::Interface(_), Credentials::None) = (&heard.message, &heard.credentials) {
        return;
    }
    let wrong = |refusal: AuthRefusal, rule| Problem::refusal(refusal.counter(), refusal.to_string(), rule);
    let (kind, failure) = match &heard.credentials {
        Credentials::None => {
            shown.authentication = Some(Authentication { kind: "none", verified: None });
            let text = "no authentication, must be text or MD5";
            shown.problems.push(Problem::refusal("authentication-type-mismatch", text, "RFC 2281 §5.1"));
            return;
        }
        Credentials::Text(_) => {
            let text = "the text is none of the keys";
            ("text", Problem::refusal(AuthRefusal::Text.counter(), text, "RFC 2281 §5.1"))
        }
        Credentials::Md5(tlv) => {
            shown.details.push(("key_id", Value::Number(tlv.key.into())));
            shown.details.push(("md5_address", Value::Address(tlv.address.into())));
            if tlv.algorithm != ALGORITHM_MD5 {
                shown.problems.push(wrong(AuthRefusal::Algorithm(tlv.algorithm), "Cisco HSRP, MD5"));
            }
            judge_md5_address(received, tlv, &mut shown.problems);
            let text = "the MD5 digest fits no key";
            ("md5", Problem::refusal(AuthRefusal::Digest.counter(), text, "Cisco HSRP, MD5"))
        }
    };
    let verified = (!known.keys.is_empty()).then(|| known.keys.iter().any(|key| is_proven(key, heard)));
    shown.authentication = Some(Authentication { kind, verified });
    if verified == Some(false) {
        shown.problems.push(failure);
    }
}

fn judge_md5_address(received: &Received<'_>, tlv: &Md5Tlv, problems: &mut Vec<Problem>) {
    let wanted = Md5Tlv::address_of(received.source);
    if tlv.address != wanted {
        let text =
            format!("the MD5 TLV names {}, and the message comes from {}", tlv.address, received.source);
        problems.push(Problem::remark("authentication-address-errors", text, "Cisco HSRP, MD5"));
    }
}
