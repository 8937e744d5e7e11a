//! Shared access signatures (D.4):
//! `SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn=registration`.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{percent_decode, percent_decode_str, utf8_percent_encode};
use thiserror::Error;
use zeroize::Zeroizing;

use super::key::DeviceKey;
use super::signer::{Signer, SignerError};
use crate::wire::{DeviceId, HubName, IdScope, RESERVED, RegistrationId};

const SCHEME: &str = "SharedAccessSignature";
/// Bytes of a signature.
const SIGNATURE: usize = 32;

/// What a device's token gives access to: `{idScope}/registrations/{registrationId}`.
pub fn registration_resource(id_scope: &IdScope, registration_id: &RegistrationId) -> String {
    format!("{id_scope}/registrations/{registration_id}")
}

/// What a device's token gives access to at its hub (I): `{hub}/devices/{deviceId}`.
pub fn hub_resource(hub: &HubName, device_id: &DeviceId) -> String {
    format!("{hub}/devices/{device_id}")
}

/// A token, to be sent as password or in the `Authorization` header. Redacted in `Debug`, wiped
/// when dropped.
#[derive(Clone)]
pub struct SasToken(Zeroizing<String>);

impl SasToken {
    /// Signs `resource` until `expiry`, with `skn=registration`, as the C SDK does but for the
    /// case of the escapes.
    pub fn sign(resource: &str, key: &DeviceKey, expiry: SystemTime) -> Self {
        Self::sign_as(resource, key, expiry, Some("registration"))
    }

    /// Signs `resource` until `expiry` without `skn`: what a device shows its hub (I).
    pub fn sign_for_hub(resource: &str, key: &DeviceKey, expiry: SystemTime) -> Self {
        Self::sign_as(resource, key, expiry, None)
    }

    /// As [`sign`](Self::sign), with another name for the key (E.6).
    pub(super) fn sign_as(
        resource: &str,
        key: &DeviceKey,
        expiry: SystemTime,
        key_name: Option<&str>,
    ) -> Self {
        let unsigned = Unsigned::new(resource, expiry);
        unsigned.with(key.sign(unsigned.text().as_bytes()), key_name)
    }

    /// As [`sign`](Self::sign) with `key_name` (`registration`), and as
    /// [`sign_for_hub`](Self::sign_for_hub) without, by a key that is kept elsewhere.
    ///
    /// # Errors
    ///
    /// If the key does not sign.
    pub async fn signed_by(
        signer: &dyn Signer,
        resource: &str,
        expiry: SystemTime,
        key_name: Option<&str>,
    ) -> Result<Self, SignerError> {
        let unsigned = Unsigned::new(resource, expiry);
        let signature = signer.signature(unsigned.text().as_bytes()).await?;
        Ok(unsigned.with(signature, key_name))
    }

    /// Takes over a token as it came; [`claims`](Self::claims) tells whether it is one.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The token as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token with its signature masked, for showing; what is no token is not shown at all.
    pub fn masked(&self) -> String {
        const MASK: &str = "(not shown)";
        let Some(fields) = self.0.trim().strip_prefix(SCHEME) else { return MASK.to_owned() };
        let fields = fields.trim_start().split('&').map(|field| match field.split_once('=') {
            Some((name @ ("sr" | "se" | "skn"), value)) => format!("{name}={value}"),
            Some((name, _)) => format!("{name}={MASK}"),
            None => MASK.to_owned(),
        });
        format!("{SCHEME} {}", fields.collect::<Vec<_>>().join("&"))
    }

    /// The token's fields. They may come in any order, and `skn` may be missing (D-2).
    pub fn claims(&self) -> Result<Claims<'_>, Malformed> {
        let rest = self.0.trim().strip_prefix(SCHEME).ok_or(Malformed::Scheme)?;
        if !rest.starts_with(' ') {
            return Err(Malformed::Scheme);
        }
        let field = |name: &'static str| {
            let mut pairs = rest.trim_start().split('&').filter_map(|pair| pair.split_once('='));
            pairs
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or(Malformed::Missing(name))
        };
        let (resource, signature, expiry) = (field("sr")?, field("sig")?, field("se")?);
        // `+` may stand for itself or come as `%2B` (D-2), so this is no form decoding.
        let signature: Vec<u8> = percent_decode_str(signature).collect();
        // Rust would take a sign too.
        let seconds = expiry.parse().ok().filter(|_| expiry.bytes().all(|it| it.is_ascii_digit()));
        let expires = seconds.map(Duration::from_secs).and_then(|it| UNIX_EPOCH.checked_add(it));
        let expires = expires.ok_or(Malformed::Expiry)?;
        let malformed = |_| Malformed::Signature(SignatureForm::of(&signature));
        Ok(Claims {
            resource,
            signature: STANDARD.decode(&signature).map_err(malformed)?,
            expiry,
            expires,
            key_name: field("skn").ok(),
        })
    }
}

/// What a token says, before it is signed.
struct Unsigned {
    resource: String,
    expiry: u64,
}

impl Unsigned {
    fn new(resource: &str, expiry: SystemTime) -> Self {
        let expiry = expiry.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        Self { resource: utf8_percent_encode(resource, RESERVED).to_string(), expiry }
    }

    /// What is signed (D.4).
    fn text(&self) -> String {
        format!("{}\n{}", self.resource, self.expiry)
    }

    fn with(&self, signature: [u8; SIGNATURE], key_name: Option<&str>) -> SasToken {
        let Self { resource, expiry } = self;
        let key_name = key_name.map(|name| format!("&skn={}", utf8_percent_encode(name, RESERVED)));
        let key_name = key_name.unwrap_or_default();
        let signature = STANDARD.encode(signature);
        let signature = utf8_percent_encode(&signature, RESERVED);
        SasToken(Zeroizing::new(format!(
            "{SCHEME} sr={resource}&sig={signature}&se={expiry}{key_name}"
        )))
    }
}

impl fmt::Debug for SasToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SasToken(redacted)")
    }
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It does not begin as a token must.
    #[error("it does not begin with `{SCHEME} `")]
    Scheme,
    /// A field is not there.
    #[error("it has no field `{0}`")]
    Missing(&'static str),
    /// `sig` cannot be a signature.
    #[error("its field `sig` is {0}; expected the Base64 of 32 bytes")]
    Signature(SignatureForm),
    /// `se` cannot be a time.
    #[error("its field `se` is not a number of seconds since 1970, in digits alone")]
    Expiry,
}

/// In what form a signature came that is not that of DPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignatureForm {
    /// 64 hexadecimal digits.
    #[error("hexadecimal")]
    Hex,
    /// `-` and `_` in the place of `+` and `/`, or no `=` at the end.
    #[error("URL-safe Base64, or Base64 without the `=` at its end")]
    UrlSafe,
    /// Percent-encoded more than once.
    #[error("percent-encoded twice")]
    EncodedTwice,
    /// Blanks where `+` was: it was not percent-encoded, and something on the way read it as a form.
    #[error("Base64 with blanks in the place of `+`; send `+` as %2B")]
    Blanks,
    /// Base64, but of something else.
    #[error("the Base64 of {0} bytes")]
    Length(
        /// How many.
        usize,
    ),
    /// None of these.
    #[error("not Base64")]
    Unknown,
}

impl SignatureForm {
    fn of(text: &[u8]) -> Self {
        let is_32 = |bytes: Result<Vec<u8>, _>| bytes.is_ok_and(|it| it.len() == SIGNATURE);
        let plus: Vec<u8> = text.iter().map(|&b| if b == b' ' { b'+' } else { b }).collect();
        let decoded: Vec<u8> = percent_decode(text).collect();
        let url_safe = |text: &[u8]| {
            let text = text.strip_suffix(b"=").unwrap_or(text);
            is_32(URL_SAFE_NO_PAD.decode(text)) || is_32(STANDARD_NO_PAD.decode(text))
        };
        match STANDARD.decode(text) {
            _ if text.len() == 2 * SIGNATURE && text.iter().all(u8::is_ascii_hexdigit) => Self::Hex,
            Ok(bytes) => Self::Length(bytes.len()),
            Err(_) if url_safe(text) => Self::UrlSafe,
            Err(_) if is_32(STANDARD.decode(&plus)) => Self::Blanks,
            Err(_) if is_32(STANDARD.decode(&decoded)) => Self::EncodedTwice,
            Err(_) => Self::Unknown,
        }
    }
}

/// What a token claims, not yet believed.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims<'a> {
    resource: &'a str,
    signature: Vec<u8>,
    expiry: &'a str,
    expires: SystemTime,
    key_name: Option<&'a str>,
}

impl Claims<'_> {
    /// Whether `key` made the signature: HMAC-SHA256 over `sr` byte for byte as it stands in the
    /// token, a line feed and `se` (D-1). Encoding `sr` anew would refuse Node, Java and C.
    pub fn is_signed_with(&self, key: &DeviceKey) -> bool {
        key.verifies(self.signed_text().as_bytes(), &self.signature)
    }

    /// What form the signature has, if no key can have made it.
    pub(super) fn signature_form(&self) -> Option<SignatureForm> {
        let is_one = self.signature.len() == SIGNATURE;
        (!is_one).then(|| SignatureForm::of(STANDARD.encode(&self.signature).as_bytes()))
    }

    /// Whether `key` made the signature over another text than it should have.
    pub(super) fn is_signed_over(&self, text: &str, key: &DeviceKey) -> bool {
        key.verifies(text.as_bytes(), &self.signature)
    }

    /// `sr` and `se` as they stand in the token.
    pub(super) fn signed_parts(&self) -> (&str, &str) {
        (self.resource, self.expiry)
    }

    /// What the signature is made over: `sr` as it stands in the token, a line feed, and `se` (D.4).
    pub fn signed_text(&self) -> String {
        format!("{}\n{}", self.resource, self.expiry)
    }

    /// When the token ends.
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    /// The name of the key, where the token gives one.
    pub fn key_name(&self) -> Option<&str> {
        self.key_name
    }

    /// What the token is for, decoded.
    pub fn resource(&self) -> Cow<'_, str> {
        percent_decode_str(self.resource).decode_utf8_lossy()
    }

    /// Whether the token is for this scope and device; case does not matter (D-1).
    pub fn check_names(
        &self,
        id_scope: &IdScope,
        registration_id: &RegistrationId,
    ) -> Result<(), NameFault> {
        let resource = self.resource();
        let mut parts = resource.splitn(3, '/');
        let (Some(scope), Some(kind), Some(id)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NameFault::Resource { found: resource.into_owned() });
        };
        if !kind.eq_ignore_ascii_case("registrations") {
            return Err(NameFault::Resource { found: resource.clone().into_owned() });
        }
        if !id_scope.matches(scope) {
            return Err(NameFault::IdScope { token: scope.to_owned(), expected: id_scope.clone() });
        }
        if !registration_id.names_same_device(id) {
            return Err(NameFault::RegistrationId {
                token: id.to_owned(),
                expected: registration_id.clone(),
            });
        }
        Ok(())
    }

    /// How long ago the token expired, if it has (D-2: at `se` it has).
    pub fn expired_since(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.expires).ok()
    }
}

/// A token that is for something else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameFault {
    /// `sr` does not name a registration at all.
    #[error("`sr` is {found:?}, expected <idScope>/registrations/<registrationId>")]
    Resource {
        /// What it names, decoded.
        found: String,
    },
    /// `sr` names another scope.
    #[error("`sr` names the ID scope {token:?}, the connection {expected}")]
    IdScope {
        /// The scope in the token.
        token: String,
        /// The scope of the connection.
        expected: IdScope,
    },
    /// `sr` names another device.
    #[error("`sr` names the registration ID {token:?}, the connection {expected}")]
    RegistrationId {
        /// The device in the token.
        token: String,
        /// The device of the connection.
        expected: RegistrationId,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=";
    const SIGNATURE: &str = "USjKuRwZuyjt/9Cj/hjZxktFpZ62kcPzdANy1A0Lr+Q=";
    const SIGNATURE_LOWER: &str = "mZjZ6MiXzFb/umJ+L3gHjBfX4eBzHtfX9B/pN3ii/Ok=";

    fn key() -> DeviceKey {
        KEY.parse().unwrap()
    }

    fn escaped(signature: &str) -> String {
        utf8_percent_encode(signature, RESERVED).to_string()
    }

    fn token(sr: &str, signature: &str) -> SasToken {
        SasToken::from_text(format!("{SCHEME} sr={sr}&sig={signature}&se=1893456000"))
    }

    #[test]
    fn d_4_vector_of_signing() {
        let resource = registration_resource(
            &"0ne00000000".parse().unwrap(),
            &"contoso-toaster-007".parse().unwrap(),
        );

        let token =
            SasToken::sign(&resource, &key(), UNIX_EPOCH + Duration::from_secs(1_893_456_000));

        assert_eq!(
            token.as_str(),
            format!(
                "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fcontoso-toaster-007&sig={}&se=1893456000&skn=registration",
                escaped(SIGNATURE)
            )
        );
    }

    #[test]
    fn j_151_a_masked_token_shows_everything_but_what_proves_something() {
        let shown = |text: &str| SasToken::from_text(text).masked();

        assert_eq!(
            shown("SharedAccessSignature sr=a%2Fb&sig=c2VjcmV0&se=1&skn=registration"),
            "SharedAccessSignature sr=a%2Fb&sig=(not shown)&se=1&skn=registration"
        );
        assert_eq!(
            shown("SharedAccessSignature SIG=c2VjcmV0&c2VjcmV0&se=1"),
            "SharedAccessSignature SIG=(not shown)&(not shown)&se=1"
        );
        assert_eq!(shown("c2VjcmV0"), "(not shown)");
    }

    #[test]
    fn d_1_the_signature_covers_sr_as_received() {
        let upper = token("0ne00000000%2Fregistrations%2Fcontoso-toaster-007", &escaped(SIGNATURE));
        let lower =
            token("0ne00000000%2fregistrations%2fcontoso-toaster-007", &escaped(SIGNATURE_LOWER));
        let swapped =
            token("0ne00000000%2fregistrations%2fcontoso-toaster-007", &escaped(SIGNATURE));

        assert!(upper.claims().unwrap().is_signed_with(&key()));
        assert!(lower.claims().unwrap().is_signed_with(&key()));
        assert!(!swapped.claims().unwrap().is_signed_with(&key()));
    }

    #[test]
    fn d_1_names_are_compared_after_decoding_and_without_case() {
        let (scope, id) = ("0NE00000000".parse().unwrap(), "Contoso-Toaster-007".parse().unwrap());

        for sr in [
            "0ne00000000%2Fregistrations%2Fcontoso-toaster-007",
            "0ne00000000%2fregistrations%2fcontoso-toaster-007",
            "0ne00000000/registrations/contoso-toaster-007",
        ] {
            assert_eq!(token(sr, SIGNATURE).claims().unwrap().check_names(&scope, &id), Ok(()));
        }
    }

    #[test]
    fn d_3_a_token_for_something_else_says_for_what() {
        let (scope, id) = ("0ne00000000".parse().unwrap(), "toaster".parse().unwrap());
        let fault =
            |sr| token(sr, SIGNATURE).claims().unwrap().check_names(&scope, &id).unwrap_err();

        assert!(
            matches!(fault("0ne1%2Fregistrations%2Ftoaster"), NameFault::IdScope { token, .. } if token == "0ne1")
        );
        assert!(
            matches!(fault("0ne00000000%2Fregistrations%2Fother"), NameFault::RegistrationId { token, .. } if token == "other")
        );
        assert!(matches!(
            fault("hub.azure-devices.net%2Fdevices%2Ftoaster"),
            NameFault::Resource { .. }
        ));
        assert!(matches!(fault("x"), NameFault::Resource { .. }));
    }

    #[test]
    fn d_2_any_order_and_both_spellings_of_plus() {
        let reordered = SasToken::from_text(format!(
            "{SCHEME} skn=&se=1893456000&sig={SIGNATURE}&sr=0ne00000000%2Fregistrations%2Fcontoso-toaster-007"
        ));

        let claims = reordered.claims().unwrap();

        assert!(claims.is_signed_with(&key()), "a bare + is a +");
        assert_eq!(claims.key_name(), Some(""));
    }

    #[test]
    fn d_2_a_token_ends_at_se() {
        let token = token("x", SIGNATURE);
        let claims = token.claims().unwrap();
        let end = UNIX_EPOCH + Duration::from_secs(1_893_456_000);

        assert_eq!(claims.expired_since(end - Duration::from_secs(1)), None);
        assert_eq!(claims.expired_since(end), Some(Duration::ZERO));
        assert_eq!(
            claims.expired_since(end + Duration::from_secs(12)),
            Some(Duration::from_secs(12))
        );
    }

    #[test]
    fn malformed_tokens_say_which_part_is_wrong() {
        let fault = |text: &str| SasToken::from_text(text).claims().err();

        assert_eq!(fault(""), Some(Malformed::Scheme));
        assert_eq!(fault("SharedAccessSignature"), Some(Malformed::Scheme));
        assert_eq!(fault("SharedAccessSignature sig=AA==&se=1"), Some(Malformed::Missing("sr")));
        assert_eq!(fault("SharedAccessSignature sr=x&se=1"), Some(Malformed::Missing("sig")));
        assert_eq!(fault("SharedAccessSignature sr=x&sig=AA==&se=soon"), Some(Malformed::Expiry));
        assert_eq!(
            fault("SharedAccessSignature sr=x&sig=AA==&se=18446744073709551615"),
            Some(Malformed::Expiry)
        );
        assert_eq!(
            fault("SharedAccessSignature sr=x&sig=*&se=1"),
            Some(Malformed::Signature(SignatureForm::Unknown))
        );
    }

    #[test]
    fn a_token_does_not_show_itself_in_debug() {
        assert_eq!(format!("{:?}", token("x", SIGNATURE)), "SasToken(redacted)");
    }

    #[test]
    fn d_3_a_signature_in_another_form_is_told_by_its_form() {
        let bytes: [u8; 32] = std::array::from_fn(|n| 255 - 4 * n as u8);
        let base64 = STANDARD.encode(bytes);
        let form = |signature: &str| match token("x", signature).claims() {
            Err(Malformed::Signature(form)) => form,
            Ok(claims) => claims.signature_form().unwrap_or_else(|| panic!("{signature}")),
            Err(other) => panic!("{signature}: {other}"),
        };
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let url_safe = base64.replace('+', "-").replace('/', "_");

        assert!(base64.contains('+') && base64.contains('/'), "{base64}");
        assert_eq!(form(&hex), SignatureForm::Hex);
        assert_eq!(form(&hex.to_uppercase()), SignatureForm::Hex);
        assert_eq!(form(&url_safe), SignatureForm::UrlSafe);
        assert_eq!(form(url_safe.trim_end_matches('=')), SignatureForm::UrlSafe);
        assert_eq!(form(base64.trim_end_matches('=')), SignatureForm::UrlSafe);
        assert_eq!(form(&escaped(&escaped(&base64))), SignatureForm::EncodedTwice);
        assert_eq!(form(&base64.replace('+', " ")), SignatureForm::Blanks);
        assert_eq!(form("AAAA"), SignatureForm::Length(3));
        assert_eq!(form("*"), SignatureForm::Unknown);
    }

    #[test]
    fn d_4_se_is_digits_alone() {
        for expiry in ["+7", "-7", "7.0", "", " 7", "7 ", "0x7", "99999999999999999999999"] {
            let text = format!("{SCHEME} sr=x&sig={}&se={expiry}&skn=", escaped(SIGNATURE));

            assert_eq!(
                SasToken::from_text(text).claims().err(),
                Some(Malformed::Expiry),
                "{expiry}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_is_verified(scope in "[0-9a-zA-Z]{1,12}", id in "[0-9a-zA-Z._:-]{0,30}[a-z]", seconds in 0u64..1 << 39) {
            let (scope, id) = (scope.parse().unwrap(), id.parse().unwrap());
            let expiry = UNIX_EPOCH + Duration::from_secs(seconds);

            let token = SasToken::sign(&registration_resource(&scope, &id), &key(), expiry);

            let claims = token.claims().unwrap();
            prop_assert!(claims.is_signed_with(&key()));
            prop_assert_eq!(claims.check_names(&scope, &id), Ok(()));
            prop_assert_eq!(claims.expires(), expiry);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,80}", sr in "\\PC{0,20}", se in "\\PC{0,20}") {
            let _ = SasToken::from_text(text).claims().is_ok();
            let token = SasToken::from_text(format!("{SCHEME} sr={sr}&sig=AAAA&se={se}"));
            if let Ok(claims) = token.claims() {
                let _ = claims.check_names(&"s".parse().unwrap(), &"d".parse().unwrap());
                prop_assert!(!claims.is_signed_with(&key()));
            }
        }
    }
}
