//! How routers of a group prove themselves, and whether the keys fit.

use ::hsrp::auth::{Authentication, TEXT_LENGTH};
use fhrp::keys::KeyChain;

use super::super::raw::{self, HsrpAuthenticationKind};
use super::super::reader::{Reader, Span, Spanned};
use super::super::{chain, shared};

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
    Some(Authentication::Md5(chain::plan(keys, beside, LONGEST_KEY, reader)))
}

fn password(raw: &Spanned<raw::HsrpAuthentication>, reader: &mut Reader) -> Option<(fhrp::Secret, Span)> {
    let raw::HsrpAuthentication { password, password_file, unreadable, .. } = &raw.value;
    shared::one_secret(password, password_file, unreadable, &raw.span, reader)
}
