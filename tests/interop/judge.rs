//! What firsthop sent, before the judges.

use super::common::possible;
use super::judges::{Told, judge_file, path, run};
use super::pair::{OURS, Pair};

/// Has both judges look at every frame that came from our router onto the LAN: see [`judge_file`].
pub fn judge(pair: &Pair, two_forms: bool, kinds: &[&str]) {
    let title = &pair.lab.scenario().title;
    if !possible(&format!("{title}: judges"), &["tshark", "tcpdump"]) {
        return;
    }
    pair.lab.captures().unwrap();
    let (all, ours) = (pair.captures.path().join("segment.pcapng"), pair.captures.path().join("ours.pcap"));
    let port = format!("frame.interface_name == \"{OURS}-lan\"");
    run("tshark", &["-r", path(&all), "-Y", &port, "-w", path(&ours), "-F", "pcap"]);
    let told = if two_forms { Told::TwoForms } else { Told::Nothing };
    judge_file(title, &ours, told, kinds);
}
