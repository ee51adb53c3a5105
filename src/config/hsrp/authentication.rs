//! How routers of a group prove themselves, and whether the keys fit.

use ::hsrp::auth::{Authentication, TEXT_LENGTH};
use fhrp::keys::{ChainKey, KeyChain, Lifetime};

use super::super::raw::{self, HsrpAuthenticationKind};
use super::super::reader::{Reader, Span, Spanned};
use super::super::shared::{self, KeyText};
use super::super::value::Moment;

/// The longest key string of Cisco's routers.
const LONGEST_KEY: usize = 64;

/// The authentication of a group.
pub(super) fn plan(group: &raw::Hsrp, reader: &mut Reader) -> Authentication {
    let Some(raw) = &group.authentication else { return Authentication::default() };
    let Some(kind) = &raw.value.kind else {
        if !raw.value.unreadable.contains(&"kind") {
            let label = "add `kind = \"md5\"` or `kind = \"text\"`";
            reader.missing(&raw.span, "this authentication has no `kind`", label);
        }
        return Authentication::default();
    };
    match kind.value {
        HsrpAuthenticationKind::Text => text(raw, reader),
        HsrpAuthenticationKind::Md5 => md5(raw, reader),
    }
    .unwrap_or_default()
}

fn text(raw: &Spanned<raw::HsrpAuthentication>, reader: &mut Reader) -> Option<Authentication> {
    if let Some(keys) = &raw.value.keys {
        let label = "leave it out; it has `password` or `password-file`";
        reader.error(&keys.span, "`keys` means nothing to this kind of authentication", label);
    }
    let (secret, span) = password(raw, reader)?;
    let length = secret.expose().len();
    if length == 0 || length > TEXT_LENGTH {
        let label = "1 to 8, the same on all routers (RFC 2281 §5.1)";
        reader.error(&span, format!("the text has {length} octets"), label);
    }
    Some(Authentication::Text(secret))
}

fn md5(raw: &Spanned<raw::HsrpAuthentication>, reader: &mut Reader) -> Option<Authentication> {
    let Some(keys) = &raw.value.keys else {
        let (secret, span) = password(raw, reader)?;
        shared::judge_length(&secret, &span, 1..=LONGEST_KEY, reader);
        return Some(Authentication::Md5(KeyChain::single(0, secret)));
    };
    let beside = [
        raw.value.password.as_ref().map(|value| &value.span),
        raw.value.password_file.as_ref().map(|value| &value.span),
    ];
    for span in beside.into_iter().flatten() {
        reader.error(span, "there is a `password` beside `keys`", "keep one of them");
    }
    if keys.value.is_empty() {
        reader.error(&keys.span, "there is no key", "one at least: `{ id = 1, key-file = \"…\" }`");
    }
    let mut seen = Vec::new();
    let chain = keys.value.iter().filter_map(|key| chain_key(key, &mut seen, reader)).collect();
    Some(Authentication::Md5(KeyChain::new(chain)))
}

fn password(raw: &Spanned<raw::HsrpAuthentication>, reader: &mut Reader) -> Option<(fhrp::Secret, Span)> {
    let raw::HsrpAuthentication { password, password_file, unreadable, .. } = &raw.value;
    shared::one_secret(password, password_file, unreadable, &raw.span, reader)
}

fn chain_key(
    key: &Spanned<raw::ChainKey>,
    seen: &mut Vec<(i64, Span)>,
    reader: &mut Reader,
) -> Option<ChainKey> {
    let raw::ChainKey { id, key: text, key_hex, key_file, unreadable, .. } = &key.value;
    let id = shared::key_number(id, unreadable, &key.span, &(0..=i64::from(u32::MAX)), seen, reader);
    let text = KeyText { text, hex: key_hex, file: key_file, unreadable };
    let secret = shared::key_secret(&text, &key.span, reader);
    if let Some((secret, span)) = &secret {
        shared::judge_length(secret, span, 1..=LONGEST_KEY, reader);
    }
    let raw::ChainKey { send_from, send_until, accept_from, accept_until, .. } = &key.value;
    let send = lifetime(send_from, send_until, "send-until", reader);
    let accept = lifetime(accept_from, accept_until, "accept-until", reader);
    let (id, (secret, _)) = (id?, secret?);
    Some(ChainKey { id, secret, send, accept })
}

fn lifetime(
    from: &Option<Spanned<Moment>>,
    until: &Option<Spanned<Moment>>,
    key: &str,
    reader: &mut Reader,
) -> Lifetime {
    if let (Some(from), Some(until)) = (from, until)
        && until.value <= from.value
    {
        let message = format!("`{key}` does not come after the beginning");
        reader.collision(
            &until.span,
            message,
            "a later moment".to_owned(),
            (from.span.clone(), "the beginning"),
        );
    }
    Lifetime {
        from: from.as_ref().map_or(Lifetime::ALWAYS.from, |from| from.value.0),
        until: until.as_ref().map(|until| until.value.0),
    }
}
