//! `firsthop replay`: a capture played to our own routers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use fhrp::InterfaceAddress;
use serde_json::json;

use super::keys::KeyArgs;
use super::{Exit, Failure, complain, finish};
use crate::capture::{Damage, Direction, Reader, Writer};
use crate::config::{self, GroupPlan, Plan};
use crate::log::count;
use crate::replay::compare::Compared;
use crate::replay::enact::Enact;
use crate::replay::observe::{Act, Observer, Standing, What};
use crate::replay::report;

/// Arguments of `firsthop replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A capture: pcap or pcapng, as it is or compressed by gzip or zstd
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Take the router with this address out, put ours in its place, and compare
    #[arg(long = "as", value_name = "ADDRESS")]
    pub address: Option<IpAddr>,
    /// Take our settings from this file; without it those of the router that is replaced, as it announced them
    #[arg(long, value_name = "FILE", required_unless_present = "address")]
    pub config: Option<PathBuf>,
    /// Which interface of the configuration the capture is of, if it has several
    #[arg(long, value_name = "NAME", conflicts_with = "address")]
    pub interface: Option<String>,
    /// A real address of our router, with its prefix length; may be repeated [default: one beside the virtual ones]
    #[arg(long, value_name = "ADDRESS/LENGTH", conflicts_with = "address")]
    pub own: Vec<InterfaceAddress>,
    /// Write the frames that our router sends to this file (pcapng)
    #[arg(long, value_name = "FILE", conflicts_with = "address")]
    pub write: Option<PathBuf>,
    /// Where chance comes from: the same seed gives the same output
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Print JSON: one object a line for each thing that happens, or one document for a comparison
    #[arg(long)]
    pub json: bool,
    /// Take each interface of the capture for a network of its own, with groups of its own
    #[arg(long, requires = "address")]
    pub per_interface: bool,
    #[command(flatten)]
    keys: KeyArgs,
}

/// Plays, and prints what became of it. A comparison with an unexplained divergence fails.
pub(super) fn run(mut args: ReplayArgs, out: &mut dyn Write) -> Exit {
    let plan = match args.config.as_deref().map(config::load).transpose() {
        Ok(plan) => plan,
        Err(faults) => {
            complain(&faults);
            return if faults.unreadable { Exit::Failed } else { Exit::Misconfigured };
        }
    };
    let mut damaged = false;
    let mut complain_of = |damage: Damage| {
        damaged = true;
        complain(damage);
    };
    let done = match (args.address, &plan) {
        (Some(address), _) => enact(&mut args, address, plan.as_ref(), &mut complain_of, out),
        (None, Some(plan)) => observe(&args, plan, &mut complain_of, out).map(|()| Exit::Done),
        (None, None) => Ok(Exit::Failed),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(failure) => finish(Err(failure)),
    };
    if damaged { Exit::Failed } else { exit }
}

fn enact(
    args: &mut ReplayArgs,
    address: IpAddr,
    config: Option<&Plan>,
    complain: &mut dyn FnMut(Damage),
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    if args.file.as_os_str() == "-" {
        return Err(Failure::Twice);
    }
    let wish = args.keys.collect()?;
    let file = args.file.clone();
    let open = || Reader::open(&file);
    let enact = Enact {
        open: &open,
        address,
        wish: &wish,
        config,
        per_interface: args.per_interface,
        seed: args.seed,
    };
    let compared = enact.run(complain)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &compared).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let texts: Vec<String> = compared.iter().map(report::compared).collect();
        out.write_all(texts.join("\n").as_bytes())?;
    }
    let is_explained = |compared: &Compared| compared.unexplained == 0;
    Ok(if compared.iter().all(is_explained) { Exit::Done } else { Exit::Failed })
}

fn observe(
    args: &ReplayArgs,
    plan: &Plan,
    complain: &mut dyn FnMut(Damage),
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let groups = chosen(plan, args.interface.as_deref())?;
    let mut reader = Reader::open(&args.file)?;
    let mut teller = Teller { json: args.json, writer: None, begins: 0, again: None, out };
    let mut observer: Option<Observer> = None;
    while let Some(next) = reader.next_frame() {
        let frame = match next {
            Ok(frame) => frame,
            Err(damage) => {
                complain(damage);
                continue;
            }
        };
        let observer = match &mut observer {
            Some(observer) => observer,
            None => {
                if let Some(file) = &args.write {
                    teller.writer = Some(Writer::new(BufWriter::new(create(file)?))?);
                }
                teller.begins = frame.at;
                let begins = Duration::from_nanos(frame.at);
                observer.insert(Observer::new(&groups, &args.own, begins, args.seed))
            }
        };
        let mut told = Ok(());
        observer.frame(&frame, &mut |act| {
            if told.is_ok() {
                told = teller.tell(act);
            }
        });
        told?;
    }
    let Some(mut observer) = observer else { return Ok(()) };
    let mut told = Ok(());
    let standings = observer.finish(&mut |act| {
        if told.is_ok() {
            told = teller.tell(act);
        }
    });
    told?;
    teller.end(&observer, &standings)?;
    match observer.is_worn_out() {
        true => Err(Failure::Endless(args.file.clone())),
        false => Ok(()),
    }
}

fn create(file: &Path) -> Result<File, Failure> {
    File::create(file).map_err(|error| Failure::Write { file: file.to_owned(), error })
}

/// The groups on the interface that the capture is of.
fn chosen(plan: &Plan, interface: Option<&str>) -> Result<Vec<GroupPlan>, Failure> {
    let mut names: Vec<&str> = plan.groups.iter().map(|group| group.interface.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let name = match (interface, names.as_slice()) {
        (Some(name), names) if names.contains(&name) => name,
        (None, [name]) => name,
        (_, names) => return Err(Failure::Interface { names: names.join(", ") }),
    };
    Ok(plan.groups.iter().filter(|group| group.interface == name).cloned().collect())
}

/// Prints what groups do as it happens. A frame that says the same as the one before it is only counted.
struct Teller<'a> {
    json: bool,
    writer: Option<Writer<BufWriter<File>>>,
    /// The first frame, in nanoseconds since the Unix epoch.
    begins: u64,
    /// What was sent last, and how often again since.
    again: Option<(Act, u64)>,
    out: &'a mut dyn Write,
}

impl Teller<'_> {
    fn tell(&mut self, act: Act) -> Result<(), Failure> {
        let frames = match &act.what {
            What::Sent { frame, .. } => std::slice::from_ref(frame),
            What::Announced { frames, .. } => frames,
            What::Group(_) => &[],
        };
        if let Some(writer) = &mut self.writer {
            for frame in frames {
                let at = self.begins.saturating_add(act.at_ns);
                writer.frame(&act.group.interface, at, Direction::Outbound, frame, &[])?;
            }
        }
        if self.json {
            serde_json::to_writer(&mut *self.out, &act).map_err(io::Error::from)?;
            return Ok(writeln!(self.out)?);
        }
        let says = |act: &Act| match &act.what {
            What::Sent { says, .. } => Some((act.group.name.clone(), says.clone())),
            What::Announced { .. } | What::Group(_) => None,
        };
        if let Some((last, count)) = &mut self.again
            && says(last) == says(&act)
        {
            (last.at_ns, *count) = (act.at_ns, *count + 1);
            return Ok(());
        }
        self.flush()?;
        writeln!(self.out, "{}", report::line(&act))?;
        self.again = says(&act).is_some().then_some((act, 0));
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some((last, count)) = self.again.take().filter(|(_, count)| *count > 0) {
            let times = if count == 1 { "once more".to_owned() } else { format!("{count} times more") };
            writeln!(self.out, "{}, {times} by then", report::line(&last))?;
        }
        Ok(())
    }

    fn end(&mut self, observer: &Observer, standings: &[Standing]) -> Result<(), Failure> {
        self.flush()?;
        if let Some(writer) = &mut self.writer {
            writer.flush()?;
        }
        if self.json {
            let document = json!({
                "event": "end",
                "addresses": observer.addresses(),
                "frames": { "delivered": observer.delivered, "no_such_group": observer.unknown },
                "groups": standings,
            });
            return Ok(writeln!(self.out, "{document}")?);
        }
        let addresses: Vec<String> = observer.addresses().iter().map(ToString::to_string).collect();
        let frames = count(observer.delivered, "frame");
        writeln!(self.out, "\nours is {}; {frames} heard", addresses.join(", "))?;
        if observer.unknown > 0 {
            let frames = count(observer.unknown, "frame");
            writeln!(self.out, "{frames} for groups that are not configured")?;
        }
        standings.iter().try_for_each(|standing| writeln!(self.out, "{}", report::standing(standing)))?;
        Ok(())
    }
}
