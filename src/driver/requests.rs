//! What operators ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, AsRawFd, RawFd};

use super::remote::{GroupView, LinkView, PAGE, Page, Reloaded, Request, Wish};
use super::{Driver, Phase, Registered};
use crate::config::{GroupPlan, Plan};
use crate::engine::group::Identity;
use crate::engine::troubles::Trouble;
use crate::engine::{GroupIndex, Now};
use crate::event::{Subject, What};
use crate::protocols;

/// Requests handled in one turn.
const REQUESTS: usize = 4;

impl Driver {
    /// Answers what operators ask; at most a few in one turn.
    pub(super) fn read_requests(&mut self, ready: &[RawFd]) {
        if !ready.contains(&self.inbox.as_fd().as_raw_fd()) {
            return;
        }
        for _ in 0..REQUESTS {
            let Some(request) = self.inbox.next() else {
                // Rest first and look again: a request that came in between must not be slept over.
                self.inbox.rest();
                match self.inbox.next() {
                    None => return,
                    Some(request) => {
                        self.handle(request);
                        continue;
                    }
                }
            };
            self.handle(request);
        }
        // More may be waiting, and the descriptor may have been read already.
        self.inbox.wake();
    }

    fn handle(&mut self, request: Request) {
        let now = Driver::now();
        // Whoever asked may have gone away; then nobody wants the answer.
        match request {
            Request::Groups { from, limit, answer } => {
                let _ = answer.send(self.page(now, from, limit.min(PAGE)));
            }
            Request::Links { answer } => {
                let views: Vec<LinkView> = self.links.values().map(super::links::LinkPort::view).collect();
                let _ = answer.send(views);
            }
            Request::Reload { plan, answer } => {
                let _ = answer.send(self.reload(now, *plan));
            }
            Request::Command { name, command, answer } => {
                let _ = answer.send(self.command(now, name.as_deref(), command));
            }
            Request::Stop if self.phase == Phase::Running => self.leave(now),
            // Asked twice: end now, without waiting for whoever takes over.
            Request::Stop => {
                self.kernel.ask(crate::addr::thread::Request::Withdraw);
                self.phase = Phase::Withdrawing;
            }
        }
    }

    fn page(&self, now: Now, from: u32, limit: u32) -> Page {
        let mut groups = Vec::new();
        let mut place = from;
        while place < self.engine.capacity() && groups.len() < limit as usize {
            groups.extend(self.group_view(now, GroupIndex(place)));
            place += 1;
        }
        Page { groups, next: (place < self.engine.capacity()).then_some(place) }
    }

    fn group_view(&self, now: Now, group: GroupIndex) -> Option<GroupView> {
        let view = self.engine.view(now.monotonic, group)?;
        Some(GroupView {
            group: self.subjects.get(&group)?.clone(),
            // A group whose interface never appeared has been as it is since the beginning.
            since_s: now.monotonic.since(view.since.max(self.began)).as_secs_f64(),
            view,
            troubles: self.engine.troubles(group),
            fault: self.faults.get(&group).cloned(),
        })
    }

    fn command(&mut self, now: Now, name: Option<&str>, wish: Wish) -> usize {
        let chosen: Vec<GroupIndex> = self
            .registered
            .values()
            .filter(|registered| name.is_none_or(|name| registered.plan.name == name))
            .map(|registered| registered.group)
            .collect();
        for group in &chosen {
            match wish {
                Wish::Command(command) => self.engine.command(now, *group, command, &mut self.effects),
                Wish::Demote(by) => {
                    self.engine.trouble(now, *group, Trouble::Operator, by, &mut self.effects);
                }
            }
        }
        chosen.len()
    }

    /// Goes over to another configuration. Groups whose settings are the same are not touched.
    fn reload(&mut self, now: Now, plan: Plan) -> Reloaded {
        let mut done = Reloaded::default();
        let wanted: BTreeSet<Identity> = plan.groups.iter().map(GroupPlan::identity).collect();
        let gone: Vec<Identity> =
            self.registered.keys().filter(|identity| !wanted.contains(identity)).cloned().collect();
        for identity in gone {
            if let Some(registered) = self.registered.remove(&identity) {
                self.engine.stop(now, registered.group, &mut self.effects);
                done.removed.push(registered.plan.name);
            }
        }
        let mut fresh = Vec::new();
        for group in &plan.groups {
            match self.registered.get_mut(&group.identity()) {
                None => fresh.push(group.clone()),
                Some(registered) if registered.plan == *group => done.unchanged += 1,
                Some(registered) => {
                    let before = std::mem::replace(&mut registered.plan, group.clone());
                    let index = registered.group;
                    self.subjects.insert(index, Subject::new(&group.name, &group.identity()));
                    self.set_programs(index, group);
                    done.changed.push(group.name.clone());
                    if before.protocol != group.protocol {
                        let configuration = protocols::configuration(&group.protocol);
                        self.engine.reconfigure(now, index, configuration, &mut self.effects);
                    }
                }
            }
        }
        self.claim_new_interfaces(now, &fresh);
        for group in fresh {
            done.added.push(group.name.clone());
            self.register(now, group);
        }
        self.form_files(now);
        self.plan = plan;
        let links: Vec<fhrp::Link> = self.links.values().map(|port| port.link.clone()).collect();
        self.open_links(now, &links);
        done
    }

    /// Adds a group to the engine; it starts when its interface is known.
    pub(super) fn register(&mut self, now: Now, plan: GroupPlan) {
        let identity = plan.identity();
        let subject = Subject::new(&plan.name, &identity);
        let group = protocols::build(&plan.protocol);
        let index = self.engine.add(now, identity.clone(), group, &mut self.effects);
        self.subjects.insert(index, subject);
        self.set_programs(index, &plan);
        self.registered.insert(identity, Registered { group: index, plan });
    }

    /// The group's next transition is theirs.
    fn set_programs(&mut self, index: GroupIndex, plan: &GroupPlan) {
        match &plan.hook {
            Some(hook) => self.programs.insert(index, hook.clone()),
            None => self.programs.remove(&index),
        };
    }

    /// Groups that follow others by name do from now on, and those that move together.
    pub(super) fn form_files(&mut self, now: Now) {
        let named: BTreeMap<&str, GroupIndex> = self
            .registered
            .values()
            .map(|registered| (registered.plan.name.as_str(), registered.group))
            .collect();
        let pairs: Vec<(GroupIndex, Option<GroupIndex>)> = self
            .registered
            .values()
            .map(|registered| {
                let leader = protocols::leader(&registered.plan.protocol);
                (registered.group, leader.and_then(|name| named.get(name).copied()))
            })
            .collect();
        for (group, leader) in pairs {
            self.engine.follow(now, group, leader, &mut self.effects);
        }
        for Registered { group, plan } in self.registered.values() {
            let together = protocols::failover_group(&plan.protocol);
            self.engine.move_together(now, *group, together, &mut self.effects);
        }
    }

    fn claim_new_interfaces(&mut self, now: Now, fresh: &[GroupPlan]) {
        let names: BTreeSet<&str> = fresh.iter().map(|group| group.interface.as_str()).collect();
        for name in names {
            if self.claims.iter().any(|claim| claim.interface() == name) {
                continue;
            }
            match crate::addr::claim(name) {
                Ok(claim) => self.claims.push(claim),
                Err(error) => {
                    self.journal.write(now, None, What::Daemon { text: error.to_string(), warning: true });
                }
            }
        }
    }
}
