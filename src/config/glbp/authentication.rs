//! How routers of a group prove themselves, and whether the keys fit.

use ::glbp::auth::Authentication;
use ::glbp::wire::MOST_TEXT;

use super::super::raw::{self, GlbpAuthenticationKind};
use super::super::reader::{Reader, Span, Spanned};
use super::super::{chain, shared};

/// The longest key string of Cisco's routers.
const LONGEST_KEY: usize = 100;

/// The authentication of a group.
pub(super) fn plan(group: &raw::Glbp, reader: &mut Reader) -> Authentication {
    let Some(raw) = &group.authentication else { return Authentication::None };
    let Some(kind) = &raw.value.kind else {
        if !raw.value.unreadable.contains(&"kind") {
            let label = "add `kind = \"md5\"` or `kind = \"text\"`";
            reader.missing(&raw.span, "this authentication has no `kind`", label);
        }
        return Authentication::None;
    };
    match kind.value {
        GlbpAuthenticationKind::Text => text(raw, reader),
        GlbpAuthenticationKind::Md5 => md5(raw, reader),
    }
    .unwrap_or(Authentication::None)
}

fn text(raw: &Spanned<raw::GlbpAuthentication>, reader: &mut Reader) -> Option<Authentication> {
    if let Some(keys) = &raw.value.keys {
        let label = "leave it out; it has `password` or `password-file`";
        reader.error(&keys.span, "`keys` means nothing to this kind of authentication", label);
    }
    let (secret, span) = password(raw, reader)?;
    shared::judge_length(&secret, &span, 1..=MOST_TEXT, reader);
    Some(Authentication::Text(secret))
}

fn md5(raw: &Spanned<raw::GlbpAuthentication>, reader: &mut Reader) -> Option<Authentication> {
    let Some(keys) = &raw.value.keys else {
        let (secret, span) = password(raw, reader)?;
        shared::judge_length(&secret, &span, 1..=LONGEST_KEY, reader);
        return Some(Authentication::KeyString(secret));
    };
    let beside = [
        raw.value.password.as_ref().map(|value| &value.span),
        raw.value.password_file.as_ref().map(|value| &value.span),
    ];
    Some(Authentication::KeyChain(chain::plan(keys, beside, LONGEST_KEY, reader)))
}

fn password(raw: &Spanned<raw::GlbpAuthentication>, reader: &mut Reader) -> Option<(fhrp::Secret, Span)> {
    let raw::GlbpAuthentication { password, password_file, unreadable, .. } = &raw.value;
    shared::one_secret(password, password_file, unreadable, &raw.span, reader)
}
