//! Numbers and words as they are written a million times: without allocating.

use std::fmt::{self, Display, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use fhrp::Mac;
use fhrp::dissect::Value;

/// Where a line is put together.
pub(super) struct Text<'b>(pub(super) &'b mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.str(text);
        Ok(())
    }
}

/// A few characters on the stack: they are appended to a line at once, because a line consists of little else.
struct Few<const N: usize> {
    characters: [u8; N],
    count: usize,
}

impl<const N: usize> Few<N> {
    fn new() -> Self {
        Few { characters: [0; N], count: 0 }
    }

    #[inline]
    fn push(&mut self, character: u8) {
        if let Some(place) = self.characters.get_mut(self.count) {
            *place = character;
            self.count += 1;
        }
    }

    /// A number below a hundred in two digits.
    #[inline]
    fn two(&mut self, number: u8) {
        self.push(b'0' + number / 10 % 10);
        self.push(b'0' + number % 10);
    }

    /// A number of one octet in as many digits as it needs.
    #[inline]
    fn octet(&mut self, number: u8) {
        if number >= 100 {
            self.push(b'0' + number / 100);
        }
        if number >= 10 {
            self.push(b'0' + number / 10 % 10);
        }
        self.push(b'0' + number % 10);
    }
}

impl Text<'_> {
    #[inline]
    pub(super) fn str(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    #[inline]
    fn few<const N: usize>(&mut self, few: &Few<N>) {
        // A copy of constant length is a few instructions, one of any length a call: what is too much is taken back.
        let end = self.0.len() + few.count;
        self.0.extend_from_slice(&few.characters);
        self.0.truncate(end);
    }

    /// Anything that can be displayed; writing to memory does not fail.
    pub(super) fn show(&mut self, what: impl Display) {
        let _ = write!(self, "{what}");
    }

    pub(super) fn number(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(octet) => {
                let mut few = Few::<3>::new();
                few.octet(octet);
                self.few(&few);
            }
            Err(_) => self.padded(number, 1, b'0'),
        }
    }

    /// At least `width` characters.
    pub(super) fn padded(&mut self, mut number: u64, width: usize, fill: u8) {
        let mut digits = [fill; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            if let (Some(place), Ok(digit)) = (digits.get_mut(at), u8::try_from(number % 10)) {
                *place = b'0' + digit;
            }
            number /= 10;
            if number == 0 {
                break;
            }
        }
        let from = at.min(digits.len().saturating_sub(width));
        self.0.extend_from_slice(digits.get(from..).unwrap_or_default());
    }

    pub(super) fn ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => {
                let mut few = Few::<15>::new();
                for (place, octet) in ip.octets().into_iter().enumerate() {
                    if place > 0 {
                        few.push(b'.');
                    }
                    few.octet(octet);
                }
                self.few(&few);
            }
            IpAddr::V6(ip) => self.show(ip),
        }
    }

    pub(super) fn mac(&mut self, mac: Mac) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'?');
        let mut few = Few::<17>::new();
        for (place, octet) in mac.0.into_iter().enumerate() {
            if place > 0 {
                few.push(b':');
            }
            few.push(digit(octet >> 4));
            few.push(digit(octet & 15));
        }
        self.few(&few);
    }

    /// Milliseconds, with what is behind the point as far as it is there.
    pub(super) fn milliseconds(&mut self, span: Duration) {
        let nanoseconds = span.as_nanos();
        self.number(u64::try_from(nanoseconds / 1_000_000).unwrap_or(u64::MAX));
        let mut rest = u64::try_from(nanoseconds % 1_000_000).unwrap_or_default();
        let mut width = 6;
        if rest > 0 {
            while rest % 10 == 0 {
                (rest, width) = (rest / 10, width - 1);
            }
            self.0.push(b'.');
            self.padded(rest, width, b'0');
        }
    }

    /// As people say it: `100 ms`, `3 s`.
    pub(super) fn span(&mut self, span: Duration) {
        if span.subsec_nanos() == 0 && span.as_secs() > 0 {
            self.number(span.as_secs());
            self.str(" s");
        } else {
            self.milliseconds(span);
            self.str(" ms");
        }
    }

    /// Seconds with nanoseconds: `1795500000.123456789`.
    pub(super) fn seconds(&mut self, nanoseconds: u64) {
        self.number(nanoseconds / 1_000_000_000);
        self.0.push(b'.');
        self.padded(nanoseconds % 1_000_000_000, 9, b'0');
    }

    /// A time of day, UTC: `07:52:23.123456`.
    pub(super) fn time_of_day(&mut self, nanoseconds: u64) {
        let two = |number: u64| u8::try_from(number % 100).unwrap_or_default();
        let (second, micro) = (nanoseconds / 1_000_000_000 % 86_400, nanoseconds % 1_000_000_000 / 1_000);
        let mut few = Few::<15>::new();
        few.two(two(second / 3_600));
        few.push(b':');
        few.two(two(second / 60 % 60));
        few.push(b':');
        few.two(two(second % 60));
        few.push(b'.');
        few.two(two(micro / 10_000));
        few.two(two(micro / 100));
        few.two(two(micro));
        self.few(&few);
    }

    /// Text of a stranger, with control characters spelt out.
    pub(super) fn foreign(&mut self, text: &str) {
        self.str(&crate::log::printable(text));
    }

    /// A detail's value, in words; in records what is `left_out` is left out.
    pub(super) fn value(&mut self, value: &Value, left_out: fn(&str) -> bool) {
        match value {
            Value::Number(number) => self.number(*number),
            Value::Digits(digits) => self.show(digits),
            Value::Mac(mac) => self.mac(*mac),
            Value::Address(address) => self.ip(*address),
            Value::Truth(truth) => self.str(if *truth { "yes" } else { "no" }),
            Value::Word(word) => self.str(word),
            Value::Text(text) => self.foreign(text),
            Value::List(values) => {
                self.0.push(b'[');
                for (place, value) in values.iter().enumerate() {
                    self.str(if place > 0 { "; " } else { "" });
                    self.value(value, left_out);
                }
                self.0.push(b']');
            }
            Value::Record(fields) => {
                let shown = fields.iter().filter(|(name, _)| !left_out(name));
                for (place, (name, value)) in shown.enumerate() {
                    self.str(if place > 0 { ", " } else { "" });
                    self.detail(name, value, left_out);
                }
            }
        }
    }

    /// A detail's name and value; of a fact only the name, and nothing if it is none.
    pub(super) fn detail(&mut self, name: &str, value: &Value, left_out: fn(&str) -> bool) {
        self.0.extend(name.bytes().map(|letter| if letter == b'_' { b' ' } else { letter }));
        if !matches!(value, Value::Truth(true)) {
            self.0.push(b' ');
            self.value(value, left_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(write: impl Fn(&mut Text<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Text(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_the_library_does() {
        for number in [0, 7, 10, 99, 100, 65_535, u64::MAX] {
            assert_eq!(said(|text| text.number(number)), number.to_string());
            assert_eq!(said(|text| text.padded(number, 6, b' ')), format!("{number:>6}"));
        }
        for ip in ["0.0.0.0", "10.0.10.255", "fe80::1", "::"] {
            assert_eq!(said(|text| text.ip(ip.parse().unwrap())), ip);
        }
        assert_eq!(said(|text| text.mac(Mac([0, 0x1f, 0xa0, 9, 0xff, 0x10]))), "00:1f:a0:09:ff:10");
    }

    #[test]
    fn times_are_exact() {
        assert_eq!(said(|text| text.seconds(1_795_500_000_000_000_001)), "1795500000.000000001");
        assert_eq!(said(|text| text.time_of_day(1_795_500_000_123_456_789)), "06:00:00.123456");
        let spans = [100_000_000, 3_000_000_000, 1_003_906_250, 0, 1_500_000_000].map(Duration::from_nanos);
        assert_eq!(
            spans.map(|span| said(|text| text.span(span))),
            ["100 ms", "3 s", "1003.90625 ms", "0 ms", "1500 ms"]
        );
    }

    #[test]
    fn details_read_as_words() {
        let record = Value::Record(vec![("owner", Value::Truth(true)), ("mac", Value::Text("a\nb".into()))]);
        let list = Value::List(vec![record, Value::Number(3)]);
        let detail =
            |left_out: fn(&str) -> bool| said(|text| text.detail("active_forwarders", &list, left_out));
        assert_eq!(detail(|_| false), "active forwarders [owner, mac a\\nb; 3]");
        assert_eq!(detail(|name| name == "owner"), "active forwarders [mac a\\nb; 3]");
    }
}
