//! The numbers that stand for operations and states.

/// The version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// RFC 2281; IPv4 only. Its number on the wire is 0.
    V1,
    /// Cisco's.
    V2,
}

impl Version {
    /// The number that people give it.
    pub const fn number(self) -> u8 {
        match self {
            Version::V1 => 1,
            Version::V2 => 2,
        }
    }

    /// The same, as text.
    pub const fn word(self) -> &'static str {
        match self {
            Version::V1 => "1",
            Version::V2 => "2",
        }
    }
}

/// What kind of message speaks for a group. The codes are those of both versions. RFC 2281 §5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The sender is running, and this is its state.
    Hello,
    /// The sender takes the active role.
    Coup,
    /// The sender gives the active role up.
    Resign,
}

impl Operation {
    /// The operation that has a code.
    pub const fn of(code: u8) -> Option<Operation> {
        match code {
            0 => Some(Operation::Hello),
            1 => Some(Operation::Coup),
            2 => Some(Operation::Resign),
            _ => None,
        }
    }

    /// Its code.
    pub const fn code(self) -> u8 {
        match self {
            Operation::Hello => 0,
            Operation::Coup => 1,
            Operation::Resign => 2,
        }
    }

    /// As it is written in text.
    pub const fn word(self) -> &'static str {
        match self {
            Operation::Hello => "hello",
            Operation::Coup => "coup",
            Operation::Resign => "resign",
        }
    }
}

/// The state that a sender claims. The versions number them differently. RFC 2281 §5.1, §5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not running. Version 2 only; nobody has been seen to send it.
    Disabled,
    /// Not running yet.
    Initial,
    /// Running without knowing the virtual address.
    Learn,
    /// Neither active nor standby.
    Listen,
    /// In an election.
    Speak,
    /// Next in line.
    Standby,
    /// Forwarding.
    Active,
    /// A code that neither version knows. It is no event.
    Unknown(u8),
}

impl State {
    /// The state that a code stands for.
    pub const fn of(version: Version, code: u8) -> State {
        match (version, code) {
            (Version::V2, 0) => State::Disabled,
            (Version::V1, 0) | (Version::V2, 1) => State::Initial,
            (Version::V1, 1) | (Version::V2, 2) => State::Learn,
            (Version::V1, 2) | (Version::V2, 3) => State::Listen,
            (Version::V1 | Version::V2, 4) => State::Speak,
            (Version::V1, 8) | (Version::V2, 5) => State::Standby,
            (Version::V1, 16) | (Version::V2, 6) => State::Active,
            (Version::V1 | Version::V2, other) => State::Unknown(other),
        }
    }

    /// Its code. Version 1 has none for [`State::Disabled`] and says [`State::Initial`] instead.
    pub const fn code(self, version: Version) -> u8 {
        match (self, version) {
            (State::Disabled, _) | (State::Initial, Version::V1) => 0,
            (State::Initial, Version::V2) | (State::Learn, Version::V1) => 1,
            (State::Learn, Version::V2) | (State::Listen, Version::V1) => 2,
            (State::Listen, Version::V2) => 3,
            (State::Speak, _) => 4,
            (State::Standby, Version::V1) => 8,
            (State::Standby, Version::V2) => 5,
            (State::Active, Version::V1) => 16,
            (State::Active, Version::V2) => 6,
            (State::Unknown(code), _) => code,
        }
    }

    /// As it is written in text; `None` if nobody has a word for it.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            State::Disabled => Some("disabled"),
            State::Initial => Some("initial"),
            State::Learn => Some("learn"),
            State::Listen => Some("listen"),
            State::Speak => Some("speak"),
            State::Standby => Some("standby"),
            State::Active => Some("active"),
            State::Unknown(_) => None,
        }
    }
}

/// What all groups of an interface together make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It has no groups.
    Dormant,
    /// None of its groups is active.
    Passive,
    /// At least one is.
    Active,
    /// A code that nobody knows.
    Unknown(u8),
}

impl Role {
    /// The role that a code of version 1 stands for.
    pub const fn of(code: u8) -> Role {
        match code {
            1 => Role::Dormant,
            2 => Role::Passive,
            3 => Role::Active,
            other => Role::Unknown(other),
        }
    }

    /// What so many active and passive groups make an interface: version 2 says no more than that.
    pub const fn from_groups(active: u16, passive: u16) -> Role {
        match (active, passive) {
            (0, 0) => Role::Dormant,
            (0, _) => Role::Passive,
            (_, _) => Role::Active,
        }
    }

    /// Its code in version 1.
    pub const fn code(self) -> u8 {
        match self {
            Role::Dormant => 1,
            Role::Passive => 2,
            Role::Active => 3,
            Role::Unknown(code) => code,
        }
    }

    /// As it is written in text; `None` if nobody has a word for it.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Role::Dormant => Some("dormant"),
            Role::Passive => Some("passive"),
            Role::Active => Some("active"),
            Role::Unknown(_) => None,
        }
    }
}
