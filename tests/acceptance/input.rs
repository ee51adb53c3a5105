//! Input that no good neighbour sends, each answered as it ought to be: counted under its name, without a
//! change of state, a late advert or a panic.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use fhrp::checksum::Sum;

use crate::forge::Forged;
use crate::stage::{BUSY, Stage, counter_of, ms, neighbour_of, now, rest, steadily, text};

const CONFIG: &str = r#"
[[interface.lan.vrrp]]
name = "three"
id = 10
addresses = ["10.0.10.1/24"]
advertise-interval = "100ms"
[[interface.lan.vrrp]]
name = "two"
id = 20
version = 2
addresses = ["10.0.10.20/24"]
[[interface.lan.vrrp]]
name = "six"
id = 30
addresses = ["fe80::30/64"]
advertise-interval = "100ms"
[[interface.lan.vrrp]]
name = "signed"
id = 40
addresses = ["10.0.10.40/24"]
advertise-interval = "100ms"
authentication = { kind = "hmac", keys = [{ id = 1, key = "0123456789abcdef0123456789abcdef" }] }
"#;
const NAMES: [&str; 4] = ["three", "two", "six", "signed"];

/// r1 is Active, r2 Backup in all groups.
fn pair() -> Option<Stage> {
    let with = |priority: u8| format!("[defaults.vrrp]\npriority = {priority}\n{CONFIG}");
    let mut stage = Stage::new(&[("r1", &with(200)), ("r2", &with(100))])?;
    stage.start(&["r1", "r2"]);
    for name in NAMES {
        stage.state("r1", name, "Active");
        stage.state("r2", name, "Backup");
    }
    Some(stage)
}

/// Nothing changed since that moment, and nobody else spoke.
fn unmoved(stage: &mut Stage, since: u64) {
    // Twice the longest interval.
    rest(2100);
    for (router, state) in [("r1", "Active"), ("r2", "Backup")] {
        for name in NAMES {
            assert_eq!(stage.group(router, name)["state"], state, "{name} on {router}");
        }
        let moved: Vec<_> = stage
            .events(router)
            .into_iter()
            .filter(|event| {
                event["note"] == "transition" && event["time"].as_f64().unwrap() * 1e9 > since as f64
            })
            .collect();
        assert!(moved.is_empty(), "on {router}: {moved:?}");
        assert!(stage.lab.router(router).unwrap().is_running());
    }
    for (vrid, interval) in [(10, 100), (20, 1000), (30, 100), (40, 100)] {
        let mut adverts = stage.adverts(since, vrid);
        adverts.retain(|advert| advert.router != "h");
        assert!(adverts.iter().all(|advert| advert.router == "r1"), "group {vrid}");
        let gaps = adverts.windows(2).map(|pair| Duration::from_nanos(pair[1].at - pair[0].at));
        let longest = gaps.max().unwrap();
        println!("group {vrid}: longest time between adverts {longest:?}");
        assert!(longest < ms(interval) + BUSY, "group {vrid}: {longest:?}");
    }
}

fn three() -> Forged {
    Forged::v3("10.0.10.77", 10, 250, &["10.0.10.1"])
}

fn two() -> Forged {
    Forged::v2("10.0.10.77", 20, 250, &["10.0.10.20"])
}

fn six() -> Forged {
    Forged::v3("fe80::77", 30, 250, &["fe80::30"])
}

/// A better router's advertisement but for one thing; the group it is for, and the counter that tells.
fn broken() -> Vec<(&'static str, Forged, &'static str)> {
    let mut tagged = two();
    tagged.interval = 0x0101;
    let mut unknown = two();
    unknown.interval = 0x0901;
    let signed = Forged::v3("10.0.10.77", 40, 250, &["10.0.10.40"]);
    let mut trailer = signed.clone();
    trailer.uncovered = [vec![1, 1, 0, 0], vec![0xff; 24]].concat();
    vec![
        ("three", Forged { ttl: 64, ..three() }, "ttl-errors"),
        ("three", Forged { checksum_off: 1, ..three() }, "checksum-errors"),
        ("three", Forged { cut: Some(2), ..three() }, "packet-length-errors"),
        ("three", Forged { cut: Some(7), ..three() }, "packet-length-errors"),
        ("three", Forged { cut: Some(11), ..three() }, "packet-length-errors"),
        ("three", Forged { count: Some(200), ..three() }, "packet-length-errors"),
        ("three", Forged { addresses: Vec::new(), ..three() }, "packet-length-errors"),
        ("three", Forged { trailer: vec![0; 3], ..three() }, "packet-length-errors"),
        ("three", Forged { interval: 0, ..three() }, "advertise-interval-errors"),
        ("three", Forged { kind: 2, ..three() }, "invalid-type"),
        ("three", Forged { version: 7, ..three() }, "version-errors"),
        ("three", Forged { source: two().source, vrid: 10, ..two() }, "version-errors"),
        ("two", Forged { interval: 7, ..two() }, "advertise-interval-errors"),
        ("two", Forged { addresses: vec![three().source], ..two() }, "address-list-errors"),
        ("two", tagged, "authentication-type-mismatch"),
        ("two", unknown, "invalid-authentication-type"),
        ("two", Forged { ttl: 254, ..two() }, "ttl-errors"),
        ("six", Forged { ttl: 1, ..six() }, "ttl-errors"),
        ("six", Forged { checksum_off: 9, ..six() }, "checksum-errors"),
        ("six", Forged { cut: Some(20), ..six() }, "packet-length-errors"),
        ("signed", signed, "hmac-missing"),
        ("signed", trailer, "hmac-invalid"),
    ]
}

#[test]
fn broken_adverts_are_counted_by_name() {
    steadily(|| {
        let Some(mut stage) = pair() else { return };
        let since = now();
        for (name, forged, counter) in broken() {
            for router in ["r1", "r2"] {
                let before = stage.count(router, name, counter);
                stage.inject(&[forged.frame()]);
                stage.within(&format!("{counter} of {name} on {router}: {forged:?}"), ms(2000), |stage| {
                    stage.count(router, name, counter) > before
                });
            }
            let neighbour = neighbour_of(&stage.group("r1", name), &forged.source.to_string());
            assert!(!text(&neighbour["refused"]).is_empty(), "{forged:?}");
        }
        // Our own address as the source: of each router, on that router.
        for (router, own) in [("r1", "10.0.10.2"), ("r2", "10.0.10.3")] {
            let forged = Forged { source: own.parse().unwrap(), priority: 1, ..three() };
            stage.inject(&[forged.frame()]);
            stage.until("own-address", |stage| stage.count(router, "three", "own-address") > 0);
        }
        unmoved(&mut stage, since);
    });
}

/// What no group is asked about.
#[test]
fn broken_packets_are_counted_by_name() {
    steadily(|| {
        let Some(mut stage) = pair() else { return };
        let since = now();
        // A switch that snoops or filters looks at IP headers, and forwards no broken ones.
        stage.shell("switch", "ip link set lan type bridge mcast_snooping 0");
        stage.shell(
        "switch",
        "for filter in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -w $filter ] || echo 0 > $filter; done",
    );
        let whole = three().frame();
        // In the IPv4 header, whose checksum is made right again.
        let change = |place: usize, octet: u8| {
            let mut frame = whole.clone();
            frame[place] = octet;
            frame[24..26].fill(0);
            let checksum = Sum::new().over(&frame[14..34]).checksum();
            frame[24..26].copy_from_slice(&checksum.to_be_bytes());
            frame
        };
        let mut unsummed = whole.clone();
        unsummed[24] ^= 1;
        let cases: [(&str, Vec<u8>, &str); 8] = [
            ("VRID 0", Forged { vrid: 0, ..three() }.frame(), "frames-for-unknown-groups"),
            ("VRID 99", Forged { vrid: 99, ..three() }.frame(), "frames-for-unknown-groups"),
            ("header checksum", unsummed, "ip-checksum-errors"),
            ("header longer than the frame", change(14, 0x4f), "truncated-frames"),
            ("header of 4 octets", change(14, 0x41), "ip-header-errors"),
            ("longer than the frame", change(16, 9), "truncated-frames"),
            ("fragment", change(20, 0x20), "fragments"),
            ("no message", Forged { cut: Some(0), ..three() }.frame(), "frames-of-no-protocol"),
        ];
        for (what, frame, counter) in cases {
            let before = stage.link_count("r1", counter);
            stage.inject(&[frame]);
            let seen = stage.try_within(ms(1000), |stage| stage.link_count("r1", counter) > before);
            let links = stage.firsthop("r1", &["links", "--json"]);
            assert!(seen, "{what}: {counter}: {}", String::from_utf8_lossy(&links.stdout));
        }
        // Cut short at every length, and every bit of it flipped: whatever it is called, nothing moves.
        let mut frames: Vec<Vec<u8>> = (14..whole.len()).map(|length| whole[..length].to_vec()).collect();
        for forged in [three(), two(), six()] {
            // A priority that nobody has to yield to, for some bits matter little.
            let frame = Forged { priority: 50, ..forged }.frame();
            for bit in 14 * 8..frame.len() * 8 {
                let mut flipped = frame.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                frames.push(flipped);
            }
        }
        stage.inject(&frames);
        rest(300);
        unmoved(&mut stage, since);
    });
}

/// Sources that nobody can have, with the best priority there is.
#[test]
fn impossible_sources_are_not_believed() {
    steadily(|| {
        let Some(mut stage) = pair() else { return };
        let since = now();
        let v4 = ["0.0.0.0", "127.0.0.1", "224.0.0.18", "255.255.255.255", "240.0.0.1"];
        for source in v4 {
            let forged = Forged { source: source.parse().unwrap(), priority: 255, ..three() };
            let before = stage.link_count("r1", "impossible-sources");
            stage.inject(&[forged.frame()]);
            let counted = |stage: &mut Stage| stage.link_count("r1", "impossible-sources") > before;
            stage.within(&format!("{source} is refused"), ms(1000), counted);
        }
        for source in ["::", "::1", "ff02::12"] {
            let forged = Forged { source: source.parse().unwrap(), priority: 255, ..six() };
            let before = stage.link_count("r1", "impossible-sources");
            stage.inject(&[forged.frame()]);
            let counted = |stage: &mut Stage| stage.link_count("r1", "impossible-sources") > before;
            stage.within(&format!("{source} is refused"), ms(1000), counted);
        }
        unmoved(&mut stage, since);
    });
}

/// Tens of thousands of bad frames from as many senders: the adverts keep their pace, the log its size.
#[test]
fn a_flood_changes_nothing() {
    steadily(|| {
        let Some(mut stage) = pair() else { return };
        let since = now();
        let frames: Vec<Vec<u8>> = (0..20_000_u16)
            .map(|number| {
                let [high, low] = number.to_be_bytes();
                let source = std::net::Ipv4Addr::new(10, 9, high, low).into();
                // Version 2, for version 3 has two good checksums over IPv4, and some source fits by chance.
                Forged { source, checksum_off: 1, ..two() }.frame()
            })
            .collect();
        stage.inject(&frames);
        stage.until("they are counted", |stage| {
            let dropped = stage.link_count("r1", "protocol-queue-drops");
            stage.count("r1", "two", "checksum-errors") + dropped >= 20_000
        });
        rest(300);
        println!("dropped: {}", stage.link_count("r1", "protocol-queue-drops"));
        let group = stage.group("r1", "two");
        assert!(group["neighbours"].as_array().unwrap().len() <= 32);
        assert!(counter_of(&group, "checksum-errors") > 0);
        unmoved(&mut stage, since);
    });
}

#[test]
fn control_garbage_is_answered_or_hung_up_on() {
    steadily(|| {
        let Some(mut stage) = pair() else { return };
        let since = now();
        let room = stage.lab.router("r1").unwrap().node().room().unwrap().to_owned();
        let path = room.join("run/firsthop/control.sock");
        let say = |octets: &[u8]| {
            let mut stream = UnixStream::connect(&path).unwrap();
            stream.set_read_timeout(Some(ms(5000))).unwrap();
            // The daemon may have hung up in the middle of it.
            let _ = stream.write_all(octets);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        };
        let deep = [vec![b'['; 60_000], b"\n".to_vec()].concat();
        let wrong: [&[u8]; 8] = [
            b"\n",
            b"hello\n",
            b"\xff\xfe\x00\n",
            b"{\"ask\":\"dance\"}\n",
            b"{\"ask\":\"show\",\"name\":7}\n",
            b"{\"ask\":\"command\",\"command\":\"explode\"}\n",
            b"{\"ask\":\"events\",\"last\":-1}\n",
            &deep,
        ];
        for line in wrong {
            let answer = say(line);
            let shown = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
            assert!(answer.contains("\"error\"") && answer.contains("\"request\""), "{shown}: {answer}");
        }
        let endless = say(&vec![b'x'; 1 << 20]);
        assert!(endless.contains("\"error\"") || endless.is_empty(), "{endless}");
        let unknown = say(b"{\"ask\":\"show\",\"name\":\"nobody\"}\n");
        assert!(unknown.contains("\"unknown\""), "{unknown}");
        // Clients that say nothing must not keep the others out for long.
        let silent: Vec<_> = (0..200).filter_map(|_| UnixStream::connect(&path).ok()).collect();
        rest(200);
        drop(silent);
        stage.until("others are served", |stage| stage.firsthop("r1", &["show"]).status.success());
        unmoved(&mut stage, since);
    });
}

/// The interface goes, and comes back under another number; then under another name for a while.
#[test]
fn an_interface_goes_and_comes_back() {
    steadily(|| {
        let Some(mut stage) = pair() else { return };
        let pid = stage.lab.router("r1").unwrap().main_process().unwrap().as_raw_nonzero();
        stage.shell("switch", "ip link del r1-lan");
        for name in NAMES {
            stage.within(&format!("{name} is taken over"), ms(4500), |stage| {
                stage.group("r2", name)["state"] == "Active"
            });
            stage.within(&format!("{name} says why"), ms(1000), |stage| {
                let left = stage.group("r1", name);
                left["state"] == "Initialize" && left["reason"] == "the interface does not exist"
            });
        }
        assert!(stage.lab.router("r1").unwrap().is_running());
        let cable = format!(
            "ip link add r1-lan type veth peer name lan address 02:00:00:10:00:02 netns {pid} && \
         ip link set r1-lan master lan up"
        );
        stage.shell("switch", &cable);
        let up = "ip addr add 10.0.10.2/24 dev lan; ip link set lan addrgenmode none up; \
              ip addr add fe80::2/64 dev lan nodad";
        stage.shell("r1", up);
        let back = |stage: &mut Stage| {
            for name in NAMES {
                stage.state("r1", name, "Active");
                stage.state("r2", name, "Backup");
            }
            for address in ["10.0.10.1", "10.0.10.20", "fe80::30"] {
                assert_eq!(stage.who_is(address), ["r1"], "{address}");
                assert!(stage.pings(&if address.contains(':') {
                    format!("{address}%eth0")
                } else {
                    address.into()
                }));
            }
        };
        back(&mut stage);
        stage.shell("r1", "ip link set lan down; ip link set lan name other; ip link set other up");
        for name in NAMES {
            stage.within(&format!("{name} is taken over"), ms(4500), |stage| {
                stage.group("r2", name)["state"] == "Active"
                    && stage.group("r1", name)["state"] == "Initialize"
            });
        }
        stage.shell("r1", "ip link set other down; ip link set other name lan; ip link set lan up");
        stage.shell("r1", "ip addr add fe80::2/64 dev lan nodad 2>/dev/null; true");
        back(&mut stage);
        // Another MAC under a running group.
        stage.shell("r1", "ip link set lan address 02:00:00:99:00:02");
        rest(500);
        back(&mut stage);
    });
}
