//! What the response codes of a TPM mean: TPM 2.0 library specification, part 2, section 6.6.

use std::fmt;

/// A response code other than success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(pub(super) u32);

/// What a code of format one speaks of, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Nothing,
    Parameter(u32),
    Session(u32),
    Handle(u32),
}

/// Bit 7: the code says which handle, session or parameter is wrong.
const FORMAT_ONE: u32 = 1 << 7;
/// Bit 6 of format one: it is a parameter.
const PARAMETER: u32 = 1 << 6;
/// Bit 11 of format one without the bit before: it is a session, else a handle.
const SESSION: u32 = 1 << 11;

impl Code {
    /// The TPM has not come to it: the same command is sent again.
    pub(super) fn is_again(self) -> bool {
        matches!(self.0, 0x908 | 0x90A | 0x922)
    }

    /// A startup that has been already.
    pub(super) fn is_started(self) -> bool {
        self.0 == 0x100
    }

    /// It says what is wrong with what it was given, not with who asks or with itself.
    pub(super) fn is_about_a_parameter(self) -> bool {
        matches!(self.parts(), (_, About::Parameter(_)) | (0x155, _))
    }

    /// libtpms says so of a seed that it cannot decrypt; a TPM that is in failure mode says it of every command.
    pub(super) fn is_failure(self) -> bool {
        self.0 == 0x101
    }

    /// The code without what it speaks of, as the specification lists it.
    fn parts(self) -> (u32, About) {
        if self.0 & FORMAT_ONE == 0 {
            return (self.0, About::Nothing);
        }
        let number = self.0 >> 8 & 0xF;
        let about = match number {
            _ if self.0 & PARAMETER != 0 => About::Parameter(number),
            0 => About::Nothing,
            _ if self.0 & SESSION != 0 => About::Session(number & 7),
            _ => About::Handle(number & 7),
        };
        (self.0 & 0x3F | FORMAT_ONE, about)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, about) = self.parts();
        match CODES.binary_search_by_key(&base, |(code, ..)| *code) {
            Ok(at) => write!(f, "{}, {}", CODES[at].1, CODES[at].2)?,
            Err(_) => f.write_str("a code that the specification does not list")?,
        }
        match about {
            About::Nothing => write!(f, " (0x{:03X})", self.0),
            About::Parameter(number) => write!(f, " (0x{:03X}, parameter {number})", self.0),
            About::Session(number) => write!(f, " (0x{:03X}, session {number})", self.0),
            About::Handle(number) => write!(f, " (0x{:03X}, handle {number})", self.0),
        }
    }
}

/// In order, so that they are found by halving.
const CODES: &[(u32, &str, &str)] = &[
    (0x01E, "TPM_RC_BAD_TAG", "it is no TPM 2.0, or the command was garbled"),
    (0x081, "TPM_RC_ASYMMETRIC", "the asymmetric algorithm is not supported or not right"),
    (0x082, "TPM_RC_ATTRIBUTES", "the attributes of the object do not go together"),
    (0x083, "TPM_RC_HASH", "the hash algorithm is not supported or not right"),
    (0x084, "TPM_RC_VALUE", "a value is out of range or not right for its use"),
    (0x085, "TPM_RC_HIERARCHY", "the hierarchy is not enabled or not right"),
    (0x087, "TPM_RC_KEY_SIZE", "the size of the key is not supported"),
    (0x088, "TPM_RC_MGF", "the mask generation function is not supported"),
    (0x089, "TPM_RC_MODE", "the mode of operation is not supported"),
    (0x08A, "TPM_RC_TYPE", "the type is not right for its use"),
    (0x08B, "TPM_RC_HANDLE", "the handle is not right for its use"),
    (0x08C, "TPM_RC_KDF", "the key derivation is not supported or not right"),
    (0x08D, "TPM_RC_RANGE", "a value is out of range"),
    (
        0x08E,
        "TPM_RC_AUTH_FAIL",
        "the authorization is wrong; each failure counts towards a lockout",
    ),
    (0x08F, "TPM_RC_NONCE", "the nonce has the wrong size or value"),
    (0x090, "TPM_RC_PP", "physical presence is wanted"),
    (0x092, "TPM_RC_SCHEME", "the scheme is not supported or not right"),
    (0x095, "TPM_RC_SIZE", "a structure has the wrong size"),
    (0x096, "TPM_RC_SYMMETRIC", "the symmetric algorithm is not supported or not right"),
    (0x097, "TPM_RC_TAG", "a structure has the wrong tag"),
    (0x098, "TPM_RC_SELECTOR", "a selector is not right"),
    (0x09A, "TPM_RC_INSUFFICIENT", "a structure ends before its end"),
    (0x09B, "TPM_RC_SIGNATURE", "the signature is not valid"),
    (0x09C, "TPM_RC_KEY", "the fields of the key do not go with its use"),
    (0x09D, "TPM_RC_POLICY_FAIL", "a check of the policy failed"),
    (0x09F, "TPM_RC_INTEGRITY", "the integrity check failed"),
    (0x0A0, "TPM_RC_TICKET", "the ticket is not valid"),
    (0x0A1, "TPM_RC_RESERVED_BITS", "bits are set that must not be"),
    (0x0A2, "TPM_RC_BAD_AUTH", "the authorization is wrong: it is expected to be empty"),
    (0x0A3, "TPM_RC_EXPIRED", "the policy has expired"),
    (0x0A4, "TPM_RC_POLICY_CC", "the policy does not allow this command"),
    (0x0A5, "TPM_RC_BINDING", "the public and the secret half do not belong to each other"),
    (0x0A6, "TPM_RC_CURVE", "the curve is not supported"),
    (0x0A7, "TPM_RC_ECC_POINT", "the point is not on the curve"),
    (0x100, "TPM_RC_INITIALIZE", "it was not started, or is started already"),
    (
        0x101,
        "TPM_RC_FAILURE",
        "it failed at it: swtpm cannot decrypt what was changed or is for another TPM, others have to be restarted",
    ),
    (0x103, "TPM_RC_SEQUENCE", "a sequence is not used as it must be"),
    (0x119, "TPM_RC_DISABLED", "the command is disabled"),
    (0x120, "TPM_RC_EXCLUSIVE", "another session is exclusive"),
    (0x124, "TPM_RC_AUTH_TYPE", "this authorization is not right for the command"),
    (0x125, "TPM_RC_AUTH_MISSING", "an authorization is missing"),
    (0x126, "TPM_RC_POLICY", "the policy is not right"),
    (0x127, "TPM_RC_PCR", "a PCR is not right"),
    (0x12D, "TPM_RC_UPGRADE", "it is being upgraded"),
    (0x12E, "TPM_RC_TOO_MANY_CONTEXTS", "too many contexts are saved; restart it"),
    (0x12F, "TPM_RC_AUTH_UNAVAILABLE", "there is no authorization of this kind for the object"),
    (0x130, "TPM_RC_REBOOT", "it wants to be restarted first"),
    (0x131, "TPM_RC_UNBALANCED", "the sizes of its algorithms do not go together"),
    (0x142, "TPM_RC_COMMAND_SIZE", "the size of the command is not right"),
    (0x143, "TPM_RC_COMMAND_CODE", "it does not know the command"),
    (0x144, "TPM_RC_AUTHSIZE", "the size of the authorizations is not right"),
    (0x145, "TPM_RC_AUTH_CONTEXT", "the command takes no authorization"),
    (0x146, "TPM_RC_NV_RANGE", "an NV index is out of range"),
    (0x147, "TPM_RC_NV_SIZE", "an NV index has another size"),
    (0x148, "TPM_RC_NV_LOCKED", "an NV index is locked"),
    (0x149, "TPM_RC_NV_AUTHORIZATION", "an NV index wants another authorization"),
    (0x14A, "TPM_RC_NV_UNINITIALIZED", "an NV index was never written"),
    (0x14B, "TPM_RC_NV_SPACE", "its NV memory is full"),
    (0x14C, "TPM_RC_NV_DEFINED", "an NV index is defined already"),
    (0x150, "TPM_RC_BAD_CONTEXT", "the context is not valid"),
    (0x151, "TPM_RC_CPHASH", "the hash of the parameters is another one"),
    (0x152, "TPM_RC_PARENT", "the handle is none of a parent"),
    (0x153, "TPM_RC_NEEDS_TEST", "a function was not tested yet"),
    (0x154, "TPM_RC_NO_RESULT", "there is no result"),
    (0x155, "TPM_RC_SENSITIVE", "the secret half does not open"),
    (0x901, "TPM_RC_CONTEXT_GAP", "a saved context is too old"),
    (
        0x902,
        "TPM_RC_OBJECT_MEMORY",
        "no place for another key: another program left keys in it; flush them, or restart it",
    ),
    (
        0x903,
        "TPM_RC_SESSION_MEMORY",
        "no place for another session: another program left sessions in it; flush them, or restart it",
    ),
    (0x904, "TPM_RC_MEMORY", "it is out of memory"),
    (
        0x905,
        "TPM_RC_SESSION_HANDLES",
        "no handle for another session: another program left sessions in it; flush them, or restart it",
    ),
    (
        0x906,
        "TPM_RC_OBJECT_HANDLES",
        "no handle for another key: another program left keys in it; flush them, or restart it",
    ),
    (0x907, "TPM_RC_LOCALITY", "the locality is not right"),
    (0x908, "TPM_RC_YIELDED", "it put the command off"),
    (0x909, "TPM_RC_CANCELED", "the command was cancelled"),
    (0x90A, "TPM_RC_TESTING", "it is testing itself"),
    (0x910, "TPM_RC_REFERENCE_H0", "the first handle leads to nothing that is loaded"),
    (0x911, "TPM_RC_REFERENCE_H1", "the second handle leads to nothing that is loaded"),
    (0x912, "TPM_RC_REFERENCE_H2", "the third handle leads to nothing that is loaded"),
    (0x918, "TPM_RC_REFERENCE_S0", "the first session is not loaded"),
    (0x919, "TPM_RC_REFERENCE_S1", "the second session is not loaded"),
    (0x91A, "TPM_RC_REFERENCE_S2", "the third session is not loaded"),
    (0x920, "TPM_RC_NV_RATE", "it limits how often its NV memory is written; wait"),
    (
        0x921,
        "TPM_RC_LOCKOUT",
        "it is locked after too many wrong authorizations; wait, or reset the lockout",
    ),
    (0x922, "TPM_RC_RETRY", "it could not begin with the command"),
    (0x923, "TPM_RC_NV_UNAVAILABLE", "its NV memory cannot be written now"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_428_codes_are_told_by_name_with_what_they_speak_of() {
        for (code, text) in [
            (0x100, "TPM_RC_INITIALIZE, it was not started, or is started already (0x100)"),
            (0x922, "TPM_RC_RETRY, it could not begin with the command (0x922)"),
            (0x1DF, "TPM_RC_INTEGRITY, the integrity check failed (0x1DF, parameter 1)"),
            (
                0x9A2,
                "TPM_RC_BAD_AUTH, the authorization is wrong: it is expected to be empty (0x9A2, session 1)",
            ),
            (0x18B, "TPM_RC_HANDLE, the handle is not right for its use (0x18B, handle 1)"),
            (0x08A, "TPM_RC_TYPE, the type is not right for its use (0x08A)"),
            (0x5D2, "TPM_RC_SCHEME, the scheme is not supported or not right (0x5D2, parameter 5)"),
            (0x7777, "a code that the specification does not list (0x7777)"),
        ] {
            assert_eq!(Code(code).to_string(), text);
        }
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(CODES.is_sorted_by(|one, other| one.0 < other.0));
    }

    #[test]
    fn j_428_what_is_sent_again_is_known() {
        let again: Vec<_> = (0..0x1000).filter(|code| Code(*code).is_again()).collect();

        assert_eq!(again, [0x908, 0x90A, 0x922]);
    }
}
