//! How advertisements are authenticated, and whether the keys fit.

use std::time::Duration;

use fhrp::Family;
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};

use super::super::raw::{self, AuthenticationKind};
use super::super::reader::or;
use super::super::reader::{Reader, Span, Spanned};
use super::super::shared::{self, KeyText};
use super::super::value::spelt;
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
    let raw::Authentication { password, password_file, unreadable, .. } = &raw.value;
    shared::one_secret(password, password_file, unreadable, &raw.span, reader)
}

/// Cisco's key string, or the numbered keys of a key chain.
fn cisco_keys(raw: &Spanned<raw::Authentication>, reader: &mut Reader) -> Option<Vec<Key>> {
    let Some(keys) = &raw.value.keys else {
        let (secret, span) = one_secret(raw, reader)?;
        shared::judge_length(&secret, &span, 1..=LONGEST_CISCO_KEY, reader);
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
        let raw::Key { id, key: text, key_hex, key_file, unreadable } = &key.value;
        let id = shared::key_number(id, unreadable, &key.span, &numbers, &mut seen, reader);
        let text = KeyText { text, hex: key_hex, file: key_file, unreadable };
        let secret = shared::key_secret(&text, &key.span, reader);
        if let Some((secret, span)) = &secret {
            shared::judge_length(secret, span, lengths.clone(), reader);
        }
        if let (Some(id), Some((secret, _))) = (id, secret) {
            keys.push(Key { id, secret });
        }
    }
    Some(keys)
}
