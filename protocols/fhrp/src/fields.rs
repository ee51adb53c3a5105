//! Taking a message apart for [`Dissection::fields`](crate::dissect::Dissection::fields): fields in the order of the
//! octets, as many as are there.

use crate::address::Mac;
use crate::dissect::Field;

/// A message that is read from front to back. What asks for more octets than are left adds nothing and says `None`, so
/// that a message that was cut shows what is there.
#[derive(Debug)]
pub struct Fields<'a> {
    octets: &'a [u8],
    at: usize,
    list: Vec<Field>,
}

impl<'a> Fields<'a> {
    /// A message of which nothing has been read.
    pub fn new(octets: &'a [u8]) -> Self {
        Fields { octets, at: 0, list: Vec::new() }
    }

    /// What was read.
    pub fn finish(self) -> Vec<Field> {
        self.list
    }

    /// Octets not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    /// The next octets, and where they are. They are read; a field is not made of them.
    pub fn take<const N: usize>(&mut self) -> Option<(usize, [u8; N])> {
        let octets = self.rest().first_chunk::<N>()?;
        let at = self.at;
        self.at += N;
        Some((at, *octets))
    }

    /// A field that was made of octets taken.
    pub fn add(&mut self, field: Field) {
        self.list.push(field);
    }

    /// A number of one octet, with its meaning if that says more.
    pub fn octet(&mut self, name: &'static str, meaning: impl FnOnce(u8) -> Option<String>) -> Option<u8> {
        let (at, [value]) = self.take()?;
        self.add(Field { meaning: meaning(value), ..Field::new(at, 1, name, value) });
        Some(value)
    }

    /// A number of two octets, with its meaning if that says more.
    pub fn short(&mut self, name: &'static str, meaning: impl FnOnce(u16) -> Option<String>) -> Option<u16> {
        let (at, octets) = self.take()?;
        let value = u16::from_be_bytes(octets);
        self.add(Field { meaning: meaning(value), ..Field::new(at, 2, name, value) });
        Some(value)
    }

    /// A number of four octets, with its meaning if that says more.
    pub fn word(&mut self, name: &'static str, meaning: impl FnOnce(u32) -> Option<String>) -> Option<u32> {
        let (at, octets) = self.take()?;
        let value = u32::from_be_bytes(octets);
        self.add(Field { meaning: meaning(value), ..Field::new(at, 4, name, value) });
        Some(value)
    }

    /// An Ethernet address.
    pub fn mac(&mut self, name: &'static str) -> Option<Mac> {
        let (at, octets) = self.take()?;
        self.add(Field::new(at, 6, name, Mac(octets)));
        Some(Mac(octets))
    }

    /// Octets as hexadecimal digits: `length`, or as many as are left. None left: no field.
    pub fn digits(&mut self, name: &'static str, length: usize) {
        let rest = self.rest();
        let octets = rest.get(..length).unwrap_or(rest);
        if !octets.is_empty() {
            self.list.push(Field::new(self.at, octets.len(), name, hexadecimal(octets)));
            self.at += octets.len();
        }
    }

    /// Octets as text without the zeros behind it: `length`, or as many as are left. What is not printable ASCII is
    /// escaped. None left: no field.
    pub fn text(&mut self, name: &'static str, length: usize) {
        let rest = self.rest();
        let octets = rest.get(..length).unwrap_or(rest);
        if !octets.is_empty() {
            self.list.push(Field::new(self.at, octets.len(), name, text(octets)));
            self.at += octets.len();
        }
    }

    /// The next `length` octets, or as many as are left, as one field that holds what `read` makes of them. What
    /// `read` leaves over is shown as digits.
    pub fn inside(&mut self, name: &'static str, length: usize, read: impl FnOnce(&mut Self) -> Option<()>) {
        let start = self.at;
        let end = start.saturating_add(length).min(self.octets.len());
        let all = self.octets;
        self.octets = all.get(..end).unwrap_or_default();
        let before = std::mem::take(&mut self.list);
        read(self);
        self.digits("Trailing octets", usize::MAX);
        self.octets = all;
        let inside = std::mem::replace(&mut self.list, before);
        self.add(Field::new(start, end - start, name, "").holding(inside));
    }
}

/// Octets as hexadecimal digits.
pub fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Octets as text without the zeros behind it; what is not printable ASCII is escaped.
pub fn text(octets: &[u8]) -> String {
    let end = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    octets.get(..end).unwrap_or_default().escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCTETS: [u8; 12] = [1, 2, 3, 0, 0, 0, 0x0c, 7, 0xac, 1, 0xfe, 0xff];

    fn read(fields: &mut Fields<'_>) -> Option<()> {
        fields.octet("a", |value| (value == 1).then(|| "one".into()))?;
        fields.short("b", |_| None)?;
        fields.inside("c", 8, |fields| {
            fields.mac("d")?;
            Some(())
        });
        fields.word("e", |_| None)?;
        Some(())
    }

    #[test]
    fn a_cut_message_shows_what_is_there() {
        for length in 0..=OCTETS.len() {
            let mut fields = Fields::new(&OCTETS[..length]);
            assert_eq!(read(&mut fields), None);
            let fields = fields.finish();
            assert!(fields.iter().all(|field| field.offset + field.length <= length));
            assert_eq!(fields.first().and_then(|a| a.meaning.as_deref()), (length > 0).then_some("one"));
        }
        let mut fields = Fields::new(&OCTETS);
        read(&mut fields);
        assert_eq!(fields.rest(), [0xff]);
        let fields = fields.finish();
        let names =
            |fields: &[Field]| fields.iter().map(|it| (it.name, it.offset, it.length)).collect::<Vec<_>>();
        assert_eq!(names(&fields), [("a", 0, 1), ("b", 1, 2), ("c", 3, 8)]);
        assert_eq!(names(&fields[2].inside), [("d", 3, 6), ("Trailing octets", 9, 2)]);
        assert_eq!(fields[2].inside[0].value, "00:00:00:0c:07:ac");
        assert_eq!(fields[2].inside[1].value, "01fe");
    }

    #[test]
    fn text_ends_before_its_zeros() {
        assert_eq!(text(b"cisco\0\0\0"), "cisco");
        assert_eq!(text(b"\0a\n\0"), "\\x00a\\n");
        assert_eq!(text(&[0; 8]), "");
    }
}
