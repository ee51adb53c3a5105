//! What is said on the control socket: one JSON object on each line, in both directions.
//!
//! ```text
//! → {"ask":"show","name":"office"}
//! ← {"group":{"name":"office","interface":"eth0",…}}
//! ← {"done":{}}
//! ```
//!
//! A client may ask several things, one after the other. Every answer ends with `done` or with `error`.

use fhrp::Command;
use serde::{Deserialize, Serialize};

use crate::driver::remote::Wish;

/// Longest line a client may send, in octets.
pub const LONGEST_REQUEST: usize = 64 * 1024;

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// Who is there: answers `daemon`.
    Version {},
    /// The groups, in the order of the configuration: answers a `group` for each.
    Show {
        /// Only the group of this name, or those on this interface.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// What the sockets saw: answers a `link` for each interface in use.
    Links {},
    /// What happened: answers an `event` for each, oldest first.
    Events {
        /// Whether to go on with what happens from now on, until the client hangs up.
        #[serde(default)]
        follow: bool,
        /// At most this many of those that have happened already; all that are kept if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<usize>,
    },
    /// Read the configuration file again: answers `reloaded`.
    Reload {},
    /// A command for groups: answers `told`.
    Command {
        /// What to do.
        command: Order,
        /// The group's name; all groups if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

/// What an operator may wish of groups, as it is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Give the role away now, and go on as a member.
    HandOver,
    /// Announce the addresses again.
    Announce,
    /// Take the role now, whoever has it.
    TakeOver,
    /// Take so much of the priority, or add it to CARP's demotion, until something else is said.
    Demote(u16),
    /// Wait no longer for whatever has to be in step before a role is taken.
    Ready,
}

impl From<Order> for Wish {
    fn from(order: Order) -> Self {
        match order {
            Order::Demote(by) => Wish::Demote(by),
            Order::HandOver => Wish::Command(Command::HandOver),
            Order::Announce => Wish::Command(Command::Announce),
            Order::TakeOver => Wish::Command(Command::TakeOver),
            Order::Ready => Wish::Command(Command::Ready),
        }
    }
}

/// One line of an answer. `G`, `L`, `E` and `R` are how a group, an interface, an event and the outcome of a
/// reload are represented: the daemon writes its own types, a client reads what it understands of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer<G, L, E, R> {
    /// The daemon.
    Daemon(Greeting),
    /// A group.
    Group(G),
    /// An interface.
    Link(L),
    /// Something that happened.
    Event(E),
    /// This many events were lost, because the client or the daemon was too busy.
    Missed(u64),
    /// What a reload did.
    Reloaded(R),
    /// How many groups were given a command.
    Told(usize),
    /// It did not work.
    Error(Trouble),
    /// The end of the answer.
    Done {},
}

/// Who answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// Version of the daemon.
    pub version: String,
    /// Its process.
    pub pid: u32,
}

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Whose fault it is.
    pub kind: TroubleKind,
    /// What is wrong and what to do instead, for people; may have several lines.
    pub text: String,
}

/// Whose fault it is that a request was not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TroubleKind {
    /// The request cannot be read.
    Request,
    /// There is no such group or interface.
    Unknown,
    /// The client may not ask.
    Denied,
    /// The configuration file has faults; the old configuration goes on.
    Configuration,
    /// The daemon is busy, stopping, or has too many clients.
    Daemon,
}

impl Trouble {
    /// Trouble of a kind.
    pub fn new(kind: TroubleKind, text: impl Into<String>) -> Self {
        Trouble { kind, text: text.into() }
    }
}

/// Reads a request, or says what to write instead.
pub fn parse(line: &[u8]) -> Result<Ask, Trouble> {
    let wrong = |reason: String| {
        let text = format!(
            "this is no request: {reason}; write one JSON object on a line, such as {{\"ask\":\"show\"}}; \
             to be asked are version, show, links, events, reload and command"
        );
        Trouble::new(TroubleKind::Request, text)
    };
    let text = std::str::from_utf8(line).map_err(|reason| wrong(reason.to_string()))?;
    serde_json::from_str(text).map_err(|reason| wrong(reason.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_short_to_write() {
        assert_eq!(parse(br#"{"ask":"show"}"#), Ok(Ask::Show { name: None }));
        assert_eq!(parse(br#"{"ask":"events","follow":true}"#), Ok(Ask::Events { follow: true, last: None }));
        let told = Ask::Command { command: Order::HandOver, name: Some("office".into()) };
        assert_eq!(parse(br#"{"ask":"command","command":"hand-over","name":"office"}"#), Ok(told));
    }

    #[test]
    fn a_wrong_request_is_told_what_to_write() {
        let wrongs: [&[u8]; 7] = [
            b"",
            b"show",
            b"{}",
            b"\xff\xfe",
            br#"{"ask":"dance"}"#,
            br#"{"ask":"show","nmae":1}"#,
            b"[[[[[",
        ];
        for wrong in wrongs {
            let trouble = parse(wrong).unwrap_err();
            assert_eq!(trouble.kind, TroubleKind::Request);
            assert!(trouble.text.contains(r#"{"ask":"show"}"#), "{}", trouble.text);
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&line);
        }

        #[test]
        fn no_json_like_line_makes_the_reader_panic(line in "[{}\\[\\]\",:a-z0-9 ]{0,80}") {
            let _ = parse(line.as_bytes());
        }
    }
}
