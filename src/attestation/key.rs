//! Symmetric keys: an enrollment group's, and a device's own.
//!
//! Two types, because mixing the two up is the most common reason for a bare 401: a group key
//! signs nothing, it only derives. Neither shows itself in `Debug`, both are wiped when dropped.

use std::fmt;
use std::str::FromStr;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};
use hmac::block_api::HmacCore;
use hmac::digest::Output;
use hmac::digest::block_api::{Buffer, FixedOutputCore, UpdateCore};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::sources::Chance;
use crate::wire::RegistrationId;

/// Why a text is no symmetric key. Never repeats the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing there.
    #[error("the key is empty")]
    Empty,
    /// A SAS token or connection string was given in its place.
    #[error("this is a {0}, not a key; give the Base64 key itself")]
    NotAKey(&'static str),
    /// A character that Base64 does not have.
    #[error("the key is not Base64: the character at position {position} does not belong there")]
    Character {
        /// Where it stands, counted from 1.
        position: usize,
    },
    /// The number of characters is no multiple of four.
    #[error(
        "the key is not Base64: it has {length} characters, which is no multiple of 4; was the end (often '=') cut off?"
    )]
    Length {
        /// Characters found.
        length: usize,
    },
    /// Wrong padding or stray bits at the end.
    #[error(
        "the key is not Base64: its last characters do not fit; was the end (often '=') cut off?"
    )]
    Ending,
}

#[cfg(test)]
thread_local! {
    /// How many HMACs this thread has made and keys it has made ready, for the tests that hold the cost.
    pub(super) static HMACS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The raw bytes of a symmetric key.
#[derive(Clone, PartialEq, Eq)]
struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// 64 random bytes, as DPS makes them (D.2).
    fn generate(chance: &Chance, what: &'static str, whose: &str) -> Self {
        let mut bytes = Zeroizing::new(vec![0; 64]);
        chance.fill(what, whose, &mut bytes);
        Self(bytes)
    }

    fn mac(&self) -> Hmac<Sha256> {
        #[cfg(test)]
        HMACS.set(HMACS.get() + 1);
        // HMAC takes keys of any length; only fixed-size MACs can refuse one.
        Hmac::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("HMAC takes any key length"))
    }

    fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(&*self.0))
    }

    fn undecoded(&self) -> Self {
        Self(Zeroizing::new(self.to_base64().as_bytes().to_vec()))
    }

    fn cut(&self) -> Option<Self> {
        let first = self.0.get(..DERIVED).filter(|first| first.len() < self.0.len())?;
        Some(Self(Zeroizing::new(first.to_vec())))
    }
}

impl FromStr for Secret {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.starts_with("SharedAccessSignature") {
            return Err(KeyError::NotAKey("SAS token"));
        }
        if text.contains("SharedAccessKey=") {
            return Err(KeyError::NotAKey("connection string"));
        }
        // As long as it can become, so that it is never moved, and of a bad text nothing is left.
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(base64::decoded_len_estimate(text.len())));
        STANDARD.decode_vec(text, &mut bytes).map_err(|error| match error {
            DecodeError::InvalidByte(offset, _) => KeyError::Character { position: offset + 1 },
            DecodeError::InvalidLength(_) => KeyError::Length { length: text.len() },
            _ if !text.len().is_multiple_of(4) => KeyError::Length { length: text.len() },
            _ => KeyError::Ending,
        })?;
        Ok(Self(bytes))
    }
}

/// The key of an enrollment group. Devices derive their own from it (D.3); it never signs.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey(Secret);

impl GroupKey {
    /// A new random key of 64 bytes (D.2).
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self::made_by(&Chance::system(), "")
    }

    /// The same, by a chance that may be a test's; `whose` is the name of the group.
    ///
    /// # Panics
    ///
    /// As [`generate`](Self::generate).
    pub fn made_by(chance: &Chance, whose: &str) -> Self {
        Self(Secret::generate(chance, "group key", whose))
    }

    /// The key of one device: HMAC-SHA256 of the registration ID under the group key (D.3).
    pub fn derive(&self, registration_id: &RegistrationId) -> DeviceKey {
        self.deriver().derive(registration_id)
    }

    /// The group key made ready for deriving many keys: the two HMAC compressions that depend on
    /// the group key alone are done once.
    pub fn deriver(&self) -> Deriver {
        #[cfg(test)]
        HMACS.set(HMACS.get() + 1);
        let ready = HmacCore::new_from_slice(&self.0.0);
        Deriver(ready.unwrap_or_else(|_| unreachable!("HMAC takes any key length")))
    }

    /// The key used, wrongly, as if it were a device's own: what a device does that was given the
    /// group key in place of its key. Only for telling the user so (D-3).
    pub fn misused_as_device_key(&self) -> DeviceKey {
        DeviceKey(self.0.clone())
    }

    /// The key as it is used by whoever forgets to decode its Base64, as all misuse only for telling the
    /// user so (D-3).
    pub(super) fn undecoded(&self) -> Self {
        Self(self.0.undecoded())
    }

    /// The first 32 bytes, if it has more.
    pub(super) fn cut(&self) -> Option<Self> {
        self.0.cut().map(Self)
    }

    /// Length in bytes; DPS makes group keys of 64, older ones of 32, and takes 16 to 64 (D.2).
    pub fn length(&self) -> usize {
        self.0.0.len()
    }

    /// The key as Base64. The one way to read it: call it only where a key is asked for.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }
}

/// Derives device keys of one group, see [`GroupKey::deriver`].
#[derive(Clone)]
pub struct Deriver(HmacCore<Sha256>);

impl Deriver {
    /// The key of one device (D.3).
    pub fn derive(&self, registration_id: &RegistrationId) -> DeviceKey {
        self.derive_text(registration_id.as_str())
    }

    /// As [`derive`](Self::derive), into a text that is used again and again: for those who write keys
    /// by the million.
    pub fn derive_base64<'a>(
        &self,
        registration_id: &RegistrationId,
        text: &'a mut DerivedText,
    ) -> &'a str {
        let length = STANDARD.encode_slice(*self.digest(registration_id.as_str()), &mut *text.0);
        debug_assert_eq!(length, Ok(DERIVED_TEXT));
        text.as_str()
    }

    /// As [`derive`](Self::derive), from the lower-case form of the ID (J-5).
    pub(super) fn derive_folded(&self, registration_id: &RegistrationId) -> DeviceKey {
        self.derive_text(&registration_id.folded())
    }

    fn derive_text(&self, text: &str) -> DeviceKey {
        DeviceKey(Secret(Zeroizing::new(self.digest(text).to_vec())))
    }

    /// By the blocks of HMAC: what it does more for each message takes a third of the time.
    fn digest(&self, text: &str) -> Zeroizing<[u8; DERIVED]> {
        #[cfg(test)]
        HMACS.set(HMACS.get() + 1);
        let (mut core, mut buffer) = (self.0.clone(), Buffer::<HmacCore<Sha256>>::default());
        buffer.digest_blocks(text.as_bytes(), |blocks| core.update_blocks(blocks));
        let mut digest = Zeroizing::new([0; DERIVED]);
        let out: &mut Output<HmacCore<Sha256>> = (&mut *digest).into();
        core.finalize_fixed_core(&mut buffer, out);
        digest
    }
}

/// Bytes of a derived key, and characters of it as Base64.
const DERIVED: usize = 32;
const DERIVED_TEXT: usize = 44;

/// Room for a derived device key as Base64. Redacted in `Debug`, wiped when dropped.
pub struct DerivedText(Zeroizing<[u8; DERIVED_TEXT]>);

impl DerivedText {
    fn as_str(&self) -> &str {
        str::from_utf8(&*self.0).unwrap_or_else(|_| unreachable!("Base64 is ASCII"))
    }
}

impl Default for DerivedText {
    fn default() -> Self {
        Self(Zeroizing::new([0; DERIVED_TEXT]))
    }
}

/// The key that a device signs with: one of an individual enrollment, or one derived from a
/// [`GroupKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey(Secret);

impl DeviceKey {
    /// A new random key of 64 bytes (D.2).
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers.
    pub fn generate() -> Self {
        Self::made_by(&Chance::system(), "")
    }

    /// The same, by a chance that may be a test's; `whose` is the name of the device.
    ///
    /// # Panics
    ///
    /// As [`generate`](Self::generate).
    pub fn made_by(chance: &Chance, whose: &str) -> Self {
        Self(Secret::generate(chance, "device key", whose))
    }

    /// A new random key of 32 bytes: what a TPM is sent (B.5). `what` it is for, and `whose` it is.
    ///
    /// # Panics
    ///
    /// As [`generate`](Self::generate).
    pub fn made_for_tpm(chance: &Chance, what: &'static str, whose: &str) -> Self {
        let mut bytes = Zeroizing::new(vec![0; DERIVED]);
        chance.fill(what, whose, &mut bytes);
        Self::from_bytes(bytes)
    }

    #[cfg(feature = "tpm")]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0.0
    }

    pub(super) fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Secret(bytes))
    }

    /// HMAC-SHA256 of `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.0.mac();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Whether `signature` is the HMAC-SHA256 of `message`, compared in constant time.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let mut mac = self.0.mac();
        mac.update(message);
        mac.verify_slice(signature).is_ok()
    }

    /// As [`GroupKey::undecoded`].
    pub(super) fn undecoded(&self) -> Self {
        Self(self.0.undecoded())
    }

    /// As [`GroupKey::cut`].
    pub(super) fn cut(&self) -> Option<Self> {
        self.0.cut().map(Self)
    }

    /// What is derived from it by whoever takes it for a group's.
    pub(super) fn derived_again(&self, registration_id: &RegistrationId) -> Self {
        GroupKey(self.0.clone()).derive(registration_id)
    }

    /// Length in bytes; a derived key has 32.
    pub fn length(&self) -> usize {
        self.0.0.len()
    }

    /// The key as Base64. The one way to read it: call it only where a key is asked for.
    pub fn to_base64(&self) -> Zeroizing<String> {
        self.0.to_base64()
    }
}

macro_rules! secret_text {
    ($($name:ident),*) => {$(
        impl FromStr for $name {
            type Err = KeyError;

            /// Reads Base64; white space around it is dropped.
            fn from_str(text: &str) -> Result<Self, KeyError> {
                text.parse().map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(redacted, {} bytes)", stringify!($name), self.length())
            }
        }
    )*};
}

secret_text!(GroupKey, DeviceKey);

impl fmt::Debug for DerivedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedText(redacted)")
    }
}

impl fmt::Debug for Deriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deriver(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUTORIAL: &str =
        "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";
    const OTHER: &str =
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

    #[test]
    fn d_3_vectors_of_key_derivation() {
        for (group_key, id, derived) in [
            (
                TUTORIAL,
                "breakroom499-contoso-tstrsd-007",
                "JC8F96eayuQwwz+PkE7IzjH2lIAjCUnAa61tDigBnSs=",
            ),
            (
                TUTORIAL,
                "mainbuilding167-contoso-hpsd-088",
                "6uejA9PfkQgmYylj8Zerp3kcbeVrGZ172YLa7VSnJzg=",
            ),
            (TUTORIAL, "contoso-toaster-007", "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI="),
            (TUTORIAL, "contoso-heatpump-088", "NI9dUEI2tga168Qi1U/HKuMmFHewrvaqI1MPTEU1A5w="),
            (
                OTHER,
                "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6",
                "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=",
            ),
        ] {
            let key: GroupKey = group_key.parse().unwrap();
            assert_eq!(*key.derive(&id.parse().unwrap()).to_base64(), derived, "{id}");
        }
    }

    #[test]
    fn a_key_derived_as_text_is_the_key() {
        let deriver = TUTORIAL.parse::<GroupKey>().unwrap().deriver();
        let mut text = DerivedText::default();
        for id in ["contoso-toaster-007", "a", &"x".repeat(128)] {
            let id = id.parse().unwrap();

            let derived = deriver.derive_base64(&id, &mut text);

            assert_eq!(derived, *deriver.derive(&id).to_base64());
        }
        assert_eq!(format!("{text:?}"), "DerivedText(redacted)");
    }

    #[test]
    fn keys_that_are_none_say_why_without_repeating_them() {
        let refused = |text: &str| text.parse::<GroupKey>().unwrap_err();

        assert_eq!(refused(""), KeyError::Empty);
        assert_eq!(refused(" \n"), KeyError::Empty);
        assert_eq!(refused("c2Vjc*V0"), KeyError::Character { position: 6 });
        assert_eq!(refused("c2VjcmV0c"), KeyError::Length { length: 9 });
        assert_eq!(refused(TUTORIAL.trim_end_matches('=')), KeyError::Length { length: 86 });
        assert_eq!(refused("SharedAccessSignature sr=x"), KeyError::NotAKey("SAS token"));
        assert_eq!(refused("HostName=h;SharedAccessKey=x"), KeyError::NotAKey("connection string"));
    }

    #[test]
    fn no_key_shows_itself_in_debug() {
        let key: GroupKey = TUTORIAL.parse().unwrap();
        let shown = format!("{key:?} {:?} {:?}", key.deriver(), key.misused_as_device_key());

        assert_eq!(
            shown,
            "GroupKey(redacted, 64 bytes) Deriver(redacted) DeviceKey(redacted, 64 bytes)"
        );
    }
}
