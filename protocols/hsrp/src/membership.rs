//! A group that is elected, or one that follows: an operator may turn one into the other.

use fhrp::{Action, Context, Group, Holdings, Input, Instant, Note, View};

use crate::config::Config;
use crate::follower::Follower;
use crate::machine::StandbyGroup;

/// A group, whichever way it comes to its role.
pub enum Membership {
    /// By election.
    Elected(Box<StandbyGroup>),
    /// As its leader does.
    Following(Box<Follower>),
}

impl Membership {
    /// A group that has not been started.
    pub fn new(config: Config) -> Self {
        match config.follow {
            None => Membership::Elected(Box::new(StandbyGroup::new(config))),
            Some(_) => Membership::Following(Box::new(Follower::new(config))),
        }
    }

    fn group(&mut self) -> &mut dyn Group {
        match self {
            Membership::Elected(group) => &mut **group,
            Membership::Following(group) => &mut **group,
        }
    }

    /// Whether this configuration makes another kind of it.
    fn turns(&self, config: &Config) -> bool {
        match self {
            Membership::Elected(_) => config.follow.is_some(),
            Membership::Following(_) => config.follow.is_none(),
        }
    }

    /// Ends as what it was, at once, and begins as the other.
    fn turn(&mut self, context: &mut Context<'_>, config: &Config) {
        let (link, runs) = match self {
            Membership::Elected(group) => group.on_stage(),
            Membership::Following(group) => group.on_stage(),
        };
        let link = link.cloned();
        self.group().handle(context, Input::Stop);
        let before = self.group().view(context.now);
        *self = Membership::new(config.clone());
        let after = self.group().view(context.now);
        context.ask(Action::Hold(Holdings::none()));
        context.ask(Action::LastWill(Vec::new()));
        if before.standing != after.standing {
            let reason = "reconfigured: it is elected, or follows, from now on".to_owned();
            context.note(Note::Transition {
                from: before.state,
                to: after.state,
                standing: after.standing,
                reason,
            });
        }
        if let Some(link) = &link {
            self.group().handle(context, Input::Link(link));
        }
        if runs {
            self.group().handle(context, Input::Start);
        }
    }
}

impl Group for Membership {
    fn handle(&mut self, context: &mut Context<'_>, input: Input<'_>) {
        if let Input::Reconfigure(config) = &input
            && let Some(new) = config.downcast_ref::<Config>()
            && self.turns(new)
        {
            return self.turn(context, new);
        }
        self.group().handle(context, input);
    }

    fn deadline(&self) -> Option<Instant> {
        match self {
            Membership::Elected(group) => group.deadline(),
            Membership::Following(group) => group.deadline(),
        }
    }

    fn view(&self, now: Instant) -> View {
        match self {
            Membership::Elected(group) => group.view(now),
            Membership::Following(group) => group.view(now),
        }
    }
}
