//! How advertisements are authenticated, and whether the keys fit.

use std::time::Duration;

use fhrp::Family;
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};

use super::super::raw::{self, AuthenticationKind};
use super::super::reader::or;
use super::super::reader::{Reader, Span, Spanned};
use super::super::value::{octets_from_hex, secret_from_file, spelt};
use super::{Draft, timers};

/// Octets of version 2's authentication field. RFC 2338 §5.3.10.
const LONGEST_PASSWORD: usize = 8;
/// The longest key string of Cisco's MD5: one block of the digest.
const LONGEST_CISCO_KEY: usize = 64;
/// Octets of an HMAC key, as keepalived limits it.
const HMAC_KEY: std::ops::RangeInclusive<usize> = 32..=64;

/// The authentication of a group.
pub(super) fn plan(draft: &Draft<'_>, reader: &mut Reader) -> Authentication {
    let Some(raw) = &draft.raw.authentication else { return Authentication::None };
    let Some(kind) = &raw.value.kind else {
        if !raw.value.unreadable.contains(&"kind") {
            let label = "add `kind = \"hmac\"`, or \"text\", \"ah\" or \"cisco-md5\"";
            reader.missing(&raw.span, "this authentication has no `kind`", label);
        }
        return Authentication::None;
    };
    belongs_to_version_2(draft, kind, reader);
    strangers(&raw.value, kind.value, reader);
    match kind.value {
        AuthenticationKind::Text => password(raw, "text", reader).map(Authentication::Text),
        AuthenticationKind::Ah => password(raw, "ah", reader).map(Authentication::AuthenticationHeader),
        AuthenticationKind::CiscoMd5 => cisco_keys(raw, reader).map(Authentication::CiscoMd5),
        AuthenticationKind::Hmac => hmac(draft, raw, reader).map(Authentication::Hmac),
    }
    .unwrap_or(Authentication::None)
}

/// RFC 3768 took authentication out of version 2, and version 3 never had it; only the HMAC trailer is for all.
fn belongs_to_version_2(draft: &Draft<'_>, kind: &Spanned<AuthenticationKind>, reader: &mut Reader) {
    if kind.value == AuthenticationKind::Hmac {
        return;
    }
    if draft.family == Family::Ipv6 {
        let label = "\"hmac\" is the one kind that IPv6 has";
        reader.error(&kind.span, "this authentication belongs to version 2, which has no IPv6", label);
    } else if !draft.speaks_v2() {
        let label = "\"hmac\", or add `version = 2` to the group";
        reader.error(&kind.span, "this authentication belongs to version 2, and the group speaks 3", label);
    } else if draft.speaks_v3() {
        let label = "only the version 2 advertisements are authenticated; \"hmac\" covers both";
        reader.warn(&kind.span, "version 3 has no such authentication", label);
    }
}

/// Keys of the table that mean nothing to this kind.
fn strangers(raw: &raw::Authentication, kind: AuthenticationKind, reader: &mut Reader) {
    let spans = |key| match key {
        "password" => raw.password.as_ref().map(|value| &value.span),
        "password-file" => raw.password_file.as_ref().map(|value| &value.span),
        "keys" => raw.keys.as_ref().map(|value| &value.span),
        "mode" => raw.mode.as_ref().map(|value| &value.span),
        _ => raw.anti_replay.as_ref().map(|value| &value.span),
    };
    let (strange, instead): (&[&str], _) = match kind {
        AuthenticationKind::Text | AuthenticationKind::Ah => {
            (&["keys", "mode", "anti-replay"], "`password` or `password-file`")
        }
        AuthenticationKind::CiscoMd5 => (&["mode", "anti-replay"], "`password` or `keys`"),
        AuthenticationKind::Hmac => {
            (&["password", "password-file"], "`keys = [{ id = 1, key-file = \"…\" }]`")
        }
    };
    for key in strange {
        if let Some(span) = spans(*key) {
            let message = format!("`{key}` means nothing to this kind of authentication");
            reader.error(span, message, format!("leave it out; it has {instead}"));
        }
    }
}

/// One password, in the file or beside it.
fn password(raw: &Spanned<raw::Authentication>, kind: &str, reader: &mut Reader) -> Option<Secret> {
    let (secret, span) = one_secret(raw, reader)?;
    let length = secret.expose().len();
    if length == 0 {
        reader.error(&span, "the password is empty", "1 to 8 octets");
    } else if length > LONGEST_PASSWORD {
        let message = format!("the password has {length} octets");
        let label = format!("`{kind}` has room for 8 (RFC 2338 §5.3.10); shorten it on all routers alike");
        reader.error(&span, message, label);
    }
    Some(secret)
}

/// `password` or `password-file`, and where it stands.
fn one_secret(raw: &Spanned<raw::Authentication>, reader: &mut Reader) -> Option<(Secret, Span)> {
    let unreadable = |key| raw.value.unreadable.contains(&key);
    match (&raw.value.password, &raw.value.password_file) {
        (Some(_), Some(file)) => {
            reader.error(
                &file.span,
                "the password stands here twice",
                "keep one: `password` or `password-file`",
            );
            None
        }
        (Some(password), None) => Some((password.value.0.clone(), password.span.clone())),
        (None, Some(file)) => secret_from_file(file, reader).map(|secret| (secret, file.span.clone())),
        (None, None) if unreadable("password") || unreadable("password_file") => None,
        (None, None) => {
            let label = "add `password = \"…\"` or `password-file = \"…\"`";
            reader.missing(&raw.span, "this authentication has no password", label);
            None
        }
    }
}

/// Cisco's key string, or the numbered keys of a key chain.
fn cisco_keys(raw: &Spanned<raw::Authentication>, reader: &mut Reader) -> Option<Vec<Key>> {
    let Some(keys) = &raw.value.keys else {
        let (secret, span) = one_secret(raw, reader)?;
        judge_length(&secret, &span, 1..=LONGEST_CISCO_KEY, reader);
        return Some(vec![Key { id: 0, secret }]);
    };
    for file in raw
        .value
        .password
        .iter()
        .map(|value| &value.span)
        .chain(raw.value.password_file.iter().map(|v| &v.span))
    {
        reader.error(file, "there is a `password` beside `keys`", "keep one of them");
    }
    numbered(keys, 0..=i64::from(u32::MAX), 1..=LONGEST_CISCO_KEY, reader)
}

fn hmac(draft: &Draft<'_>, raw: &Spanned<raw::Authentication>, reader: &mut Reader) -> Option<Hmac> {
    let Some(keys) = &raw.value.keys else {
        if !raw.value.unreadable.contains(&"keys") {
            let label = "add `keys = [{ id = 1, key-file = \"…\" }]`";
            reader.missing(&raw.span, "this authentication has no keys", label);
        }
        return None;
    };
    let keys = numbered(keys, 1..=255, HMAC_KEY, reader)?;
    Some(Hmac {
        keys,
        mode: match or(&raw.value.mode, raw::HmacMode::Enforce) {
            raw::HmacMode::ReceiveOnly => HmacMode::ReceiveOnly,
            raw::HmacMode::Permissive => HmacMode::Permissive,
            raw::HmacMode::Enforce => HmacMode::Enforce,
        },
        anti_replay: anti_replay(draft, &raw.value, reader),
    })
}

/// keepalived's rule: three intervals, five seconds at least; 1 to 300 s if said.
fn anti_replay(draft: &Draft<'_>, raw: &raw::Authentication, reader: &mut Reader) -> AntiReplay {
    let usual = (timers::sent_interval(draft) * 3).max(Duration::from_secs(5));
    let Some(choice) = &raw.anti_replay else { return AntiReplay::Monotonic };
    match choice.value {
        raw::AntiReplay::Monotonic => AntiReplay::Monotonic,
        raw::AntiReplay::Window(None) => AntiReplay::Window(usual),
        raw::AntiReplay::Window(Some(width)) => {
            let width = width.0;
            if !(Duration::from_secs(1)..=Duration::from_secs(300)).contains(&width) {
                let message = format!("a window of {} is out of range", spelt(width));
                reader.error(&choice.span, message, format!("1s to 300s; {} is usual here", spelt(usual)));
            }
            AntiReplay::Window(width)
        }
    }
}

/// Numbered keys, each number once.
fn numbered(
    raw: &Spanned<Vec<Spanned<raw::Key>>>,
    numbers: std::ops::RangeInclusive<i64>,
    lengths: std::ops::RangeInclusive<usize>,
    reader: &mut Reader,
) -> Option<Vec<Key>> {
    if raw.value.is_empty() {
        reader.error(&raw.span, "there is no key", "one at least: `{ id = 1, key-file = \"…\" }`");
        return None;
    }
    let mut seen: Vec<(i64, Span)> = Vec::new();
    let mut keys = Vec::new();
    for key in &raw.value {
        let id = key_number(key, &numbers, reader);
        if let Some(id) = &id {
            if let Some((_, first)) = seen.iter().find(|(number, _)| *number == id.value) {
                let message = format!("two keys have the number {}", id.value);
                let first = (first.clone(), "the first of them");
                reader.collision(&id.span, message, "a number of its own for each".into(), first);
            }
            seen.push((id.value, id.span.clone()));
        }
        let secret = key_secret(key, reader);
        if let Some((secret, span)) = &secret {
            judge_length(secret, span, lengths.clone(), reader);
        }
        if let (Some(id), Some((secret, _))) = (id.and_then(|id| u32::try_from(id.value).ok()), secret) {
            keys.push(Key { id, secret });
        }
    }
    Some(keys)
}

fn key_number(
    key: &Spanned<raw::Key>,
    numbers: &std::ops::RangeInclusive<i64>,
    reader: &mut Reader,
) -> Option<Spanned<i64>> {
    let Some(id) = &key.value.id else {
        if !key.value.unreadable.contains(&"id") {
            let label = "add `id = 1`: its number on the wire";
            reader.missing(&key.span, "this key has no `id`", label);
        }
        return None;
    };
    if !numbers.contains(&id.value) {
        let label = format!("{} to {}", numbers.start(), numbers.end());
        reader.error(&id.span, format!("key number {} is out of range", id.value), label);
    }
    Some(id.clone())
}

/// The octets of a key, and where they stand.
fn key_secret(key: &Spanned<raw::Key>, reader: &mut Reader) -> Option<(Secret, Span)> {
    let raw::Key { key: text, key_hex, key_file, unreadable, .. } = &key.value;
    let ways = [text.is_some(), key_hex.is_some(), key_file.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        reader.error(&key.span, "this key stands here twice", "keep one: `key`, `key-hex` or `key-file`");
        return None;
    }
    if let Some(text) = text {
        return Some((text.value.0.clone(), text.span.clone()));
    }
    if let Some(hex) = key_hex {
        let octets = octets_from_hex(hex.value.0.expose());
        if octets.is_none() {
            reader.error(&hex.span, "`key-hex` is not hexadecimal", "pairs of the digits 0 to 9 and a to f");
        }
        return octets.map(|octets| (Secret::new(octets), hex.span.clone()));
    }
    if let Some(file) = key_file {
        return secret_from_file(file, reader).map(|secret| (secret, file.span.clone()));
    }
    if unreadable.iter().all(|key| *key == "id") {
        let label = "add `key-file = \"…\"`, `key-hex = \"…\"` or `key = \"…\"`";
        reader.missing(&key.span, "this key says nothing but its number", label);
    }
    None
}

fn judge_length(secret: &Secret, span: &Span, allowed: std::ops::RangeInclusive<usize>, reader: &mut Reader) {
    let length = secret.expose().len();
    if !allowed.contains(&length) {
        let label = format!("{} to {} octets, the same on all routers", allowed.start(), allowed.end());
        reader.error(span, format!("the key has {length} octets"), label);
    }
}
