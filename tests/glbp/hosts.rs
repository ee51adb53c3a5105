//! What hosts are told, and by whom: each a MAC of its own, from the active gateway's own; and ping through every
//! forwarder.

use std::collections::BTreeMap;

use crate::stage::{Stage, detail_of, steadily};

const GATEWAY: &str = "10.0.10.1";

fn group(priority: u8) -> String {
    format!(
        "[[interface.lan.glbp]]\nname = \"g\"\nid = 10\naddresses = [\"10.0.10.1/24\"]\npriority = {priority}\n\
         hello-time = \"100ms\"\nhold-time = \"300ms\"\nclient-cache = 8\n"
    )
}

fn three() -> Option<Stage> {
    let (r1, r2, r3) = (group(200), group(150), group(100));
    let mut stage = Stage::new(&[("r1", &r1), ("r2", &r2), ("r3", &r3)])?;
    stage.start(&["r1"]);
    stage.state("r1", "g", "Active");
    stage.start(&["r2", "r3"]);
    for router in ["r1", "r2", "r3"] {
        stage.until("it forwards", |stage| {
            stage.group(router, "g")["forwarders"]
                .as_array()
                .is_some_and(|all| all.iter().any(|it| it["local"] == true) && all.len() == 3)
        });
    }
    Some(stage)
}

#[test]
fn hosts_are_told_forwarders_in_turn_and_ping_all_of_them() {
    steadily(|| {
        let Some(mut stage) = three() else { return };
        let mut told: BTreeMap<String, usize> = BTreeMap::new();
        for _ in 0..6 {
            stage.shell("h", "ip neigh flush dev eth0");
            assert!(stage.pings(GATEWAY), "through whichever forwarder it was told");
            let mac = stage.cached(GATEWAY).expect("a MAC");
            *told.entry(mac).or_default() += 1;
        }
        let each = (1..=3).map(|number| (format!("00:07:b4:00:0a:0{number}"), 2)).collect();
        assert_eq!(told, each);
        let answers = stage.who(GATEWAY);
        assert_eq!(answers.iter().map(|answer| answer.router.as_str()).collect::<Vec<_>>(), ["r1"]);
    });
}

#[test]
fn what_is_shown_is_what_an_engineer_looks_for() {
    steadily(|| {
        let Some(mut stage) = three() else { return };
        assert!(stage.pings(GATEWAY));
        let said = |stage: &mut Stage, arguments: &[&str]| {
            let output = stage.firsthop("r1", arguments);
            assert!(output.status.success(), "{output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let brief = said(&mut stage, &["show", "glbp"]);
        let heading = brief.lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            heading,
            "NAME ON PROTOCOL ID FWD STATE PRIO P ACTIVE STANDBY ADDRESSES VIRTUAL MAC SINCE WHY"
        );
        assert_eq!(brief.lines().count(), 5, "the group and its three forwarders: {brief}");
        assert!(brief.contains("00:07:b4:00:0a:02"), "{brief}");
        let detail = said(&mut stage, &["show", "glbp", "--detail"]);
        for words in [
            "3 forwarders, 1 of them active here",
            "1: 00:07:b4:00:0a:01, given to this router",
            "primary (167), weighting 100",
            "redirection   10m 0s left",
            "load-balancing        round-robin",
            "100 (configured 100), thresholds: lower 1, upper 100",
            "client-cache          up to 8 hosts",
            "clients       1",
        ] {
            assert!(detail.contains(words), "{words}: {detail}");
        }
        let shown = stage.group("r1", "g");
        assert_eq!(shown["forwarders"][0]["redirection_ms"], 600_000.0);
        assert_eq!(detail_of(&shown, "active-gateway"), "local");
        // Those that were told, and no member: they have the address themselves.
        let hosts: u64 =
            shown["forwarders"].as_array().unwrap().iter().map(|it| it["hosts"].as_u64().unwrap()).sum();
        assert_eq!(hosts, 1);
        let (client, host) = (&shown["clients"][0], stage.shell("h", "ip link show eth0"));
        let mac = client["mac"].as_str().unwrap();
        assert!(host.contains(mac), "{mac}: {host}");
        assert_eq!(client["addresses"].as_array().map(Vec::len), Some(1));
        assert!(detail.contains(&format!("{mac}  forwarder {}, asked ", client["forwarder"])), "{detail}");
    });
}
