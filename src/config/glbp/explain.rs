//! What the settings of a group mean.

use ::glbp::Config;
use ::glbp::auth::Authentication;
use ::glbp::config::{Balancing, ClientCache, DEFAULT_RETIREMENT, DEFAULT_TIMES, DEFAULT_WEIGHTING, Preempt};
use ::glbp::vmac::{LAST_FORWARDER, virtual_mac};
use ::glbp::wire::{MULTICAST_V4, MULTICAST_V6, PORT};
use fhrp::Family;

use super::super::explain::{Fact, GroupMeaning, Spans, Times, how_often, readable};
use super::super::plan::GroupPlan;

/// What one group means.
pub(in super::super) fn explain(plan: &GroupPlan, config: &Config) -> GroupMeaning {
    let times = config.times.unwrap_or(DEFAULT_TIMES);
    GroupMeaning {
        name: plan.name.clone(),
        interface: plan.interface.clone(),
        protocol: "glbp",
        version: "1",
        id: config.group,
        family: Some(config.family),
        priority: Some(config.priority),
        virtual_mac: virtual_mac(config.group, 1),
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
    let mut facts = vec![
        Fact { name: "forwarders", value: forwarders(config) },
        Fact { name: "who answers", value: who_answers(config) },
        Fact { name: "load balancing", value: balancing(config) },
        Fact { name: "client cache", value: client_cache(config) },
        Fact { name: "lost forwarders", value: lost(config) },
        Fact { name: "weighting", value: weighting(config) },
        Fact { name: "messages", value: messages(config) },
        Fact { name: "times", value: whose_times(config) },
        Fact { name: "authentication", value: authentication(&config.authentication) },
        Fact { name: "preemption", value: preemption("the gateway's role from a worse one", config.preempt) },
        Fact {
            name: "forwarder preemption",
            value: preemption("a forwarder from a router with less right to it", config.forwarder_preempt),
        },
    ];
    if let Some(advertisement) = &config.router_advertisement {
        let value = format!("{}, without a MAC: hosts have to ask, and are spread", how_often(advertisement));
        facts.push(Fact { name: "router advertisement", value });
    }
    let redirects = if config.redirects { "as the kernel sends them" } else { "none leave this interface" };
    facts.push(Fact { name: "ICMP redirects", value: redirects.to_owned() });
    facts.push(Fact { name: "let through", value: firewall(config) });
    facts
}

fn forwarders(config: &Config) -> String {
    let last = virtual_mac(config.group, LAST_FORWARDER).map(|mac| mac.to_string()).unwrap_or_default();
    format!("each of up to four routers forwards for a virtual MAC of its own, up to {last}")
}

fn who_answers(config: &Config) -> String {
    let asked = if config.family == Family::Ipv4 { "ARP" } else { "neighbour discovery" };
    format!("the active gateway, {asked} with the MAC of a forwarder; ping and services, whoever is asked")
}

fn balancing(config: &Config) -> String {
    match config.balancing {
        Balancing::None => "none: every host is told the active gateway's own forwarder",
        Balancing::RoundRobin => "each forwarder in turn",
        Balancing::Weighted => "in proportion to the weightings of the routers that forward",
        Balancing::HostDependent => "by the host's MAC, which keeps its forwarder",
    }
    .to_owned()
}

fn client_cache(config: &Config) -> String {
    match config.client_cache {
        None => "off: nobody remembers which host was told which forwarder".to_owned(),
        Some(ClientCache { maximum, timeout: None }) => format!("the last {maximum} hosts that asked"),
        Some(ClientCache { maximum, timeout: Some(timeout) }) => {
            format!("the last {maximum} hosts that asked, each for {}", readable(timeout))
        }
    }
}

fn lost(config: &Config) -> String {
    let retirement = config.retirement.unwrap_or(DEFAULT_RETIREMENT);
    let told = match retirement.redirect.is_zero() {
        true => "told to hosts".to_owned(),
        false => format!("told to hosts for {}", readable(retirement.redirect)),
    };
    format!("taken over by another router, {told}, and given up after {}", readable(retirement.timeout))
}

fn weighting(config: &Config) -> String {
    let weighting = config.weighting;
    format!(
        "{}; below {} others forward instead, until it is {} again",
        weighting.maximum, weighting.lower, weighting.upper
    )
}

fn messages(config: &Config) -> String {
    let from = match (config.source, config.family) {
        (Some(source), _) => source.to_string(),
        (None, Family::Ipv4) => "the interface's address in the virtual address's network".to_owned(),
        (None, Family::Ipv6) => "the interface's link-local address".to_owned(),
    };
    let early = if config.jitter { ", up to a fifth early" } else { "" };
    format!("to {}{early}, from {from}", multicast(config))
}

fn whose_times(config: &Config) -> String {
    match config.times {
        None => "those of the active gateway; these are for when this router is active".to_owned(),
        Some(_) => "its own while it is active, those of the active gateway otherwise".to_owned(),
    }
}

fn authentication(authentication: &Authentication) -> String {
    match authentication {
        Authentication::None => "none: whoever is on the segment can take the roles",
        Authentication::Text(_) => "a text in clear, which everybody on the segment can read",
        Authentication::KeyString(_) => "MD5 with a key string; recordings are refused",
        Authentication::KeyChain(_) => "MD5 with a key chain; recordings are refused",
    }
    .to_owned()
}

fn preemption(what: &str, preempt: Preempt) -> String {
    match (preempt.on, preempt.delay.is_zero()) {
        (false, _) => format!("never takes {what}"),
        (true, true) => format!("takes {what}"),
        (true, false) => format!("takes {what} after {}", readable(preempt.delay)),
    }
}

fn firewall(config: &Config) -> String {
    format!("UDP port {PORT} to {} and between the routers, in and out", multicast(config))
}

fn multicast(config: &Config) -> std::net::IpAddr {
    match config.family {
        Family::Ipv4 => MULTICAST_V4,
        Family::Ipv6 => MULTICAST_V6,
    }
}

fn hints(config: &Config) -> Vec<String> {
    let mut hints = Vec::new();
    if !config.preempt.on {
        hints.push("without preemption an active gateway of lower priority stays, too".to_owned());
    }
    if !config.forwarder_preempt.on {
        let text = "without forwarder preemption a router that was away does not get its forwarder back";
        hints.push(text.to_owned());
    }
    if config.balancing == Balancing::Weighted && config.weighting == DEFAULT_WEIGHTING {
        let text = "hosts are spread by weighting, and this router has the usual one";
        hints.push(text.to_owned());
    }
    hints
}
