//! Which groups share a link, protocol and family, and how they stand: what a group is told of its siblings.
//!
//! Counted, not listed, so that telling one of a thousand groups costs what telling one of two does.

use std::collections::{BTreeSet, HashMap};

use fhrp::{Family, Siblings, Standing};

use super::GroupIndex;

/// What siblings have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) link: u32,
    /// The protocol's place in the engine's list.
    pub(super) protocol: usize,
    pub(super) family: Option<Family>,
}

/// A place in the table of companies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CompanyIndex(usize);

/// All companies of siblings. One that is empty is kept: its link may come back.
#[derive(Debug, Default)]
pub(super) struct Companies {
    places: HashMap<Key, CompanyIndex>,
    companies: Vec<Company>,
}

#[derive(Debug, Default)]
struct Company {
    holding: u16,
    standing_by: u16,
    /// Who takes part, so that somebody comes first.
    members: BTreeSet<GroupIndex>,
}

impl Companies {
    /// Where groups with this in common are counted.
    pub(super) fn of(&mut self, key: Key) -> CompanyIndex {
        *self.places.entry(key).or_insert_with(|| {
            self.companies.push(Company::default());
            CompanyIndex(self.companies.len() - 1)
        })
    }

    /// A group stands otherwise than before; one that is [`Standing::Down`] does not take part.
    pub(super) fn moves(&mut self, company: CompanyIndex, group: GroupIndex, from: Standing, to: Standing) {
        let Some(company) = self.companies.get_mut(company.0) else { return };
        if let Some(count) = company.count(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = company.count(to) {
            *count = count.saturating_add(1);
        }
        if to == Standing::Down {
            company.members.remove(&group);
        } else if from == Standing::Down {
            company.members.insert(group);
        }
    }

    /// What a group that stands like this is told of the others.
    pub(super) fn siblings(&self, company: CompanyIndex, group: GroupIndex, own: Standing) -> Siblings {
        let Some(company) = self.companies.get(company.0) else { return Siblings::NONE };
        let without_own = |count: u16, standing| count.saturating_sub(u16::from(own == standing));
        Siblings {
            holding: without_own(company.holding, Standing::Holding),
            standing_by: without_own(company.standing_by, Standing::StandingBy),
            first: company.members.first().is_none_or(|first| group <= *first),
        }
    }
}

impl Company {
    fn count(&mut self, standing: Standing) -> Option<&mut u16> {
        match standing {
            Standing::Down => None,
            Standing::StandingBy => Some(&mut self.standing_by),
            Standing::Holding => Some(&mut self.holding),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_told_of_the_others_and_not_of_itself() {
        let mut companies = Companies::default();
        let key = Key { link: 2, protocol: 0, family: Some(Family::Ipv4) };
        let company = companies.of(key);
        let elsewhere = companies.of(Key { link: 3, ..key });
        assert_eq!(companies.of(key), company);
        let (a, b) = (GroupIndex(4), GroupIndex(7));
        assert_eq!(companies.siblings(company, b, Standing::Down), Siblings::NONE);
        companies.moves(company, b, Standing::Down, Standing::StandingBy);
        assert_eq!(companies.siblings(company, b, Standing::StandingBy), Siblings::NONE);
        companies.moves(company, a, Standing::Down, Standing::StandingBy);
        companies.moves(company, a, Standing::StandingBy, Standing::Holding);
        assert_eq!(
            companies.siblings(company, b, Standing::StandingBy),
            Siblings { holding: 1, standing_by: 0, first: false }
        );
        assert_eq!(
            companies.siblings(company, a, Standing::Holding),
            Siblings { holding: 0, standing_by: 1, first: true }
        );
        assert_eq!(companies.siblings(elsewhere, a, Standing::Down), Siblings::NONE);
        companies.moves(company, a, Standing::Holding, Standing::Down);
        assert_eq!(companies.siblings(company, b, Standing::StandingBy), Siblings::NONE);
    }
}
