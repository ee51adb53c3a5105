//! Two routers of the lab, `r1` with firsthop and `r2` with somebody else, and what can be asked about them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fhrp::Mac;
use firsthop::lab::{Advert, Deed, Lab, Options, Scenario};
use serde_json::Value;
use tempfile::TempDir;

/// firsthop's router.
pub const OURS: &str = "r1";
/// The other one.
pub const THEIRS: &str = "r2";
/// The number of the group in all tests.
pub const NUMBER: u8 = 10;

/// Longer than anything takes on a machine that has other things to do as well.
const PATIENCE: Duration = Duration::from_secs(40);
/// Within which an answer to ARP or a neighbour solicitation has long been there.
const ANSWER: Duration = Duration::from_millis(80);

/// What runs on the other router.
#[derive(Debug, Clone, Default)]
pub struct Foreign {
    /// `keepalived`, `frr`, `ucarp` or `none`.
    pub daemon: &'static str,
    pub config: String,
    pub setup: Vec<String>,
}

/// Both routers, the LAN, and a record of everything said there.
pub struct Pair {
    pub lab: Lab,
    captures: TempDir,
}

impl Pair {
    /// Builds the network; nothing runs yet.
    pub fn build(title: &str, gateway: IpAddr, ours: &str, theirs: &Foreign) -> Pair {
        let setup: Vec<_> = theirs.setup.iter().map(|command| format!("{command:?}")).collect();
        let scenario = format!(
            "title = {title:?}\ngateway = \"{gateway}\"\n\
             [routers.{OURS}]\ndaemon = \"firsthop\"\nconfig = '''\n{ours}'''\n\
             [routers.{THEIRS}]\ndaemon = \"{}\"\nconfig = '''\n{}'''\nsetup = [{}]\n",
            theirs.daemon,
            theirs.config,
            setup.join(", "),
        );
        let scenario = Scenario::parse(title, &scenario).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let captures = tempfile::tempdir().unwrap();
        let options = Options {
            firsthop: PathBuf::from(env!("CARGO_BIN_EXE_firsthop")),
            captures: Some(captures.path().to_owned()),
            work: None,
        };
        let lab = Lab::build(&scenario, options).unwrap_or_else(|error| panic!("{title}: {error}"));
        Pair { lab, captures }
    }

    pub fn title(&self) -> &str {
        &self.lab.scenario().title
    }

    /// Does something to the network or a router, and says when.
    pub fn fault(&mut self, deed: Deed, router: Option<&str>) -> u64 {
        self.lab.fault(deed, router).unwrap_or_else(|error| panic!("{}: {error}", deed.name())).at
    }

    /// Waits until something is so; everything known is printed if it never is.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            if since.elapsed() > PATIENCE {
                panic!("{}: never came to this: {what}\n{}", self.title().to_owned(), self.known());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Who answers for an address, and with which MAC.
    pub fn who(&self, ip: IpAddr) -> Vec<(String, Mac)> {
        let answers = self.lab.who_answers(ip, ANSWER).unwrap();
        answers.into_iter().map(|answer| (answer.router, answer.mac)).collect()
    }

    /// What a router has said since a moment.
    pub fn said(&self, router: &str, since: u64) -> Vec<Advert> {
        let mut adverts = self.lab.adverts();
        adverts.retain(|advert| advert.router == router && advert.at >= since && advert.vrid == NUMBER);
        adverts
    }

    /// Every frame on the LAN until now, as its switch recorded them.
    pub fn capture(&self) -> PathBuf {
        self.lab.captures().unwrap();
        self.captures.path().join("segment.pcapng")
    }

    /// The group as firsthop shows it; null while it does not run.
    pub fn group(&mut self) -> Value {
        let node = self.lab.router(OURS).unwrap().node();
        let mut show = node.command(env!("CARGO_BIN_EXE_firsthop")).unwrap();
        let output = show.args(["show", "--json"]).env_remove("FIRSTHOP_SOCKET").output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).map_or(Value::Null, |groups| groups[0].clone())
    }

    /// For a message about a failure.
    pub fn known(&mut self) -> String {
        let mut adverts: Vec<_> = self.lab.adverts().iter().map(|advert| format!("{advert:?}")).collect();
        let last = adverts.split_off(adverts.len().saturating_sub(16)).join("\n");
        let group = self.group();
        let words = |pair: &mut Pair, router| pair.lab.router(router).unwrap().last_words();
        let (ours, theirs) = (words(self, OURS), words(self, THEIRS));
        format!("{group:#}\nlast advertisements:\n{last}\n{OURS}:\n{ours}\n{THEIRS}:\n{theirs}")
    }
}

/// Nanoseconds of wall-clock time, as the captures have them.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// The counter of a group as shown.
pub fn counter(group: &Value, name: &str) -> u64 {
    named(&group["counters"], name)["count"].as_u64().unwrap_or_default()
}

/// The member of a list that has this name; null if there is none.
pub fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array().into_iter().flatten().find(|member| member["name"] == name).unwrap_or(&Value::Null)
}
