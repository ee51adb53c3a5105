//! What groups claim for themselves on a segment, and which of them cannot live beside each other.

use std::collections::HashMap;
use std::net::IpAddr;

use fhrp::{Family, Mac};

use super::reader::{Reader, Span, Spanned};

/// What one group claims for itself on its segment, and where it says so.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) interface: String,
    pub(super) protocol: &'static str,
    /// `None`: both, under one number.
    pub(super) family: Option<Family>,
    pub(super) id: Option<Spanned<u16>>,
    pub(super) mac: Option<Spanned<Mac>>,
    pub(super) addresses: Vec<Spanned<IpAddr>>,
    pub(super) name: Spanned<String>,
    /// The name of the group whose state it takes.
    pub(super) follow: Option<Spanned<String>>,
}

/// Groups that cannot live beside each other.
pub(super) fn collisions(claims: &[Claims], reader: &mut Reader) {
    let mut routers: HashMap<(&str, &str, Option<Family>, u16), &Span> = HashMap::new();
    let mut macs: HashMap<(&str, Mac), (&Span, &str)> = HashMap::new();
    let mut addresses: HashMap<(&str, IpAddr), &Span> = HashMap::new();
    let mut names: HashMap<&str, &Span> = HashMap::new();
    for claim in claims {
        let interface = claim.interface.as_str();
        let mut twice = false;
        if let Some(id) = &claim.id {
            let key = (interface, claim.protocol, claim.family, id.value);
            if let Some(first) = routers.get(&key) {
                twice = true;
                let (message, label) = same_number(claim, id.value);
                reader.collision(&id.span, message, label, ((*first).clone(), "the first of them"));
            }
            routers.entry(key).or_insert(&id.span);
        }
        if let Some(mac) = claim.mac.as_ref().filter(|_| !twice) {
            if let Some((first, protocol)) = macs.get(&(interface, mac.value)) {
                let message = format!("two groups on {interface} have the virtual MAC {}", mac.value);
                let label = match [*protocol, claim.protocol].map(|name| ["carp", "vrrp"].contains(&name)) {
                    [true, true] if *protocol != claim.protocol => {
                        "another `id`: CARP and VRRP make the same MAC of it, and cannot share a segment"
                    }
                    _ if claim.protocol == "glbp" => {
                        "another `id`: both families make the same virtual MACs of it"
                    }
                    _ => "a MAC of its own for each group",
                };
                let first = ((*first).clone(), "the first of them");
                reader.collision(&mac.span, message, label.to_owned(), first);
            }
            macs.entry((interface, mac.value)).or_insert((&mac.span, claim.protocol));
        }
        for address in &claim.addresses {
            if let Some(first) = addresses.get(&(interface, address.value)) {
                let message = format!("{} is on {interface} twice", address.value);
                let label = "one of the two must go".to_owned();
                reader.collision(&address.span, message, label, ((*first).clone(), "the first of them"));
            }
            addresses.entry((interface, address.value)).or_insert(&address.span);
        }
        if let Some(first) = names.get(claim.name.value.as_str()).filter(|_| !twice) {
            let message = format!("two groups have the name `{}`", claim.name.value);
            let label = "a name of its own for each group".to_owned();
            reader.collision(&claim.name.span, message, label, ((*first).clone(), "the first of them"));
        }
        names.entry(&claim.name.value).or_insert(&claim.name.span);
    }
}

/// Groups that follow somebody who does not exist, or does not lead.
pub(super) fn followers(claims: &[Claims], reader: &mut Reader) {
    for claim in claims {
        let Some(follow) = &claim.follow else { continue };
        let leader = claims.iter().find(|other| other.name.value == follow.value);
        match leader {
            None => {
                let label = "the name of an HSRP group in this file";
                reader.error(&follow.span, format!("no group is called `{}`", follow.value), label);
            }
            Some(leader) if leader.protocol != claim.protocol || leader.name.value == claim.name.value => {
                let label = format!("another group of {}", claim.protocol);
                reader.error(&follow.span, format!("`{}` cannot be followed", follow.value), label);
            }
            Some(Claims { follow: Some(next), .. }) => {
                let message = format!("`{}` follows another group itself", follow.value);
                reader.error(&follow.span, message, format!("follow `{}`", next.value));
            }
            Some(_) => {}
        }
    }
}

/// Two groups of one protocol and family have one number.
fn same_number(claim: &Claims, id: u16) -> (String, String) {
    let Claims { interface, protocol, family, .. } = claim;
    match (*protocol, u8::try_from(id), *family) {
        ("vrrp", Ok(vrid), Some(family)) => {
            let mac = ::vrrp::config::virtual_mac(family, vrid);
            let message =
                format!("two {family} groups with id {id} on {interface} would share the virtual MAC {mac}");
            let label = "another id; two versions for a change-over are one group with `version = \"2+3\"`";
            (message, label.to_owned())
        }
        (_, _, Some(family)) => (
            format!("two {family} groups of {protocol} on {interface} have the id {id}"),
            "another id, also in another version".to_owned(),
        ),
        (_, _, None) => (
            format!("two groups of {protocol} on {interface} have the id {id}"),
            "another id, or one group with all the addresses".to_owned(),
        ),
    }
}
