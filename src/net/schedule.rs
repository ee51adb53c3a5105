//! Real-time scheduling with a way out, and locked memory: what a thread needs to be on time beside busy ones.

use std::io;
use std::num::NonZeroU64;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use thiserror::Error;

use crate::sys;

/// How long the real-time thread may compute without ever waiting before it is put back to ordinary
/// scheduling. In good health it waits after every few milliseconds.
const ALLOWANCE_MICROSECONDS: u64 = 1_000_000;

/// The niceness asked for where real-time scheduling is refused.
const FAVOURED: i32 = -20;

/// What the machine would not grant, and what would help. Nothing of it keeps the daemon from working.
#[derive(Debug, Error)]
pub enum Refusal {
    /// No real-time scheduling.
    #[error("no real-time scheduling ({0}); grant CAP_SYS_NICE or a real-time priority limit (LimitRTPRIO=)")]
    RealTime(io::Error),
    /// No way to give a thread an allowance, and without one it is not made a real-time thread.
    #[error("no real-time scheduling, since no limit on it could be set ({0})")]
    Allowance(io::Error),
    /// Memory may be swapped out.
    #[error("memory is not locked ({0}); grant CAP_IPC_LOCK or unlimited locked memory (LimitMEMLOCK=)")]
    Memory(io::Error),
    /// Locking would succeed now and make later allocations fail.
    #[error(
        "memory is not locked, since only {limit} octets may be; grant CAP_IPC_LOCK or unlimited locked memory \
         (LimitMEMLOCK=)"
    )]
    MemoryLimit {
        /// The limit.
        limit: u64,
    },
}

/// Schedules the calling thread in real time, round-robin, at a priority of 1 to 99; what it starts begins at
/// ordinary priority. Timers that it waits for are no longer rounded.
///
/// A bug must not freeze the machine: a thread that computes for a second without once waiting is put back to
/// ordinary scheduling. [`demotions`] tells, and calling this again undoes it. One thread of a process has
/// this protection: the latest that called.
///
/// # Errors
/// If the system refuses. The thread then at least has the best ordinary priority that was to be had.
pub fn real_time(priority: u8) -> Result<(), Refusal> {
    // The kernel rounds an ordinary thread's timers by 50 µs.
    let _best_effort = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    limit_real_time().map_err(Refusal::Allowance)?;
    sys::set_round_robin(priority.clamp(1, 99)).map_err(|cause| {
        let _best_effort = setpriority_process(None, FAVOURED);
        Refusal::RealTime(cause)
    })
}

/// How often a real-time thread of this process was put back to ordinary scheduling.
pub fn demotions() -> u32 {
    sys::demotions()
}

fn limit_real_time() -> io::Result<()> {
    sys::demote_on_excess()?;
    let maximum = getrlimit(Resource::Rttime).maximum;
    let allowance = maximum.map_or(ALLOWANCE_MICROSECONDS, |maximum| maximum.min(ALLOWANCE_MICROSECONDS));
    setrlimit(Resource::Rttime, Rlimit { current: Some(allowance), maximum })?;
    Ok(())
}

/// Keeps every page that this process touches, now or later, in memory.
///
/// # Errors
/// If the system refuses, or if it would stop at a limit: a process whose memory is locked up to a limit can
/// allocate no more than that.
pub fn lock_memory() -> Result<(), Refusal> {
    let unlimited = Rlimit { current: None, maximum: None };
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        let limit = getrlimit(Resource::Memlock);
        let raised = Rlimit { current: limit.maximum, ..limit };
        let _best_effort = setrlimit(Resource::Memlock, raised);
        if let Some(limit) = limit.maximum.filter(|_| !may_lock_without_limit()) {
            return Err(Refusal::MemoryLimit { limit });
        }
    }
    mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT)
        .map_err(|error| Refusal::Memory(error.into()))
}

/// The capability counts only in the machine's own user namespace, not in one that a container made.
fn may_lock_without_limit() -> bool {
    let machine_wide = std::fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| map.split_ascii_whitespace().eq(["0", "0", "4294967295"]));
    machine_wide
        && caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_IPC_LOCK).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// The policy of the calling thread, as the kernel shows it: 0 for ordinary, 2 for round-robin.
    fn policy() -> u32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let behind_the_name = stat.rsplit_once(')').unwrap().1;
        behind_the_name.split_ascii_whitespace().nth(38).unwrap().parse().unwrap()
    }

    #[test]
    fn a_thread_that_never_waits_is_put_back() {
        let thread = std::thread::spawn(|| {
            if let Err(refusal) = real_time(1) {
                eprintln!("skipped: {refusal}");
                return;
            }
            assert_eq!(policy(), 2);
            assert_eq!(std::thread::spawn(policy).join().unwrap(), 0);
            let before = demotions();
            let began = Instant::now();
            while demotions() == before && began.elapsed() < Duration::from_secs(20) {
                std::hint::spin_loop();
            }
            assert_eq!(policy(), 0);
            real_time(1).unwrap();
            assert_eq!(policy(), 2);
        });
        thread.join().unwrap();
    }
}
