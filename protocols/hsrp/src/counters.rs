//! What a group counts, each under a name that stays.

fhrp::counted! {
    /// What is counted, in the order it is shown.
    pub(crate) enum Count {
        HellosSent => "hellos-sent",
        HellosReceived => "hellos-received",
        CoupsSent => "coups-sent",
        CoupsReceived => "coups-received",
        ResignsSent => "resigns-sent",
        ResignsReceived => "resigns-received",
        InterfaceStatesSent => "interface-states-sent",
        BecameActive => "became-active",
        Announcements => "announcements",
        Asserted => "asserted",
        OwnAddress => "own-address",
        VersionErrors => "version-errors",
        GroupErrors => "group-errors",
        AuthenticationTypeMismatch => "authentication-type-mismatch",
        AuthenticationFailures => "authentication-failures",
        AddressMismatch => "address-list-errors",
        TimerErrors => "timer-errors",
        HoldFaults => "hold-faults",
        Lapses => "lapses",
    }
}
