//! Logging: events and everything else, to standard error, through a queue that never makes anybody wait.
//!
//! Under systemd lines begin with their syslog priority and bear no time, as the journal has its own; see
//! sd-daemon(3). When the reader of our standard error is slower than we are, lines are dropped and counted.

mod line;
pub mod syslog;

use std::fmt;
use std::os::unix::fs::MetadataExt;

use thiserror::Error;
use tracing::field::{Field, Visit};
use tracing::{Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

pub use line::{count, kind, level, line, note_sentence, printable};

use crate::config::plan::{LogFormat, LogLevel};
use crate::event::Event;
use syslog::{Facility, Syslog};

/// Lines that may wait for a slow reader of standard error before some are dropped.
const QUEUE: usize = 16_384;

/// Log lines of events come from this target; in text they are their sentence alone.
const EVENTS: &str = "firsthop::event";

/// Why there is no log.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("`{text}` is no log level: write error, warn, info, debug or trace ({reason})")]
    Level {
        /// What was written.
        text: String,
        /// Why that cannot be read.
        reason: String,
    },
    /// Another logger is there already.
    #[error("another logger is there already: {0}")]
    Taken(#[from] tracing_subscriber::util::TryInitError),
}

/// A running log. Dropping it writes what still waits.
#[derive(Debug)]
pub struct Log {
    dropped: ErrorCounter,
    _writer: WorkerGuard,
}

impl Log {
    /// Lines lost so far because standard error was not read fast enough.
    pub fn dropped(&self) -> usize {
        self.dropped.dropped_lines()
    }

    /// The counter behind [`Log::dropped`], for another thread.
    pub fn dropped_counter(&self) -> ErrorCounter {
        self.dropped.clone()
    }
}

/// Where lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTo {
    /// Standard error.
    StandardError,
    /// The system's logger, as this facility; nowhere without one.
    Syslog(Option<Facility>),
}

/// Starts the log for the whole process, with `RUST_LOG` as filter if it is set and `level` otherwise.
pub fn start(level: LogLevel, format: LogFormat, to: LogTo) -> Result<Log, LogError> {
    let text = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| level_name(level).to_owned());
    let filter = EnvFilter::builder()
        .parse(&text)
        .map_err(|reason| LogError::Level { text: text.clone(), reason: reason.to_string() })?;
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).thread_name("log");
    let (writer, guard) = match to {
        LogTo::StandardError => builder.finish(std::io::stderr()),
        LogTo::Syslog(facility) => builder.finish(Syslog::new(facility, "ucarp")),
    };
    let dropped = writer.error_counter();
    let with_priority = to != LogTo::StandardError || in_journal();
    subscribe(writer, filter, format, with_priority)?;
    Ok(Log { dropped, _writer: guard })
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

fn subscribe(
    writer: NonBlocking,
    filter: EnvFilter,
    format: LogFormat,
    with_priority: bool,
) -> Result<(), LogError> {
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).finish().try_init()?,
        LogFormat::Text => builder.event_format(Lines { with_priority }).finish().try_init()?,
    }
    Ok(())
}

/// Writes an event to the log.
pub fn write(event: &Event) {
    macro_rules! say {
        ($level:expr) => {
            tracing::event!(
                target: EVENTS,
                $level,
                event = kind(&event.what),
                sequence = event.sequence,
                group = event.group.as_ref().map(|group| group.name.as_str()),
                interface = event.group.as_ref().map(|group| group.interface.as_str()),
                protocol = event.group.as_ref().map(|group| group.protocol),
                id = event.group.as_ref().map(|group| group.id),
                "{}",
                line(event)
            )
        };
    }
    match level(&event.what) {
        Level::ERROR => say!(Level::ERROR),
        Level::WARN => say!(Level::WARN),
        _ => say!(Level::INFO),
    }
}

/// Whether standard error goes to the journal: `JOURNAL_STREAM` names the very file. systemd.exec(5).
fn in_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(here) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", here.dev(), here.ino())
}

/// Lines of text.
struct Lines {
    with_priority: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> fmt::Result {
        let level = *event.metadata().level();
        if self.with_priority {
            write!(writer, "<{}>", priority(level))?;
        } else {
            SystemTime.format_time(&mut writer)?;
            write!(writer, " {level:>5} ")?;
        }
        let mut text = Text { message: String::new(), rest: String::new() };
        event.record(&mut text);
        if event.metadata().target() == EVENTS {
            writeln!(writer, "{}", text.message)
        } else {
            writeln!(writer, "{}{}", printable(&text.message), printable(&text.rest))
        }
    }
}

/// The syslog priority of a level. sd-daemon(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// An event's message, and its other fields.
struct Text {
    message: String,
    rest: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.rest, " {name}={value:?}"),
        };
    }
}
