//! What the settings of a group mean.

use ::hsrp::Config;
use ::hsrp::auth::Authentication;
use ::hsrp::config::DEFAULT_TIMES;
use ::hsrp::judge::multicast;
use ::hsrp::vmac::virtual_mac;
use ::hsrp::wire::{PORT_IPV4, PORT_IPV6, Version};
use fhrp::Family;

use super::super::explain::{
    Fact, GroupMeaning, Spans, Times, announcements, readable, router_advertisement,
};
use super::super::plan::GroupPlan;

/// What one group means.
pub(in super::super) fn explain(plan: &GroupPlan, config: &Config) -> GroupMeaning {
    let times = config.times.unwrap_or(DEFAULT_TIMES);
    GroupMeaning {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        protocol: "hsrp",
        version: match config.version {
            Version::V1 => "1",
            Version::V2 => "2",
        },
        id: config.group,
        family: Some(config.family),
        priority: Some(config.priority),
        virtual_mac: config.virtual_mac,
        addresses: config.addresses.clone(),
        excluded_addresses: Vec::new(),
        accept: true,
        timers: Spans::HelloHold(Times {
            hello_time: times.hello,
            hold_time: times.hold,
            crash_best: times.hold.saturating_sub(times.hello),
            crash_worst: times.hold,
        }),
        facts: facts(config),
        hints: hints(config),
    }
}

fn facts(config: &Config) -> Vec<Fact> {
    if let Some(leader) = &config.follow {
        return vec![
            Fact { name: "follows", value: format!("`{leader}`: no election, no hellos, the same state") },
            Fact { name: "who answers", value: who_answers(config) },
            Fact { name: "announcements", value: announcements(config.family, &config.announcements) },
        ];
    }
    let mut facts = vec![
        Fact { name: "who answers", value: who_answers(config) },
        Fact { name: "messages", value: messages(config) },
        Fact { name: "times", value: whose_times(config) },
        Fact { name: "authentication", value: authentication(&config.authentication) },
        Fact { name: "preemption", value: preemption(config) },
    ];
    let delays = [("start", config.initial_delay.started), ("link up", config.initial_delay.link_up)];
    for (name, delay) in delays.into_iter().filter(|(_, delay)| !delay.is_zero()) {
        let value =
            format!("waits for {} before it takes part, or until another router is heard", readable(delay));
        facts.push(Fact { name, value });
    }
    let value = announcements(config.family, &config.announcements);
    facts.push(Fact { name: "announcements", value });
    facts.extend(config.router_advertisement.as_ref().map(|said| router_advertisement(said, "active")));
    let redirects = if config.redirects { "as the kernel sends them" } else { "none leave this interface" };
    facts.push(Fact { name: "ICMP redirects", value: redirects.to_owned() });
    facts.push(Fact { name: "let through", value: firewall(config) });
    facts
}

fn who_answers(config: &Config) -> String {
    let asked = if config.family == Family::Ipv4 { "ARP" } else { "neighbour discovery" };
    let mac = config.virtual_mac.map_or("the interface's own MAC".to_owned(), |mac| mac.to_string());
    format!("whoever is active, {asked} with {mac}, and ping and services too")
}

fn messages(config: &Config) -> String {
    let from = match (config.source, config.family) {
        (Some(source), _) => source.to_string(),
        (None, Family::Ipv4) => "the interface's address in the virtual address's network".to_owned(),
        (None, Family::Ipv6) => "the interface's link-local address".to_owned(),
    };
    let early = if config.jitter { ", up to a fifth early" } else { "" };
    format!("to {}{early}, from {from}", multicast(config.version, config.family))
}

fn whose_times(config: &Config) -> String {
    match config.times {
        None => "those of the active router; these are for when this one is active".to_owned(),
        Some(times) if config.version == Version::V1 && times.below_a_second() => {
            "its own, whoever is active: version 1 cannot say them, so all members must be told".to_owned()
        }
        Some(_) => "its own while it is active, those of the active router otherwise".to_owned(),
    }
}

fn authentication(authentication: &Authentication) -> String {
    match authentication {
        Authentication::Text(_) => "a text in clear, which everybody on the segment can read".to_owned(),
        Authentication::Md5(_) => "MD5; a recorded message can be sent again".to_owned(),
    }
}

fn preemption(config: &Config) -> String {
    let preempt = config.preempt;
    let lower =
        if preempt.by_address { "a lower one, or an equal one with a lower address" } else { "a lower one" };
    if !preempt.on {
        return "never takes the role from a living router, however low".to_owned();
    }
    let delay = (!preempt.delay.is_zero()).then(|| format!(" after {}", readable(preempt.delay)));
    let sync = (!preempt.sync.is_zero())
        .then(|| format!(", waiting up to {} for `firsthop ready`", readable(preempt.sync)));
    format!("takes the role from {lower}{}{}", delay.unwrap_or_default(), sync.unwrap_or_default())
}

fn firewall(config: &Config) -> String {
    let port = if config.family == Family::Ipv4 { PORT_IPV4 } else { PORT_IPV6 };
    format!("UDP port {port} to {}, in and out", multicast(config.version, config.family))
}

fn hints(config: &Config) -> Vec<String> {
    let mut hints = Vec::new();
    if config.follow.is_some() {
        return hints;
    }
    if config.authentication == Authentication::default() {
        hints.push("the text is `cisco`, which every router has that was told nothing else".to_owned());
    }
    if config.virtual_mac.is_none() {
        let text = "hosts must learn another MAC at each fail-over, which they do from the announcements";
        hints.push(text.to_owned());
    }
    let standard = virtual_mac(config.version, config.family, config.group);
    if config.virtual_mac.is_some() && config.virtual_mac != standard {
        hints.push(
            "a virtual MAC of your own choice has to be the same on all routers of the group".to_owned(),
        );
    }
    if !config.preempt.on {
        hints.push("without preemption an active router of lower priority stays, too".to_owned());
    }
    hints
}
