//! What the settings of a virtual host mean.

use ::carp::Config;
use ::carp::config::{Balancing, Counting, Delivery, Demotion, Destination};
use ::carp::vmac::virtual_mac;
use fhrp::Family;

use super::super::explain::{
    Fact, GroupMeaning, Intervals, Spans, announcements, readable, router_advertisement,
};
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
    if let Some(name) = &config.failover_group {
        let value = format!("demoted by 1 for each other group of `{name}` that is down on this router");
        facts.push(Fact { name: "moves together", value });
    }
    if let Some(balancing) = config.balancing {
        facts.push(Fact { name: "balancing", value: share(balancing) });
    }
    for family in config.families().filter(|_| config.balancing.is_none()) {
        let name = if family == Family::Ipv4 { "announcements" } else { "announcements, IPv6" };
        facts.push(Fact { name, value: announcements(family, &config.announcements) });
    }
    facts.extend(config.router_advertisement.as_ref().map(|said| router_advertisement(said, "master")));
    facts.push(Fact { name: "let through", value: "IP protocol 112, in and out".to_owned() });
    facts
}

fn share(balancing: Balancing) -> String {
    let Balancing { delivery, count, number } = balancing;
    let how = match delivery {
        Delivery::Group => "ip: switches flood the multicast MAC",
        Delivery::Stealth => "ip-stealth: nobody sends from the MAC, so switches flood it",
        Delivery::Unicast => "ip-unicast: the network itself brings every frame to every router",
    };
    format!(
        "{how}; the master handles the packets of bucket {number} of {count}, source and destination decide"
    )
}

fn who_answers(config: &Config) -> String {
    let mac = config.virtual_mac.map_or("the interface's own MAC".to_owned(), |mac| mac.to_string());
    if config.addresses_by_hook {
        return "whoever is master, where the hook's programs put the addresses".to_owned();
    }
    let ping = if config.accept { "and ping and services too" } else { "but not ping or services" };
    let who = match config.balancing {
        Some(Balancing { number: 1.., .. }) => "the master of the lowest number",
        _ => "whoever is master",
    };
    format!("{who}, with {mac}, {ping}")
}

fn advertisements(config: &Config) -> String {
    let to = match &config.destination {
        Destination::Multicast { v4, v6 } => {
            let groups = config.families().map(|family| match family {
                Family::Ipv4 => v4.to_string(),
                Family::Ipv6 => v6.to_string(),
            });
            let to = groups.collect::<Vec<_>>().join(" and ");
            if config.broadcast { format!("{to}, by broadcast") } else { to }
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
    if config.balancing.is_none() && config.virtual_mac.is_some_and(|mac| mac != virtual_mac(config.vhid)) {
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
