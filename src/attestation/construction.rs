//! How a token is made with the right key in the wrong way (D.4): what programs get wrong that build
//! their tokens by hand. Only for telling the user so (D-3); none of these is ever taken.

use percent_encoding::utf8_percent_encode;
use thiserror::Error;

use super::{Claims, DeviceKey, GroupKey};
use crate::wire::{RESERVED, RegistrationId};

/// What was done to a key, or to the text that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Construction {
    /// The resource without escapes is signed, and with escapes sent.
    #[error("over `sr` without its escapes, while the token has it with them")]
    Plain,
    /// The other way round.
    #[error("over `sr` percent-encoded, while the token has it without escapes")]
    Escaped,
    /// `%2F` is signed and `%2f` sent, or the other way round.
    #[error("over escapes in the other case: `%2F` and `%2f` are not the same text")]
    EscapeCase,
    /// The resource in lower case is signed.
    #[error("over `sr` in lower case, while the token has it otherwise")]
    LowerCase,
    /// Nothing stands between resource and expiry.
    #[error("without the line feed between `sr` and `se`")]
    NoLineFeed,
    /// The two characters `\n` do.
    #[error("with a backslash and an n, where one line feed belongs between `sr` and `se`")]
    WrittenLineFeed,
    /// A carriage return stands before the line feed.
    #[error("with a carriage return before the line feed between `sr` and `se`")]
    CarriageReturn,
    /// A line feed stands at the end.
    #[error("with a line feed at the end, behind `se`")]
    EndingLineFeed,
    /// The Base64 text of the device's key is used as the key.
    #[error("with the Base64 text of the key, which has to be decoded first")]
    Undecoded,
    /// The first 32 bytes of the key are.
    #[error("with the first 32 bytes of the key, which is longer")]
    Cut,
    /// The device's key was derived from the Base64 text of the group's.
    #[error(
        "with a key derived from the Base64 text of the group key, which has to be decoded first"
    )]
    GroupKeyUndecoded,
    /// The device's key was derived from the first 32 bytes of the group's.
    #[error("with a key derived from the first 32 bytes of the group key, which is longer")]
    GroupKeyCut,
    /// The device's key was taken for a group's.
    #[error("with a key derived from the device's key: it was derived twice")]
    DerivedTwice,
}

impl Construction {
    /// A word for logs that programs read.
    pub fn as_word(self) -> &'static str {
        match self {
            Self::Undecoded | Self::Cut | Self::GroupKeyUndecoded | Self::GroupKeyCut => "keyBytes",
            Self::DerivedTwice => "derivedTwice",
            _ => "signedText",
        }
    }

    /// What would have been right.
    pub fn remedy(self) -> &'static str {
        match self.as_word() {
            "keyBytes" => "decode the whole key from Base64, and use all of its bytes",
            "derivedTwice" => {
                "sign with the device's key as it is; only a group key is derived from"
            }
            _ => "sign `sr` byte for byte as it stands in the token, one line feed, and `se`",
        }
    }
}

/// A key that would be right, used rightly.
#[derive(Debug, Clone, Copy)]
pub(super) enum RightKey<'a> {
    /// The device's own.
    Device(&'a DeviceKey),
    /// That of its group.
    Group(&'a GroupKey),
}

/// Which mistake made the signature, tried while `may_try` says so, once before each signature.
pub(super) fn find(
    claims: &Claims<'_>,
    registration_id: &RegistrationId,
    right: RightKey<'_>,
    may_try: &mut impl FnMut() -> bool,
) -> Option<Construction> {
    let device_key = match right {
        RightKey::Device(key) => key.clone(),
        RightKey::Group(key) => key.derive(registration_id),
    };
    for (construction, text) in texts(claims) {
        if may_try() && claims.is_signed_over(&text, &device_key) {
            return Some(construction);
        }
    }
    let mut keys = vec![
        (Construction::Undecoded, Some(device_key.undecoded())),
        (Construction::Cut, device_key.cut()),
        (Construction::DerivedTwice, Some(device_key.derived_again(registration_id))),
    ];
    if let RightKey::Group(key) = right {
        let derived = |key: GroupKey| key.derive(registration_id);
        keys.push((Construction::GroupKeyUndecoded, Some(derived(key.undecoded()))));
        keys.push((Construction::GroupKeyCut, key.cut().map(derived)));
    }
    keys.into_iter()
        .filter_map(|(construction, key)| Some((construction, key?)))
        .find(|(_, key)| may_try() && claims.is_signed_with(key))
        .map(|(construction, _)| construction)
}

/// The texts that may have been signed by mistake.
fn texts(claims: &Claims<'_>) -> Vec<(Construction, String)> {
    let (sent, expiry) = claims.signed_parts();
    let plain = claims.resource();
    let upper = utf8_percent_encode(&plain, RESERVED).to_string();
    let lower = with_lower_escapes(&upper);
    let is_escaped = sent.contains('%');
    let of_escapes = if is_escaped { Construction::EscapeCase } else { Construction::Escaped };
    let resources = [
        (Construction::Plain, plain.to_string()),
        (of_escapes, upper),
        (of_escapes, lower),
        (Construction::LowerCase, sent.to_lowercase()),
    ];
    let signed = resources.into_iter().filter(|(_, resource)| resource != sent);
    let mut texts: Vec<_> =
        signed.map(|(construction, it)| (construction, format!("{it}\n{expiry}"))).collect();
    texts.extend([
        (Construction::NoLineFeed, format!("{sent}{expiry}")),
        (Construction::WrittenLineFeed, format!("{sent}\\n{expiry}")),
        (Construction::CarriageReturn, format!("{sent}\r\n{expiry}")),
        (Construction::EndingLineFeed, format!("{sent}\n{expiry}\n")),
    ]);
    texts
}

fn with_lower_escapes(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |whole, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{whole}%{}{rest}", digits.to_ascii_lowercase())
    })
}
