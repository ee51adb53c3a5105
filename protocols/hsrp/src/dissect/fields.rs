//! The octets of a message, field by field, with what they mean.

use std::net::{Ipv4Addr, Ipv6Addr};

use fhrp::Received;
use fhrp::dissect::Field;
use fhrp::fields::{Fields, hexadecimal};

use crate::wire::{ALGORITHM_MD5, Md5Tlv, Operation, Role, State, Version, v1, v2};

/// Every field that is there, however short or wrong the message is.
pub(super) fn tree(received: &Received<'_>, version: Version) -> Vec<Field> {
    let mut fields = Fields::new(received.payload);
    match version {
        Version::V1 => read_v1(&mut fields),
        Version::V2 => read_tlvs(&mut fields, received.source.is_ipv4()),
    };
    fields.digits("Trailing octets", usize::MAX);
    fields.finish()
}

fn read_v1(fields: &mut Fields<'_>) -> Option<()> {
    fields.octet("Version", |version| {
        Some(if version == v1::VERSION { "HSRP version 1" } else { "unknown" }.into())
    })?;
    if operation(fields)? == v1::ADVERTISE {
        return read_advertise(fields);
    }
    fields.octet("State", |code| state(Version::V1, code))?;
    fields.octet("Hellotime", |seconds| Some(format!("{seconds} s")))?;
    fields.octet("Holdtime", |seconds| Some(format!("{seconds} s")))?;
    fields.octet("Priority", |_| None)?;
    fields.octet("Group", |_| None)?;
    fields.octet("Reserved", |_| None)?;
    fields.text("Authentication Data", 8);
    let (at, address) = fields.take()?;
    fields.add(Field::new(at, 4, "Virtual IP Address", Ipv4Addr::from(address)));
    if fields.rest().starts_with(&[Md5Tlv::KIND, 28]) {
        fields.inside("MD5 Authentication", 2 + Md5Tlv::LENGTH, read_md5);
    }
    Some(())
}

fn operation(fields: &mut Fields<'_>) -> Option<u8> {
    fields.octet("Op Code", |code| {
        let word = Operation::of(code).map(Operation::word);
        Some(word.unwrap_or(if code == v1::ADVERTISE { "advertise" } else { "unknown" }).into())
    })
}

fn state(version: Version, code: u8) -> Option<String> {
    Some(State::of(version, code).word().unwrap_or("unknown").into())
}

fn read_advertise(fields: &mut Fields<'_>) -> Option<()> {
    let known = |kind| if kind == v1::INTERFACE_STATE { "interface state" } else { "unknown" };
    fields.short("Type", |kind| Some(known(kind).into()))?;
    fields.short("Length", |_| None)?;
    fields.octet("State", |code| Some(Role::of(code).word().unwrap_or("unknown").into()))?;
    fields.octet("Reserved", |_| None)?;
    fields.short("Active groups", |_| None)?;
    fields.short("Passive groups", |_| None)?;
    let (at, reserved) = fields.take::<4>()?;
    let field = Field::new(at, 4, "Reserved", hexadecimal(&reserved));
    fields.add(if reserved == [0; 4] { field } else { field.meaning("left over in the sender's memory") });
    Some(())
}

fn read_tlvs(fields: &mut Fields<'_>, ipv4: bool) -> Option<()> {
    while let &[kind, length, ..] = fields.rest() {
        let length = 2 + usize::from(length);
        match kind {
            v2::GROUP_STATE => fields.inside("Group State", length, |fields| read_group(fields, ipv4)),
            v2::INTERFACE_STATE => fields.inside("Interface State", length, |fields| {
                read_head(fields)?;
                fields.short("Active groups", |_| None)?;
                fields.short("Passive groups", |_| None)?;
                Some(())
            }),
            v2::TEXT => fields.inside("Text Authentication", length, |fields| {
                read_head(fields)?;
                fields.text("Authentication Data", 8);
                Some(())
            }),
            Md5Tlv::KIND => fields.inside("MD5 Authentication", length, read_md5),
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

fn read_group(fields: &mut Fields<'_>, ipv4: bool) -> Option<()> {
    read_head(fields)?;
    fields.octet("Version", |version| (version != v2::VERSION).then(|| "must be 2".into()))?;
    operation(fields)?;
    fields.octet("State", |code| state(Version::V2, code))?;
    fields.octet("IP version", |_| None)?;
    fields.short("Group", |_| None)?;
    fields.mac("Identifier")?;
    fields.word("Priority", |_| None)?;
    fields.word("Hello time", |time| Some(format!("{time} ms")))?;
    fields.word("Hold time", |time| Some(format!("{time} ms")))?;
    if ipv4 {
        let (at, address) = fields.take()?;
        fields.add(Field::new(at, 4, "Virtual IP address", Ipv4Addr::from(address)));
        fields.digits("Padding", 12);
    } else {
        let (at, address) = fields.take::<16>()?;
        fields.add(Field::new(at, 16, "Virtual IP address", Ipv6Addr::from(address)));
    }
    Some(())
}

fn read_md5(fields: &mut Fields<'_>) -> Option<()> {
    read_head(fields)?;
    fields.octet("Algorithm", |code| Some(if code == ALGORITHM_MD5 { "MD5" } else { "unknown" }.into()))?;
    fields.octet("Padding", |_| None)?;
    fields.short("Flags", |_| None)?;
    let (at, address) = fields.take()?;
    fields.add(Field::new(at, 4, "IP address", Ipv4Addr::from(address)));
    fields.word("Key ID", |_| None)?;
    fields.digits("Digest", 16);
    Some(())
}
