//! GLBP: hellos tell the state of the gateway and of every forwarder that the sender knows. Who answers for the
//! virtual address and who forwards are roles of their own.

use fhrp::dissect::{Dissection, Value};

use super::hsrp;
use super::reading::{Part, Reading, Stance, Statement};

/// The priority of whoever leaves.
const GOODBYE: u8 = 0;

pub(super) fn read(dissection: &Dissection) -> Reading {
    // The gateway's role is HSRP's in all that matters here.
    let mut reading = hsrp::read(dissection);
    if dissection.state.is_none() {
        reading.statements.clear();
    }
    // Whoever leaves says so with a priority that nobody else has. Cisco's routers fall silent instead.
    if dissection.priority == Some(GOODBYE) {
        for statement in &mut reading.statements {
            *statement = Statement { stance: Stance::Resigns, word: "left", ..*statement };
        }
    }
    let forwarders = dissection.details.iter().find_map(|(name, value)| match (*name, value) {
        ("forwarders", Value::List(forwarders)) if dissection.kind == "hello" => Some(forwarders),
        _ => None,
    });
    // A forwarder that is taken over is told of at once and alone; every other hello tells of all.
    reading.complete = !reading.statements.is_empty();
    reading.statements.extend(forwarders.into_iter().flatten().filter_map(forwarder));
    reading
}

/// What is said of one forwarder.
fn forwarder(value: &Value) -> Option<Statement> {
    let Value::Record(fields) = value else { return None };
    let field = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let (Some(Value::Number(number)), Some(Value::Word(word))) = (field("number"), field("state")) else {
        return None;
    };
    let number = u8::try_from(*number).ok().filter(|number| *number > 0)?;
    let rank = match field("priority") {
        Some(Value::Number(rank)) => u8::try_from(*rank).ok(),
        _ => None,
    };
    let (stance, word) = match (*word, rank) {
        ("active", _) => (Stance::Holds, *word),
        (_, Some(GOODBYE)) => (Stance::Resigns, "left"),
        _ => (Stance::StandsBy, *word),
    };
    let rank = rank.filter(|rank| *rank != GOODBYE);
    Some(Statement { part: Part::Forwarder(number), stance, word, coup: false, rank })
}
