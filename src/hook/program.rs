//! One process: what it is given, how it ends, what it says.
//!
//! It gets no shell, no descriptor of ours, no variable of our environment, and a process group of its own, which is
//! what is ended when it takes too long. What it writes is logged.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, copy, sink};
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{Deed, Order};
use crate::log::printable;

/// Between the request to end and the end.
const GRACE: Duration = Duration::from_secs(2);
/// What is logged of a program's output, octets of each stream.
const HEARD: u64 = 8192;
/// Where programs look for others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a program ended.
#[derive(Debug)]
pub enum Outcome {
    /// By itself.
    Ended(ExitStatus),
    /// It took too long, or the daemon ended while something else was to be done: it was ended.
    Stopped(ExitStatus),
    /// It was not run at all.
    Refused(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ended(status) => write!(f, "{status}"),
            Outcome::Stopped(status) => write!(f, "took too long and was ended, {status}"),
            Outcome::Refused(why) => write!(f, "was not run: {why}"),
        }
    }
}

/// A program, with everything it is given.
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    timeout: Option<Duration>,
    /// In front of what it writes.
    name: String,
}

impl Program {
    /// What an order wants to be run; `None` if there is nothing.
    pub fn of(order: &Order) -> Option<Self> {
        let (hook, subject) = (&order.hook, &order.subject);
        let deed = order.deed();
        let path = match deed {
            Deed::Up => hook.up.clone()?,
            Deed::Down => hook.down.clone()?,
        };
        let mut arguments = vec![subject.interface.clone(), hook.address.clone()];
        arguments.extend(hook.argument.clone());
        let mut variables = vec![
            ("PATH", PATH.to_owned()),
            ("FIRSTHOP_EVENT", deed.word().to_owned()),
            ("FIRSTHOP_NAME", subject.name.clone()),
            ("FIRSTHOP_INTERFACE", subject.interface.clone()),
            ("FIRSTHOP_PROTOCOL", subject.protocol.to_owned()),
            ("FIRSTHOP_GROUP", subject.id.to_string()),
            ("FIRSTHOP_STATE", order.state.to_owned()),
            ("FIRSTHOP_ADDRESS", hook.address.clone()),
        ];
        // A group of both families has none of its own.
        variables.extend(subject.family.map(|family| ("FIRSTHOP_FAMILY", family.to_string())));
        let name = format!("{}: {}", subject.name, path.display());
        Some(Program { path, arguments, variables, timeout: hook.timeout, name })
    }

    /// Its path.
    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Runs it to its end, which comes early if `overtaken` does.
    pub async fn run(&self, overtaken: impl Future<Output = ()> + Send) -> Outcome {
        if rustix::process::geteuid().is_root()
            && let Err(why) = trusted(&self.path)
        {
            return Outcome::Refused(why);
        }
        match self.start() {
            Ok(mut child) => match self.accompany(&mut child, overtaken).await {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Refused(format!("it cannot be waited for: {error}")),
            },
            Err(error) => Outcome::Refused(error.to_string()),
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.path);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.variables.iter().map(|(name, text)| (name, text)));
        command.current_dir("/").process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // Not waited for: what a program leaves running in the background may write for a long time.
        if let Some(stream) = child.stdout.take() {
            tokio::spawn(listen(stream, self.name.clone()));
        }
        if let Some(stream) = child.stderr.take() {
            tokio::spawn(listen(stream, self.name.clone()));
        }
        Ok(child)
    }

    async fn accompany(
        &self,
        child: &mut Child,
        overtaken: impl Future<Output = ()> + Send,
    ) -> io::Result<Outcome> {
        let too_long = async {
            match self.timeout {
                Some(timeout) => sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            status = child.wait() => return status.map(Outcome::Ended),
            () = too_long => {}
            () = overtaken => {}
        }
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let signal = |signal| group.map(|group| kill_process_group(group, signal));
        signal(Signal::TERM);
        let status = tokio::select! {
            biased;
            status = child.wait() => Some(status?),
            () = sleep(GRACE) => None,
        };
        // Also what the program has left behind in its group.
        signal(Signal::KILL);
        let status = match status {
            Some(status) => status,
            None => child.wait().await?,
        };
        Ok(Outcome::Stopped(status))
    }
}

/// Logs what is written, up to a limit, and goes on reading so that the writer is not held up.
async fn listen(mut stream: impl AsyncRead + Unpin, name: String) {
    let mut lines = BufReader::new((&mut stream).take(HEARD)).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        tracing::info!("{name}: {}", printable(&String::from_utf8_lossy(&line)));
    }
    // Whatever goes wrong, there is nothing left to read.
    let _ = copy(&mut stream, &mut sink()).await;
}

/// Why a program could not be run as root as things are; `None` if it could.
pub fn objection(path: &Path) -> Option<String> {
    let is_executable = || path.metadata().is_ok_and(|it| it.is_file() && it.mode() & 0o111 != 0);
    match trusted(path) {
        Err(why) => Some(why),
        Ok(()) if is_executable() => None,
        Ok(()) => Some("it is not executable".to_owned()),
    }
}

/// Whether nobody but root can change what would be run as root.
///
/// Fails with the reason, a clause.
fn trusted(path: &Path) -> Result<(), String> {
    let found = path.canonicalize().map_err(|error| error.to_string())?;
    for part in found.ancestors() {
        let metadata = part.metadata().map_err(|error| format!("{}: {error}", part.display()))?;
        let mode = metadata.mode();
        let by_others = mode & 0o002 != 0 || (mode & 0o020 != 0 && metadata.gid() != 0);
        // In a directory with the sticky bit everybody can only change what is their own.
        let sticky = metadata.is_dir() && mode & 0o1000 != 0;
        if metadata.uid() != 0 || (by_others && !sticky) {
            return Err(format!("others than root can change {}", part.display()));
        }
    }
    Ok(())
}
