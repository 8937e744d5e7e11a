//! Blobs: the vectors, the round trip, and everything that can be wrong with one.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::blob_fault::{BlobFault, BlobPart};
use super::super::software::SoftwareTpm;
use super::*;

/// Made once, as key pairs take their time in a build for tests.
static TPM: LazyLock<SoftwareTpm> = LazyLock::new(SoftwareTpm::generate);
static OTHER: LazyLock<SoftwareTpm> = LazyLock::new(SoftwareTpm::with_one_pair);

const KEY: [u8; 32] = [2; 32];

fn key() -> DeviceKey {
    DeviceKey::from_bytes(Zeroizing::new(KEY.to_vec()))
}

/// What the vectors were made with.
fn drawn() -> Drawn {
    Drawn {
        obfuscation: Zeroizing::new([1; 32]),
        inner_key: Zeroizing::new([3; 16]),
        private_seed: Zeroizing::new([4; 32]),
        credential_seed: Zeroizing::new([6; 32]),
    }
}

fn blob(key: &DeviceKey) -> KeyBlob {
    KeyBlob::wrap(key, TPM.endorsement_key(), TPM.storage_root_key()).unwrap()
}

/// A blob that is not as a service makes it: `make` gets its sensitive area, and says what public area and
/// what private part go into it.
fn forged(make: impl FnOnce(&Drawn, &[u8]) -> (Vec<u8>, Vec<u8>)) -> BlobFault {
    let drawn = drawn();
    let sensitive = keyed_hash::sensitive(&*drawn.obfuscation, &KEY);
    let (public, private) = make(&drawn, &sensitive);
    let encrypt = |key: &TpmPublic, purpose, seed| {
        encrypt_seed(&key.encrypting().unwrap(), purpose, seed).unwrap()
    };
    let forged = BlobParts {
        id_object: &drawn.credential(&TPM.storage_root_key().name()),
        encrypted_secret: &encrypt(
            TPM.endorsement_key(),
            Purpose::Identity,
            &drawn.credential_seed,
        ),
        private: &private,
        wrapped_seed: &encrypt(TPM.storage_root_key(), Purpose::Duplicate, &drawn.private_seed),
        public: &public,
        data: &[],
    };
    TPM.open(&forged.write()).unwrap_err()
}

fn right_public(drawn: &Drawn) -> Vec<u8> {
    keyed_hash::public(&keyed_hash::unique_of(&*drawn.obfuscation, &KEY))
}

/// `part` and what it may be taken for, where a size before it is wrong.
fn names(fault: &BlobFault, parts: &[BlobPart]) -> bool {
    match fault {
        BlobFault::Ends { part }
        | BlobFault::Size { part, .. }
        | BlobFault::Seed { part }
        | BlobFault::Integrity { part } => parts.contains(part),
        BlobFault::After { .. } => parts.contains(&BlobPart::Data),
        BlobFault::Public { .. } => parts.contains(&BlobPart::Public),
        BlobFault::Private => {
            parts.contains(&BlobPart::Private) || parts.contains(&BlobPart::Public)
        }
        _ => false,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn b_6_the_vectors() {
    let mut storage_root_key = [5; 34];
    storage_root_key[..2].copy_from_slice(&[0x00, 0x0B]);

    let (public, private) = drawn().duplicate(&KEY);

    assert_eq!(
        hex(&public),
        "0008000b0004004000000005000b0020f818afd37a6dc3bc92fb44731011277006db4efa6e9023cd7468c02335d22a4d"
    );
    assert_eq!(
        hex(&protection::name(&public)),
        "000b87ad220d0cd9f4889a2d3741ede229cf04ab6c35a00f5c6e6901c5cb6a3cde53"
    );
    assert_eq!(
        hex(&drawn().credential(&storage_root_key)),
        "0020b247113a504b4d24c125e8a8fc71d7718603c23fa797d3907f627b7a76694c69aafe667bb32e56fe9affe030b873c527fb63"
    );
    assert_eq!(
        hex(&private),
        "00209325e2591a658239b9d2d3f0d78464a3d8aaa175c7a3051009aeecebad20e0e1\
         a9c1e08c9cc5efcb12682957b2d1a1c2f8c2989019577f4185ecc5f79b19c6f9127f7efd84def73ab74c8bf5d590a72be51c\
         0038c429fa65bd61782fe877492721dd9942f83eab73236554defd45ce437daeab342ebfad3697f48039a8e56a8938d8b9275028a1e2e4ede592"
    );
    assert_eq!(
        hex(&*protection::kdfa::<16>(&[0; 32], "STORAGE", b"u")),
        "a766966894f1659c55be27d0c42b11b6"
    );
}

#[test]
fn b_6_a_blob_opens_to_its_key_and_has_the_known_sizes() {
    let blob = blob(&key());

    assert_eq!(TPM.open(blob.as_bytes()), Ok(key()));
    let parts = BlobParts::read(blob.as_bytes()).unwrap();
    let sizes = [
        parts.id_object,
        parts.encrypted_secret,
        parts.private,
        parts.wrapped_seed,
        parts.public,
        parts.data,
    ];
    assert_eq!(sizes.map(<[u8]>::len), [52, 256, 142, 256, 48, 0]);
    assert_eq!(parts.write(), blob.as_bytes());
    assert_eq!(STANDARD.decode(blob.to_base64()).unwrap(), blob.as_bytes());
    assert_eq!(format!("{blob:?}"), "KeyBlob(encrypted, 766 bytes)");
}

#[test]
fn b_6_no_blob_is_like_another() {
    let [one, other] = [blob(&key()), blob(&key())];
    let [one, other] = [&one, &other].map(|blob| BlobParts::read(blob.as_bytes()).unwrap());

    assert_ne!(one.id_object, other.id_object);
    assert_ne!(one.encrypted_secret, other.encrypted_secret);
    assert_ne!(one.private, other.private);
    assert_ne!(one.wrapped_seed, other.wrapped_seed);
    assert_ne!(one.public, other.public);
}

#[test]
fn j_376_keys_of_every_length_sign_the_same_afterwards() {
    for length in [1, 16, 32, 63, 64, 65, 100, 4096] {
        let key = DeviceKey::from_bytes(Zeroizing::new(vec![7; length]));

        let opened = TPM.open(blob(&key).as_bytes()).unwrap();

        assert_eq!(opened.sign(b"text"), key.sign(b"text"), "{length}");
        assert!(opened.length() <= 64);
    }
}

#[test]
fn j_377_every_byte_that_is_changed_is_found_and_its_part_named() {
    use BlobPart::{Credential, CredentialSeed, Data, Private, PrivateSeed, Public};
    let blob = blob(&key());
    // Where each part begins with its size, and by what a wrong size may show itself besides.
    let parts = [
        (0, vec![Credential, CredentialSeed]),
        (54, vec![CredentialSeed]),
        (312, vec![Private, PrivateSeed]),
        (456, vec![PrivateSeed]),
        (714, vec![Public, Data]),
        (764, vec![Data]),
        (766, vec![]),
    ];
    for ends in parts.windows(2) {
        let [(begin, named), (end, _)] = ends else { unreachable!() };
        for at in *begin..*end {
            let mut changed = blob.as_bytes().to_vec();
            changed[at] ^= 1 << (at % 8);

            let fault = TPM.open(&changed).unwrap_err();

            let named = if at - *begin < 2 { &named[..] } else { &named[..1] };
            assert!(names(&fault, named), "byte {at}: {fault}");
        }
    }
}

#[test]
fn j_377_a_blob_for_another_tpm_says_so() {
    let wrap = |endorsement, storage_root| {
        let blob = KeyBlob::wrap(&key(), endorsement, storage_root).unwrap();
        TPM.open(blob.as_bytes()).unwrap_err()
    };

    let storage_root = wrap(TPM.endorsement_key(), OTHER.storage_root_key());
    let endorsement = wrap(OTHER.endorsement_key(), TPM.storage_root_key());
    let both = wrap(OTHER.endorsement_key(), OTHER.storage_root_key());

    assert_eq!(storage_root, BlobFault::OtherStorageRootKey);
    assert_eq!(endorsement, BlobFault::Seed { part: BlobPart::CredentialSeed });
    assert_eq!(both, BlobFault::OtherTpm);
}

#[test]
fn j_377_what_a_service_does_wrong_within_is_named() {
    let another_inner_key = forged(|drawn, sensitive| {
        let public = right_public(drawn);
        let wrong = Drawn { inner_key: Zeroizing::new([9; 16]), ..self::drawn() };
        let private = wrong.private(&protection::name(&public), sensitive);
        (public, private)
    });
    let no_sensitive = forged(|drawn, sensitive| {
        let public = right_public(drawn);
        let private = drawn.private(&protection::name(&public), &sensitive[1..]);
        (public, private)
    });
    let no_key = forged(|drawn, _| {
        let public = right_public(drawn);
        let sensitive = keyed_hash::sensitive(&*drawn.obfuscation, &[]);
        let private = drawn.private(&protection::name(&public), &sensitive);
        (public, private)
    });
    let another_unique = forged(|drawn, sensitive| {
        let public = keyed_hash::public(&[8; 32]);
        let private = drawn.private(&protection::name(&public), sensitive);
        (public, private)
    });
    let no_hmac = forged(|drawn, _| (right_public(drawn), vec![0; 20]));
    let no_signing_key = forged(|drawn, sensitive| {
        let mut public = right_public(drawn);
        public[11] = 6;
        let private = drawn.private(&protection::name(&public), sensitive);
        (public, private)
    });

    assert_eq!(another_inner_key, BlobFault::InnerHash);
    assert_eq!(no_sensitive, BlobFault::Sensitive);
    assert_eq!(no_key, BlobFault::Sensitive);
    assert_eq!(another_unique, BlobFault::Unique);
    assert!(names(&no_hmac, &[BlobPart::Private]), "{no_hmac}");
    assert_eq!(no_signing_key, BlobFault::Public { field: "scheme" });
}

#[test]
fn j_377_a_blob_that_is_cut_off_says_within_which_part() {
    let blob = blob(&key());
    let cut = |end: usize| BlobParts::read(&blob.as_bytes()[..end]).unwrap_err();

    assert_eq!(cut(0), BlobFault::Ends { part: BlobPart::Credential });
    assert_eq!(cut(55), BlobFault::Ends { part: BlobPart::CredentialSeed });
    assert_eq!(cut(400), BlobFault::Ends { part: BlobPart::Private });
    assert_eq!(cut(500), BlobFault::Ends { part: BlobPart::PrivateSeed });
    assert_eq!(cut(763), BlobFault::Ends { part: BlobPart::Public });
    assert_eq!(
        cut(765).to_string(),
        "the key's blob ends within the data at the end (part 6): was it cut off, or is a size before it wrong?"
    );
    let longer = [blob.as_bytes(), &[0]].concat();
    assert_eq!(BlobParts::read(&longer), Err(BlobFault::After { bytes: 1 }));
}

proptest! {
    #[test]
    fn any_bytes_are_parts_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
        if let Ok(parts) = BlobParts::read(&bytes) {
            prop_assert_eq!(parts.write(), bytes);
        }
    }

    #[test]
    fn parts_come_out_as_they_went_in(
        id_object in proptest::collection::vec(any::<u8>(), 52..=68),
        private in proptest::collection::vec(any::<u8>(), 0..200),
        public in proptest::collection::vec(any::<u8>(), 0..80),
        data in proptest::collection::vec(any::<u8>(), 0..9),
        secret: [u8; 32],
    ) {
        let secret = secret.repeat(8);
        let parts = BlobParts {
            id_object: &id_object,
            encrypted_secret: &secret,
            private: &private,
            wrapped_seed: &secret,
            public: &public,
            data: &data,
        };
        let written = parts.write();
        prop_assert_eq!(BlobParts::read(&written), Ok(parts));
    }

    #[test]
    fn any_public_and_sensitive_area_is_one_or_none(
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = keyed_hash::unique(&bytes);
        let _ = keyed_hash::read_sensitive(&bytes);
    }
}
