//! What a virtual router counts, each under a name that stays. RFC 2787, RFC 6527 and what they have no
//! object for.

fhrp::counted! {
    /// What is counted, in the order it is shown.
    pub(crate) enum Count {
        AdvertisementsSent => "advertisements-sent",
        AdvertisementsReceived => "advertisements-received",
        PriorityZeroSent => "priority-zero-sent",
        PriorityZeroReceived => "priority-zero-received",
        BecameActive => "became-active",
        Announcements => "announcements",
        Asserted => "asserted",
        OwnAddress => "own-address",
        TtlErrors => "ttl-errors",
        VersionErrors => "version-errors",
        PacketLengthErrors => "packet-length-errors",
        ChecksumErrors => "checksum-errors",
        VridErrors => "vrid-errors",
        InvalidType => "invalid-type",
        AdvertiseIntervalErrors => "advertise-interval-errors",
        AddressListErrors => "address-list-errors",
        InvalidAuthenticationType => "invalid-authentication-type",
        AuthenticationTypeMismatch => "authentication-type-mismatch",
        AuthenticationFailures => "authentication-failures",
        UnknownPeer => "unknown-peer",
        OwnerConflicts => "owner-conflicts",
        VersionTwoIgnored => "version-2-ignored",
        PseudoHeaderChecksums => "pseudo-header-checksums",
        HoldFaults => "hold-faults",
        Lapses => "lapses",
    }
}
