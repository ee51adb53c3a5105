//! Key chains: numbered keys, each good for a time.

use fhrp::keys::{ChainKey, KeyChain, Lifetime};

use super::raw;
use super::reader::{Reader, Span, Spanned};
use super::shared::{self, KeyText};
use super::value::Moment;

/// A chain of these keys, none of which is longer than `longest`. `beside`: where a password stands, too.
pub(super) fn plan(
    keys: &Spanned<Vec<Spanned<raw::ChainKey>>>,
    beside: [Option<&Span>; 2],
    longest: usize,
    reader: &mut Reader,
) -> KeyChain {
    for span in beside.into_iter().flatten() {
        reader.error(span, "there is a `password` beside `keys`", "keep one of them");
    }
    if keys.value.is_empty() {
        reader.error(&keys.span, "there is no key", "one at least: `{ id = 1, key-file = \"…\" }`");
    }
    let mut seen = Vec::new();
    KeyChain::new(keys.value.iter().filter_map(|key| chain_key(key, longest, &mut seen, reader)).collect())
}

fn chain_key(
    key: &Spanned<raw::ChainKey>,
    longest: usize,
    seen: &mut Vec<(i64, Span)>,
    reader: &mut Reader,
) -> Option<ChainKey> {
    let raw::ChainKey { id, key: text, key_hex, key_file, unreadable, .. } = &key.value;
    let id = shared::key_number(id, unreadable, &key.span, &(0..=i64::from(u32::MAX)), seen, reader);
    let text = KeyText { text, hex: key_hex, file: key_file, unreadable };
    let secret = shared::key_secret(&text, &key.span, reader);
    if let Some((secret, span)) = &secret {
        shared::judge_length(secret, span, 1..=longest, reader);
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
