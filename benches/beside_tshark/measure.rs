//! What a command costs. It runs under a process of its own, whose account of dead children then holds it alone.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};

/// What one run cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    /// User and kernel.
    pub processor: Duration,
    /// Most memory resident at once, in octets.
    pub peak: u64,
}

/// Runs a command on a capture; `None`, and a word of it, if there is no such program here.
pub fn outside(command: &str, capture: &Path) -> Result<Option<Cost>> {
    let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    for word in &mut words {
        if word == "{}" {
            *word = capture.display().to_string();
        }
    }
    if words[0] == "firsthop" {
        words[0] = env::var("FIRSTHOP_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_firsthop").to_owned());
    } else if !Command::new("sh")
        .args(["-c", "command -v \"$1\"", "sh", &words[0]])
        .output()?
        .status
        .success()
    {
        eprintln!("{} is not installed", words[0]);
        return Ok(None);
    }
    let output = Command::new(env::current_exe()?).arg("--measure").args(&words).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, processor, peak] = numbers[..] else {
        bail!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim());
    };
    Ok(Some(Cost { wall: Duration::from_nanos(wall), processor: Duration::from_nanos(processor), peak }))
}

/// Runs a command with nowhere to write to, and prints its cost: nanoseconds, nanoseconds, octets.
pub fn inside(program: &str, arguments: &[String]) -> Result<()> {
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("start {program}"))?;
    let wall = start.elapsed();
    if !status.success() {
        bail!("{program}: {status}");
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let spent = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), u32::try_from(time.tv_usec()).unwrap_or_default() * 1_000)
    };
    let processor = spent(usage.user_time()) + spent(usage.system_time());
    println!("{} {} {}", wall.as_nanos(), processor.as_nanos(), usage.max_rss().unsigned_abs() << 10);
    Ok(())
}
