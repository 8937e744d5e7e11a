//! The public area of an endorsement or storage root key, as a device sends it and an enrollment has it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::BASE32_NOPAD;
use rsa::PublicKey;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::algorithm::{AES, CFB, ECC, NULL, RSA, SHA_256};
use super::protection::{self, Name};
use super::seed::{self, EXPONENT, RSA_BITS, RSA_BYTES};
use super::structure::Reader;
use super::template;
use crate::wire::RegistrationId;

/// The public area of a TPM's endorsement or storage root key: a `TPM2B_PUBLIC`, with its size (B.6).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TpmPublic {
    bytes: Box<[u8]>,
    is_rsa: bool,
}

/// Why something is no such key, or none that a key can be encrypted for (J-375).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TpmPublicFault {
    /// It is not Base64.
    #[error(
        "it is not Base64 of a TPM2B_PUBLIC, as `provision-sim tpm show` and `tpm2_readpublic` tell it"
    )]
    Base64,
    /// Fewer or more bytes than the size before them says.
    #[error(
        "its first two bytes say that {stated} come after them, and there are {found}; it has to be a TPM2B_PUBLIC with its size"
    )]
    Size {
        /// What the two bytes say.
        stated: usize,
        /// Bytes after them.
        found: usize,
    },
    /// It ends where something should be.
    #[error("it is no TPM2B_PUBLIC of a storage key: it ends before its {field} does")]
    Ends {
        /// What is cut off.
        field: &'static str,
    },
    /// Bytes after the last member.
    #[error("it is no TPM2B_PUBLIC of a storage key: it has {bytes} bytes after the key itself")]
    After {
        /// How many.
        bytes: usize,
    },
    /// A member is not as DPS's clients have it.
    #[error("its {field} is {found:#06x}, and has to be {wanted}")]
    Field {
        /// Which member.
        field: &'static str,
        /// What it is.
        found: u32,
        /// What it has to be.
        wanted: &'static str,
    },
    /// The modulus is none.
    #[error("its modulus is no odd number of 2048 bits")]
    Modulus,
    /// Nothing can be encrypted for it.
    #[error(
        "it is an ECC key, and nothing public says how DPS encrypts for one; use the TPM's RSA key"
    )]
    Ecc,
}

impl TpmPublic {
    /// Reads a `TPM2B_PUBLIC` of an RSA key of 2048 bits, or of an ECC key on P-256 or P-384, for storage: with SHA-256
    /// for its name and AES-128 in CFB for what it keeps. What it may be used for is not looked at, as TPMs differ.
    ///
    /// # Errors
    ///
    /// If it is none, with the member that says so.
    pub fn read(bytes: &[u8]) -> Result<Self, TpmPublicFault> {
        let mut reader = Reader::new(bytes);
        let stated = reader.number_16().ok_or(TpmPublicFault::Ends { field: "size" })?.into();
        let found = reader.rest().len();
        if stated != found {
            return Err(TpmPublicFault::Size { stated, found });
        }
        let mut fields = Fields(reader);
        let is_rsa = fields.one_of("type", &[RSA, ECC], "0x0001 (RSA) or 0x0023 (ECC)")? == RSA;
        fields.is("name algorithm", SHA_256, "0x000b (SHA-256)")?;
        fields.number_32("attributes")?;
        fields.sized("policy")?;
        fields.is("symmetric algorithm", AES, "0x0006 (AES)")?;
        fields.is("symmetric key bits", 128, "0x0080 (128)")?;
        fields.is("symmetric mode", CFB, "0x0043 (CFB)")?;
        fields.is("scheme", NULL, "0x0010 (none)")?;
        match is_rsa {
            true => fields.rsa()?,
            false => fields.ecc()?,
        }
        match fields.0.rest().len() {
            0 => Ok(Self { bytes: bytes.into(), is_rsa }),
            bytes => Err(TpmPublicFault::After { bytes }),
        }
    }

    /// As [`read`](Self::read), of Base64; white space around it is dropped.
    ///
    /// # Errors
    ///
    /// As `read`, and if it is not Base64.
    pub fn from_base64(text: &str) -> Result<Self, TpmPublicFault> {
        Self::read(&STANDARD.decode(text.trim()).map_err(|_| TpmPublicFault::Base64)?)
    }

    /// An endorsement key of the usual kind.
    pub(super) fn endorsement(modulus: &[u8]) -> Self {
        Self { bytes: template::endorsement(modulus).into(), is_rsa: true }
    }

    /// A storage root key of the usual kind.
    pub(super) fn storage_root(modulus: &[u8]) -> Self {
        Self { bytes: template::storage_root(modulus).into(), is_rsa: true }
    }

    /// The `TPM2B_PUBLIC`, its size before it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As it is sent, and as an enrollment has it.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// The name that a TPM gives to the key: what its hash is of, and the hash of the public area.
    pub fn name(&self) -> [u8; 34] {
        let name: Name = protection::name(&self.bytes[2..]);
        name
    }

    /// Whether a key can be encrypted for it.
    pub fn is_rsa(&self) -> bool {
        self.is_rsa
    }

    /// The registration ID that clients take from an endorsement key where they are given none: SHA-256 of the
    /// `TPM2B_PUBLIC`, in Base32 without padding and in lower case, 52 characters (B.5).
    pub fn registration_id(&self) -> RegistrationId {
        let text = BASE32_NOPAD.encode(&Sha256::digest(&self.bytes)).to_lowercase();
        text.parse().unwrap_or_else(|_| unreachable!("letters and digits"))
    }

    /// What encrypts for it.
    pub(super) fn encrypting(&self) -> Result<PublicKey, TpmPublicFault> {
        if !self.is_rsa {
            return Err(TpmPublicFault::Ecc);
        }
        let modulus = &self.bytes[self.bytes.len() - RSA_BYTES..];
        seed::public_key(modulus).map_err(|_| TpmPublicFault::Modulus)
    }
}

/// It is public, but long: its name will do.
impl fmt::Debug for TpmPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_rsa { "RSA" } else { "ECC" };
        write!(f, "TpmPublic({kind}, {})", self.registration_id().as_str())
    }
}

/// The members of a public area, one after the other.
struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    fn number_16(&mut self, field: &'static str) -> Result<u16, TpmPublicFault> {
        self.0.number_16().ok_or(TpmPublicFault::Ends { field })
    }

    fn number_32(&mut self, field: &'static str) -> Result<u32, TpmPublicFault> {
        self.0.number_32().ok_or(TpmPublicFault::Ends { field })
    }

    fn sized(&mut self, field: &'static str) -> Result<&'a [u8], TpmPublicFault> {
        self.0.sized().ok_or(TpmPublicFault::Ends { field })
    }

    fn one_of(
        &mut self,
        field: &'static str,
        allowed: &[u16],
        wanted: &'static str,
    ) -> Result<u16, TpmPublicFault> {
        let found = self.number_16(field)?;
        match allowed.contains(&found) {
            true => Ok(found),
            false => Err(TpmPublicFault::Field { field, found: found.into(), wanted }),
        }
    }

    fn is(
        &mut self,
        field: &'static str,
        allowed: u16,
        wanted: &'static str,
    ) -> Result<(), TpmPublicFault> {
        self.one_of(field, &[allowed], wanted).map(drop)
    }

    fn rsa(&mut self) -> Result<(), TpmPublicFault> {
        self.is("key bits", RSA_BITS, "0x0800 (2048)")?;
        let exponent = self.number_32("exponent")?;
        if exponent != 0 && exponent != EXPONENT {
            let wanted = "0x0000 (which is 65537)";
            return Err(TpmPublicFault::Field { field: "exponent", found: exponent, wanted });
        }
        let modulus = self.sized("modulus")?;
        match (modulus.first(), modulus.last()) {
            (Some(0x80..), Some(last)) if modulus.len() == RSA_BYTES && last % 2 == 1 => Ok(()),
            _ => Err(TpmPublicFault::Modulus),
        }
    }

    fn ecc(&mut self) -> Result<(), TpmPublicFault> {
        self.one_of("curve", &[3, 4], "0x0003 (P-256) or 0x0004 (P-384)")?;
        self.is("key derivation", NULL, "0x0010 (none)")?;
        self.sized("x")?;
        self.sized("y").map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::structure::push_sized;
    use super::*;

    /// Of 2048 bits and odd, which is all that is looked at.
    fn modulus() -> Vec<u8> {
        (0..=255).rev().map(|byte: u8| byte | 1).collect()
    }

    fn changed(at: usize, to: u8) -> TpmPublicFault {
        let mut bytes = TpmPublic::endorsement(&modulus()).bytes;
        bytes[at] = to;
        TpmPublic::read(&bytes).unwrap_err()
    }

    #[test]
    fn b_6_the_templates_have_the_sizes_that_tpms_give() {
        for (key, size, stated) in [
            (TpmPublic::endorsement(&modulus()), 316, [0x01, 0x3A]),
            (TpmPublic::storage_root(&modulus()), 284, [0x01, 0x1A]),
        ] {
            assert_eq!((key.as_bytes().len(), &key.as_bytes()[..2]), (size, &stated[..]));
            assert_eq!(TpmPublic::read(key.as_bytes()), Ok(key.clone()));
            assert_eq!(TpmPublic::from_base64(&format!(" {}\n", key.to_base64())), Ok(key.clone()));
            assert!(key.is_rsa());
            assert_eq!(&key.name()[..2], [0x00, 0x0B]);
            assert_eq!(key.name()[2..], *Sha256::digest(&key.as_bytes()[2..]));
        }
    }

    #[test]
    fn b_5_the_registration_id_is_base32_of_the_hash_of_all_bytes() {
        let key = TpmPublic::endorsement(&modulus());

        let id = key.registration_id();

        assert_eq!(id.as_str().len(), 52);
        let decoded = BASE32_NOPAD.decode(id.as_str().to_uppercase().as_bytes()).unwrap();
        assert_eq!(decoded, *Sha256::digest(key.as_bytes()));
        assert_eq!(format!("{key:?}"), format!("TpmPublic(RSA, {})", id.as_str()));
    }

    #[test]
    fn j_375_a_key_that_is_none_for_dps_says_which_member_is_wrong() {
        let text = |at, to| changed(at, to).to_string();

        assert_eq!(
            text(1, 0x3B),
            "its first two bytes say that 315 come after them, and there are 314; it has to be a TPM2B_PUBLIC with its size"
        );
        assert_eq!(text(3, 8), "its type is 0x0008, and has to be 0x0001 (RSA) or 0x0023 (ECC)");
        assert_eq!(text(5, 0x0C), "its name algorithm is 0x000c, and has to be 0x000b (SHA-256)");
        assert_eq!(text(45, 7), "its symmetric algorithm is 0x0007, and has to be 0x0006 (AES)");
        assert_eq!(text(46, 1), "its symmetric key bits is 0x0180, and has to be 0x0080 (128)");
        assert_eq!(text(49, 0x44), "its symmetric mode is 0x0044, and has to be 0x0043 (CFB)");
        assert_eq!(text(51, 0x14), "its scheme is 0x0014, and has to be 0x0010 (none)");
        assert_eq!(text(52, 4), "its key bits is 0x0400, and has to be 0x0800 (2048)");
        assert_eq!(text(57, 3), "its exponent is 0x0003, and has to be 0x0000 (which is 65537)");
        assert_eq!(changed(60, 0x7F), TpmPublicFault::Modulus);
        assert_eq!(changed(315, 2), TpmPublicFault::Modulus);
        assert_eq!(changed(58, 0), TpmPublicFault::Modulus);
        assert_eq!(changed(10, 2), TpmPublicFault::Ends { field: "policy" });
        assert_eq!(TpmPublic::from_base64("AToAAQ"), Err(TpmPublicFault::Base64));
        let longer = [&[0x01, 0x3B], &TpmPublic::endorsement(&modulus()).bytes[2..], &[0]].concat();
        assert_eq!(TpmPublic::read(&longer), Err(TpmPublicFault::After { bytes: 1 }));
        assert_eq!(TpmPublic::read(&[1]), Err(TpmPublicFault::Ends { field: "size" }));
    }

    #[test]
    fn j_375_an_ecc_key_is_read_and_nothing_is_encrypted_for_it() {
        let mut area = TpmPublic::endorsement(&modulus()).bytes[2..52].to_vec();
        area[1] = 0x23;
        area.extend([0, 3, 0, 0x10]);
        push_sized(&mut area, &[1; 32]);
        push_sized(&mut area, &[2; 32]);
        let mut bytes = Vec::new();
        push_sized(&mut bytes, &area);

        let key = TpmPublic::read(&bytes).unwrap();

        assert!(!key.is_rsa());
        assert_eq!(key.encrypting().unwrap_err(), TpmPublicFault::Ecc);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_key_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..340)) {
            if let Ok(key) = TpmPublic::read(&bytes) {
                prop_assert_eq!(key.as_bytes(), &bytes[..]);
            }
        }

        #[test]
        fn a_key_that_is_cut_off_or_changed_is_a_key_or_none(
            end in 0_usize..316, at in 0_usize..316, to: u8,
        ) {
            let mut bytes = TpmPublic::endorsement(&modulus()).bytes;
            prop_assert!(TpmPublic::read(&bytes[..end]).is_err());
            bytes[at] = to;
            if let Ok(key) = TpmPublic::read(&bytes) {
                let _ = key.encrypting();
            }
        }
    }
}
