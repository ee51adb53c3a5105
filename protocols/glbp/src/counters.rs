//! What a group counts, each under a name that stays.

fhrp::counted! {
    /// What is counted, in the order it is shown.
    pub(crate) enum Count {
        HellosSent => "hellos-sent",
        HellosReceived => "hellos-received",
        RequestsSent => "requests-sent",
        RequestsReceived => "requests-received",
        ResponsesSent => "responses-sent",
        ResponsesReceived => "responses-received",
        BecameActive => "became-active",
        ForwardersTaken => "forwarders-taken",
        ForwardersYielded => "forwarders-yielded",
        HostsAnswered => "hosts-answered",
        HostsNotAnswered => "hosts-not-answered",
        Asserted => "asserted",
        OwnAddress => "own-address",
        OwnerMismatch => "owner-errors",
        GroupErrors => "group-errors",
        AuthenticationTypeMismatch => "authentication-type-mismatch",
        AuthenticationFailures => "authentication-failures",
        NonceErrors => "nonce-errors",
        AddressMismatch => "address-list-errors",
        TimerErrors => "timer-errors",
        ForwarderErrors => "forwarder-errors",
        UnaskedResponses => "unasked-responses",
        HoldFaults => "hold-faults",
        Lapses => "lapses",
    }
}
