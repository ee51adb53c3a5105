//! Scenario files: the routers and their daemons, what happens to them when, and what is expected.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::{Family, InterfaceAddress};
use serde::Deserialize;
use toml::Spanned;

use super::fault::Deed;
use super::mistake::Mistakes;

/// A scenario: a LAN with a host on one side, a network with a server on the other, routers in between.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// One line for the heading.
    pub title: String,
    /// The virtual address that the host uses as its gateway.
    pub gateway: IpAddr,
    /// How often the timeline is gone through, unless the command line says so.
    pub runs: u32,
    /// How long each step of the timeline is given before it is judged, unless it says so itself.
    pub settle: Duration,
    /// How many hosts there are.
    pub hosts: u32,
    /// How long a host believes that its gateway lives before it asks it; `None`: as long as the kernel wants.
    pub hosts_verify: Option<Duration>,
    /// Packets per second from all hosts together to the server.
    pub rate: u32,
    /// Whether the switch forgets the stations behind a port whose router lost power, as a real one does
    /// when the link goes; it then floods what is for them.
    pub switch_forgets: bool,
    /// Whether captures contain the packets from the host to the server.
    pub capture_stream: bool,
    /// The routers by name.
    pub routers: BTreeMap<String, RouterPlan>,
    /// What happens, in order.
    pub timeline: Vec<Step>,
}

/// One router.
#[derive(Debug, Clone)]
pub struct RouterPlan {
    /// What runs on it.
    pub daemon: DaemonKind,
    /// The daemon's configuration. Its interfaces are called `lan` and `wan`.
    pub config: String,
    /// Shell commands to be run on it before the daemon starts.
    pub setup: Vec<String>,
    /// Addresses of `lan`.
    pub lan: Vec<InterfaceAddress>,
    /// Addresses of `wan`.
    pub wan: Vec<InterfaceAddress>,
}

/// What runs on a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DaemonKind {
    /// This program.
    Firsthop,
    /// keepalived, from the search path.
    Keepalived,
    /// FRR's zebra and vrrpd.
    Frr,
    /// ucarp, from the search path; its configuration is its command line, an option on each line.
    Ucarp,
    /// Nothing: the scenario's `setup` does it all.
    None,
}

/// One step of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What is done.
    pub deed: Deed,
    /// To whom; routers only.
    pub target: Target,
    /// How long until it is judged.
    pub settle: Duration,
    /// The configuration that it is given; `reload` only.
    pub config: Option<String>,
    /// What must come of it.
    pub expect: Expect,
}

/// Who is hurt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Whoever answers for the gateway at that moment.
    Active,
    /// This one.
    Router(String),
}

/// What must come of a step. Everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The longest silence at the server, in every run.
    #[serde(default, deserialize_with = "duration::optional")]
    pub outage_at_most: Option<Duration>,
    /// How long after the protocol's bound the other router takes over, in the median of the runs.
    #[serde(default, deserialize_with = "duration::optional")]
    pub late_at_most: Option<Duration>,
    /// Packets lost, in every run.
    pub lost_at_most: Option<u64>,
    /// Packets that arrived twice after things had settled, in every run.
    pub duplicated_at_most: Option<u64>,
    /// Exactly one router answers for the gateway at the end of the step.
    pub one_gateway: Option<bool>,
    /// Who answers for it.
    pub gateway: Option<String>,
    /// How many hosts each router serves at the end of the step; those that are not here, none.
    pub carries: Option<BTreeMap<String, u32>>,
    /// Packets lost, in every run, by hosts that somebody else served than the one who was hurt.
    pub others_lost_at_most: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawScenario {
    title: String,
    #[serde(default)]
    gateway: Option<Spanned<String>>,
    #[serde(default = "one_run")]
    runs: u32,
    #[serde(default = "default_settle", deserialize_with = "duration::required")]
    settle: Duration,
    #[serde(default = "one_host")]
    hosts: Spanned<u32>,
    #[serde(default, deserialize_with = "duration::optional")]
    hosts_verify: Option<Duration>,
    #[serde(default = "default_rate")]
    rate: Spanned<u32>,
    #[serde(default = "yes")]
    switch_forgets: bool,
    #[serde(default = "yes")]
    capture_stream: bool,
    routers: Spanned<BTreeMap<Spanned<String>, RawRouter>>,
    #[serde(default)]
    timeline: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRouter {
    daemon: DaemonKind,
    #[serde(default)]
    config: String,
    #[serde(default)]
    setup: Vec<String>,
    #[serde(default)]
    lan: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    wan: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStep {
    #[serde(rename = "do")]
    deed: Deed,
    #[serde(default)]
    router: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "duration::optional")]
    settle: Option<Duration>,
    #[serde(default)]
    config: Option<Spanned<String>>,
    #[serde(default)]
    expect: Expect,
}

fn one_run() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn default_settle() -> Duration {
    Duration::from_secs(1)
}

fn one_host() -> Spanned<u32> {
    Spanned::new(0..0, 1)
}

fn default_rate() -> Spanned<u32> {
    Spanned::new(0..0, 1000)
}

impl Scenario {
    /// Reads a scenario. `file` is its name, for the mistakes.
    ///
    /// # Errors
    /// All mistakes at once, each with file, line and column; only a file that is no TOML, or has a value of
    /// the wrong type, stops at the first.
    pub fn parse(file: &str, text: &str) -> Result<Scenario, Mistakes> {
        let mut mistakes = Mistakes::new(file, text);
        let raw: RawScenario = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                mistakes.push(error.span().unwrap_or(0..0), error.message().to_owned());
                return Err(mistakes);
            }
        };
        let scenario = check(raw, &mut mistakes);
        if mistakes.is_empty() { Ok(scenario) } else { Err(mistakes) }
    }

    /// The family of the gateway, and of the stream.
    pub fn family(&self) -> Family {
        Family::of(self.gateway)
    }
}

/// Most hosts; those who ask in the lab's name have the numbers from 200 on.
const MOST_HOSTS: u32 = 64;
/// The LAN's networks: the first host has number 100 in each.
pub(crate) const LAN: [&str; 3] = ["10.0.10.N/24", "2001:db8:10::N/64", "fe80::N/64"];
/// The upstream networks: the server has number 100 in each.
pub(crate) const UPSTREAM: [&str; 3] = ["10.0.20.N/24", "2001:db8:20::N/64", "fe80::N/64"];
/// The default gateway.
const GATEWAY: &str = "10.0.10.1";
/// Routers have the numbers from here on.
const FIRST_ROUTER: usize = 2;

/// The addresses of machine `number` in one of the networks above.
pub(crate) fn numbered(networks: &[&str], number: usize) -> Vec<InterfaceAddress> {
    let number = number.to_string();
    networks.iter().filter_map(|network| network.replace('N', &number).parse().ok()).collect()
}

fn check(raw: RawScenario, mistakes: &mut Mistakes) -> Scenario {
    let gateway = match &raw.gateway {
        None => GATEWAY.parse(),
        Some(text) => text.get_ref().parse(),
    };
    let gateway = gateway.unwrap_or_else(|_| {
        let span = raw.gateway.as_ref().map_or(0..0, Spanned::span);
        mistakes.push(span, "the gateway must be an IPv4 or IPv6 address".to_owned());
        std::net::Ipv4Addr::UNSPECIFIED.into()
    });
    if !(1..=20_000).contains(raw.rate.get_ref()) {
        mistakes.push(raw.rate.span(), "the rate must be 1 to 20000 packets per second".to_owned());
    }
    if !(1..=MOST_HOSTS).contains(raw.hosts.get_ref()) {
        mistakes.push(raw.hosts.span(), format!("there are 1 to {MOST_HOSTS} hosts"));
    }
    if raw.routers.get_ref().is_empty() {
        mistakes.push(raw.routers.span(), "there must be at least one router".to_owned());
    }
    let mut routers = BTreeMap::new();
    for (place, (name, router)) in raw.routers.into_inner().into_iter().enumerate() {
        let span = name.span();
        let name = name.into_inner();
        if !fits(&name) {
            let what =
                "a router's name has 1 to 8 lower-case letters and digits, and is not `s` or a host's, `h1`";
            mistakes.push(span, what.to_owned());
        }
        routers.insert(name, check_router(router, FIRST_ROUTER + place, mistakes));
    }
    let timeline = raw.timeline.into_iter().map(|step| check_step(step, &routers, raw.settle, mistakes));
    let timeline = timeline.collect();
    Scenario {
        title: raw.title,
        gateway,
        runs: raw.runs.max(1),
        settle: raw.settle,
        hosts: raw.hosts.into_inner(),
        hosts_verify: raw.hosts_verify,
        rate: raw.rate.into_inner(),
        switch_forgets: raw.switch_forgets,
        capture_stream: raw.capture_stream,
        routers,
        timeline,
    }
}

/// Interfaces of the switch are called after the routers: `r1-lan`.
fn fits(name: &str) -> bool {
    let characters = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let host = name.strip_prefix('h').is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    characters && (1..=8).contains(&name.len()) && name != "s" && !host
}

fn check_router(raw: RawRouter, number: usize, mistakes: &mut Mistakes) -> RouterPlan {
    let mut addresses = |given: Option<Vec<Spanned<String>>>, networks: &[&str]| match given {
        None => numbered(networks, number),
        Some(given) => given
            .into_iter()
            .filter_map(|text| match text.get_ref().parse() {
                Ok(address) => Some(address),
                Err(error) => {
                    let error: fhrp::address::AddressError = error;
                    mistakes.push(text.span(), error.to_string());
                    None
                }
            })
            .collect(),
    };
    RouterPlan {
        lan: addresses(raw.lan, &LAN),
        wan: addresses(raw.wan, &UPSTREAM),
        daemon: raw.daemon,
        config: raw.config,
        setup: raw.setup,
    }
}

fn check_step(
    raw: RawStep,
    routers: &BTreeMap<String, RouterPlan>,
    settle: Duration,
    mistakes: &mut Mistakes,
) -> Step {
    let target = match raw.router {
        None => Target::Active,
        Some(name) if name.get_ref() == "active" => Target::Active,
        Some(name) => {
            if !routers.contains_key(name.get_ref()) {
                let known: Vec<_> = routers.keys().map(String::as_str).collect();
                mistakes.push(
                    name.span(),
                    format!(
                        "there is no router `{}`; there are {} and `active`",
                        name.get_ref(),
                        known.join(", ")
                    ),
                );
            }
            Target::Router(name.into_inner())
        }
    };
    if let Some(config) = raw.config.as_ref().filter(|_| raw.deed != Deed::Reload) {
        mistakes.push(config.span(), "only `reload` gives a router another configuration".to_owned());
    }
    let unknown = raw.expect.carries.iter().flatten().find(|(name, _)| !routers.contains_key(*name));
    if let Some((name, _)) = unknown {
        mistakes.push(0..0, format!("there is no router `{name}` to serve any host"));
    }
    Step {
        deed: raw.deed,
        target,
        settle: raw.settle.unwrap_or(settle),
        config: raw.config.map(Spanned::into_inner),
        expect: raw.expect,
    }
}

/// Durations with their unit: `"100ms"`.
mod duration {
    use std::time::Duration;

    use serde::de::{Deserialize, Deserializer, Error};

    pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is not a duration such as \"250us\", \"100ms\", \"1.5s\""))
        })
    }

    pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        required(deserializer).map(Some)
    }

    pub(super) fn parse(text: &str) -> Option<Duration> {
        let start = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(start);
        let seconds = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            _ => return None,
        };
        let number: f64 = number.trim().parse().ok()?;
        let nanoseconds = (number * seconds * 1e9).round();
        (0.0..=1e15).contains(&nanoseconds).then(|| Duration::from_nanos(nanoseconds as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_box_is_read() {
        for (name, text) in crate::lab::SCENARIOS {
            let scenario = Scenario::parse(name, text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            assert!(!scenario.timeline.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_file_is_in_the_box() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/etc/lab");
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let mut boxed: Vec<_> = crate::lab::SCENARIOS.iter().map(|(name, _)| (*name).to_owned()).collect();
        boxed.sort();
        assert_eq!(files, boxed);
    }

    #[test]
    fn mistakes_come_all_at_once_and_with_their_place() {
        let text = "title = 'x'\ngateway = '10.0.10'\n[routers.Rx]\ndaemon = 'none'\nlan = ['10.0.10.2/33']\n\
                    [[timeline]]\ndo = 'power'\nrouter = 'r9'\n";
        let shown = Scenario::parse("bad.toml", text).unwrap_err().to_string();
        for part in
            ["bad.toml:2:11", "bad.toml:3:10", "bad.toml:5:8", "bad.toml:8:10", "there is no router `r9`"]
        {
            assert!(shown.contains(part), "{part} in:\n{shown}");
        }
    }

    #[test]
    fn an_unknown_fault_is_named_with_the_known_ones() {
        let text = "title = 'x'\n[routers.r1]\ndaemon = 'none'\n[[timeline]]\ndo = 'explode'\n";
        let shown = Scenario::parse("bad.toml", text).unwrap_err().to_string();
        assert!(shown.contains("bad.toml:5:6") && shown.contains("partition"), "{shown}");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration::parse("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration::parse("250us"), Some(Duration::from_micros(250)));
        for wrong in ["", "100", "ms", "-1s", "1h", "1e40s"] {
            assert_eq!(duration::parse(wrong), None, "{wrong}");
        }
    }
}
