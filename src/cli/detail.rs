//! `firsthop show --detail`: everything that is known of a group, as a tree.

use std::io::{self, Write};

use super::text;
use crate::control::shown::{Client, Forwarder, Group, Neighbour};
use crate::log::printable;

/// A line with lines under it.
struct Node {
    line: String,
    under: Vec<Node>,
}

impl Node {
    fn new(line: impl Into<String>) -> Node {
        Node { line: line.into(), under: Vec::new() }
    }

    /// A heading with named facts under it, aligned.
    fn list(heading: &str, facts: Vec<(&str, String)>) -> Node {
        Node { line: heading.into(), under: aligned(facts) }
    }

    fn print(&self, before: &str, last: bool, out: &mut dyn Write) -> io::Result<()> {
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        writeln!(out, "{before}{branch}{}", printable(&self.line))?;
        print_all(&self.under, &format!("{before}{below}"), out)
    }
}

/// Prints groups with everything that is known of them.
pub(super) fn print(groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
    for (place, group) in groups.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        let Group { name, interface, id, .. } = group;
        let family = group.family.map(|family| format!(", {family}")).unwrap_or_default();
        let heading = format!("{name}: {} group {id} on {interface}{family}", text::protocol(group));
        writeln!(out, "{}", printable(&heading))?;
        print_all(&tree(group), "", out)?;
    }
    if groups.is_empty() {
        writeln!(out, "no groups")?;
    }
    Ok(())
}

fn print_all(nodes: &[Node], before: &str, out: &mut dyn Write) -> io::Result<()> {
    let count = nodes.len();
    nodes.iter().enumerate().try_for_each(|(place, node)| node.print(before, place + 1 == count, out))
}

fn tree(group: &Group) -> Vec<Node> {
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let macs: Vec<String> = group.virtual_macs.iter().map(ToString::to_string).collect();
    let priority = match (group.priority, group.configured_priority) {
        (Some(priority), Some(configured)) if priority != configured => {
            format!("{priority} (configured: {configured})")
        }
        _ => text::priority(group),
    };
    let mut facts = vec![
        ("state", format!("{} for {}: {}", group.state, text::span(group.since_s), group.reason)),
        ("priority", priority),
        ("active router", text::active(group)),
        ("our address", or_none(group.source.map(|source| source.to_string()).unwrap_or_default())),
        ("virtual addresses", or_none(group.addresses.join(" "))),
        ("virtual MAC", or_none(macs.join(" "))),
    ];
    facts.extend(group.details.iter().map(|detail| (detail.name.as_str(), detail.value.clone())));
    if !group.troubles.is_empty() {
        let troubles: Vec<String> =
            group.troubles.iter().map(|(name, weight)| format!("{name} {weight}")).collect();
        facts.push(("troubles", troubles.join(", ")));
    }
    facts.extend(group.fault.iter().map(|fault| ("FAULT", fault.clone())));
    facts.extend(group.alarms.iter().map(|alarm| ("ALARM", alarm.clone())));
    let facts = aligned(facts);
    let mut nodes = Vec::new();
    let active = group.forwarders.iter().filter(|forwarder| forwarder.local).count();
    nodes.push(Node {
        line: format!("{} forwarders, {active} of them active here", group.forwarders.len()),
        under: group.forwarders.iter().map(|it| forwarder(it, &group.clients)).collect(),
    });
    let clients = aligned(group.clients.iter().map(client).collect());
    nodes.push(Node { line: "clients, whoever asked last first".into(), under: clients });
    let timers = group.timers.iter().map(|timer| {
        let left = timer.remaining_ms.map(|ms| format!(", {} left", text::milliseconds(ms)));
        (timer.name.as_str(), text::milliseconds(timer.ms) + left.as_deref().unwrap_or_default())
    });
    nodes.push(Node::list("timers", timers.collect()));
    let counting = group.counters.iter().filter(|counter| counter.count > 0);
    let counters = counting.map(|counter| (counter.name.as_str(), counter.count.to_string())).collect();
    nodes.push(Node::list("counters that are not 0", counters));
    let neighbours = group.neighbours.iter().map(neighbour).collect();
    nodes.push(Node { line: "neighbours".into(), under: neighbours });
    nodes.retain(|node| !node.under.is_empty());
    facts.into_iter().chain(nodes).collect()
}

fn forwarder(forwarder: &Forwarder, clients: &[Client]) -> Node {
    let Forwarder { number, state, changes, mac, own, .. } = forwarder;
    let span = |ms: f64| text::span(ms / 1_000.0);
    let given = if *own { ", given to this router" } else { "" };
    let mut node = Node::new(format!("{number}: {mac}{given}"));
    let by = match forwarder.priority.zip(forwarder.weighting) {
        Some((right, weighting)) => {
            let kind = if right & 0x20 == 0 { "secondary" } else { "primary" };
            let expires = forwarder.expires_ms.map(|ms| format!(", expires in {}", span(ms)));
            let expires = expires.unwrap_or_default();
            format!("{}, {kind} ({right}), weighting {weighting}{expires}", text::forwards(forwarder))
        }
        None => "nobody is known to".to_owned(),
    };
    let mut facts = vec![
        ("state", format!("{state} for {}, after {changes} changes", span(forwarder.since_ms_ago))),
        ("owner", forwarder.owner.map_or("unknown".to_owned(), |owner| owner.to_string())),
        ("forwards", by),
        (
            "redirection",
            match forwarder.redirection_ms {
                Some(ms) if ms > 0.0 => format!("{} left", span(ms)),
                Some(_) => "over: hosts are told of it no more".to_owned(),
                None => "as long as it lives".to_owned(),
            },
        ),
        ("time to live", span(forwarder.lifetime_ms)),
    ];
    facts.extend(forwarder.preempts_ms.map(|ms| ("taken over", format!("in {}", span(ms)))));
    facts.push(("hosts told", forwarder.hosts.to_string()));
    if !clients.is_empty() {
        let count = clients.iter().filter(|client| client.forwarder == *number).count();
        facts.push(("clients", count.to_string()));
    }
    node.under = aligned(facts);
    node
}

/// A host: its MAC, and what there is to know.
fn client(client: &Client) -> (String, String) {
    let addresses: Vec<String> = client.addresses.iter().map(ToString::to_string).collect();
    let ago = text::span(client.told_ms_ago / 1_000.0);
    let Client { forwarder, answers, .. } = client;
    let times = if *answers == 1 { "once".to_owned() } else { format!("{answers} times") };
    let what = format!("forwarder {forwarder}, asked {times}, {ago} ago, from {}", addresses.join(" "));
    (client.mac.to_string(), what)
}

fn neighbour(heard: &Neighbour) -> Node {
    let priority = heard.priority.map(|priority| format!(", priority {priority}")).unwrap_or_default();
    let ago = text::span(heard.heard_ms_ago / 1_000.0);
    let mut node = Node::new(format!("{} at {}{priority}, heard {ago} ago", heard.address, heard.mac));
    let mut facts = Vec::new();
    facts.extend(heard.refused.iter().map(|why| ("REFUSED", why.clone())));
    facts.extend(heard.differs.iter().map(|what| ("differs", what.clone())));
    facts.push(("frames", format!("{} obeyed, {} refused", heard.accepted, heard.rejected)));
    facts.extend(heard.details.iter().map(|detail| (detail.name.as_str(), detail.value.clone())));
    node.under = aligned(facts);
    node
}

/// Names, and behind them what belongs to them, one under the other.
fn aligned(facts: Vec<(impl AsRef<str>, String)>) -> Vec<Node> {
    let width = facts.iter().map(|(name, _)| name.as_ref().chars().count()).max().unwrap_or_default();
    facts.into_iter().map(|(name, value)| Node::new(format!("{:width$}  {value}", name.as_ref()))).collect()
}
