//! What a frame says, for whoever reads a capture: read by [`wire`], judged by [`judge`](crate::judge), proven by
//! [`auth`](crate::auth).
//!
//! A frame that is no message still shows whatever can be read of it. Whether it is a recording takes the frames before
//! it to see.

use fhrp::dissect::{Authentication, Dissection, Known, Problem, Value};
use fhrp::{Family, Mac, Received};

use crate::auth::{AuthRefusal, is_proven};
use crate::demux::group_in;
use crate::judge::{judge_envelope, judge_forwarder, judge_hello};
use crate::wire::{self, Challenge, Credentials, Forwarder, Heard, Hello, Kind, Message, State, WireError};

mod fields;

/// Details of a hello: owner, redirect, timeout, forwarders, challenge, key.
const DETAILS: usize = 6;

/// Takes a frame apart.
pub(crate) fn dissect(received: &Received<'_>, known: &Known<'_>) -> Dissection {
    let mut shown = Dissection::new("glbp");
    shown.version = received.payload.first().copied();
    shown.group = group_in(received.payload);
    judge_destination_mac(received, &mut shown.problems);
    let refused = |fault: WireError| Problem::refusal(fault.counter(), fault.to_string(), fault.rule());
    match wire::read(received.payload) {
        Ok((heard, fault)) => {
            describe(received, &heard.message, &mut shown);
            match fault {
                Some(fault) => shown.problems.push(refused(fault)),
                None => judge_proof(received, &heard, known, &mut shown),
            }
        }
        Err(fault) => shown.problems.push(refused(fault)),
    }
    if known.fields {
        shown.fields = fields::tree(received.payload);
    }
    shown
}

fn describe(received: &Received<'_>, message: &Message, shown: &mut Dissection) {
    let Message { kind, owner, challenge, hello, forwarders, .. } = message;
    shown.kind = kind.word();
    shown.details.reserve(DETAILS);
    shown.details.push(("owner", Value::Mac(*owner)));
    if let Err(refusal) = judge_envelope(received, *kind, *owner) {
        shown.problems.push(Problem::refusal(refusal.counter(), refusal.to_string(), refusal.rule()));
    }
    if let Some(hello) = hello {
        describe_hello(hello, shown);
        if let Err(refusal) = judge_hello(hello, Family::of(received.source)) {
            shown.problems.push(Problem::refusal(refusal.counter(), refusal.to_string(), refusal.rule()));
        }
    }
    if !forwarders.is_empty() {
        shown.details.push(("forwarders", Value::List(forwarders.iter().map(forwarder_record).collect())));
    }
    for forwarder in forwarders {
        if let Err(fault) = judge_forwarder(message, forwarder) {
            // The rest of the message is obeyed.
            shown.problems.push(Problem::remark(
                fault.counter(),
                fault.to_string(),
                "Cisco GLBP, forwarders",
            ));
        }
    }
    if let Some(challenge) = challenge {
        shown.details.push(("challenge", challenge_record(challenge)));
    }
    judge_source_mac(received, message, &mut shown.problems);
}

fn describe_hello(hello: &Hello, shown: &mut Dissection) {
    let Hello { state, priority, hello, hold, redirect, timeout, address } = *hello;
    shown.state = state.word();
    shown.priority = Some(priority);
    shown.hello = Some(hello);
    shown.hold = Some(hold);
    if !address.is_unspecified() {
        shown.addresses.push(address);
    }
    shown.details.push(("redirect_s", Value::Number(redirect.as_secs())));
    shown.details.push(("timeout_s", Value::Number(timeout.as_secs())));
    if state.word().is_none() {
        shown.details.push(("state_code", Value::Number(state.code().into())));
    }
}

fn forwarder_record(forwarder: &Forwarder) -> Value {
    let Forwarder { number, state, priority, weighting, lifetime, redirection, mac } = *forwarder;
    let state = match state.word() {
        Some(word) => Value::Word(word),
        None => Value::Number(state.code().into()),
    };
    Value::Record(vec![
        ("number", Value::Number(number.into())),
        ("state", state),
        ("priority", Value::Number(priority.into())),
        ("weighting", Value::Number(weighting.into())),
        ("lifetime_s", Value::Number(lifetime.as_secs())),
        ("redirection_s", Value::Number(redirection.as_secs())),
        ("mac", Value::Mac(mac)),
    ])
}

fn challenge_record(challenge: &Challenge) -> Value {
    let peers = challenge.peers.iter().map(|peer| {
        let nonce = Value::digits(peer.nonce.to_be_bytes());
        Value::Record(vec![("owner", Value::Mac(peer.owner)), ("nonce", nonce)])
    });
    Value::Record(vec![
        ("generation", Value::Number(challenge.generation.into())),
        ("nonce", Value::digits(challenge.nonce.to_be_bytes())),
        ("peers", Value::List(peers.collect())),
    ])
}

/// Hellos come from the virtual MACs that their sender forwards for, in turn; everything else, and hellos of who
/// forwards for none, from the interface's own.
fn judge_source_mac(received: &Received<'_>, message: &Message, problems: &mut Vec<Problem>) {
    let source = received.source_mac;
    let held = message.forwarders.iter().filter(|it| it.state == State::Active).map(|it| it.mac);
    let own = message.owner;
    let fits = match message.kind {
        Kind::Hello => source == own || held.clone().any(|mac| mac == source),
        Kind::Request | Kind::Response => source == own,
    };
    if !fits && source != Mac::default() {
        let text = format!("source MAC {source}, must be the owner's, {own}, or one that it forwards for");
        problems.push(Problem::remark("source-mac-errors", text, "Cisco GLBP, transport"));
    }
}

fn judge_destination_mac(received: &Received<'_>, problems: &mut Vec<Problem>) {
    let Received { destination, destination_mac, .. } = *received;
    let wanted = Mac::of_multicast(destination);
    if let Some(wanted) = wanted.filter(|mac| ![*mac, Mac::default()].contains(&destination_mac)) {
        let text = format!("destination MAC {destination_mac}, must be {wanted}");
        let rule = if destination.is_ipv4() { "RFC 1112 §6.4" } else { "RFC 2464 §7" };
        problems.push(Problem::remark("destination-mac-errors", text, rule));
    }
}

/// What is said to prove the sender, and whether one of the keys fits.
fn judge_proof(received: &Received<'_>, heard: &Heard<'_>, known: &Known<'_>, shown: &mut Dissection) {
    const RULE: &str = "Cisco GLBP, authentication";
    let (kind, counter, text) = match &heard.credentials {
        Credentials::None => {
            shown.authentication = Some(Authentication { kind: "none", verified: None });
            return;
        }
        Credentials::Unknown(method) => {
            let refusal = AuthRefusal::UnknownMethod(*method);
            shown.problems.push(Problem::refusal(refusal.counter(), refusal.to_string(), RULE));
            return;
        }
        Credentials::Text(_) => ("text", AuthRefusal::Text.counter(), "the text is none of the keys"),
        Credentials::KeyString(_) => ("md5", AuthRefusal::Digest.counter(), "the MD5 digest fits no key"),
        Credentials::KeyChain { key, .. } => {
            shown.details.push(("key_id", Value::Number((*key).into())));
            ("md5", AuthRefusal::Digest.counter(), "the MD5 digest fits no key")
        }
    };
    let proven = |key: &&[u8]| is_proven(key, heard, received.source);
    let verified = (!known.keys.is_empty()).then(|| known.keys.iter().any(proven));
    shown.authentication = Some(Authentication { kind, verified });
    if verified == Some(false) {
        shown.problems.push(Problem::refusal(counter, text, RULE));
    }
}
