//! The hand that hurts: what each deed does to cables and processes, and how all of it is undone.

use serde::Serialize;

use super::fault::Deed;
use super::netlink::{self, Port};
use super::network::{Lab, port};
use super::router::Router;
use super::wire::Advert;
use super::{LabError, now, wrap};

/// When a deed was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Nanoseconds of wall-clock time at which it began.
    pub at: u64,
    /// How long it took until it was complete, in nanoseconds.
    pub took: u64,
}

/// A time during which a router's switch ports are dead. What its processes say between the cut and their own
/// end comes into the port, where it is seen, and no further.
pub(super) struct Cut {
    router: String,
    from: u64,
    to: u64,
}

impl Cut {
    pub(super) fn swallows(&self, advert: &Advert) -> bool {
        advert.router == self.router && (self.from..self.to).contains(&advert.at)
    }
}

impl Lab {
    /// Does something to a router, or to the network.
    ///
    /// # Errors
    /// There is no such router, the kernel refuses, or a daemon does not stop or start.
    pub fn fault(&mut self, deed: Deed, router: Option<&str>) -> Result<Moment, LabError> {
        self.comment(&format!("{} {}", deed.name(), router.unwrap_or_default()));
        let name = match router {
            Some(name) => name.to_owned(),
            None if deed.has_target() => {
                return Err(LabError::Scenario(format!("{} needs a router", deed.name())));
            }
            None => String::new(),
        };
        let began = now();
        let moment = |at| Moment { at, took: now().saturating_sub(at) };
        match deed {
            Deed::Power => return self.power(&name),
            Deed::Kill => self.router(&name)?.kill(),
            Deed::Stop => {
                self.router(&name)?.ask_to_stop();
                self.stopping.insert(name);
            }
            Deed::Restart => {
                let router = self.router(&name)?;
                router.ask_to_stop();
                router.wait_for_stop()?;
                router.start()?;
            }
            Deed::Reload => self.router(&name)?.ask_to_reload(),
            Deed::Unplug => {
                self.switch.ask(vec![netlink::set_link(&port(&name, "lan"), false)])?;
                self.unplugged.insert(name);
            }
            Deed::Freeze => self.router(&name)?.freeze(false),
            Deed::FreezeDaemon => self.router(&name)?.freeze(true),
            Deed::Thaw => self.routers.values_mut().for_each(Router::thaw),
            Deed::Partition => return self.isolate(true),
            Deed::Heal => return self.isolate(false),
            Deed::Recover => self.recover()?,
            Deed::Wait => {}
        }
        Ok(moment(began))
    }

    /// Cuts both cables in one request, then kills what runs behind them.
    fn power(&mut self, name: &str) -> Result<Moment, LabError> {
        let ports = [port(name, "lan"), port(name, "wan")];
        let mut changes = vec![Port::Disabled];
        changes.extend(self.scenario.switch_forgets.then_some(Port::Forgotten));
        let mut cut = Vec::new();
        for change in changes {
            for port in &ports {
                cut.push(netlink::set_port(port, self.switch.interface(port)?, change));
            }
        }
        // Looking for processes takes longer than everything else, so it comes first.
        let known = self.router(name)?.node().processes();
        let at = now();
        self.switch.ask(cut)?;
        self.cuts.push(Cut { router: name.to_owned(), from: now(), to: u64::MAX });
        for process in &known {
            let _ = rustix::process::kill_process(*process, rustix::process::Signal::KILL);
        }
        let took = now().saturating_sub(at);
        self.router(name)?.extinguish(&known);
        self.dark.insert(name.to_owned());
        Ok(Moment { at, took })
    }

    /// Isolates the routers' ports from each other, or no longer; says when and how long that took.
    fn isolate(&self, isolated: bool) -> Result<Moment, LabError> {
        let mut changes = Vec::new();
        for name in self.routers.keys().filter(|name| !self.dark.contains(*name)) {
            let port = port(name, "lan");
            changes.push(netlink::set_port(&port, self.switch.interface(&port)?, Port::Isolated(isolated)));
        }
        let at = now();
        self.switch.ask(changes)?;
        Ok(Moment { at, took: now().saturating_sub(at) })
    }

    fn recover(&mut self) -> Result<(), LabError> {
        self.isolate(false)?;
        for name in std::mem::take(&mut self.unplugged) {
            if !self.dark.contains(&name) {
                self.switch.ask(vec![netlink::set_link(&port(&name, "lan"), true)])?;
            }
        }
        for name in std::mem::take(&mut self.dark) {
            self.boot(&name)?;
        }
        let known: Vec<_> = self.routers.values().flat_map(Router::children).collect();
        wrap::reap_orphans(&known);
        let stopping = std::mem::take(&mut self.stopping);
        for (name, router) in &mut self.routers {
            router.revive(stopping.contains(name))?;
        }
        Ok(())
    }

    /// Gives a router that lost power a new kernel: everything the old one held is gone.
    fn boot(&mut self, name: &str) -> Result<(), LabError> {
        self.taps.remove(name);
        for cut in self.cuts.iter_mut().filter(|cut| cut.router == name && cut.to == u64::MAX) {
            cut.to = now();
        }
        self.switch
            .ask(vec![netlink::delete_link(&port(name, "lan")), netlink::delete_link(&port(name, "wan"))])?;
        let firsthop = self.options.firsthop.clone();
        let router = self.router(name)?.booted(&firsthop)?;
        self.install(name, router)
    }
}
