//! The control socket with a real socket on one side, and on the other a thread that answers requests from
//! the queue where the event loop would.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fhrp::{Family, Standing, View};
use serde_json::Value;
use tokio::runtime;

use super::client::{Client, ClientError};
use super::history::History;
use super::protocol::{Answer, Ask, LONGEST_REQUEST, Order, TroubleKind};
use super::reload::Reloader;
use super::server::{self, CLIENTS};
use super::service::{FOLLOWERS, Service};
use super::shown;
use super::socket::{BindError, Listener};
use crate::driver::remote::{GroupView, LinkView, Page, Reloaded, Request, channel};
use crate::event::{Event, Subject, What};

const PATIENCE: Duration = Duration::from_secs(10);

/// A running server; its threads end with the test process.
struct House {
    directory: tempfile::TempDir,
    history: Arc<History>,
}

impl House {
    /// A daemon with so many groups.
    fn with_groups(count: u32) -> House {
        let directory = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&directory.path().join("control.sock"), None).unwrap();
        let history = Arc::new(History::default());
        let (remote, inbox) = channel().unwrap();
        let reloader = Reloader::new(Some(directory.path().join("firsthop.toml")), remote.clone());
        let service = Arc::new(Service::new(remote, history.clone(), reloader));
        thread::spawn(move || {
            loop {
                inbox.rest();
                while let Some(request) = inbox.next() {
                    stand_in(request, count);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server::serve(listener, service)).unwrap();
        });
        House { directory, history }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("control.sock")
    }

    fn stream(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends octets, hangs up the sending side, and returns the lines of the answer.
    fn send(&self, octets: &[u8]) -> Vec<Value> {
        let mut stream = self.stream();
        // The server may have seen enough before all is written.
        let _ = stream.write_all(octets);
        let _ = stream.shutdown(Shutdown::Write);
        BufReader::new(stream)
            .lines()
            .map_while(Result::ok)
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }

    fn happens(&self, sequence: u64) {
        let what = What::Stalled { ms: 1.0 };
        self.history.record(&Event { sequence, wall: Duration::ZERO, group: None, what });
    }
}

fn stand_in(request: Request, count: u32) {
    match request {
        Request::Groups { from, limit, answer } => {
            let end = count.min(from + limit);
            let next = (end < count).then_some(end);
            let _ = answer.send(Page { groups: (from..end).map(view).collect(), next });
        }
        Request::Links { answer } => {
            let counters = vec![fhrp::view::Counter { name: "frames", count: 7 }];
            let link =
                LinkView { interface: "eth0".into(), index: 2, up: true, counters, strangers: Vec::new() };
            let _ = answer.send(vec![link]);
        }
        Request::Reload { plan, answer } => {
            let unchanged = plan.groups.len();
            let _ = answer.send(Reloaded { unchanged, ..Reloaded::default() });
        }
        Request::Command { name, answer, .. } => {
            let told = (0..count).filter(|id| name.as_ref().is_none_or(|name| *name == group_name(*id)));
            let _ = answer.send(told.count());
        }
        Request::Stop => {}
    }
}

fn group_name(id: u32) -> String {
    format!("group-{id}")
}

fn view(id: u32) -> GroupView {
    let interface = if id.is_multiple_of(2) { "eth0" } else { "eth1" };
    let id16 = u16::try_from(id).unwrap();
    let group = Subject {
        name: group_name(id),
        interface: interface.into(),
        protocol: "vrrp",
        family: Some(Family::Ipv4),
        id: id16,
    };
    let view = View {
        protocol: "vrrp",
        version: "3",
        id: id16,
        family: Some(Family::Ipv4),
        state: "Backup",
        standing: Standing::StandingBy,
        since: fhrp::Instant::ZERO,
        reason: "10.0.10.2 has priority 120".into(),
        priority: Some(100),
        configured_priority: Some(100),
        active: Some("10.0.10.2".parse().unwrap()),
        source: Some("10.0.10.3".parse().unwrap()),
        addresses: vec!["10.0.10.1/24".parse().unwrap()],
        virtual_macs: vec!["00:00:5e:00:01:0a".parse().unwrap()],
        forwarders: Vec::new(),
        clients: Vec::new(),
        timers: Vec::new(),
        counters: Vec::new(),
        neighbours: Vec::new(),
        alarms: Vec::new(),
        details: Vec::new(),
    };
    GroupView { group, since_s: 1.5, view, troubles: BTreeMap::new(), fault: None }
}

fn kind_of(answer: &Value) -> &str {
    answer["error"]["kind"].as_str().unwrap_or("no error")
}

#[test]
fn all_pages_of_groups_arrive_and_can_be_read() {
    let house = House::with_groups(150);
    let mut client = Client::connect(&house.path()).unwrap();
    client.ask(&Ask::Show { name: None }, Some(PATIENCE)).unwrap();
    let mut ids = Vec::new();
    while let Some(heard) = client.hear().unwrap() {
        let Answer::Group(group) = heard else { panic!("{heard:?}") };
        let once = |key: &str| group.get().matches(&format!("\"{key}\":")).count() == 1;
        assert!(["name", "interface", "protocol", "family", "id"].into_iter().all(once), "{}", group.get());
        let group: shown::Group = serde_json::from_str(group.get()).unwrap();
        assert_eq!(group.standing, "standing-by");
        ids.push(u32::from(group.id));
    }
    assert_eq!(ids, (0..150).collect::<Vec<_>>());
}

#[test]
fn groups_are_chosen_by_name_or_interface_and_unknown_names_are_answered_with_known_ones() {
    let house = House::with_groups(4);
    let answer =
        house.send(b"{\"ask\":\"show\",\"name\":\"eth1\"}\n{\"ask\":\"show\",\"name\":\"group-2\"}\n");
    let names: Vec<&str> = answer.iter().filter_map(|line| line["group"]["name"].as_str()).collect();
    assert_eq!(names, ["group-1", "group-3", "group-2"]);
    let answer = house.send(b"{\"ask\":\"show\",\"name\":\"group-9\"}\n");
    assert_eq!(kind_of(&answer[0]), "unknown");
    assert!(answer[0]["error"]["text"].as_str().unwrap().contains("group-0, group-1, group-2, group-3"));
    let answer = house.send(b"{\"ask\":\"command\",\"command\":\"announce\",\"name\":\"nobody\"}\n");
    assert_eq!(kind_of(&answer[0]), "unknown");
}

#[test]
fn links_commands_and_the_version_are_answered() {
    let house = House::with_groups(3);
    let answer = house.send(b"{\"ask\":\"links\"}\n");
    assert_eq!(answer[0]["link"]["counters"][0]["count"], 7);
    let ask = serde_json::to_vec(&Ask::Command { command: Order::HandOver, name: None }).unwrap();
    let answer = house.send(&[&ask[..], b"\n"].concat());
    assert_eq!(answer[0]["told"], 3);
    assert_eq!(answer[1].to_string(), r#"{"done":{}}"#);
    let greeting = Client::connect(&house.path()).unwrap().greeting(PATIENCE).unwrap();
    assert_eq!(greeting.pid, std::process::id());
}

#[test]
fn a_reload_with_faults_shows_them_and_one_without_says_what_changed() {
    let house = House::with_groups(1);
    let file = house.directory.path().join("firsthop.toml");
    std::fs::write(&file, "[[interface.eth0.vrrp]]\nid = 300\naddresses = [\"10.0.10.1/24\"]\n").unwrap();
    let answer = house.send(b"{\"ask\":\"reload\"}\n");
    assert_eq!(kind_of(&answer[0]), "configuration");
    assert!(answer[0]["error"]["text"].as_str().unwrap().contains("id = 300"));
    std::fs::write(&file, "[[interface.eth0.vrrp]]\nid = 30\naddresses = [\"10.0.10.1/24\"]\n").unwrap();
    let answer = house.send(b"{\"ask\":\"reload\"}\n");
    assert_eq!(answer[0]["reloaded"]["unchanged"], 1);
}

#[test]
fn events_are_kept_and_followed_without_a_gap() {
    let house = House::with_groups(0);
    house.happens(1);
    house.happens(2);
    let answer = house.send(b"{\"ask\":\"events\",\"last\":1}\n");
    assert_eq!(answer[0]["event"]["sequence"], 2);
    assert_eq!(answer.len(), 2);
    let mut client = Client::connect(&house.path()).unwrap();
    client.ask(&Ask::Events { follow: true, last: None }, Some(PATIENCE)).unwrap();
    let mut next = || match client.hear().unwrap() {
        Some(Answer::Event(event)) => serde_json::from_str::<Value>(event.get()).unwrap()["sequence"].clone(),
        Some(Answer::Missed(count)) => Value::from(format!("missed {count}")),
        other => panic!("{other:?}"),
    };
    assert_eq!([next(), next()], [1, 2]);
    house.happens(3);
    assert_eq!(next(), 3);
    house.happens(5);
    assert_eq!(next(), "missed 1");
    assert_eq!(next(), 5);
}

#[test]
fn a_follower_that_lags_is_told_how_much_it_missed() {
    let house = House::with_groups(0);
    let mut client = Client::connect(&house.path()).unwrap();
    client.ask(&Ask::Events { follow: true, last: None }, Some(PATIENCE)).unwrap();
    house.happens(1);
    assert!(matches!(client.hear().unwrap(), Some(Answer::Event(_))));
    let last = 20_000;
    (2..=last).for_each(|sequence| house.happens(sequence));
    let mut accounted = 1;
    let mut missed = false;
    while accounted < last {
        match client.hear().unwrap() {
            Some(Answer::Event(_)) => accounted += 1,
            Some(Answer::Missed(count)) => {
                accounted += count;
                missed = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accounted, missed), (last, true));
}

#[test]
fn garbage_is_answered_and_the_next_request_too() {
    let house = House::with_groups(1);
    let answer = house.send(b"\xff\x00garbage\n\n{\"ask\":\"show\"}\n");
    assert_eq!([kind_of(&answer[0]), kind_of(&answer[1])], ["request", "request"]);
    assert_eq!(answer[2]["group"]["name"], "group-0");
    assert_eq!(kind_of(&house.send(b"{\"ask\":\"show\"}")[0]), "request", "half a line");
    assert!(house.send(b"").is_empty());
}

#[test]
fn an_endless_line_is_cut_off() {
    let house = House::with_groups(1);
    let answer = house.send(&vec![b'['; LONGEST_REQUEST + 1]);
    assert_eq!(kind_of(&answer[0]), "request");
    let mut nested = vec![b'['; LONGEST_REQUEST];
    nested.push(b'\n');
    assert_eq!(kind_of(&house.send(&nested)[0]), "request", "the longest line, nested deeply");
}

#[test]
fn the_client_that_is_one_too_many_is_told_so() {
    let house = House::with_groups(1);
    let mut held: Vec<UnixStream> = (0..CLIENTS).map(|_| house.stream()).collect();
    for stream in &mut held {
        stream.write_all(b"{\"ask\":\"version\"}\n").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
    let mut client = Client::connect(&house.path()).unwrap();
    let _ = client.ask(&Ask::Version {}, Some(PATIENCE));
    let Err(ClientError::Trouble(trouble)) = client.hear() else { panic!("not turned away") };
    assert_eq!(trouble.kind, TroubleKind::Daemon);
    drop(held);
    until_answered(&house.path());
}

#[test]
fn followers_leave_room_for_others() {
    let house = House::with_groups(1);
    house.happens(1);
    let follow = |_| {
        let mut client = Client::connect(&house.path()).unwrap();
        client.ask(&Ask::Events { follow: true, last: None }, Some(PATIENCE)).unwrap();
        let first = client.hear();
        (client, first)
    };
    let followers: Vec<_> = (0..=FOLLOWERS).map(follow).collect();
    assert!(followers[..FOLLOWERS].iter().all(|(_, first)| matches!(first, Ok(Some(_)))));
    assert!(matches!(followers[FOLLOWERS].1, Err(ClientError::Trouble(_))));
    until_answered(&house.path());
    drop(followers);
    let since = Instant::now();
    while matches!(follow(0).1, Err(ClientError::Trouble(_))) {
        assert!(since.elapsed() < PATIENCE, "followers that hung up still count");
    }
}

#[test]
fn a_second_daemon_is_told_who_is_there() {
    let house = House::with_groups(0);
    until_answered(&house.path());
    let Err(BindError::Running { pid, .. }) = Listener::bind(&house.path(), None) else {
        panic!("two daemons on one socket")
    };
    assert_eq!(pid, std::process::id());
}

fn until_answered(path: &Path) {
    let since = Instant::now();
    while Client::connect(path).and_then(|mut client| client.greeting(PATIENCE)).is_err() {
        assert!(since.elapsed() < PATIENCE, "the daemon does not answer");
    }
}
