//! The commands that are sent to a TPM, as bytes: TPM 2.0 library specification, part 3.
//!
//! Every authorization is the empty password, which is what the keys of a fresh TPM want.

use std::fmt;

use zeroize::Zeroizing;

use crate::attestation::tpm::algorithm::{self, AES, CFB, SHA_256};
use crate::attestation::tpm::structure::push_sized;
use crate::attestation::tpm::template;

/// `TPM_ST_NO_SESSIONS` and `TPM_ST_SESSIONS`.
const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;

/// `TPM_RS_PW`: the authorization by password.
const PASSWORD: u32 = 0x4000_0009;
/// `TPM_RH_OWNER`, `TPM_RH_ENDORSEMENT`, `TPM_RH_NULL`.
const OWNER: u32 = 0x4000_0001;
const ENDORSEMENT: u32 = 0x4000_000B;
const NULL: u32 = 0x4000_0007;

/// `TPM_SE_POLICY`.
const POLICY: u8 = 0x01;
/// `continueSession`: the session is not flushed by the command. So it is flushed in one way, whether the
/// command succeeds or not.
const KEEP: u8 = 0x01;

/// A nonce of the least size that is taken. It protects nothing here: the session is neither bound nor
/// salted, and encrypts nothing.
const NONCE: [u8; 16] = [0; 16];

/// `MAX_DIGEST_BUFFER` of the reference implementation: the most that one command signs.
pub(super) const MAX_MESSAGE: usize = 1024;

/// What a command is called, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Startup,
    CreatePrimary,
    StartAuthSession,
    PolicySecret,
    ActivateCredential,
    Import,
    Load,
    Hmac,
    FlushContext,
}

impl Name {
    fn code(self) -> u32 {
        match self {
            Self::CreatePrimary => 0x131,
            Self::Startup => 0x144,
            Self::ActivateCredential => 0x147,
            Self::PolicySecret => 0x151,
            Self::Hmac => 0x155,
            Self::Import => 0x156,
            Self::Load => 0x157,
            Self::FlushContext => 0x165,
            Self::StartAuthSession => 0x176,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Startup => "TPM2_Startup",
            Self::CreatePrimary => "TPM2_CreatePrimary",
            Self::StartAuthSession => "TPM2_StartAuthSession",
            Self::PolicySecret => "TPM2_PolicySecret",
            Self::ActivateCredential => "TPM2_ActivateCredential",
            Self::Import => "TPM2_Import",
            Self::Load => "TPM2_Load",
            Self::Hmac => "TPM2_HMAC",
            Self::FlushContext => "TPM2_FlushContext",
        })
    }
}

/// A handle of something that is in the TPM until it is flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle(pub(super) u32);

/// One of the keys that a TPM makes from its own seeds, the same each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primary {
    Endorsement,
    StorageRoot,
}

/// A command. One of them holds a secret, so none is shown.
pub(super) struct Command {
    pub(super) name: Name,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// `TPM2_Startup(CLEAR)`.
pub(super) fn startup() -> Command {
    Writer::new(Name::Startup, NO_SESSIONS).u16(0).end()
}

/// Makes a primary key. Its answer has the handle.
pub(super) fn create_primary(key: Primary) -> Command {
    let (hierarchy, template) = match key {
        Primary::Endorsement => (ENDORSEMENT, template::endorsement(&[])),
        Primary::StorageRoot => (OWNER, template::storage_root(&[])),
    };
    // `inSensitive` is two empty parts, `outsideInfo` and `creationPCR` are empty.
    Writer::new(Name::CreatePrimary, SESSIONS)
        .u32(hierarchy)
        .authorized_by(&[(PASSWORD, 0)])
        .sized(&[0; 4])
        .bytes(&template)
        .u16(0)
        .u32(0)
        .end()
}

/// Begins a policy session. Its answer has the handle.
pub(super) fn start_policy_session() -> Command {
    Writer::new(Name::StartAuthSession, NO_SESSIONS)
        .u32(NULL)
        .u32(NULL)
        .sized(&NONCE)
        .u16(0)
        .u8(POLICY)
        .u16(algorithm::NULL)
        .u16(SHA_256)
        .end()
}

/// Fulfils the policy of the endorsement key.
pub(super) fn policy_secret(session: Handle) -> Command {
    // `nonceTPM`, `cpHashA` and `policyRef` are empty, and it does not expire.
    Writer::new(Name::PolicySecret, SESSIONS)
        .u32(ENDORSEMENT)
        .u32(session.0)
        .authorized_by(&[(PASSWORD, 0)])
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(0)
        .end()
}

/// Opens what was encrypted for the endorsement key, and for this storage root key by name.
pub(super) fn activate_credential(
    storage_root: Handle,
    endorsement: Handle,
    policy: Handle,
    id_object: &[u8],
    encrypted_secret: &[u8],
) -> Command {
    Writer::new(Name::ActivateCredential, SESSIONS)
        .u32(storage_root.0)
        .u32(endorsement.0)
        .authorized_by(&[(PASSWORD, 0), (policy.0, KEEP)])
        .sized(id_object)
        .sized(encrypted_secret)
        .end()
}

/// Takes a key that was encrypted for the storage root key, and within with AES-128 by `inner_key`.
pub(super) fn import(
    storage_root: Handle,
    inner_key: &[u8],
    public: &[u8],
    private: &[u8],
    wrapped_seed: &[u8],
) -> Command {
    Writer::new(Name::Import, SESSIONS)
        .u32(storage_root.0)
        .authorized_by(&[(PASSWORD, 0)])
        .sized(inner_key)
        .sized(public)
        .sized(private)
        .sized(wrapped_seed)
        .u16(AES)
        .u16(128)
        .u16(CFB)
        .end()
}

/// Loads a key that the TPM itself encrypted. Its answer has the handle.
pub(super) fn load(storage_root: Handle, private: &[u8], public: &[u8]) -> Command {
    Writer::new(Name::Load, SESSIONS)
        .u32(storage_root.0)
        .authorized_by(&[(PASSWORD, 0)])
        .sized(private)
        .sized(public)
        .end()
}

/// HMAC-SHA256 of `message`, which is not longer than [`MAX_MESSAGE`].
pub(super) fn hmac(key: Handle, message: &[u8]) -> Command {
    Writer::new(Name::Hmac, SESSIONS)
        .u32(key.0)
        .authorized_by(&[(PASSWORD, 0)])
        .sized(message)
        .u16(SHA_256)
        .end()
}

/// Removes a key or a session.
pub(super) fn flush(handle: Handle) -> Command {
    Writer::new(Name::FlushContext, NO_SESSIONS).u32(handle.0).end()
}

/// Writes a command, big-endian as all of them are.
struct Writer {
    name: Name,
    bytes: Zeroizing<Vec<u8>>,
}

impl Writer {
    fn new(name: Name, tag: u16) -> Self {
        let writer = Self { name, bytes: Zeroizing::new(Vec::with_capacity(1024)) };
        // The size is set at the end.
        writer.u16(tag).u32(0).u32(name.code())
    }

    fn u8(mut self, value: u8) -> Self {
        self.bytes.push(value);
        self
    }

    fn u16(mut self, value: u16) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.bytes.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A structure with its size in front. None is longer than the size can say: what comes from outside
    /// had a size of two bytes there, too.
    fn sized(mut self, content: &[u8]) -> Self {
        push_sized(&mut self.bytes, content);
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The authorization area: sessions and their attributes, with empty nonces and passwords.
    fn authorized_by(self, sessions: &[(u32, u8)]) -> Self {
        let size = 9 * sessions.len() as u32;
        sessions.iter().fold(self.u32(size), |writer, (session, attributes)| {
            writer.u32(*session).u16(0).u8(*attributes).u16(0)
        })
    }

    fn end(mut self) -> Command {
        let size = self.bytes.len() as u32;
        self.bytes[2..6].copy_from_slice(&size.to_be_bytes());
        Command { name: self.name, bytes: self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(command: &Command) -> String {
        command.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Byte for byte what was sent to a real software TPM, which took it.
    #[test]
    fn j_427_the_commands_are_those_of_the_specification() {
        let (srk, ek, session) = (Handle(0x8000_0001), Handle(0x8000_0000), Handle(0x0300_0000));
        for (command, expected) in [
            (startup(), "80010000000c000001440000"),
            (flush(srk), "80010000000e0000016580000001"),
            (
                create_primary(Primary::StorageRoot),
                "80020000004300000131400000010000000940000009000000000000040000\
                 0000001a0001000b0003047200000006008000430010080000000000000000\
                 0000000000",
            ),
            (
                start_policy_session(),
                "80010000002b000001764000000740000007001000000000000000000000\
                 00000000000000000100 10000b",
            ),
            (
                policy_secret(session),
                "8002000000290000 01514000000b0300000000000009400000090000000000\
                 00000000000000000000",
            ),
            (
                activate_credential(srk, ek, session, b"i", b"s"),
                "80020000002e0000014780000001800000000000001240000009000000000003\
                 0000000000010000000169000173",
            ),
            (
                import(srk, b"k", b"pub", b"prv", b"s"),
                "8002000000310000015680000001000000094000000900000000000001 6b0003\
                 7075620003707276000173000600800043",
            ),
            (
                load(srk, b"prv", b"pub"),
                "800200000025000001578000000100000009400000090000000000 00037072760003707562",
            ),
            (hmac(srk, b"m"), "80020000002000000155800000010000000940000009000000000000016d000b"),
        ] {
            assert_eq!(hex(&command), expected.replace([' ', '\n'], ""), "{}", command.name);
        }
        assert_eq!(create_primary(Primary::Endorsement).bytes.len(), 0x63);
    }

    #[test]
    fn j_427_every_command_says_its_own_size() {
        for command in [create_primary(Primary::Endorsement), hmac(Handle(1), &[7; MAX_MESSAGE])] {
            let size = u32::from_be_bytes(command.bytes[2..6].try_into().unwrap());
            assert_eq!(size as usize, command.bytes.len());
        }
    }
}
