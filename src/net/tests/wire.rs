//! Two interfaces joined by a wire, in a network namespace of the test's own.

use std::process::Command;
use std::time::Duration;

use fhrp::Mac;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::net::socket::{LinkSocket, NeighbourSocket, PacketKind};
use crate::sys;

pub const LEFT: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub const RIGHT: Mac = Mac([2, 0, 0, 0, 0, 2]);

/// The interface numbers of both ends.
pub struct Wire {
    pub left: u32,
    pub right: u32,
}

/// Runs a test with a wire, in a thread that the namespace dies with; says so if that is not permitted here.
pub fn with_wire(test: impl FnOnce(&Wire) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        if let Err(error) = sys::enter_new_network() {
            eprintln!("skipped: no network namespace of our own: {error}");
            return;
        }
        for command in [
            "link set lo up",
            "link add left address 02:00:00:00:00:01 type veth peer name right address 02:00:00:00:00:02",
            "link set left up",
            "link set right up",
        ] {
            ip(command);
        }
        wait_until_up();
        test(&Wire { left: index_of("left"), right: index_of("right") });
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip(8)` in the namespace of the calling thread.
pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    assert!(status.unwrap().success(), "ip {arguments}");
}

/// Waits until both ends carry frames: for a moment after they were set up, the kernel drops what is sent and
/// calls it a success.
pub fn wait_until_up() {
    for name in ["left", "right"] {
        wait_for_words(&["-oneline", "link", "show", "dev", name], &["state UP", "qdisc noqueue"]);
    }
}

/// Waits until `ip(8)` prints all of these.
pub fn wait_for_words(arguments: &[&str], words: &[&str]) {
    let mut text = String::new();
    for _ in 0..500 {
        let output = Command::new("ip").args(arguments).output();
        text = String::from_utf8(output.unwrap().stdout).unwrap();
        if words.iter().all(|word| text.contains(word)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("ip {arguments:?} shows no {words:?} after five seconds: {text}");
}

fn index_of(name: &str) -> u32 {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None);
    rustix::net::netdevice::name_to_index(socket.unwrap(), name).unwrap()
}

/// Both kinds of packet socket, to a test.
pub trait Ear: std::os::fd::AsFd {
    fn next(&self, buffer: &mut [u8]) -> Option<(Vec<u8>, PacketKind)>;
}

impl Ear for LinkSocket {
    fn next(&self, buffer: &mut [u8]) -> Option<(Vec<u8>, PacketKind)> {
        self.receive(buffer).unwrap().map(|raw| (raw.bytes.to_vec(), raw.to))
    }
}

impl Ear for NeighbourSocket {
    fn next(&self, buffer: &mut [u8]) -> Option<(Vec<u8>, PacketKind)> {
        self.receive(buffer).unwrap().map(|raw| (raw.bytes.to_vec(), raw.to))
    }
}

/// Waits until a frame is there.
pub fn wait_for(ear: &impl std::os::fd::AsFd) {
    let limit = Timespec::try_from(Duration::from_secs(5)).unwrap();
    let ready = poll(&mut [PollFd::new(ear, PollFlags::IN)], Some(&limit)).unwrap();
    assert_eq!(ready, 1, "nothing was heard for five seconds");
}

/// The next frame; waits for it if it must.
pub fn hear(ear: &impl Ear) -> (Vec<u8>, PacketKind) {
    wait_for(ear);
    ear.next(&mut [0; 2048]).unwrap()
}

/// Sends frames and says which of them are heard at the other end. The last one must be: it shows that all
/// before it were decided upon.
pub fn heard_of(sender: &LinkSocket, ear: &impl Ear, frames: &[Vec<u8>]) -> Vec<usize> {
    for frame in frames {
        sender.send(frame).unwrap();
    }
    let mut heard = Vec::new();
    while heard.last() != Some(&(frames.len() - 1)) {
        let (frame, _) = hear(ear);
        // What is not among them, the kernel said on its own: it looks for routers and neighbours.
        heard.extend(frames.iter().position(|sent| *sent == frame));
    }
    heard
}
