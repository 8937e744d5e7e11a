//! The mechanism TPM: what a device and the service say to each other until the device has a key in its TPM
//! and signs with it (C-7).
//!
//! Pure: responses go in, challenges come out. For whom a key is wrapped is decided elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::sign_in::{Denied, SignIn};
use crate::attestation::SasToken;
use crate::text::Foreign;
use crate::wire::sasl_tpm::{Introduction, NOTHING, Segment, content};
use crate::wire::{RegistrationAddress, TpmKeys};

/// The exchange with one device.
#[derive(Debug)]
pub(super) struct TpmExchange {
    address: RegistrationAddress,
    keys: TpmKeys,
    stage: Stage,
}

/// What comes next.
#[derive(Debug)]
enum Stage {
    /// The device names the key under which its TPM keeps others.
    StorageRootKey,
    /// This side is to say whether it has something for these keys.
    Blob,
    /// The device has the first segment; the second follows.
    First(Vec<u8>),
    /// The device has all of it, and signs.
    Token,
    /// It has signed.
    Over,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Turn {
    /// Say this, and wait for the response.
    Challenge(Vec<u8>),
    /// Find out whether the device gets a key: [`challenge`](TpmExchange::challenge).
    Wanted,
    /// It is over.
    Presented(SignIn),
}

impl TpmExchange {
    /// What the device says first: NUL, ID scope, NUL, registration ID, NUL, endorsement key.
    pub(super) fn begin(response: &[u8]) -> Result<(Self, Vec<u8>), Denied> {
        if let (Some(control), Some(_)) = (response.first(), Segment::read(response)) {
            return Err(Denied::saying(format!(
                "its first response by TPM begins with the control byte {control:#04x}; that form, in which C \
                 sends what has more than 470 bytes, is not served (J-415)"
            )));
        }
        let Some(Introduction { id_scope, registration_id, endorsement_key }) =
            Introduction::read(response)
        else {
            return Err(Denied::saying(
                "its first response by TPM is not: NUL, ID scope, NUL, registration ID, NUL, endorsement key (C-7)"
                    .to_owned(),
            ));
        };
        let malformed = |what, text: &str, error| {
            let text = Foreign::short(text);
            Denied::saying(format!("by TPM it names the {what} {text:?}, which is none: {error}"))
        };
        let address = RegistrationAddress {
            id_scope: id_scope.parse().map_err(|error| malformed("ID scope", &id_scope, error))?,
            registration_id: registration_id
                .parse()
                .map_err(|error| malformed("registration ID", &registration_id, error))?,
        };
        let endorsement_key = match public_key(endorsement_key, "endorsement key") {
            Ok(key) => Some(key),
            Err(reason) => return Err(Denied::of_tpm(&address, reason)),
        };
        let keys = TpmKeys { endorsement_key, ..TpmKeys::default() };
        Ok((Self { address, keys, stage: Stage::StorageRootKey }, NOTHING.to_vec()))
    }

    /// Takes in the device's next response.
    pub(super) fn take(&mut self, response: &[u8]) -> Result<Turn, Denied> {
        let denied = |reason| Denied::of_tpm(&self.address, reason);
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::StorageRootKey => {
                let key = said(response, "storage root key")
                    .and_then(|key| public_key(key, "storage root key"));
                self.keys.storage_root_key = Some(key.map_err(denied)?);
                self.stage = Stage::Blob;
                Ok(Turn::Wanted)
            }
            Stage::First(_) if response != NOTHING => Err(denied(format!(
                "its response to the first segment must be one NUL, but has {} bytes (C-8)",
                response.len()
            ))),
            Stage::First(second) => {
                self.stage = Stage::Token;
                Ok(Turn::Challenge(second))
            }
            Stage::Token => {
                let token = said(response, "SAS token").map_err(denied)?;
                let token = SasToken::from_text(String::from_utf8_lossy(token).into_owned());
                Ok(Turn::Presented(SignIn::Tpm(Box::new(self.address.clone()), token)))
            }
            stage @ (Stage::Blob | Stage::Over) => {
                self.stage = stage;
                Err(denied("it responds by TPM where nothing was asked (C-7)".to_owned()))
            }
        }
    }

    /// For which device of which TPM a key is wanted.
    pub(super) fn wanted(&self) -> (&RegistrationAddress, &TpmKeys) {
        (&self.address, &self.keys)
    }

    /// Says the first half of what holds the key, in two segments: .NET and C count them, and Java takes no other
    /// number of them.
    pub(super) fn challenge(&mut self, blob: &[u8]) -> Vec<u8> {
        let (first, second) = blob.split_at(blob.len().div_ceil(2));
        let second = Segment { number: 1, is_last: true, content: second };
        self.stage = Stage::First(second.write());
        Segment { number: 0, is_last: false, content: first }.write()
    }
}

/// What a response says.
fn said<'a>(response: &'a [u8], what: &str) -> Result<&'a [u8], String> {
    content(response).ok_or_else(|| format!("its response by TPM is not: NUL, {what} (C-7)"))
}

/// A key as a TPM writes it, a `TPM2B_PUBLIC`, which begins with its own length; in Base64, as it is
/// enrolled.
fn public_key(bytes: &[u8], what: &str) -> Result<String, String> {
    let length = bytes.first_chunk().map(|size| usize::from(u16::from_be_bytes(*size)));
    match length {
        Some(length) if length + 2 == bytes.len() => Ok(STANDARD.encode(bytes)),
        Some(length) => Err(format!(
            "its {what} says that {length} bytes follow, but {} do (C-7)",
            bytes.len() - 2
        )),
        None => Err(format!("its {what} has {} bytes, and is none (C-7)", bytes.len())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &[u8] = b"\0SharedAccessSignature sr=a&sig=b&se=1&skn=registration";

    /// A key as a TPM writes it, as far as its length goes; with zeroes, as real ones have.
    fn public(length: u16) -> Vec<u8> {
        [&length.to_be_bytes()[..], &vec![0; usize::from(length)]].concat()
    }

    fn init(endorsement_key: &[u8]) -> Vec<u8> {
        [b"\x000ne1\0pump-0042\0", endorsement_key].concat()
    }

    fn storage_root_key() -> Vec<u8> {
        [&[0][..], &public(282)].concat()
    }

    /// An exchange in which so many responses were given.
    fn after(responses: usize) -> TpmExchange {
        let (mut exchange, _) = TpmExchange::begin(&init(&public(314))).unwrap();
        for response in [&storage_root_key()[..], &NOTHING, TOKEN].into_iter().take(responses) {
            if let Turn::Wanted = exchange.take(response).unwrap() {
                exchange.challenge(&[7; 766]);
            }
        }
        exchange
    }

    #[test]
    fn c_7_a_device_names_itself_and_its_keys_and_signs_with_the_key_that_it_is_given() {
        let (mut exchange, challenge) = TpmExchange::begin(&init(&public(314))).unwrap();
        // Java looks at the length and the value, Node at the length, .NET at the value.
        assert_eq!(challenge, [0]);

        assert!(matches!(exchange.take(&storage_root_key()).unwrap(), Turn::Wanted));
        let (address, keys) = exchange.wanted();
        assert_eq!(address.to_string(), "0ne1/registrations/pump-0042");
        let sent = TpmKeys {
            endorsement_key: Some(STANDARD.encode(public(314))),
            storage_root_key: Some(STANDARD.encode(public(282))),
        };
        assert_eq!(*keys, sent);

        exchange.challenge(&[7; 766]);
        assert!(matches!(exchange.take(&[0]).unwrap(), Turn::Challenge(_)));
        let Turn::Presented(sign_in @ SignIn::Tpm(..)) = exchange.take(TOKEN).unwrap() else {
            panic!()
        };
        assert_eq!(sign_in.address().unwrap().registration_id.as_str(), "pump-0042");
        assert!(sign_in.token().unwrap().as_str().starts_with("SharedAccessSignature sr=a"));
    }

    #[test]
    fn c_8_what_holds_the_key_comes_in_two_segments_whose_first_bytes_java_compares() {
        for length in [766, 767] {
            let blob: Vec<u8> = (0..length).map(|it| it as u8).collect();
            let mut exchange = after(1);

            let first = exchange.challenge(&blob);
            let Turn::Challenge(second) = exchange.take(&[0]).unwrap() else { panic!() };

            assert_eq!((first[0], second[0]), (0x80, 0xc1));
            assert_eq!([&first[1..], &second[1..]].concat(), blob);
            assert!(first.len() <= 470 && second.len() <= 470, "C takes no more");
        }
    }

    fn refused(response: &[u8]) -> Denied {
        TpmExchange::begin(response).unwrap_err()
    }

    #[test]
    fn j_415_the_form_in_which_c_splits_what_is_long_is_known_and_not_served() {
        let reason = refused(&[&[0x80][..], &init(&public(314))].concat()).reason;

        assert!(reason.contains("control byte 0x80") && reason.contains("(J-415)"), "{reason}");
    }

    #[test]
    fn a_first_response_that_is_malformed_says_what_is_right() {
        for response in [&b""[..], b"\0", b"\x000ne1\0pump-0042", b"0ne1\0pump-0042\0\0\x01x"] {
            let Denied { reason, who, check } = refused(response);
            assert!(reason.contains("NUL, ID scope, NUL, registration ID, NUL"), "{reason}");
            assert_eq!((who, check), (None, "userName"));
        }
        for (response, named) in [
            (&b"\0\0pump-0042\0\0\x01x"[..], "the ID scope \"\", which is none"),
            (b"\x000ne1\0pump 0042\0\0\x01x", "the registration ID \"pump 0042\", which is none"),
            (b"\x000ne1\0\xff\xfe\0\0\x01x", "the registration ID"),
        ] {
            let reason = refused(response).reason;
            assert!(reason.contains(named), "{reason}");
        }
        for (key, said) in [
            (&b""[..], "its endorsement key has 0 bytes"),
            (b"\x01", "its endorsement key has 1 bytes"),
            (b"\x01\x3a", "says that 314 bytes follow, but 0 do"),
            (b"\0\x01xx", "says that 1 bytes follow, but 2 do"),
        ] {
            let Denied { reason, who, check } = refused(&init(key));
            assert!(reason.contains(said), "{reason}");
            assert_eq!(who.unwrap().registration_id.as_str(), "pump-0042");
            assert_eq!(check, "tpm");
        }
    }

    #[test]
    fn a_response_that_is_not_what_must_come_says_what_must() {
        for (responses, response, said) in [
            (0, &public(282)[..], "NUL, storage root key"),
            (0, &[0], "NUL, storage root key"),
            (0, b"", "NUL, storage root key"),
            (0, b"\0\0\x05x", "its storage root key says that 5 bytes follow, but 1 do"),
            (1, b"", "must be one NUL, but has 0 bytes"),
            (1, b"x", "must be one NUL, but has 1 bytes"),
            (1, TOKEN, "must be one NUL"),
            (2, &[0], "NUL, SAS token"),
            (2, &TOKEN[1..], "NUL, SAS token"),
            (3, TOKEN, "where nothing was asked"),
        ] {
            let Denied { reason, who, .. } = after(responses).take(response).unwrap_err();
            assert!(reason.contains(said), "{responses}: {reason}");
            assert_eq!(who.unwrap().registration_id.as_str(), "pump-0042");
        }
        let (mut impatient, _) = TpmExchange::begin(&init(&public(314))).unwrap();
        impatient.take(&storage_root_key()).unwrap();
        let reason = impatient.take(&[0]).unwrap_err().reason;
        assert!(reason.contains("where nothing was asked"), "{reason}");
    }

    proptest! {
        #[test]
        fn no_responses_make_it_panic(
            responses in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..80),
                    Just(init(&public(314))),
                    Just(storage_root_key()),
                    Just(NOTHING.to_vec()),
                ],
                1..6,
            ),
            blob in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let Ok((mut exchange, _)) = TpmExchange::begin(&responses[0]) else { return Ok(()) };
            for response in &responses[1..] {
                if let Ok(Turn::Wanted) = exchange.take(response) {
                    exchange.challenge(&blob);
                }
            }
        }
    }
}
