//! Reads a TOML document into typed tables and goes on after each fault.
//!
//! serde stops at the first wrong type, so tables are walked by readers of our own. `table!` declares a
//! table once; the struct, its reader and its JSON Schema all come out of that declaration.

use std::ops::Range;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use toml::de::{DeTable, DeValue};

use super::fault::{Finding, Severity};
use super::foreign;

/// A value as it was parsed, with its place in the text.
pub(super) type Value<'i> = toml::Spanned<DeValue<'i>>;

/// Octets of the text, from and up to.
pub type Span = Range<usize>;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// The value of a key, or its default.
pub(super) fn or<T: Clone>(field: &Option<Spanned<T>>, default: T) -> T {
    field.as_ref().map_or(default, |field| field.value.clone())
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Collects what is wrong while a document is read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The directory that relative paths in the file start from.
    pub(super) directory: PathBuf,
    pub(super) findings: Vec<Finding>,
    /// What must not be quoted.
    pub(super) secrets: Vec<Span>,
}

impl Reader {
    /// Something is wrong at `span`; `label` says what to write instead.
    pub(super) fn error(&mut self, span: &Span, message: impl Into<String>, label: impl Into<String>) {
        self.find(Severity::Error, span, message.into(), label.into());
    }

    /// Something is doubtful at `span`.
    pub(super) fn warn(&mut self, span: &Span, message: impl Into<String>, label: impl Into<String>) {
        self.find(Severity::Warning, span, message.into(), label.into());
    }

    /// Something is missing from what stands at `span`.
    pub(super) fn missing(&mut self, span: &Span, message: impl Into<String>, label: impl Into<String>) {
        self.error(span, message, label);
        if let Some(finding) = self.findings.last_mut() {
            finding.absence = true;
        }
    }

    /// Something at `span` collides with what stands at `first`.
    pub(super) fn collision(&mut self, span: &Span, message: String, label: String, first: (Span, &str)) {
        self.error(span, message, label);
        if let Some(finding) = self.findings.last_mut() {
            finding.related = Some((first.0, first.1.to_owned()));
        }
    }

    /// Whether anything is wrong so far.
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether something within `span` is known to be wrong.
    pub(super) fn has_findings_within(&self, span: &Span) -> bool {
        self.findings.iter().any(|finding| span.contains(&finding.span.start))
    }

    fn find(&mut self, severity: Severity, span: &Span, message: String, label: String) {
        let span = span.clone();
        let finding = Finding { severity, message, span, label, related: None, absence: false };
        // What stands in `[defaults]` is judged again for every group that inherits it.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// A value has the wrong type; `wanted` is `a whole number, such as 10`.
    pub(super) fn wrong_type(&mut self, key: &str, value: &Value<'_>, wanted: &str, instead: &str) {
        let found = type_of(value.get_ref());
        self.error(&value.span(), format!("`{key}` is {found}, must be {wanted}"), instead);
    }

    /// A key that the table does not have.
    fn unknown_key(&mut self, span: &Span, key: &str, value: &Value<'_>, known: &[String]) {
        // A misspelt password is still a password.
        if ["pas", "key", "secret"].iter().any(|word| key.contains(word)) {
            self.secrets.push(value.span());
        }
        let is_interface = known.iter().any(|known| known == "vrrp");
        if is_interface && value.get_ref().is_table() {
            let label = "a dot in an interface's name needs quotes: `[[interface.\"eth0.10\".vrrp]]`";
            return self.error(span, format!("`{key}` is no protocol"), label);
        }
        let label = match foreign::translation(key, known).or_else(|| similar(key, known)) {
            Some(instead) => instead,
            None => format!("one of {}", list(known.iter().map(|key| format!("`{key}`")))),
        };
        self.error(span, format!("unknown key `{key}`"), label);
    }
}

/// What a value is, with its article.
fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The one of `known` that was probably meant.
pub(super) fn similar(word: &str, known: &[String]) -> Option<String> {
    let distance = |known: &String| strsim::damerau_levenshtein(word, known);
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    (distance(nearest) <= 1 + word.len() / 4).then(|| format!("did you mean `{nearest}`?"))
}

/// `a, b or c`.
pub(super) fn list(words: impl IntoIterator<Item = String>) -> String {
    let mut words: Vec<String> = words.into_iter().collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// Something that can be read from a value.
pub(super) trait Read: Sized {
    /// Reads `value`, the value of `key`; says what is wrong and returns `None` if it cannot be.
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self>;
}

/// A table with named keys.
pub(super) trait Table: Default {
    /// The keys it knows.
    fn keys() -> Vec<String>;

    /// Takes the value of a key; false if the key is unknown.
    fn take(&mut self, key: &str, value: &Value<'_>, reader: &mut Reader) -> bool;

    /// Takes what `other` has and this has not.
    fn inherit(&mut self, other: &Self);

    /// Reads all keys and complains about unknown ones.
    fn read_table(table: &DeTable<'_>, reader: &mut Reader) -> Self {
        let mut read = Self::default();
        for (key, value) in table {
            let name: &str = key.get_ref();
            if !read.take(name, value, reader) {
                reader.unknown_key(&key.span(), name, value, &Self::keys());
            }
        }
        read
    }
}

/// Whether a key in a file is this field: `advertise-interval` is `advertise_interval`.
pub(super) fn is_field(key: &str, field: &str) -> bool {
    key.bytes().eq(field.bytes().map(|octet| if octet == b'_' { b'-' } else { octet }))
}

/// Declares a table: a struct of optional, spanned fields, its reader and its schema.
macro_rules! table {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$note:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, schemars::JsonSchema)]
        #[schemars(rename_all = "kebab-case", deny_unknown_fields)]
        pub struct $name {
            $($(#[$note])* pub $field: Option<$crate::config::reader::Spanned<$kind>>,)*
            /// Keys that are there with a value that could not be read.
            #[schemars(skip)]
            pub unreadable: Vec<&'static str>,
        }

        impl $crate::config::reader::Table for $name {
            fn keys() -> Vec<String> {
                vec![$(stringify!($field).replace('_', "-")),*]
            }

            fn take(
                &mut self,
                key: &str,
                value: &$crate::config::reader::Value<'_>,
                reader: &mut $crate::config::reader::Reader,
            ) -> bool {
                $(if $crate::config::reader::is_field(key, stringify!($field)) {
                    self.$field = $crate::config::reader::Read::read(key, value, reader);
                    if self.$field.is_none() {
                        self.unreadable.push(stringify!($field));
                    }
                    return true;
                })*
                false
            }

            fn inherit(&mut self, other: &Self) {
                $(if self.$field.is_none() && !self.unreadable.contains(&stringify!($field)) {
                    self.$field.clone_from(&other.$field);
                })*
            }
        }

        impl $crate::config::reader::Read for $name {
            fn read(
                key: &str,
                value: &$crate::config::reader::Value<'_>,
                reader: &mut $crate::config::reader::Reader,
            ) -> Option<Self> {
                match value.get_ref() {
                    toml::de::DeValue::Table(table) => {
                        Some(<Self as $crate::config::reader::Table>::read_table(table, reader))
                    }
                    _ => {
                        let instead = format!("write `{key} = {{ … }}` with these keys: {}",
                            $crate::config::reader::list(<Self as $crate::config::reader::Table>::keys()));
                        reader.wrong_type(key, value, "a table", &instead);
                        None
                    }
                }
            }
        }
    };
}

/// Declares a choice of words.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$note:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        #[schemars(inline)]
        pub enum $name { $($(#[$note])* #[schemars(rename = $word)] $variant,)* }

        impl $crate::config::reader::Read for $name {
            fn read(
                key: &str,
                value: &$crate::config::reader::Value<'_>,
                reader: &mut $crate::config::reader::Reader,
            ) -> Option<Self> {
                let words = [$($word.to_owned()),*];
                match value.get_ref().as_str() {
                    $(Some($word) => Some($name::$variant),)*
                    found => {
                        $crate::config::reader::wrong_word(key, value, found, &words, reader);
                        None
                    }
                }
            }
        }
    };
}

pub(super) use {table, words};

/// A value is none of the words it may be.
pub(super) fn wrong_word(
    key: &str,
    value: &Value<'_>,
    found: Option<&str>,
    words: &[String],
    reader: &mut Reader,
) {
    let all = list(words.iter().map(|word| format!("\"{word}\"")));
    match found {
        None => reader.wrong_type(key, value, "one word", &format!("one of {all}")),
        Some(found) => {
            let label = similar(found, words).map_or(format!("one of {all}"), |hint| hint.replace('`', "\""));
            reader.error(&value.span(), format!("`{key}` cannot be \"{found}\""), label);
        }
    }
}

impl<T: Read> Read for Spanned<T> {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        T::read(key, value, reader).map(|read| Spanned { value: read, span: value.span() })
    }
}

impl Read for bool {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let instead = match value.get_ref().as_str() {
            Some("true" | "yes" | "on") => "write `true`, without quotes",
            Some("false" | "no" | "off") => "write `false`, without quotes",
            _ => "write `true` or `false`",
        };
        value.get_ref().as_bool().or_else(|| {
            reader.wrong_type(key, value, "true or false", instead);
            None
        })
    }
}

impl Read for i64 {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let DeValue::Integer(digits) = value.get_ref() else {
            let instead = match value.get_ref().as_str().and_then(|text| text.trim().parse::<i64>().ok()) {
                Some(number) => format!("write {number}, without quotes"),
                None => format!("write digits alone, such as `{key} = 10`"),
            };
            reader.wrong_type(key, value, "a whole number", &instead);
            return None;
        };
        let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
        if number.is_none() {
            let label = "nothing in this file needs so many digits";
            reader.error(&value.span(), format!("`{key}` is out of range"), label);
        }
        number
    }
}

impl Read for String {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let text = value.get_ref().as_str().map(str::to_owned);
        if text.is_none() {
            reader.wrong_type(key, value, "text", "write it in quotes: \"…\"");
        }
        text
    }
}

impl<T: Read> Read for Vec<Spanned<T>> {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(elements) => {
                Some(elements.iter().filter_map(|element| Spanned::read(key, element, reader)).collect())
            }
            DeValue::Table(table) if table.values().any(|value| !value.get_ref().is_table()) => {
                let instead = "two brackets, since there may be several: `[[…]]`";
                reader.wrong_type(key, value, "a list of tables", instead);
                // Its faults are worth showing all the same.
                Spanned::read(key, value, reader).map(|one| vec![one])
            }
            _ => {
                let instead = "put brackets around it: `[ … ]`";
                reader.wrong_type(key, value, "a list", instead);
                Spanned::read(key, value, reader).map(|one| vec![one])
            }
        }
    }
}

/// A table whose keys are names of the operator's choice, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Named<T>(pub Vec<(Spanned<String>, Spanned<T>)>);

impl<T: Read> Read for Named<T> {
    fn read(key: &str, value: &Value<'_>, reader: &mut Reader) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            reader.wrong_type(key, value, "a table", &format!("write `[{key}.NAME]` above its settings"));
            return None;
        };
        let read = |(name, value): (&toml::Spanned<_>, &Value<'_>)| {
            let name =
                Spanned { value: String::from(std::borrow::Cow::as_ref(name.get_ref())), span: name.span() };
            let value = Spanned::read(&name.value, value, reader)?;
            Some((name, value))
        };
        let mut entries: Vec<_> = table.iter().filter_map(read).collect();
        entries.sort_by_key(|(name, _)| name.span.start);
        Some(Named(entries))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}ByName", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let each = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": each })
    }
}
