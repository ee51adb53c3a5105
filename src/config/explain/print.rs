//! A plan's meaning as text.

use std::fmt;

use fhrp::InterfaceAddress;
use vrrp::config::OWNER_PRIORITY;

use super::{GroupMeaning, Intervals, Meaning, Spans, Times, readable};

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "{warning}\n")?;
        }
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{group}")?;
        }
        Ok(())
    }
}

impl fmt::Display for GroupMeaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupMeaning { name, protocol, version, .. } = self;
        let owner = if self.is_owner() { ", owner" } else { "" };
        let protocol = protocol.to_uppercase();
        let family = self.family.map(|family| format!(", {family}")).unwrap_or_default();
        let priority = self.priority.map(|priority| format!(", priority {priority}")).unwrap_or_default();
        writeln!(f, "{name}: {protocol} version {version}{family}{priority}{owner}")?;
        let list = |addresses: &[InterfaceAddress]| -> String {
            let texts: Vec<String> = addresses.iter().map(InterfaceAddress::to_string).collect();
            if texts.is_empty() { "learnt from the active router".to_owned() } else { texts.join(", ") }
        };
        let mut line = |name: &str, value: &str| writeln!(f, "  {name:21} {value}");
        line("addresses", &list(&self.addresses))?;
        if !self.excluded_addresses.is_empty() {
            line("excluded", &format!("{} (held, not advertised)", list(&self.excluded_addresses)))?;
        }
        let mac = self.virtual_mac.map_or("none: the interface's own".to_owned(), |mac| mac.to_string());
        line("virtual MAC", &mac)?;
        for (name, value) in self.spans() {
            line(name, &value)?;
        }
        for fact in &self.facts {
            line(fact.name, &fact.value)?;
        }
        for hint in &self.hints {
            line("note", hint)?;
        }
        Ok(())
    }
}

impl GroupMeaning {
    fn is_owner(&self) -> bool {
        self.protocol == "vrrp" && self.priority == Some(OWNER_PRIORITY)
    }

    /// The spans of time, line by line.
    fn spans(&self) -> Vec<(&'static str, String)> {
        let timers = match self.timers {
            Spans::Vrrp(timers) => timers,
            Spans::Carp(Intervals { master_down, crash_best, crash_worst, .. }) => {
                let (best, worst) = (readable(crash_best), readable(crash_worst));
                return vec![
                    ("master-down time", format!("{} after the last advertisement", readable(master_down))),
                    ("fail-over", format!("takes over {best} to {worst} after a crash of the master,")),
                    ("", "after its skew if the master stops".to_owned()),
                ];
            }
            Spans::HelloHold(Times { hello_time, hold_time, crash_best, crash_worst }) => {
                let (best, worst) = (readable(crash_best), readable(crash_worst));
                return vec![
                    ("hello time", readable(hello_time)),
                    ("hold time", format!("{} after the last hello", readable(hold_time))),
                    ("fail-over", format!("the standby router takes over {best} to {worst} after a crash,")),
                    ("", "at once after a graceful stop".to_owned()),
                ];
            }
        };
        let down = format!("{} after the last advertisement", readable(timers.active_down_interval));
        let mut lines = vec![("skew time", readable(timers.skew_time)), ("active-down interval", down)];
        if self.is_owner() {
            lines.push((
                "fail-over",
                "is Active whenever it runs; the others follow by their own priority".into(),
            ));
        } else {
            let (best, worst) = (readable(timers.crash_best), readable(timers.crash_worst));
            lines.push(("fail-over", format!("takes over {best} to {worst} after a crash of the Active,")));
            lines.push(("", format!("{} after a graceful stop", readable(timers.skew_time))));
        }
        lines
    }
}
