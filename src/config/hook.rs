//! Programs that a group runs: judged, and explained.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::explain::{Fact, readable};
use super::raw;
use super::reader::{Reader, Spanned, or};
use super::value::spelt;
use crate::hook::Hook;

/// Long enough for a slow interface of a cloud's, short enough for an operator to notice.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3600);

/// The programs of a group, which are told its first address.
pub(super) fn plan(
    raw: &Option<Spanned<raw::Hook>>,
    address: Option<IpAddr>,
    reader: &mut Reader,
) -> Option<Arc<Hook>> {
    let heading = raw.as_ref()?;
    let raw = &heading.value;
    if raw.up.is_none() && raw.down.is_none() && raw.unreadable.is_empty() {
        let label = "`up`, `down` or both, such as `up = \"/etc/firsthop/take-over\"`";
        reader.error(&heading.span, "a `hook` without a program", label);
    }
    Some(Arc::new(Hook {
        up: program(&raw.up, reader),
        down: program(&raw.down, reader),
        address: address.map(|address| address.to_string()).unwrap_or_default(),
        argument: raw.argument.as_ref().map(|argument| argument.value.clone()),
        at_start: or(&raw.at_start, true),
        at_exit: or(&raw.at_exit, true),
        timeout: timeout(&raw.timeout, reader),
    }))
}

fn program(raw: &Option<Spanned<String>>, reader: &mut Reader) -> Option<PathBuf> {
    let path = raw.as_ref()?;
    if !path.value.starts_with('/') || path.value.contains('\0') {
        let message = format!("`{}` is no absolute path", path.value.replace('\0', "\\0"));
        let label = "the path of one program, from / on; arguments and shell commands belong into a script";
        reader.error(&path.span, message, label);
    }
    Some(PathBuf::from(&path.value))
}

fn timeout(raw: &Option<Spanned<super::value::TimeSpan>>, reader: &mut Reader) -> Option<Duration> {
    let Some(timeout) = raw else { return Some(DEFAULT_TIMEOUT) };
    let span = timeout.value.0;
    if span > LONGEST_TIMEOUT {
        let message = format!("`timeout` of {} is out of range", spelt(span));
        let label = format!("{} at most, or \"0s\" for none", spelt(LONGEST_TIMEOUT));
        reader.error(&timeout.span, message, label);
    }
    Some(span).filter(|span| !span.is_zero())
}

/// What a group's programs mean.
pub(super) fn explain(hook: &Hook) -> Fact {
    let mut clauses = Vec::new();
    if let Some(up) = &hook.up {
        clauses.push(format!("{} on taking the role", up.display()));
    }
    if let Some(down) = &hook.down {
        let also = match (hook.at_start, hook.at_exit) {
            (true, true) => ", at the start and at the end",
            (true, false) => " and at the start",
            (false, true) => " and at the end",
            (false, false) => "",
        };
        clauses.push(format!("{} on giving it up{also}", down.display()));
    }
    let limit = hook.timeout.map_or("no limit".to_owned(), |limit| format!("{} at most", readable(limit)));
    Fact { name: "hook", value: format!("{}; nothing waits for it; {limit}", clauses.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::super::{explain, parse};

    const GROUP: &str = "[[interface.eth0.vrrp]]\nid = 1\naddresses = [\"10.0.0.1/24\", \"10.0.0.2/24\"]\n";

    #[test]
    fn a_program_is_told_interface_address_and_one_word() {
        let text =
            format!("{GROUP}hook = {{ up = \"/bin/up\", argument = \"two words\", timeout = \"0s\" }}");
        let plan = parse("test.toml", &text).unwrap();
        let hook = plan.groups[0].hook.clone().unwrap();
        assert_eq!((hook.address.as_str(), hook.argument.as_deref()), ("10.0.0.1", Some("two words")));
        assert_eq!((hook.timeout, hook.at_start, hook.at_exit), (None, true, true));
        let meaning = explain::explain(&plan);
        let fact = meaning.groups[0].facts.iter().find(|fact| fact.name == "hook").unwrap();
        assert_eq!(fact.value, "/bin/up on taking the role; nothing waits for it; no limit");
    }

    #[test]
    fn what_cannot_be_run_is_refused() {
        for (hook, complaint) in [
            ("{ at-start = true }", "a `hook` without a program"),
            ("{ up = \"notify.sh master\" }", "`notify.sh master` is no absolute path"),
            ("{ down = \"/bin/down\", timeout = \"3601s\" }", "`timeout` of 3601s is out of range"),
        ] {
            let faults = parse("test.toml", &format!("{GROUP}hook = {hook}")).unwrap_err().to_string();
            assert!(faults.contains(complaint), "{faults}");
        }
    }
}
