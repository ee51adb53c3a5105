//! What the settings of a virtual router mean.

use std::time::Duration;

use ::vrrp::Config;
use ::vrrp::config::{
    AcceptChecksum, AntiReplay, Authentication, HmacMode, Key, OWNER_PRIORITY, OnMismatch, SendChecksum,
    Versions, virtual_mac,
};
use fhrp::Family;
use fhrp::address::is_link_local;

use super::super::explain::{
    Fact, GroupMeaning, Spans, Timers, announcements, readable, router_advertisement,
};
use super::super::plan::GroupPlan;

/// What one group means.
pub(in super::super) fn explain(plan: &GroupPlan, config: &Config) -> GroupMeaning {
    GroupMeaning {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        protocol: "vrrp",
        version: match config.versions {
            Versions::V2 => "2",
            Versions::V3 => "3",
            Versions::Both => "2+3",
        },
        id: u16::from(config.vrid),
        family: Some(config.family),
        priority: Some(config.priority),
        virtual_mac: config.virtual_mac,
        addresses: config.addresses.clone(),
        excluded_addresses: config.excluded.clone(),
        accept: config.accept,
        timers: Spans::Vrrp(Timers::of(config)),
        facts: facts(config),
        hints: hints(config),
    }
}

fn facts(config: &Config) -> Vec<Fact> {
    let mut facts = vec![
        Fact { name: "who answers", value: who_answers(config) },
        Fact { name: "advertisements", value: advertisements(config) },
        Fact { name: "authentication", value: authentication(&config.authentication) },
    ];
    if config.family == Family::Ipv4 && config.versions != Versions::V2 {
        facts.push(Fact { name: "checksum", value: checksum(config) });
    }
    facts.push(Fact { name: "preemption", value: preemption(config) });
    if !config.startup_delay.is_zero() {
        let value = format!("listens for {} before it takes part", readable(config.startup_delay));
        facts.push(Fact { name: "start", value });
    }
    let value = announcements(config.family, &config.announcements);
    facts.push(Fact { name: "announcements", value });
    if config.versions != Versions::V3 && (config.learn_interval || config.on_mismatch == OnMismatch::Accept)
    {
        let interval = if config.learn_interval { "is learnt from the Active" } else { "must be the same" };
        let mismatch = match config.on_mismatch {
            OnMismatch::Discard => "discarded",
            OnMismatch::Accept => "obeyed all the same",
        };
        let value = format!("the interval {interval}; what differs is {mismatch}");
        facts.push(Fact { name: "version 2", value });
    }
    facts.extend(config.router_advertisement.as_ref().map(|said| router_advertisement(said, "Active")));
    facts.push(Fact { name: "let through", value: firewall(config) });
    facts
}

fn who_answers(config: &Config) -> String {
    let asked = if config.family == Family::Ipv4 { "ARP" } else { "neighbour discovery" };
    let mac = config.virtual_mac.map_or("the interface's own MAC".to_owned(), |mac| mac.to_string());
    let ping = if config.accept { "and ping and services too" } else { "but not ping or services" };
    format!("whoever is Active, {asked} with {mac}, {ping}")
}

fn advertisements(config: &Config) -> String {
    let to = if config.peers.is_empty() {
        match config.family {
            Family::Ipv4 => "224.0.0.18".to_owned(),
            Family::Ipv6 => "ff02::12".to_owned(),
        }
    } else {
        let peers: Vec<String> = config.peers.iter().map(|peer| peer.address.to_string()).collect();
        format!("{}, unicast", peers.join(", "))
    };
    let from = match (config.source, config.family) {
        (Some(source), _) => source.to_string(),
        (None, Family::Ipv4) => "the interface's address in the virtual address's network".to_owned(),
        (None, Family::Ipv6) if config.peers.iter().any(|peer| !is_link_local(peer.address)) => {
            "the interface's global address, in the peer's network if it has one".to_owned()
        }
        (None, Family::Ipv6) => "the interface's link-local address".to_owned(),
    };
    format!("every {} to {to}, from {from}", readable(config.advertise_interval))
}

fn authentication(authentication: &Authentication) -> String {
    let numbers = |keys: &[Key]| -> String {
        let name = |key: &Key| match key.id {
            0 => "key string".to_owned(),
            number => format!("key {number}"),
        };
        keys.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    match authentication {
        Authentication::None => "none".to_owned(),
        Authentication::Text(_) => "a password in clear, which everybody on the segment can read".to_owned(),
        Authentication::AuthenticationHeader(_) => "IP Authentication Header, HMAC-MD5-96".to_owned(),
        Authentication::CiscoMd5(keys) => {
            format!("Cisco MD5, {}; the first signs, all are accepted", numbers(keys))
        }
        Authentication::Hmac(hmac) => {
            let mode = match hmac.mode {
                HmacMode::ReceiveOnly => "checked when present, not sent",
                HmacMode::Permissive => "sent, unsigned ones still taken",
                HmacMode::Enforce => "sent and required",
            };
            let replay = match hmac.anti_replay {
                AntiReplay::Monotonic => "the sequence must increase".to_owned(),
                AntiReplay::Window(width) => format!("within {} of our clock", readable(width)),
            };
            format!("HMAC-SHA-256, {}, {mode}; {replay}", numbers(&hmac.keys))
        }
    }
}

fn checksum(config: &Config) -> String {
    let sends = match config.send_checksum {
        SendChecksum::AsHeard => "sends the form its neighbours send, RFC 9568's until one is heard",
        SendChecksum::MessageOnly => "sends RFC 9568's form",
        SendChecksum::PseudoHeader => "sends the pseudo-header form",
    };
    let accepts = match config.accept_checksum {
        AcceptChecksum::Both => "accepts both forms",
        AcceptChecksum::MessageOnly => "accepts RFC 9568's alone",
        AcceptChecksum::PseudoHeader => "accepts the pseudo-header form alone",
    };
    format!("{sends}; {accepts}")
}

fn preemption(config: &Config) -> String {
    if config.priority == OWNER_PRIORITY {
        return "Active as soon as it runs: it owns the addresses".to_owned();
    }
    match (config.preempt, config.preempt_delay) {
        (false, _) => "never takes the role from a living Active, however low".to_owned(),
        (true, Duration::ZERO) => "takes the role from a lower Active".to_owned(),
        (true, delay) => format!("takes the role from a lower Active after {}", readable(delay)),
    }
}

fn firewall(config: &Config) -> String {
    let protocol = match config.authentication {
        Authentication::AuthenticationHeader(_) => "IP protocol 51 (AH)",
        _ => "IP protocol 112 (VRRP)",
    };
    match (config.peers.is_empty(), config.family) {
        (true, Family::Ipv4) => format!("{protocol} to 224.0.0.18, in and out"),
        (true, Family::Ipv6) => format!("{protocol} to ff02::12, in and out"),
        (false, _) => format!("{protocol} from and to each peer"),
    }
}

fn hints(config: &Config) -> Vec<String> {
    let mut hints = Vec::new();
    if !config.accept {
        hints.push("the virtual addresses will not answer ping: accept mode is off".to_owned());
    }
    if config.priority == OWNER_PRIORITY {
        hints.push("as owner this router must have all the virtual addresses on its interface".to_owned());
    }
    if config.virtual_mac.is_none() {
        hints.push(
            "hosts must learn another MAC at each fail-over, which they do from the announcements".to_owned(),
        );
        for address in
            config.addresses.iter().filter(|address| address.prefix == Family::of(address.ip).bits())
        {
            hints.push(format!(
                "{} has no prefix length and is put on the interface as {address}",
                address.ip
            ));
        }
    }
    let standard = virtual_mac(config.family, config.vrid);
    if config.virtual_mac.is_some_and(|mac| mac != standard) {
        hints.push(
            "a virtual MAC of your own choice has to be the same on all routers of the group".to_owned(),
        );
    }
    if !config.preempt && config.priority != OWNER_PRIORITY {
        hints.push("without preemption an Active of lower priority stays, too".to_owned());
    }
    let far = config.peers.iter().any(|peer| peer.min_ttl < 255);
    if far {
        hints.push("a peer with a TTL below 255 may be anybody who can reach this router".to_owned());
    }
    hints
}
