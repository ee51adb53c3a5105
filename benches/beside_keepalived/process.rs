//! What processes cost, as the kernel counts it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Pid;

/// Every process in the network namespace at this path; those that are dead and not yet waited for have none.
pub fn inside(namespace: &Path) -> Vec<Pid> {
    let Ok(there) = fs::metadata(namespace) else { return Vec::new() };
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let here = |number: &i32| {
        let about = fs::metadata(format!("/proc/{number}/ns/net"));
        about.is_ok_and(|about| (about.dev(), about.ino()) == (there.dev(), there.ino()))
    };
    numbers.filter(here).filter_map(Pid::from_raw).collect()
}

/// Processor time of all threads of these processes, in user and kernel, to the nanosecond.
pub fn processor_time(processes: &[Pid]) -> Duration {
    let spent = |path: std::path::PathBuf| -> Option<u64> {
        fs::read_to_string(path.join("schedstat")).ok()?.split_ascii_whitespace().next()?.parse().ok()
    };
    let threads = |process: &Pid| fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero()));
    let threads = processes.iter().filter_map(|process| threads(process).ok()).flatten().flatten();
    Duration::from_nanos(threads.filter_map(|thread| spent(thread.path())).sum())
}

/// Memory of these processes in octets. Resident: what each has, shared pages counted for each. Proportional:
/// shared pages divided among those who share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    pub resident: u64,
    pub proportional: u64,
}

/// Memory of these processes together.
pub fn memory(processes: &[Pid]) -> Memory {
    let mut sum = Memory::default();
    for process in processes {
        let path = format!("/proc/{}/smaps_rollup", process.as_raw_nonzero());
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let kilobytes = value.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
            match name {
                "Rss" => sum.resident += kilobytes << 10,
                "Pss" => sum.proportional += kilobytes << 10,
                _ => {}
            }
        }
    }
    sum
}
