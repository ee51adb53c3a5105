//! Values of the file that carry more meaning than TOML's types: spans of time with their unit, addresses,
//! secrets and where they are kept.

use std::borrow::Cow;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use fhrp::address::AddressError;
use fhrp::{Family, InterfaceAddress, Mac};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::de::DeValue;
use vrrp::config::Secret;
use zeroize::Zeroize;

use super::reader::{Read, Reader, Spanned, Value};

/// A span of time with its unit: `"100ms"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

/// Units, with their length in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl TimeSpan {
    /// Reads digits, with at most nine behind a point, and a unit. `None` if that is not what `text` is.
    pub fn parse(text: &str) -> Option<Duration> {
        let unit_at = text.find(|character: char| character.is_ascii_alphabetic())?;
        let (number, unit) = (text[..unit_at].trim_end(), &text[unit_at..]);
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return None;
        }
        let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
        let fraction: u64 = fraction.parse().ok()?;
        let whole = whole.parse::<u64>().ok()?.checked_mul(*nanoseconds)?;
        let part = u128::from(fraction) * u128::from(*nanoseconds) / u128::from(scale);
        Some(Duration::from_nanos(whole.checked_add(u64::try_from(part).ok()?)?))
    }
}

/// A span of time as it is written in a file: `100ms`, `1.5s`, `10m`.
pub fn spelt(span: Duration) -> String {
    let nanoseconds = span.as_nanos();
    let with = |unit: u128, name: &str| {
        let (whole, rest) = (nanoseconds / unit, nanoseconds % unit);
        let digits = unit.ilog10() as usize;
        let fraction = format!("{rest:0digits$}");
        match fraction.trim_end_matches('0') {
            "" => format!("{whole}{name}"),
            fraction => format!("{whole}.{fraction}{name}"),
        }
    };
    match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000_000 => with(1_000, "us"),
        1_000_000..1_000_000_000 => with(1_000_000, "ms"),
        whole if whole % 60_000_000_000 == 0 && whole >= 600_000_000_000 => {
            format!("{}m", whole / 60_000_000_000)
        }
        _ => with(1_000_000_000, "s"),
    }
}

impl Read for TimeSpan {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let number = match value.get_ref() {
            DeValue::String(text) => {
                if let Some(span) = TimeSpan::parse(text) {
                    return Some(TimeSpan(span));
                }
                text.trim().to_owned()
            }
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                reader.wrong_type(
                    key,
                    value,
                    "a span of time",
                    "digits and a unit: \"100ms\", \"1s\" or \"2m\"",
                );
                return None;
            }
        };
        if number.parse::<f64>().is_ok_and(|number| number >= 0.0) {
            let label = format!("write \"{number}s\" if seconds are meant, \"{number}ms\" if milliseconds");
            reader.error(&value.span(), format!("`{key}` has no unit"), label);
        } else {
            let message = format!("`{number}` is no span of time");
            reader.error(&value.span(), message, "digits and a unit: \"100ms\", \"1s\" or \"2m\"");
        }
        None
    }
}

impl JsonSchema for TimeSpan {
    fn schema_name() -> Cow<'static, str> {
        "TimeSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A span of time with its unit: \"100ms\", \"1s\", \"2m\".",
            "type": "string",
            "pattern": r"^[0-9]+(\.[0-9]{1,9})? *(us|ms|s|m|min|h)$",
        })
    }
}

/// An address that hosts or routers can have, with the length of its network prefix or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(pub InterfaceAddress);

impl Read for Address {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let text = text_of(key, value, "an address", "in quotes, with its prefix: \"10.0.10.1/24\"", reader)?;
        let address: InterfaceAddress = match text.parse() {
            Ok(address) => address,
            Err(fault) => {
                let label = match &fault {
                    AddressError::Prefix { max, .. } => format!("0 to {max} behind the slash"),
                    AddressError::Ip(_) | AddressError::Mac(_) => {
                        "such as \"10.0.10.1/24\" or \"2001:db8::1/64\"".to_owned()
                    }
                };
                reader.error(&value.span(), fault.to_string(), label);
                return None;
            }
        };
        if let Some(kind) = unfit(address) {
            let label = format!("one address that a router can have{}", neighbour_of(address));
            reader.error(&value.span(), format!("{address} is {kind}"), label);
            return None;
        }
        Some(Address(address))
    }
}

/// Why nobody can have an address as its own.
fn unfit(address: InterfaceAddress) -> Option<&'static str> {
    let bits = Family::of(address.ip).bits();
    let host_bits = u32::from(bits - address.prefix);
    let host = |value: u128| if host_bits == 128 { value } else { value & ((1 << host_bits) - 1) };
    let (value, all_ones) = match address.ip {
        IpAddr::V4(ip) if ip.is_broadcast() => return Some("the broadcast address"),
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), host(u128::MAX)),
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => return Some("an IPv4 address in disguise"),
        // IPv6 has no broadcast: only the lowest address of a network is taken (RFC 4291 §2.6.1).
        IpAddr::V6(ip) => (u128::from(ip), u128::MAX),
    };
    match address.ip {
        ip if ip.is_unspecified() => Some("no address at all"),
        ip if ip.is_loopback() => Some("a loopback address"),
        ip if ip.is_multicast() => Some("a multicast address"),
        _ if host_bits < 2 => None,
        _ if host(value) == 0 => Some("the address of the network itself"),
        _ if host(value) == all_ones => Some("the broadcast address of its network"),
        _ => None,
    }
}

/// For a network's own address: the first usable one.
fn neighbour_of(address: InterfaceAddress) -> String {
    let next = match address.ip {
        IpAddr::V4(ip) => u32::from(ip).checked_add(1).map(|ip| IpAddr::V4(ip.into())),
        IpAddr::V6(ip) => u128::from(ip).checked_add(1).map(|ip| IpAddr::V6(ip.into())),
    };
    next.map(|ip| InterfaceAddress { ip, ..address })
        .filter(|next| address.prefix < Family::of(address.ip).bits() && unfit(*next).is_none())
        .map_or(String::new(), |next| format!(", such as \"{next}\""))
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An IPv4 or IPv6 address, with the length of its network prefix or without.",
            "type": "string",
            "pattern": r"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$",
        })
    }
}

/// An on-link network: `2001:db8::/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(pub InterfaceAddress);

impl Read for Network {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let text = text_of(key, value, "a network", "in quotes: \"2001:db8::/64\"", reader)?;
        let network = text.parse().map_err(|fault: AddressError| {
            reader.error(&value.span(), fault.to_string(), "a network such as \"2001:db8::/64\"");
        });
        network.ok().map(Network)
    }
}

impl JsonSchema for Network {
    fn schema_name() -> Cow<'static, str> {
        "Network".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Address::json_schema(generator)
    }
}

/// Which virtual MAC, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacChoice {
    /// The protocol's own.
    Standard,
    /// None: the interface's MAC.
    Interface,
    /// This one.
    Custom(Mac),
}

impl Read for MacChoice {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        if let Some(wanted) = value.get_ref().as_bool() {
            return Some(if wanted { MacChoice::Standard } else { MacChoice::Interface });
        }
        let instead = "`true`, `false` or a MAC such as \"02:00:5e:00:01:0a\"";
        let text = text_of(key, value, "true, false or a MAC address", instead, reader)?;
        match text.parse::<Mac>() {
            Ok(mac) if mac.is_group() => {
                let label = "one station's: the first octet is even, such as \"02:00:5e:00:01:0a\"";
                reader.error(&value.span(), format!("{mac} is a group's MAC address"), label);
                None
            }
            Ok(mac) if mac == Mac::default() => {
                reader.error(&value.span(), format!("{mac} is nobody's MAC address"), instead);
                None
            }
            Ok(mac) => Some(MacChoice::Custom(mac)),
            Err(_) => {
                let label = "six pairs of hexadecimal digits, such as \"02:00:5e:00:01:0a\"";
                reader.error(&value.span(), format!("`{text}` is no MAC address"), label);
                None
            }
        }
    }
}

impl JsonSchema for MacChoice {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MacChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mac = "^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$";
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "string", "pattern": mac }] })
    }
}

/// A moment, since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Duration);

impl Moment {
    fn of(written: &toml::value::Datetime) -> Option<Moment> {
        let (date, time, offset) = (written.date?, written.time?, written.offset?);
        let month = time::Month::try_from(date.month).ok()?;
        let date = time::Date::from_calendar_date(date.year.into(), month, date.day).ok()?;
        let (second, nanosecond) = (time.second.unwrap_or_default(), time.nanosecond.unwrap_or_default());
        let time = time::Time::from_hms_nano(time.hour, time.minute, second, nanosecond).ok()?;
        let minutes = match offset {
            toml::value::Offset::Z => 0,
            toml::value::Offset::Custom { minutes } => minutes,
        };
        let offset = time::UtcOffset::from_whole_seconds(i32::from(minutes) * 60).ok()?;
        let nanoseconds =
            time::PrimitiveDateTime::new(date, time).assume_offset(offset).unix_timestamp_nanos();
        u64::try_from(nanoseconds).ok().map(Duration::from_nanos).map(Moment)
    }
}

impl Read for Moment {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let instead = "with the zone and without quotes: 2027-01-01T00:00:00Z, or 2027-01-01T02:00:00+02:00";
        let toml::de::DeValue::Datetime(written) = value.get_ref() else {
            reader.wrong_type(key, value, "a date and time", instead);
            return None;
        };
        let moment = Moment::of(written);
        if moment.is_none() {
            reader.error(&value.span(), format!("`{key}` is no moment"), instead);
        }
        moment
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A password or key that stands in the file itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretText(pub Secret);

impl Read for SecretText {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let span = value.span();
        let quotes = usize::from(value.get_ref().is_str());
        reader.secrets.push(span.start + quotes..span.end.saturating_sub(quotes));
        text_of(key, value, "text", "in quotes: \"…\"", reader).map(|text| SecretText(Secret::new(text)))
    }
}

impl JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

/// Reads a secret from its file, without the line's end behind it.
///
/// Warns if everybody on the machine may read it, and refuses if everybody may write it.
pub(super) fn secret_from_file(path: &Spanned<String>, reader: &mut Reader) -> Option<Secret> {
    let name = reader.directory.join(&path.value);
    let shown = name.display();
    let read =
        std::fs::metadata(&name).and_then(|data| Ok((data.permissions().mode(), std::fs::read(&name)?)));
    let (mode, mut octets) = match read {
        Ok(read) => read,
        Err(cause) => {
            let label = "a file that the daemon can read; a relative path starts beside this file";
            reader.error(&path.span, format!("cannot read {shown}: {cause}"), label);
            return None;
        }
    };
    if mode & 0o002 != 0 {
        reader.error(&path.span, format!("everybody may write {shown}"), format!("chmod 600 {shown}"));
    } else if mode & 0o004 != 0 {
        reader.warn(&path.span, format!("everybody may read {shown}"), format!("chmod 600 {shown}"));
    }
    let end = octets.trim_ascii_end().len();
    let secret = Secret::new(&octets[..end]);
    octets.zeroize();
    Some(secret)
}

/// Octets from pairs of hexadecimal digits.
pub(crate) fn octets_from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks(2)
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// The text of a value, or a fault about its type.
pub(super) fn text_of<'v>(
    key: &str,
    value: &'v Value<'_>,
    wanted: &str,
    instead: &str,
    reader: &mut Reader,
) -> Option<&'v str> {
    let text = value.get_ref().as_str();
    if text.is_none() {
        reader.wrong_type(key, value, wanted, instead);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_are_exact() {
        let parsed = |text| TimeSpan::parse(text).map(|span| span.as_nanos());
        assert_eq!(parsed("100ms"), Some(100_000_000));
        assert_eq!(parsed("0.01s"), Some(10_000_000));
        assert_eq!(parsed("1.5 s"), Some(1_500_000_000));
        assert_eq!(parsed("2m"), parsed("2min"));
        assert_eq!(parsed("78.125us"), Some(78_125));
        for wrong in [
            "",
            "s",
            "1",
            "1 fortnight",
            "-1s",
            "1.s",
            ".5s",
            "1e3s",
            "1s ",
            "99999999999999h",
            "1.0000000001s",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_spelt_reads_back() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (78_125, "78.125us"),
            (609_375_000, "609.375ms"),
            (3_609_375_000, "3.609375s"),
            (120_000_000_000, "120s"),
            (600_000_000_000, "10m"),
        ] {
            let span = Duration::from_nanos(nanoseconds);
            assert_eq!(spelt(span), text);
            assert_eq!(TimeSpan::parse(text), Some(span));
        }
    }

    #[test]
    fn only_what_a_router_can_have_is_fit() {
        let kind = |text: &str| unfit(text.parse().unwrap());
        assert_eq!(kind("10.0.10.1/24"), None);
        assert_eq!(kind("10.0.10.0/31"), None);
        assert_eq!(kind("0.0.0.1/0"), None);
        assert_eq!(kind("2001:db8::ffff/112"), None);
        assert_eq!(kind("10.0.10.0/24"), Some("the address of the network itself"));
        assert_eq!(kind("10.0.10.255/24"), Some("the broadcast address of its network"));
        assert_eq!(kind("2001:db8::/64"), Some("the address of the network itself"));
        assert_eq!(kind("::/0"), Some("no address at all"));
        assert_eq!(kind("::ffff:10.0.0.1"), Some("an IPv4 address in disguise"));
        assert_eq!(kind("224.0.0.18"), Some("a multicast address"));
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(octets_from_hex(b"00fF"), Some(vec![0, 255]));
        assert_eq!(octets_from_hex(b"0"), None);
        assert_eq!(octets_from_hex(b"zz"), None);
    }
}
