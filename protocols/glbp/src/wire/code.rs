//! The numbers that stand for kinds of messages and for states.

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// To all members: who the sender is for the group, and what it forwards for.
    Hello,
    /// To the active virtual gateway: give me a forwarder.
    Request,
    /// From the active virtual gateway: this one is yours.
    Response,
}

impl Kind {
    /// The kind that has a code.
    pub const fn of(code: u8) -> Option<Kind> {
        match code {
            0 => Some(Kind::Hello),
            1 => Some(Kind::Request),
            2 => Some(Kind::Response),
            _ => None,
        }
    }

    /// Its code.
    pub const fn code(self) -> u8 {
        match self {
            Kind::Hello => 0,
            Kind::Request => 1,
            Kind::Response => 2,
        }
    }

    /// As it is written in text.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Hello => "hello",
            Kind::Request => "request",
            Kind::Response => "response",
        }
    }
}

/// The state of a virtual gateway or of a forwarder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// 0, in requests and responses, which speak of no state.
    Unsaid,
    /// Not running.
    Disabled,
    /// Not running yet.
    Initial,
    /// Neither active nor next in line.
    Listen,
    /// In an election; gateways only.
    Speak,
    /// Next in line; gateways only.
    Standby,
    /// The gateway that answers hosts, or the router that forwards.
    Active,
    /// A code that nobody knows.
    Unknown(u8),
}

impl State {
    /// The state that a code stands for.
    pub const fn of(code: u8) -> State {
        match code {
            0x00 => State::Unsaid,
            0x01 => State::Disabled,
            0x02 => State::Initial,
            0x04 => State::Listen,
            0x08 => State::Speak,
            0x10 => State::Standby,
            0x20 => State::Active,
            other => State::Unknown(other),
        }
    }

    /// Its code.
    pub const fn code(self) -> u8 {
        match self {
            State::Unsaid => 0x00,
            State::Disabled => 0x01,
            State::Initial => 0x02,
            State::Listen => 0x04,
            State::Speak => 0x08,
            State::Standby => 0x10,
            State::Active => 0x20,
            State::Unknown(code) => code,
        }
    }

    /// As it is written in text; `None` if there is nothing to say, or nobody has a word for it.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            State::Disabled => Some("disabled"),
            State::Initial => Some("initial"),
            State::Listen => Some("listen"),
            State::Speak => Some("speak"),
            State::Standby => Some("standby"),
            State::Active => Some("active"),
            State::Unsaid | State::Unknown(_) => None,
        }
    }
}
