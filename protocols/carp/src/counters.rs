//! What a virtual host counts, each under a name that stays.

fhrp::counted! {
    /// What is counted, in the order it is shown.
    pub(crate) enum Count {
        AdvertisementsSent => "advertisements-sent",
        AdvertisementsReceived => "advertisements-received",
        GoodbyesSent => "goodbyes-sent",
        GoodbyesReceived => "goodbyes-received",
        BecameMaster => "became-master",
        Preemptions => "preemptions",
        Announcements => "announcements",
        Asserted => "asserted",
        Looped => "looped",
        TtlErrors => "ttl-errors",
        PacketLengthErrors => "packet-length-errors",
        VersionErrors => "version-errors",
        ChecksumErrors => "checksum-errors",
        InvalidType => "invalid-type",
        VhidErrors => "vhid-errors",
        AuthenticationFailures => "authentication-failures",
        DestinationErrors => "destination-errors",
        UnknownPeer => "unknown-peer",
        Unsealed => "unsealed",
        Replays => "replays",
        FamilySilent => "family-silent",
        HoldFaults => "hold-faults",
        Lapses => "lapses",
    }
}
