//! What is told to one router of ours, `r1`, in its group `g`, by a stranger.

use crate::stage::Stage;

/// It hears a frame; waits until that is counted under this name.
pub fn counted(stage: &mut Stage, frame: Vec<u8>, counter: &str, what: &str) {
    let before = stage.count("r1", "g", counter);
    stage.inject(&[frame]);
    stage
        .until(&format!("{what} counts as {counter}"), |stage| stage.count("r1", "g", counter) == before + 1);
}

/// The state that it entered last, and why.
pub fn latest(stage: &mut Stage) -> String {
    stage.transitions("r1", "g").pop().unwrap_or_default()
}
