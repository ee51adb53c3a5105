//! One client: its requests one after the other, each answered before the next is read.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::history::{Line, missed_line};
use super::protocol::{self, Answer, Ask, Greeting, LONGEST_REQUEST, Order, Trouble, TroubleKind};
use super::reload::ReloadError;
use super::service::{FOLLOWERS, Service};
use crate::driver::remote::{GroupView, LinkView, PAGE, Reloaded, Remote, Request};

/// How long a client may take to finish a line, or to begin the next.
const READING: Duration = Duration::from_secs(30);

/// How long a client may leave an answer unread. Followers may take as long as they like, and miss events.
const WRITING: Duration = Duration::from_secs(5);

/// How long the event loop may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names that are listed for somebody who asked for one that does not exist.
const SUGGESTIONS: usize = 12;

/// What the daemon writes.
type Said<'a> = Answer<&'a GroupView, &'a LinkView, (), Reloaded>;

/// Serves one client until it hangs up, or takes too long, or sends what is no line.
pub(super) async fn run(stream: UnixStream, service: &Service) {
    let (reader, writer) = stream.into_split();
    let mut session = Session { reader: BufReader::new(reader), writer, service };
    // An error here means that the client is gone, and there is nobody left to tell.
    let _ = session.run().await;
}

/// The line that tells a client of trouble.
pub(super) fn trouble_line(trouble: &Trouble) -> String {
    let said: Said<'_> = Answer::Error(trouble.clone());
    let mut line = serde_json::to_string(&said).unwrap_or_default();
    line.push('\n');
    line
}

struct Session<'a, R, W> {
    reader: BufReader<R>,
    writer: W,
    service: &'a Service,
}

/// Why there is no request.
enum NoRequest {
    /// The client has hung up.
    Over,
    /// It is no use to go on.
    Wrong(Trouble),
}

/// What stops an answer.
enum Stop {
    /// The request cannot be fulfilled.
    Trouble(Trouble),
    /// The client is gone, or does not read.
    Gone(io::Error),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Stop::Trouble(trouble)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Gone(error)
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<'_, R, W> {
    async fn run(&mut self) -> io::Result<()> {
        loop {
            let line = match self.request().await? {
                Ok(line) => line,
                Err(NoRequest::Over) => return Ok(()),
                Err(NoRequest::Wrong(trouble)) => return self.write(trouble_line(&trouble).as_bytes()).await,
            };
            let answered = match protocol::parse(&line) {
                Ok(ask) => self.answer(ask).await,
                Err(trouble) => Err(trouble.into()),
            };
            match answered {
                Ok(()) => self.say(&Answer::Done {}).await?,
                Err(Stop::Trouble(trouble)) => self.write(trouble_line(&trouble).as_bytes()).await?,
                Err(Stop::Gone(error)) => return Err(error),
            }
        }
    }

    /// Reads one line.
    async fn request(&mut self) -> io::Result<Result<Vec<u8>, NoRequest>> {
        let wrong = |text: String| Ok(Err(NoRequest::Wrong(Trouble::new(TroubleKind::Request, text))));
        let mut line = Vec::new();
        let reading = timeout(READING, read_line(&mut self.reader, &mut line)).await;
        match reading {
            Ok(Ok(End::Line)) => Ok(Ok(line)),
            Ok(Ok(End::HungUp)) if line.is_empty() => Ok(Err(NoRequest::Over)),
            Ok(Ok(End::HungUp)) => wrong("the request ended before its line did".into()),
            Ok(Ok(End::TooLong)) => wrong(format!("a request has at most {LONGEST_REQUEST} octets")),
            Ok(Err(error)) => Err(error),
            Err(_) => wrong(format!("no request came for {} s", READING.as_secs())),
        }
    }

    async fn answer(&mut self, ask: Ask) -> Result<(), Stop> {
        match ask {
            Ask::Version {} => {
                let greeting =
                    Greeting { version: env!("CARGO_PKG_VERSION").into(), pid: std::process::id() };
                Ok(self.say(&Answer::Daemon(greeting)).await?)
            }
            Ask::Show { name } => self.show(name.as_deref()).await,
            Ask::Links {} => {
                let links = asked(&self.service.remote, |answer| Request::Links { answer }).await?;
                Ok(self.say_all(links.iter().map(Answer::Link)).await?)
            }
            Ask::Events { follow: false, last } => {
                Ok(self.say_lines(&self.service.history.latest(last)).await?)
            }
            Ask::Events { follow: true, last } => self.follow(last).await,
            Ask::Reload {} => self.reload().await,
            Ask::Command { command, name } => self.command(command, name).await,
        }
    }

    async fn show(&mut self, name: Option<&str>) -> Result<(), Stop> {
        let service = self.service;
        let mut pages = Pages { remote: &service.remote, next: Some(0) };
        let mut found = name.is_none();
        let mut others = BTreeSet::new();
        while let Some(mut groups) = pages.next().await? {
            if let Some(name) = name {
                others.extend(groups.iter().map(|view| view.group.name.clone()));
                groups.retain(|view| {
                    let group = &view.group;
                    [group.name.as_str(), group.interface.as_str(), group.protocol].contains(&name)
                });
                found |= !groups.is_empty();
            }
            self.say_all(groups.iter().map(Answer::Group)).await?;
        }
        match name {
            Some(name) if !found => {
                Err(unknown(name, "group, interface or protocol with groups", &others).into())
            }
            _ => Ok(()),
        }
    }

    async fn follow(&mut self, last: Option<usize>) -> Result<(), Stop> {
        let service = self.service;
        let Ok(_place) = service.followers().try_acquire() else {
            let text = format!("{FOLLOWERS} clients follow the events already; try again when one has left");
            return Err(Trouble::new(TroubleKind::Daemon, text).into());
        };
        let (lines, mut live) = service.history.follow(last);
        self.say_lines(&lines).await?;
        loop {
            tokio::select! {
                line = next_line(&mut live) => match line {
                    Some(line) => self.writer.write_all(line.as_bytes()).await?,
                    None => return Ok(()),
                },
                read = self.reader.fill_buf() => {
                    // Whatever a follower says, there is nothing that it could ask for; only its leaving counts.
                    let said = read?.len();
                    if said == 0 {
                        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                    }
                    self.reader.consume(said);
                }
            }
        }
    }

    async fn reload(&mut self) -> Result<(), Stop> {
        match self.service.reloader.reload().await {
            Ok(reloaded) => Ok(self.say(&Answer::Reloaded(reloaded)).await?),
            Err(ReloadError::Faults(text)) => Err(Trouble::new(TroubleKind::Configuration, text).into()),
            Err(other) => Err(Trouble::new(TroubleKind::Daemon, other.to_string()).into()),
        }
    }

    async fn command(&mut self, order: Order, name: Option<String>) -> Result<(), Stop> {
        let wanted = name.clone();
        let told =
            asked(&self.service.remote, |answer| Request::Command { name, command: order.into(), answer })
                .await?;
        if let Some(wanted) = wanted.filter(|_| told == 0) {
            let mut others = BTreeSet::new();
            let mut pages = Pages { remote: &self.service.remote, next: Some(0) };
            while let Some(groups) = pages.next().await? {
                others.extend(groups.into_iter().map(|view| view.group.name));
            }
            return Err(unknown(&wanted, "group", &others).into());
        }
        Ok(self.say(&Answer::Told(told)).await?)
    }

    async fn say(&mut self, said: &Said<'_>) -> io::Result<()> {
        let mut text = Vec::new();
        append(&mut text, said)?;
        self.write(&text).await
    }

    async fn say_all<'v>(&mut self, all: impl Iterator<Item = Said<'v>>) -> io::Result<()> {
        let mut text = Vec::new();
        for said in all {
            append(&mut text, &said)?;
        }
        self.write(&text).await
    }

    async fn say_lines(&mut self, lines: &[Line]) -> io::Result<()> {
        let text: String = lines.iter().map(|line| &**line).collect();
        self.write(text.as_bytes()).await
    }

    async fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let slow = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout(WRITING, self.writer.write_all(text)).await.map_err(slow)?
    }
}

fn append(text: &mut Vec<u8>, said: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *text, said)?;
    text.push(b'\n');
    Ok(())
}

/// The groups, page by page.
struct Pages<'a> {
    remote: &'a Remote,
    next: Option<u32>,
}

impl Pages<'_> {
    async fn next(&mut self) -> Result<Option<Vec<GroupView>>, Trouble> {
        let Some(from) = self.next else { return Ok(None) };
        let page = asked(self.remote, |answer| Request::Groups { from, limit: PAGE, answer }).await?;
        self.next = page.next.filter(|next| *next > from);
        Ok(Some(page.groups))
    }
}

/// Asks the event loop, and waits for its answer; other clients are served meanwhile.
async fn asked<T>(
    remote: &Remote,
    request: impl FnOnce(oneshot::Sender<T>) -> Request,
) -> Result<T, Trouble> {
    let trouble = |text: String| Trouble::new(TroubleKind::Daemon, text);
    let (answer, answered) = oneshot::channel();
    remote.ask(request(answer)).map_err(|refused| trouble(refused.to_string()))?;
    match timeout(PATIENCE, answered).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(trouble("the daemon is stopping".into())),
        Err(_) => Err(trouble(format!("the event loop has not answered for {} s", PATIENCE.as_secs()))),
    }
}

/// The next line for a follower; `None` if there will be no more.
async fn next_line(live: &mut Receiver<Line>) -> Option<Line> {
    match live.recv().await {
        Ok(line) => Some(line),
        Err(RecvError::Lagged(count)) => Some(missed_line(count)),
        Err(RecvError::Closed) => None,
    }
}

/// There is nothing of that name, but there are others.
fn unknown(name: &str, what: &str, others: &BTreeSet<String>) -> Trouble {
    let mut listed: Vec<&str> = others.iter().take(SUGGESTIONS).map(String::as_str).collect();
    if others.len() > listed.len() {
        listed.push("…");
    }
    let text = match listed.is_empty() {
        true => format!("there is no {what} called `{name}`; there are no groups at all"),
        false => format!("there is no {what} called `{name}`; there are: {}", listed.join(", ")),
    };
    Trouble::new(TroubleKind::Unknown, text)
}

/// How reading a line ended.
enum End {
    Line,
    HungUp,
    TooLong,
}

/// Appends to `line` up to the next line feed, which is dropped, and never more than [`LONGEST_REQUEST`].
async fn read_line(reader: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> io::Result<End> {
    loop {
        let waiting = reader.fill_buf().await?;
        if waiting.is_empty() {
            return Ok(End::HungUp);
        }
        let found = waiting.iter().position(|octet| *octet == b'\n');
        let taken = found.unwrap_or(waiting.len());
        if line.len() + taken > LONGEST_REQUEST {
            return Ok(End::TooLong);
        }
        line.extend_from_slice(&waiting[..taken]);
        reader.consume(found.map_or(taken, |found| found + 1));
        if found.is_some() {
            return Ok(End::Line);
        }
    }
}
