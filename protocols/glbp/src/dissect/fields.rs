//! The octets of a message, field by field, with what they mean.

use std::net::{Ipv4Addr, Ipv6Addr};

use fhrp::dissect::Field;
use fhrp::fields::{Fields, hexadecimal};

use crate::wire::{Kind, State, VERSION, proof, tlv};

/// Every field that is there, however short or wrong the message is.
pub(super) fn tree(octets: &[u8]) -> Vec<Field> {
    let mut fields = Fields::new(octets);
    read(&mut fields);
    fields.digits("Trailing octets", usize::MAX);
    fields.finish()
}

fn read(fields: &mut Fields<'_>) -> Option<()> {
    fields.octet("Version", |version| (version != VERSION).then(|| "must be 1".into()))?;
    fields.octet("Type", |kind| Some(Kind::of(kind).map_or("unknown", Kind::word).into()))?;
    fields.short("Group", |_| None)?;
    fields.short("Reserved", |_| None)?;
    fields.mac("Owner ID")?;
    while let &[kind, length @ 2..=255, ..] = fields.rest() {
        let length = usize::from(length);
        match kind {
            tlv::HELLO => fields.inside("Virtual gateway", length, read_gateway),
            tlv::FORWARDER => fields.inside("Forwarder", length, read_forwarder),
            proof::AUTHENTICATION => fields.inside("Authentication", length, read_authentication),
            proof::CHALLENGE => fields.inside("Challenge", length, read_challenge),
            _ => fields.inside("Unknown TLV", length, |fields| {
                read_head(fields)?;
                fields.digits("Value", usize::MAX);
                Some(())
            }),
        }
    }
    Some(())
}

fn read_head(fields: &mut Fields<'_>) -> Option<()> {
    fields.octet("Type", |_| None)?;
    fields.octet("Length", |_| None)?;
    Some(())
}

fn state(code: u8) -> Option<String> {
    match State::of(code) {
        State::Unsaid => None,
        other => Some(other.word().unwrap_or("unknown").into()),
    }
}

fn read_gateway(fields: &mut Fields<'_>) -> Option<()> {
    read_head(fields)?;
    fields.octet("Reserved", |_| None)?;
    fields.octet("Gateway state", state)?;
    fields.octet("Reserved", |_| None)?;
    fields.octet("Priority", |_| None)?;
    fields.short("Reserved", |_| None)?;
    fields.word("Hello interval", |time| Some(format!("{time} ms")))?;
    fields.word("Hold time", |time| Some(format!("{time} ms")))?;
    fields.short("Redirect time", |time| Some(format!("{time} s")))?;
    fields.short("Forwarder timeout", |time| Some(format!("{time} s")))?;
    fields.short("Reserved", |_| None)?;
    let kind = fields.octet("Address type", |kind| match kind {
        tlv::IPV4 => Some("IPv4".into()),
        tlv::IPV6 => Some("IPv6".into()),
        _ => Some("unknown".into()),
    })?;
    let length = fields.octet("Address length", |_| None)?;
    match (kind, length) {
        (tlv::IPV4, 4) => {
            let (at, address) = fields.take()?;
            fields.add(Field::new(at, 4, "Virtual address", Ipv4Addr::from(address)));
        }
        (tlv::IPV6, 16) => {
            let (at, address) = fields.take::<16>()?;
            fields.add(Field::new(at, 16, "Virtual address", Ipv6Addr::from(address)));
        }
        (_, other) => fields.digits("Virtual address", other.into()),
    }
    Some(())
}

fn read_forwarder(fields: &mut Fields<'_>) -> Option<()> {
    read_head(fields)?;
    fields.octet("Forwarder", |number| (number == 0).then(|| "any".into()))?;
    fields.octet("Forwarder state", state)?;
    fields.octet("Reserved", |_| None)?;
    fields.octet("Priority", |_| None)?;
    fields.octet("Weighting", |_| None)?;
    fields.digits("Padding", 1);
    fields.short("Lifetime left", |time| Some(format!("{time} s")))?;
    fields.short("Redirection left", |time| Some(format!("{time} s")))?;
    fields.digits("Padding", 2);
    fields.mac("Virtual MAC")?;
    Some(())
}

fn read_authentication(fields: &mut Fields<'_>) -> Option<()> {
    read_head(fields)?;
    let method = fields.octet("Method", |method| {
        let word = match method {
            proof::METHOD_NONE => "none",
            proof::METHOD_TEXT => "text",
            proof::METHOD_KEY_STRING => "MD5 with a key string",
            proof::METHOD_KEY_CHAIN => "MD5 with a key chain",
            _ => "unknown",
        };
        Some(word.into())
    })?;
    let length = usize::from(fields.octet("Octets of data", |_| None)?);
    match method {
        proof::METHOD_TEXT => fields.text("Text", length),
        proof::METHOD_KEY_CHAIN => {
            fields.word("Key ID", |_| None)?;
            fields.digits("Digest", length.checked_sub(proof::KEY_ID)?);
        }
        proof::METHOD_KEY_STRING => fields.digits("Digest", length),
        _ => fields.digits("Data", length),
    }
    Some(())
}

fn read_challenge(fields: &mut Fields<'_>) -> Option<()> {
    read_head(fields)?;
    let peers = fields.octet("Peers", |_| None)?;
    fields.octet("Generation", |_| None)?;
    let (at, nonce) = fields.take::<4>()?;
    fields.add(Field::new(at, 4, "Nonce", hexadecimal(&nonce)));
    for _ in 0..peers {
        if fields.rest().is_empty() {
            return None;
        }
        fields.inside("Peer", proof::PEER, |fields| {
            fields.mac("Owner ID")?;
            let (at, nonce) = fields.take::<4>()?;
            fields.add(Field::new(at, 4, "Nonce", hexadecimal(&nonce)));
            fields.digits("Padding", 2);
            Some(())
        });
    }
    Some(())
}
