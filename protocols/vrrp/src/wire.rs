//! The octets of an advertisement: layout, lengths and checksums. Nothing here knows a state, and nothing
//! outside knows an offset.
//!
//! Sources: RFC 3768 §5 (version 2), RFC 2338 §5.3.6 (its authentication), RFC 9568 §5 and RFC 5798 §5
//! (version 3, whose IPv4 checksum is computed in two ways in the field).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use fhrp::Received;
use fhrp::checksum::Sum;
use fhrp::packet::ip_protocol;

use crate::auth::ah;

pub use self::fault::WireError;
pub use crate::auth::ah::AhView;
pub use crate::auth::cisco_md5::CiscoTlv;
pub use crate::auth::hmac_trailer::HmacTrailer;

mod fault;

/// Where IPv4 advertisements go. RFC 9568 §5.1.1.2.
pub const MULTICAST_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
/// Where IPv6 advertisements go. RFC 9568 §5.1.2.2.
pub const MULTICAST_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));

/// Auth Type of an advertisement without authentication. RFC 3768 §5.3.6.
pub const AUTH_NONE: u8 = 0;
/// Auth Type of a password in clear. RFC 2338 §5.3.6.2.
pub const AUTH_TEXT: u8 = 1;
/// Auth Type of a message inside an Authentication Header. RFC 2338 §5.3.6.3.
pub const AUTH_HEADER: u8 = 2;
/// Auth Type of Cisco's keyed MD5.
pub const AUTH_CISCO_MD5: u8 = 254;

/// The only message type there is: ADVERTISEMENT. RFC 9568 §5.2.2.
pub(crate) const ADVERTISEMENT: u8 = 1;
/// What precedes the addresses.
pub(crate) const FIXED: usize = 8;
/// What follows them in version 2: Authentication Data.
const AUTH_DATA: usize = 8;
/// Where the checksum lies.
const CHECKSUM_AT: usize = 6;
/// The interval counts these in version 3; four bits beside it are reserved.
const CENTISECOND: Duration = Duration::from_millis(10);
const INTERVAL_MASK: u16 = 0x0fff;

/// The version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// RFC 3768; IPv4 only.
    V2,
    /// RFC 9568.
    V3,
}

impl Version {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }

    fn read(nibble: u8, over: IpAddr) -> Result<Self, WireError> {
        match (nibble, over) {
            (2, IpAddr::V4(_)) => Ok(Version::V2),
            (2, IpAddr::V6(_)) => Err(WireError::VersionOverIpv6),
            (3, _) => Ok(Version::V3),
            (other, _) => Err(WireError::Version(other)),
        }
    }
}

/// What the checksum covers. A choice only in version 3 over IPv4: version 2 is always
/// [`ChecksumForm::MessageOnly`], IPv6 always [`ChecksumForm::PseudoHeader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumForm {
    /// The message. RFC 9568 §5.2.8.
    MessageOnly,
    /// A pseudo-header and the message, as RFC 5798 §5.2.8 was often read.
    PseudoHeader,
}

/// What an advertisement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// The version it says it in.
    pub version: Version,
    /// Virtual router identifier. 0 is on no valid router's mind, but can be read.
    pub vrid: u8,
    /// 0: giving up; 255: owner of the addresses.
    pub priority: u8,
    /// Version 2: 1 to 255 whole seconds. Version 3: 10 ms to 40.95 s in steps of 10 ms.
    pub interval: Duration,
    /// The virtual addresses, 1 to 255 of one family, in their order on the wire.
    pub addresses: Vec<IpAddr>,
}

/// What an advertisement carries to prove who sent it, apart from a trailer. Version 3 has only
/// [`Credentials::None`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// Nothing.
    None,
    /// A password in clear, padded with zeros.
    Text([u8; 8]),
    /// The IP Authentication Header around the message.
    AuthenticationHeader(AhView<'a>),
    /// Cisco's keyed MD5.
    CiscoMd5(CiscoTlv),
    /// An Authentication Header around a message of this other type, or this type without the header.
    Contradictory(u8),
    /// An Auth Type that no known scheme has.
    Unknown(u8),
}

/// An advertisement as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard<'a> {
    /// What it says.
    pub advertisement: Advertisement,
    /// The form of its checksum.
    pub checksum: ChecksumForm,
    /// The pseudo-header named the multicast group although the frame came to a unicast address, as
    /// keepalived did it before 1.3.7.
    pub old_unicast_checksum: bool,
    /// What it carries as proof.
    pub credentials: Credentials<'a>,
    /// keepalived's HMAC trailer.
    pub trailer: Option<HmacTrailer>,
    /// The message from the version to the last address or, in version 2, the end of the Authentication
    /// Data: what digests cover.
    pub message: &'a [u8],
    /// One pair of addresses in 65,535 sums to zero: the forms are then the same.
    forms_agree: bool,
}

impl Heard<'_> {
    /// Whether the checksum is right in this form. It can be in both: the sum of the pseudo-header may be zero.
    pub fn checksum_fits(&self, form: ChecksumForm) -> bool {
        self.forms_agree || self.checksum == form
    }
}

/// Reads an advertisement, alone or inside an Authentication Header.
///
/// # Errors
///
/// The first rule it breaks: length of the fixed part, version, length, checksum, type, number of addresses,
/// interval. VRID, TTL, authentication and settings are for the virtual router to judge.
pub fn parse<'a>(received: &Received<'a>) -> Result<Heard<'a>, WireError> {
    let (around, octets) = unwrap_header(received)?;
    let Some((fixed, _)) = octets.split_first_chunk::<FIXED>() else {
        return Err(WireError::Truncated { need: FIXED, got: octets.len() });
    };
    let &[version_and_type, vrid, priority, count, fourth, fifth, ..] = fixed;
    let version = Version::read(version_and_type >> 4, received.source)?;
    let parts = Parts::split(octets, version, received.source, count, fourth)?;
    let checksum = Checked::verify(octets, &parts, version, received)?;
    if version_and_type & 0x0f != ADVERTISEMENT {
        return Err(WireError::Type(version_and_type & 0x0f));
    }
    if count == 0 {
        return Err(WireError::NoAddresses);
    }
    let interval = match version {
        Version::V2 => Duration::from_secs(u64::from(fifth)),
        Version::V3 => interval_v3(fourth, fifth),
    };
    if interval.is_zero() {
        return Err(WireError::ZeroInterval);
    }
    let addresses = addresses(parts.addresses, received.source);
    let advertisement = Advertisement { version, vrid, priority, interval, addresses };
    let credentials = match version {
        Version::V2 => parts.credentials(fourth, around),
        Version::V3 => around.map_or(Credentials::None, |_| Credentials::Contradictory(AUTH_NONE)),
    };
    Ok(Heard {
        advertisement,
        checksum: checksum.form,
        old_unicast_checksum: checksum.old_unicast,
        credentials,
        trailer: parts.trailer.map(HmacTrailer::read),
        message: parts.message,
        forms_agree: checksum.forms_agree,
    })
}

/// What can be read of a frame that [`parse`] refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// The version nibble, whatever it says.
    pub version: u8,
    /// The VRID.
    pub vrid: u8,
    /// The priority, if the frame is what it says.
    pub priority: u8,
}

/// Reads as much as a list of neighbours wants to show, checking nothing; `None` if the frame is too short
/// even for that.
pub fn peek(received: &Received<'_>) -> Option<Peek> {
    let &[version_and_type, vrid, priority] = vrrp_in(received)?.first_chunk()?;
    Some(Peek { version: version_and_type >> 4, vrid, priority })
}

/// Where the VRRP message begins, whatever it is worth; `None` if the packet carries none.
pub(crate) fn vrrp_in<'a>(received: &Received<'a>) -> Option<&'a [u8]> {
    match (received.protocol, received.source) {
        (ip_protocol::VRRP, _) => Some(received.payload),
        (ip_protocol::AUTHENTICATION_HEADER, IpAddr::V4(_)) => ah::vrrp_inside(received.payload),
        _ => None,
    }
}

/// Writes an advertisement with its checksum.
///
/// `form` counts only in version 3 over IPv4, `auth_type` and `auth_data` only in version 2. An interval that
/// the version cannot say becomes the nearest one that it can, and addresses beyond the 255th or of another
/// family than `source` are left out; a valid configuration has neither.
pub fn emit(
    advertisement: &Advertisement,
    form: ChecksumForm,
    source: IpAddr,
    destination: IpAddr,
    auth_type: u8,
    auth_data: [u8; 8],
) -> Vec<u8> {
    let mut octets = emit_unsummed(advertisement, source, auth_type, auth_data);
    let sum = sum(&octets, advertisement.version, form, source, destination);
    set_checksum(&mut octets, sum.checksum());
    octets
}

/// As [`emit`], with the checksum zero: what digests cover.
pub(crate) fn emit_unsummed(
    advertisement: &Advertisement,
    source: IpAddr,
    auth_type: u8,
    auth_data: [u8; 8],
) -> Vec<u8> {
    let Advertisement { version, vrid, priority, interval, ref addresses } = *advertisement;
    let mut octets = Vec::with_capacity(FIXED + AUTH_DATA + addresses.len() * size_of_address(source));
    octets.extend([version.number() << 4 | ADVERTISEMENT, vrid, priority, 0]);
    octets.extend(match version {
        Version::V2 => [auth_type, whole_seconds(interval)],
        Version::V3 => centiseconds(interval).to_be_bytes(),
    });
    octets.extend([0, 0]);
    let mut count = 0;
    for address in addresses.iter().filter(|ip| ip.is_ipv4() == source.is_ipv4()).take(usize::from(u8::MAX)) {
        match address {
            IpAddr::V4(ip) => octets.extend(ip.octets()),
            IpAddr::V6(ip) => octets.extend(ip.octets()),
        }
        count += 1;
    }
    octets[3] = count;
    if version == Version::V2 {
        octets.extend(auth_data);
    }
    octets
}

/// The sum over `octets`, with a pseudo-header where version, family and form want one.
pub(crate) fn sum(
    octets: &[u8],
    version: Version,
    form: ChecksumForm,
    source: IpAddr,
    destination: IpAddr,
) -> Sum {
    let sum = Sum::new().over(octets);
    match (version, source, form) {
        (Version::V2, ..) | (Version::V3, IpAddr::V4(_), ChecksumForm::MessageOnly) => sum,
        (Version::V3, IpAddr::V4(_), ChecksumForm::PseudoHeader) | (Version::V3, IpAddr::V6(_), _) => {
            let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
            sum.over_pseudo_header(source, destination, ip_protocol::VRRP, length)
        }
    }
}

/// Writes the checksum into a message; messages too short to have one stay as they are.
pub(crate) fn set_checksum(message: &mut [u8], checksum: u16) {
    if let Some(field) = message.get_mut(CHECKSUM_AT..CHECKSUM_AT + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// A message split by what its fixed part says of its length.
struct Parts<'a> {
    message: &'a [u8],
    /// Everything but an HMAC trailer.
    complete: &'a [u8],
    addresses: &'a [u8],
    auth_data: [u8; AUTH_DATA],
    cisco: Option<&'a [u8; CiscoTlv::LENGTH]>,
    trailer: Option<&'a [u8; HmacTrailer::LENGTH]>,
}

impl<'a> Parts<'a> {
    /// Exactly the length that version, family, count and type ask for, or that and an HMAC trailer.
    fn split(
        octets: &'a [u8],
        version: Version,
        over: IpAddr,
        count: u8,
        auth_type: u8,
    ) -> Result<Self, WireError> {
        let addresses_end = FIXED + usize::from(count) * size_of_address(over);
        let message_end = match version {
            Version::V2 => addresses_end + AUTH_DATA,
            Version::V3 => addresses_end,
        };
        let with_cisco = version == Version::V2 && auth_type == AUTH_CISCO_MD5;
        let expected = message_end + if with_cisco { CiscoTlv::LENGTH } else { 0 };
        let wrong = || WireError::Length { got: octets.len(), expected };

        let (complete, behind) = octets.split_at_checked(expected).ok_or_else(wrong)?;
        let (message, cisco) = complete.split_at_checked(message_end).ok_or_else(wrong)?;
        let trailer = match behind {
            [] => None,
            behind => Some(behind.try_into().map_err(|_| wrong())?),
        };
        let auth_data = match (version, message.last_chunk()) {
            (Version::V2, Some(data)) => *data,
            (Version::V2, None) | (Version::V3, _) => [0; AUTH_DATA],
        };
        let addresses = message.get(FIXED..addresses_end).ok_or_else(wrong)?;
        Ok(Parts { message, complete, addresses, auth_data, cisco: cisco.try_into().ok(), trailer })
    }

    fn credentials(&self, auth_type: u8, around: Option<AhView<'a>>) -> Credentials<'a> {
        match (auth_type, around, self.cisco) {
            (AUTH_HEADER, Some(view), _) => Credentials::AuthenticationHeader(view),
            (AUTH_HEADER, None, _) | (_, Some(_), _) => Credentials::Contradictory(auth_type),
            (AUTH_NONE, None, _) => Credentials::None,
            (AUTH_TEXT, None, _) => Credentials::Text(self.auth_data),
            (AUTH_CISCO_MD5, None, Some(tlv)) => Credentials::CiscoMd5(CiscoTlv::read(tlv)),
            (other, None, _) => Credentials::Unknown(other),
        }
    }
}

/// A checksum found to be right.
struct Checked {
    form: ChecksumForm,
    old_unicast: bool,
    forms_agree: bool,
}

impl Checked {
    fn verify(
        octets: &[u8],
        parts: &Parts<'_>,
        version: Version,
        received: &Received<'_>,
    ) -> Result<Self, WireError> {
        let Received { source, destination, .. } = *received;
        // An HMAC trailer is summed only where the sender's kernel does the summing, which is IPv6.
        let covered = if source.is_ipv6() { octets } else { parts.complete };
        let right = |form, destination| sum(covered, version, form, source, destination).folded() == 0xffff;
        let only = |form| Checked { form, old_unicast: false, forms_agree: false };

        let found = match (version, source) {
            (Version::V2, _) => {
                right(ChecksumForm::MessageOnly, destination).then(|| only(ChecksumForm::MessageOnly))
            }
            (Version::V3, IpAddr::V6(_)) => {
                right(ChecksumForm::PseudoHeader, destination).then(|| only(ChecksumForm::PseudoHeader))
            }
            (Version::V3, IpAddr::V4(_)) => {
                let bare = right(ChecksumForm::MessageOnly, destination);
                let pseudo = right(ChecksumForm::PseudoHeader, destination);
                let old = !destination.is_multicast() && right(ChecksumForm::PseudoHeader, MULTICAST_V4);
                match (bare, pseudo, old) {
                    (true, ..) => Some(Checked { forms_agree: pseudo, ..only(ChecksumForm::MessageOnly) }),
                    (false, true, _) => Some(only(ChecksumForm::PseudoHeader)),
                    (false, false, true) => {
                        Some(Checked { old_unicast: true, ..only(ChecksumForm::PseudoHeader) })
                    }
                    (false, false, false) => None,
                }
            }
        };
        found.ok_or_else(|| checksum_error(covered, version, received))
    }
}

/// Says what was found and what the form in force asks for (RFC 9568's where there are two).
fn checksum_error(covered: &[u8], version: Version, received: &Received<'_>) -> WireError {
    let mut zeroed = covered.to_vec();
    set_checksum(&mut zeroed, 0);
    let found = covered.get(CHECKSUM_AT..CHECKSUM_AT + 2).map_or([0, 0], |field| [field[0], field[1]]);
    let sum = sum(&zeroed, version, ChecksumForm::MessageOnly, received.source, received.destination);
    WireError::Checksum { found: u16::from_be_bytes(found), expected: sum.checksum() }
}

/// The VRRP message, and the Authentication Header around it if there is one. Only IPv4 has it: version 3
/// knows no authentication.
fn unwrap_header<'a>(received: &Received<'a>) -> Result<(Option<AhView<'a>>, &'a [u8]), WireError> {
    match (received.protocol, received.source) {
        (ip_protocol::AUTHENTICATION_HEADER, IpAddr::V4(_)) => {
            AhView::split(received.payload).map(|(view, octets)| (Some(view), octets))
        }
        _ => Ok((None, received.payload)),
    }
}

/// The addresses in `octets`, of the family of the IP header around them.
pub(crate) fn addresses(octets: &[u8], over: IpAddr) -> Vec<IpAddr> {
    match over {
        IpAddr::V4(_) => octets.as_chunks::<4>().0.iter().copied().map(IpAddr::from).collect(),
        IpAddr::V6(_) => octets.as_chunks::<16>().0.iter().copied().map(IpAddr::from).collect(),
    }
}

/// The family of the IP header decides the size of every address behind it.
pub(crate) const fn size_of_address(over: IpAddr) -> usize {
    match over {
        IpAddr::V4(_) => 4,
        IpAddr::V6(_) => 16,
    }
}

/// Max Advertise Interval of version 3, without the reserved bits beside it.
pub(crate) fn interval_v3(high: u8, low: u8) -> Duration {
    CENTISECOND * u32::from(u16::from_be_bytes([high, low]) & INTERVAL_MASK)
}

/// Never 0, which would be an error on the wire; less than a second is said as one, as FRR does.
fn whole_seconds(interval: Duration) -> u8 {
    u8::try_from(interval.as_secs()).unwrap_or(u8::MAX).max(1)
}

fn centiseconds(interval: Duration) -> u16 {
    let nearest = (interval.as_millis() + 5) / CENTISECOND.as_millis();
    u16::try_from(nearest).unwrap_or(INTERVAL_MASK).clamp(1, INTERVAL_MASK)
}
