//! Programs that are real, and quick or slow as they need to be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use fhrp::{Family, Standing};
use tempfile::TempDir;

use super::{Deed, Hook, Order, Orders, Outcome, Report, queue, run};
use crate::engine::GroupIndex;
use crate::event::Subject;

pub(super) fn order(standing: Standing) -> Order {
    let subject = Subject {
        name: "office".into(),
        interface: "eth0".into(),
        protocol: "carp",
        family: Some(Family::Ipv4),
        id: 7,
    };
    let state = if standing == Standing::Holding { "MASTER" } else { "BACKUP" };
    Order { subject, hook: Arc::new(Hook::default()), state, standing, leaving: false }
}

/// A runner with somebody who gives orders and reads reports.
struct Stage {
    room: TempDir,
    orders: Option<Orders>,
    reports: Arc<Mutex<Vec<Report>>>,
}

impl Stage {
    fn act<F: Future<Output = ()>>(play: impl FnOnce(Stage) -> F) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (orders, taken) = queue();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let stage =
            Stage { room: tempfile::tempdir().unwrap(), orders: Some(orders), reports: reports.clone() };
        let heard = move |report| reports.lock().unwrap().push(report);
        runtime.block_on(async {
            let runner = tokio::spawn(run(taken, heard));
            play(stage).await;
            runner.await.unwrap();
        });
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.room.path().join(name);
        fs::write(&path, format!("#!/bin/sh\ncd {}\n{text}\n", self.room.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn hook(&self, up: &str, down: &str) -> Arc<Hook> {
        Arc::new(Hook {
            up: Some(self.script("up", up)),
            down: Some(self.script("down", down)),
            address: "10.0.0.1".into(),
            at_start: true,
            at_exit: true,
            ..Hook::default()
        })
    }

    fn give(&mut self, id: u16, hook: &Arc<Hook>, standing: Standing) {
        let mut order = Order { hook: hook.clone(), ..order(standing) };
        order.subject.id = id;
        self.orders.as_mut().unwrap().give(GroupIndex(id.into()), order);
    }

    fn leave(&mut self, id: u16, hook: &Arc<Hook>) {
        let mut order = Order { hook: hook.clone(), leaving: true, ..order(Standing::Down) };
        order.subject.id = id;
        self.orders.as_mut().unwrap().give(GroupIndex(id.into()), order);
        self.orders = None;
    }

    fn heard(&self) -> MutexGuard<'_, Vec<Report>> {
        self.reports.lock().unwrap()
    }

    async fn reported(&self, count: usize) {
        let began = Instant::now();
        while self.heard().len() < count {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", self.heard());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.room.path().join(name)).unwrap_or_default()
    }

    async fn written(&self, name: &str) {
        let began = Instant::now();
        while self.read(name).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(20), "{name}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn is_alive(pid: &str) -> bool {
    PathBuf::from(format!("/proc/{}", pid.trim())).exists()
}

#[test]
fn programs_are_called_as_ucarp_calls_them() {
    Stage::act(|mut stage| async move {
        let told = "{ echo \"$0: $# <$1> <$2> <$3>\"; env | sort; } >> told";
        let hook = Hook { argument: Some("two words".into()), ..Hook::clone(&stage.hook(told, "exit 3")) };
        let hook = Arc::new(hook);
        stage.give(7, &hook, Standing::Down);
        stage.give(7, &hook, Standing::StandingBy);
        stage.reported(1).await;
        stage.give(7, &hook, Standing::Holding);
        stage.reported(2).await;
        let reports = stage.heard();
        let ended: Vec<_> = reports.iter().map(|it| (it.deed, it.outcome.to_string())).collect();
        assert_eq!(ended, [(Deed::Down, "exit status: 3".into()), (Deed::Up, "exit status: 0".into())]);
        let said = stage.read("told");
        assert!(said.contains("/up: 3 <eth0> <10.0.0.1> <two words>"), "{said}");
        for line in ["FIRSTHOP_EVENT=up", "FIRSTHOP_STATE=MASTER", "FIRSTHOP_GROUP=7", "FIRSTHOP_NAME=office"]
        {
            assert!(said.lines().any(|it| it == line), "{said}");
        }
        assert!(!said.contains("CARGO"), "our own environment: {said}");
    });
}

#[test]
fn what_is_done_is_not_done_again() {
    Stage::act(|mut stage| async move {
        let quiet = Hook { at_start: false, at_exit: false, ..Hook::clone(&stage.hook("", "")) };
        let quiet = Arc::new(quiet);
        let usual = stage.hook("", "");
        stage.give(1, &quiet, Standing::StandingBy);
        stage.give(1, &quiet, Standing::Holding);
        stage.reported(1).await;
        stage.give(1, &quiet, Standing::Holding);
        stage.give(1, &quiet, Standing::Down);
        stage.reported(2).await;
        stage.give(1, &quiet, Standing::StandingBy);
        stage.give(1, &quiet, Standing::Holding);
        stage.reported(3).await;
        stage.give(2, &usual, Standing::Holding);
        stage.reported(4).await;
        stage.give(2, &usual, Standing::Holding);
        let reports = stage.reports.clone();
        stage.leave(1, &quiet);
        let deeds: Vec<_> = reports.lock().unwrap().iter().map(|it| (it.subject.id, it.deed)).collect();
        assert_eq!(deeds, [(1, Deed::Up), (1, Deed::Down), (1, Deed::Up), (2, Deed::Up)]);
    });
}

#[test]
fn a_sleeping_program_delays_nobody_and_wakes_to_the_latest_order() {
    Stage::act(|mut stage| async move {
        let slow = stage.hook("echo u >> slow; while [ ! -e go ]; do sleep 0.05; done", "echo d >> slow");
        stage.give(1, &slow, Standing::Holding);
        stage.written("slow").await;
        let began = Instant::now();
        for id in 2..20 {
            let quick = Arc::new(Hook { up: Some(stage.script("quick", "")), ..Hook::default() });
            stage.give(id, &quick, Standing::Holding);
        }
        stage.reported(18).await;
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        for standing in [Standing::StandingBy, Standing::Holding, Standing::StandingBy, Standing::Holding] {
            stage.give(1, &slow, standing);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stage.give(1, &slow, Standing::StandingBy);
        fs::write(stage.room.path().join("go"), "").unwrap();
        stage.reported(20).await;
        // Back and forth while it slept: only where it has come to in the end is done.
        assert_eq!(stage.read("slow"), "u\nd\n");
    });
}

#[test]
fn who_takes_too_long_is_ended_with_all_his_children() {
    Stage::act(|mut stage| async move {
        let stubborn = "trap '' TERM; sleep 600 & echo $! >> pids; echo $$ >> pids; wait; sleep 600";
        let hook = Hook {
            timeout: Some(Duration::from_millis(200)),
            ..Hook::clone(&stage.hook(stubborn, "echo done > down"))
        };
        let hook = Arc::new(hook);
        stage.give(1, &hook, Standing::Holding);
        stage.give(1, &hook, Standing::Holding);
        stage.reported(1).await;
        let outcome = stage.heard()[0].outcome.to_string();
        assert_eq!(outcome, "took too long and was ended, signal: 9 (SIGKILL)");
        let pids = stage.read("pids");
        assert_eq!(pids.lines().count(), 2);
        let began = Instant::now();
        // The child is reaped by whoever adopted it, the program by us: a zombie would stay.
        while pids.lines().any(is_alive) {
            assert!(began.elapsed() < Duration::from_secs(5), "still there: {pids}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage.give(1, &hook, Standing::StandingBy);
        stage.reported(2).await;
        assert_eq!(stage.read("down"), "done\n");
    });
}

#[test]
fn the_end_runs_what_is_still_to_be_done() {
    let began = Instant::now();
    Stage::act(|mut stage| async move {
        let hook = stage.hook("echo up > up-ran; exec sleep 600", "touch down-ran");
        stage.give(1, &hook, Standing::Holding);
        stage.written("up-ran").await;
        let (room, reports) = (stage.room.path().to_owned(), stage.reports.clone());
        stage.leave(1, &hook);
        stage.reported(2).await;
        assert!(matches!(reports.lock().unwrap()[0].outcome, Outcome::Stopped(_)));
        assert!(room.join("down-ran").exists());
    });
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_others_can_change_is_not_run_as_root() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: not root");
        return;
    }
    Stage::act(|mut stage| async move {
        let hook = stage.hook("", "");
        fs::set_permissions(hook.up.as_ref().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
        stage.give(1, &hook, Standing::Holding);
        stage.reported(1).await;
        let missing = Arc::new(Hook { up: Some("/nonexistent/program".into()), ..Hook::default() });
        stage.give(2, &missing, Standing::Holding);
        stage.reported(2).await;
        let outcomes: Vec<_> = stage.heard().iter().map(|it| it.outcome.to_string()).collect();
        let up = hook.up.as_ref().unwrap().display();
        assert_eq!(outcomes[0], format!("was not run: others than root can change {up}"));
        assert_eq!(outcomes[1], "was not run: No such file or directory (os error 2)");
    });
}
