//! What the settings of a virtual host mean.

use ::carp::Config;
use ::carp::config::{Counting, Demotion, Destination};
use ::carp::vmac::virtual_mac;
use fhrp::Family;

use super::super::explain::{Fact, GroupMeaning, Intervals, Spans, announcements, readable};
use super::super::plan::GroupPlan;

/// What one group means.
pub(in super::super) fn explain(plan: &GroupPlan, config: &Config) -> GroupMeaning {
    let patience = config.patience(config.interval);
    GroupMeaning {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        protocol: "carp",
        version: "2",
        id: u16::from(config.vhid),
        family: None,
        priority: None,
        virtual_mac: config.virtual_mac,
        addresses: config.addresses.clone(),
        excluded_addresses: Vec::new(),
        accept: config.accept,
        timers: Spans::Carp(Intervals {
            advertisement_interval: config.interval.length(),
            master_down: patience,
            crash_best: patience.saturating_sub(config.interval.length()),
            crash_worst: patience,
        }),
        facts: facts(config),
        hints: hints(config),
    }
}

fn facts(config: &Config) -> Vec<Fact> {
    let mut facts = vec![
        Fact { name: "who answers", value: who_answers(config) },
        Fact { name: "advertisements", value: advertisements(config) },
        Fact { name: "digest", value: digest(config) },
        Fact { name: "counter", value: counter(config).to_owned() },
        Fact { name: "preemption", value: preemption(config).to_owned() },
        Fact { name: "demotion", value: demotion(config).to_owned() },
    ];
    for family in config.families() {
        let name = if family == Family::Ipv4 { "announcements" } else { "announcements, IPv6" };
        facts.push(Fact { name, value: announcements(family, &config.announcements) });
    }
    if let Some(advertisement) = &config.router_advertisement {
        let value = format!(
            "at least every {}, lifetime {}, from the virtual link-local address while master",
            readable(advertisement.interval),
            readable(advertisement.lifetime)
        );
        facts.push(Fact { name: "router advertisement", value });
    }
    facts.push(Fact { name: "let through", value: "IP protocol 112, in and out".to_owned() });
    facts
}

fn who_answers(config: &Config) -> String {
    let mac = config.virtual_mac.map_or("the interface's own MAC".to_owned(), |mac| mac.to_string());
    let ping = if config.accept { "and ping and services too" } else { "but not ping or services" };
    format!("whoever is master, with {mac}, {ping}")
}

fn advertisements(config: &Config) -> String {
    let to = match &config.destination {
        Destination::Multicast { v4, v6 } => {
            let groups = config.families().map(|family| match family {
                Family::Ipv4 => v4.to_string(),
                Family::Ipv6 => v6.to_string(),
            });
            groups.collect::<Vec<_>>().join(" and ")
        }
        Destination::Peers(peers) => {
            let peers: Vec<String> = peers.iter().map(|peer| peer.address.to_string()).collect();
            format!("{}, unicast", peers.join(", "))
        }
    };
    let from = match config.sources.as_slice() {
        [] => "the interface's address beside the virtual one".to_owned(),
        sources => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
    };
    format!("every {} ({}) to {to}, from {from}", readable(config.interval.length()), config.interval)
}

fn digest(config: &Config) -> String {
    let what = "HMAC-SHA1 over number, addresses and counter";
    if config.password.expose().is_empty() {
        return format!("{what}, without a password: anybody on the segment can be the master");
    }
    what.to_owned()
}

fn counter(config: &Config) -> &'static str {
    match config.counting {
        Counting::Cookie => {
            "constant; whoever has recorded an advertisement can repeat it under any interval, as in every CARP"
        }
        Counting::Sealed => {
            "seals interval, demotion and time; BSD and ucarp are not understood, clocks within 10 s of each other"
        }
    }
}

fn preemption(config: &Config) -> &'static str {
    match config.preempt {
        true => "takes the role from a master that advertises less often",
        false => "leaves a living master alone, unless it is demoted or slower than its silence is tolerated",
    }
}

fn demotion(config: &Config) -> &'static str {
    match config.demotion {
        Demotion::Counter => "said by the counter, which OpenBSD understands",
        Demotion::Skew => "said by an advskew of 240, which moves the role where the others preempt",
        Demotion::Both => "said by OpenBSD's counter and by an advskew of 240",
    }
}

fn hints(config: &Config) -> Vec<String> {
    let mut hints = Vec::new();
    if config.virtual_mac.is_none() {
        let text = "hosts must learn another MAC at each fail-over, which they do from the announcements";
        hints.push(text.to_owned());
    }
    if config.virtual_mac.is_some() && config.virtual_mac != Some(virtual_mac(config.vhid)) {
        hints.push(
            "a virtual MAC of your own choice has to be the same on all routers of the group".to_owned(),
        );
    }
    if !config.preempt {
        let text = "without preemption several groups can end up with masters on different routers";
        hints.push(text.to_owned());
    }
    hints
}
