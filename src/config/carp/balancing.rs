//! Several virtual hosts that hold the same addresses, each a share of the hosts: `carpnodes` of OpenBSD.

use ::carp::Config;
use ::carp::config::{Balancing, Delivery, Interval, MOST_SKEW};
use fhrp::announcer::Schedule;
use fhrp::share::MOST_BUCKETS;

use super::super::claims::Claims;
use super::super::raw;
use super::super::reader::{Reader, Spanned, or};

/// What `nodes` says.
pub(super) struct Nodes {
    delivery: Delivery,
    /// VHID and advskew, ascending; the first is the leader's.
    nodes: Vec<(u8, u8)>,
    written: Spanned<String>,
}

impl Nodes {
    /// The table of the leader, as if it were alone.
    pub(super) fn leader(&self, raw: &raw::Carp) -> raw::Carp {
        let (vhid, skew) = self.nodes.first().copied().unwrap_or_default();
        let number = |value: u8| Some(Spanned { value: value.into(), span: self.written.span.clone() });
        raw::Carp { id: number(vhid), advskew: number(skew), ..raw.clone() }
    }

    /// All of them, made of the leader.
    pub(super) fn divide(
        self,
        interface: &str,
        named: bool,
        (config, claims): (Config, Claims),
    ) -> Vec<(Config, Claims)> {
        let count = u8::try_from(self.nodes.len()).unwrap_or(MOST_BUCKETS);
        let silent = Schedule { repeats: Vec::new(), refresh: None, ..config.announcements.clone() };
        let entry = |(number, (vhid, skew)): (u8, (u8, u8))| {
            let config = Config {
                vhid,
                interval: Interval { skew, ..config.interval },
                virtual_mac: Some(self.delivery.shared_mac(config.vhid)),
                balancing: Some(Balancing { delivery: self.delivery, count, number }),
                announcements: silent.clone(),
                ..config.clone()
            };
            let name = match named {
                true => format!("{} {vhid}", claims.name.value),
                false => format!("{interface} carp {vhid}"),
            };
            let span = self.written.span.clone();
            // What they share is claimed once.
            let leads = number == 0;
            let claims = Claims {
                interface: claims.interface.clone(),
                protocol: claims.protocol,
                family: claims.family,
                name: Spanned { value: name, span: claims.name.span.clone() },
                addresses: if leads { claims.addresses.clone() } else { Vec::new() },
                follow: None,
                mac: config.virtual_mac.filter(|_| leads).map(|value| Spanned { value, span: span.clone() }),
                id: Some(Spanned { value: vhid.into(), span }),
            };
            (config, claims)
        };
        (0..).zip(self.nodes.clone()).map(entry).collect()
    }
}

/// Reads `nodes`, and refuses what cannot be beside it.
pub(super) fn nodes(raw: &raw::Carp, reader: &mut Reader) -> Option<Nodes> {
    let Some(written) = &raw.nodes else {
        if let Some(balancing) = &raw.balancing {
            let label = "add `nodes = \"1:0,2:100\"`, a VHID and an advskew for each router; or leave it out";
            reader.error(&balancing.span, "`balancing` without `nodes`", label);
        }
        return None;
    };
    for (key, span, why) in [
        ("id", raw.id.as_ref().map(|it| &it.span), "the nodes have numbers of their own"),
        ("advskew", raw.advskew.as_ref().map(|it| &it.span), "each node has its own behind the colon"),
        (
            "virtual-mac",
            raw.virtual_mac.as_ref().map(|it| &it.span),
            "the MAC follows from the lowest number",
        ),
        ("hook", raw.hook.as_ref().map(|it| &it.span), "the role is nobody's alone"),
        (
            "router-advertisement",
            raw.router_advertisement.as_ref().map(|it| &it.span),
            "every router would send them",
        ),
        ("announce", raw.announce.as_ref().map(|it| &it.span), "nothing is announced: the MAC does not move"),
    ] {
        if let Some(span) = span {
            reader.error(span, format!("`{key}` beside `nodes`"), format!("leave it out: {why}"));
        }
    }
    let delivery = match or(&raw.balancing, raw::Balancing::Ip) {
        raw::Balancing::Ip => Delivery::Group,
        raw::Balancing::IpStealth => Delivery::Stealth,
        raw::Balancing::IpUnicast => Delivery::Unicast,
    };
    Some(Nodes { delivery, nodes: read(written, reader), written: written.clone() })
}

/// `1:0,2:100`; `1` alone has advskew 0.
fn read(written: &Spanned<String>, reader: &mut Reader) -> Vec<(u8, u8)> {
    let mut nodes = Vec::new();
    for text in written.value.split(',').map(str::trim) {
        let (vhid, skew) = text.split_once(':').unwrap_or((text, "0"));
        match (vhid.parse(), skew.parse()) {
            (Ok(vhid @ 1..), Ok(skew @ 0..=MOST_SKEW)) => nodes.push((vhid, skew)),
            _ => {
                let label = "VHID:ADVSKEW, 1 to 255 and 0 to 254, with commas between: \"1:0,2:100\"";
                reader.error(&written.span, format!("`{text}` is no node"), label);
            }
        }
    }
    nodes.sort_unstable();
    if nodes.windows(2).any(|pair| matches!(pair, [(one, _), (two, _)] if one == two)) {
        reader.error(&written.span, "a VHID stands twice in `nodes`", "one node for each VHID");
        nodes.dedup_by_key(|(vhid, _)| *vhid);
        return nodes;
    }
    if !(2..=usize::from(MOST_BUCKETS)).contains(&nodes.len()) {
        let message = format!("{} nodes", nodes.len());
        reader.error(&written.span, message, format!("2 to {MOST_BUCKETS}: one for each router that shares"));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use super::super::super::{Plan, ProtocolPlan, parse};
    use super::*;

    fn text(extra: &str) -> String {
        format!(
            "[[interface.eth0.carp]]\naddresses = [\"10.0.0.1/24\"]\npassword = \"secret\"\npreempt = true\n{extra}\n"
        )
    }

    fn configs(plan: &Plan) -> Vec<&Config> {
        fn config(protocol: &ProtocolPlan) -> &Config {
            match protocol {
                ProtocolPlan::Carp(config) => config,
                other => panic!("{other:?}"),
            }
        }
        plan.groups.iter().map(|group| config(&group.protocol)).collect()
    }

    #[test]
    fn one_table_is_a_virtual_host_for_each_node() {
        let plan = parse("test.toml", &text("nodes = \"30:200, 10:0, 20:100\"")).unwrap();
        let names: Vec<_> = plan.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["eth0 carp 10", "eth0 carp 20", "eth0 carp 30"]);
        for (number, config) in (0..).zip(configs(&plan)) {
            assert_eq!(u32::from(config.vhid), 10 * (u32::from(number) + 1));
            assert_eq!(u32::from(config.interval.skew), 100 * u32::from(number));
            assert_eq!(config.virtual_mac.unwrap().to_string(), "01:00:5e:00:01:0a");
            let balancing = Balancing { delivery: Delivery::Group, count: 3, number };
            assert_eq!(config.balancing, Some(balancing));
            assert!(config.preempt && config.announcements.repeats.is_empty());
        }
        for (mode, mac) in [("ip-stealth", "00:00:5e:00:01:01"), ("ip-unicast", "00:00:5e:00:01:01")] {
            let more = format!("nodes = \"1,2:50\"\nbalancing = \"{mode}\"\nname = \"office\"");
            let plan = parse("test.toml", &text(&more)).unwrap();
            assert_eq!(configs(&plan)[1].virtual_mac.unwrap().to_string(), mac);
            assert_eq!(plan.groups[1].name, "office 2");
        }
    }

    #[test]
    fn what_cannot_be_shared_is_refused() {
        for (extra, complaint) in [
            ("nodes = \"1:0\"", "1 nodes"),
            ("nodes = \"1:0,1:100\"", "a VHID stands twice"),
            ("nodes = \"1:0,0:100\"", "`0:100` is no node"),
            ("nodes = \"1:0,2:255\"", "`2:255` is no node"),
            ("nodes = \"1:0,2:0\"\nid = 1", "`id` beside `nodes`"),
            ("nodes = \"1:0,2:0\"\nvirtual-mac = false", "`virtual-mac` beside `nodes`"),
            ("nodes = \"1:0,2:0\"\nhook = { up = \"/bin/up\" }", "`hook` beside `nodes`"),
            ("id = 1\nbalancing = \"ip\"", "`balancing` without `nodes`"),
        ] {
            let faults = parse("test.toml", &text(extra)).unwrap_err().to_string();
            assert!(faults.contains(complaint), "{faults}");
        }
        let two = text("nodes = \"1:0,2:0\"") + &text("id = 2").replace("10.0.0.1", "10.0.0.9");
        let faults = parse("test.toml", &two).unwrap_err().to_string();
        assert!(faults.contains("two groups of carp on eth0 have the id 2"), "{faults}");
    }
}
