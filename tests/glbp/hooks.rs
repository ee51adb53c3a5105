//! What a hook is told: a router has a role while it answers hosts, or forwards for any forwarder. And a hook that sleeps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::stage::Stage;

/// Programs that write down what they are called with.
struct Scripts {
    room: TempDir,
}

impl Scripts {
    fn new() -> Scripts {
        Scripts { room: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// The setting that has a router run them; `then` is what they do when they have written it down.
    fn hook(&self, router: &str, then: &str) -> String {
        let (program, ran) = (self.path(router), self.path(&format!("{router}.ran")));
        let text = format!(
            "#!/bin/sh\necho $FIRSTHOP_EVENT $FIRSTHOP_STATE $FIRSTHOP_PROTOCOL $FIRSTHOP_GROUP $* >> {}\n{then}\n",
            ran.display()
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let program = program.display();
        format!("hook = {{ up = \"{program}\", down = \"{program}\", argument = \"more\" }}\n")
    }

    /// How a router's programs were called, without what all of them were told.
    fn ran(&self, router: &str) -> Vec<String> {
        let ran = fs::read_to_string(self.path(&format!("{router}.ran"))).unwrap_or_default();
        let told = " glbp 10 lan 10.0.10.1 more";
        let call = |line: &str| line.strip_suffix(told).unwrap_or_else(|| panic!("{line}")).to_owned();
        ran.lines().map(call).collect()
    }
}

fn group(priority: u8, more: &str) -> String {
    format!(
        "[[interface.lan.glbp]]\nname = \"g\"\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = {priority}\n\
         hello-time = \"100ms\"\nhold-time = \"300ms\"\nforwarder-preempt-delay = \"0s\"\n{more}\n"
    )
}

/// Whether a router forwards for nothing, or for as many.
fn forwards(stage: &mut Stage, router: &str, count: usize) {
    stage.until(&format!("{router} forwards for {count}"), |stage| {
        let shown = stage.group(router, "g");
        let all = shown["forwarders"].as_array().cloned().unwrap_or_default();
        all.len() == 2 && all.iter().filter(|it| it["local"] == true).count() == count
    });
}

#[test]
fn a_hook_is_told_of_the_gateway_and_of_forwarders() {
    let scripts = Scripts::new();
    let (first, second) = (scripts.hook("r1", ""), scripts.hook("r2", ""));
    let low = "weighting = 50\nweighting-lower = 80\n";
    let with = |more: &str| group(100, &(second.clone() + more));
    let Some(mut stage) = Stage::new(&[("r1", &group(200, &first)), ("r2", &with(""))]) else { return };
    stage.start(&["r1"]);
    stage.state("r1", "g", "Active");
    stage.start(&["r2"]);
    stage.state("r2", "g", "Standby");
    forwards(&mut stage, "r1", 1);
    forwards(&mut stage, "r2", 1);
    // Its weighting becomes too low: it forwards for nothing any more, and is standby as before.
    stage.reload("r2", &with(low));
    forwards(&mut stage, "r1", 2);
    forwards(&mut stage, "r2", 0);
    stage.reload("r2", &with(""));
    forwards(&mut stage, "r2", 1);
    // A role more, or one less, is no news as long as there is one.
    stage.firsthop("r1", &["hand-over", "g"]);
    stage.state("r2", "g", "Active");
    stage.until("r2's program has told the last of it", |_| scripts.ran("r2").len() >= 4);
    let told = |router: &str| scripts.ran(router);
    assert_eq!(told("r1"), ["down Listen", "up Active"]);
    let (second, events): (Vec<String>, Vec<String>) =
        (told("r2"), told("r2").iter().map(|call| call.split(' ').next().unwrap().to_owned()).collect());
    assert_eq!(events, ["down", "up", "down", "up"], "{second:?}");
    assert_eq!(
        (second[0].as_str(), &second[2..]),
        ("down Listen", &["down Standby".to_owned(), "up Standby".to_owned()][..])
    );
    stage.lab.fault(firsthop::lab::Deed::Stop, Some("r2")).unwrap();
    stage.until("it is told of the end", |_| scripts.ran("r2").len() == 5);
    assert!(scripts.ran("r2")[4].starts_with("down "), "{:?}", scripts.ran("r2"));
}

#[test]
fn a_hook_that_sleeps_delays_nothing() {
    let scripts = Scripts::new();
    let slow = |router: &str| scripts.hook(router, "sleep 60");
    let routers = [("r1", group(200, &slow("r1"))), ("r2", group(100, &slow("r2")))];
    let routers = routers.each_ref().map(|(name, config)| (*name, config.as_str()));
    let Some(mut stage) = Stage::new(&routers) else { return };
    stage.start(&["r1", "r2"]);
    stage.until("both programs sleep", |_| ["r1", "r2"].iter().all(|it| !scripts.ran(it).is_empty()));
    stage.state("r1", "g", "Active");
    stage.state("r2", "g", "Standby");
    forwards(&mut stage, "r1", 1);
    forwards(&mut stage, "r2", 1);
    // Hellos go on, and so do role and forwarder when they have to.
    let sent = stage.count("r1", "g", "hellos-sent");
    stage.until("hellos go on", |stage| stage.count("r1", "g", "hellos-sent") >= sent + 10);
    stage.fault(firsthop::lab::Deed::Power, Some("r1"));
    stage.state("r2", "g", "Active");
    forwards(&mut stage, "r2", 2);
    // The program has not come back: nothing else was run.
    assert_eq!(scripts.ran("r2").len(), 1, "{:?}", scripts.ran("r2"));
}
