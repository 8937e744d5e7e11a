//! Which checks were made on a device, in order, and what each found: the way that a decision took,
//! told from the decision itself.
//!
//! The order is that of `sas`, `certificates` and `tpm`: whatever stands before the check that failed has
//! passed, and nothing behind it was looked at.

use std::borrow::Cow;

use super::fault::{Fault, slot_name};
use super::judge::Judge;
use super::proof::{Attested, Challenge, Evidence, Proof, TpmProof};
use super::refusal::Refusal;
use super::tpm_fault::TpmFault;
use crate::attestation::{SasFault, SasToken, X509Fault};
use crate::service::enrollment::Kind;
use crate::wire::timestamp;

/// One check that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, in one word.
    pub check: &'static str,
    /// Whether it was in order.
    pub passed: bool,
    /// What was found.
    pub said: Cow<'static, str>,
}

impl Check {
    /// One that was in order.
    pub fn passed(check: &'static str, said: impl Into<Cow<'static, str>>) -> Self {
        Self { check, passed: true, said: said.into() }
    }

    /// One that was not: the last that was made.
    pub fn failed(check: &'static str, said: impl Into<Cow<'static, str>>) -> Self {
        Self { check, passed: false, said: said.into() }
    }
}

impl Attested {
    /// The checks that it has passed. `by_ca` is whether the chain had to reach a verified certificate
    /// of the instance.
    pub fn checks(&self, proof: &Proof, by_ca: bool) -> Vec<Check> {
        let (enrollment, own) = (&self.enrollment, self.enrollment.kind() == Kind::Individual);
        let name = enrollment.name();
        match &self.evidence {
            Evidence::Key(matched) => {
                let mut checks = token(proof);
                let slot = slot_name(matched.slot);
                checks.push(Check::passed("enrollment", match own {
                    true => individual(name),
                    false => format!(
                        "it has no individual enrollment; enrollment group {name:?} takes its key"
                    ),
                }));
                checks.push(Check::passed("signature", match own {
                    true => format!("the token is signed with the enrollment's {slot} key"),
                    false if matched.folded => format!(
                        "the token is signed with a key that is derived from the group's {slot} key, for \
                         the registration ID in lower case (J-5)"
                    ),
                    false => format!(
                        "the token is signed with the key that is derived from the group's {slot} key"
                    ),
                }));
                checks
            }
            Evidence::Certificate { leaf, authority } => {
                let mut checks = certificate();
                match authority {
                    None => {
                        checks.push(Check::passed("enrollment", individual(name)));
                        let thumbprint = &leaf.info().sha1_thumbprint;
                        let said =
                            format!("its certificate {thumbprint} is that of its enrollment");
                        checks.push(Check::passed("thumbprint", said));
                    }
                    // It is disabled, and so keeps the device from a group that would take it.
                    Some(_) if own => checks.push(Check::passed("enrollment", individual(name))),
                    Some(authority) => {
                        checks.push(Check::passed("enrollment", BY_CHAIN));
                        let said = format!(
                            "the chain leads to {authority:?}, which is a certificate of enrollment \
                             group {name:?}"
                        );
                        checks.push(Check::passed("chain", said));
                        checks.extend(by_ca.then(|| Check::passed("verifiedCa", VERIFIED)));
                    }
                }
                checks
            }
            Evidence::Tpm(_) => {
                let mut checks = vec![Check::passed("enrollment", individual(name))];
                checks.extend(tpm(proof));
                checks
            }
        }
    }

    /// The one that follows when it is believed (F.1).
    pub fn enabled(&self) -> Check {
        match self.enrollment.is_enabled() {
            true => Check::passed("enabled", "the enrollment is enabled"),
            false => Check::failed("enabled", "the enrollment is disabled"),
        }
    }
}

impl Challenge {
    /// The checks that were made before a key was given to the TPM, and that it was.
    pub fn checks(&self, proof: &Proof) -> Vec<Check> {
        let mut checks = vec![Check::passed("enrollment", individual(self.enrollment.name()))];
        checks.extend(tpm(proof).into_iter().take_while(|check| check.check != "challenge"));
        checks.push(Check::passed("challenge", CHALLENGED));
        checks
    }
}

impl Refusal {
    /// The checks that were made: all but the last were passed.
    pub fn checks(&self, proof: &Proof) -> Vec<Check> {
        let step = self.step(proof);
        let mut checks = match proof {
            _ if self.is_of_tpm => Vec::new(),
            Proof::Absent | Proof::Tpm(_) => Vec::new(),
            Proof::Sas(_) => token(proof),
            Proof::Certificates(_) => certificate(),
        };
        checks.extend(self.lookup(proof));
        if self.is_of_tpm {
            checks.extend(tpm(proof));
        }
        if step == "verifiedCa"
            && let Judge::Group(name) = &self.judge
        {
            let said = format!("the chain leads to a certificate of enrollment group {name:?}");
            checks.push(Check::passed("chain", said));
        }
        // What stands behind the failed one was not reached.
        let reached = checks.iter().position(|it| it.check == step).unwrap_or(checks.len());
        checks.truncate(reached);
        let said = match (&self.judge, step) {
            (Judge::Groups { count: 0 }, _) => NO_ENROLLMENT.into(),
            _ => self.fault.to_string(),
        };
        checks.push(Check::failed(step, said));
        checks
    }

    /// Which enrollment was found, or which were asked.
    fn lookup(&self, proof: &Proof) -> Option<Check> {
        let said = match (&self.judge, proof) {
            (_, Proof::Absent) => return None,
            (Judge::Individual { name, instead_of: None }, _) => individual(name).into(),
            (Judge::Individual { name, instead_of: Some(group) }, _) => format!(
                "{}; enrollment group {group:?} would take the device, but is not asked",
                individual(name)
            )
            .into(),
            (Judge::Groups { count }, _) => format!(
                "it has no individual enrollment; {count} enrollment group(s) with symmetric keys were \
                 asked"
            )
            .into(),
            (Judge::Group(_) | Judge::Nobody, _) => Cow::Borrowed(BY_CHAIN),
        };
        Some(Check::passed("enrollment", said))
    }

    /// The check that was not passed, whatever was wrong there.
    fn step(&self, proof: &Proof) -> &'static str {
        match &self.fault {
            Fault::Sas(fault) => match fault {
                SasFault::Absent | SasFault::NothingSent { .. } => "proof",
                SasFault::Malformed(_) => "token",
                SasFault::Names(_) => "resource",
                SasFault::Expired(_) => "expiry",
                SasFault::OtherAttestation { .. } => "attestation",
                SasFault::Signature(_) if self.judge == (Judge::Groups { count: 0 }) => {
                    "enrollment"
                }
                SasFault::Signature(_) => "signature",
            },
            Fault::X509(fault) => match fault {
                X509Fault::Absent if matches!(proof, Proof::Sas(_)) => "attestation",
                X509Fault::Absent => "proof",
                X509Fault::TooLong { .. } | X509Fault::Malformed { .. } => "certificate",
                X509Fault::CommonName { .. } => "commonName",
                X509Fault::CriticalExtension { .. } if self.is_of_own_certificate() => "extensions",
                X509Fault::Expired { .. } | X509Fault::NotYetValid { .. } => "validity",
                X509Fault::OtherAttestation { .. } => "attestation",
                X509Fault::Thumbprint { .. } => "thumbprint",
                X509Fault::NoVerifiedCa { .. } => "verifiedCa",
                _ => "chain",
            },
            Fault::Tpm(fault) => match fault {
                TpmFault::Absent => "proof",
                TpmFault::NotEnrolled => "enrollment",
                TpmFault::OtherAttestation { .. } => "attestation",
                TpmFault::Keys(_) => "tpm",
                TpmFault::EndorsementKey => "endorsementKey",
                TpmFault::StorageRootKey => "storageRootKey",
                TpmFault::KindOfKey { .. } => "kindOfKey",
                TpmFault::NotChallenged => "challenge",
                TpmFault::Signature => "signature",
            },
        }
    }
}

const CHALLENGED: &str =
    "it is given a key that this TPM alone can decrypt, and has to sign with it";
const BY_CHAIN: &str = "it has no individual enrollment; its chain decides which group has it";
const NO_ENROLLMENT: &str =
    "it has no individual enrollment, and there is no enrollment group with symmetric keys";
const VERIFIED: &str = "the chain reaches a CA certificate of the instance that is verified";

fn individual(name: &str) -> String {
    format!("individual enrollment {name:?} decides, before any group")
}

/// What is looked at of a TPM behind its enrollment, as if all of it were in order: the keys, if it shows
/// them, then the token, if there is one.
fn tpm(proof: &Proof) -> Vec<Check> {
    let given = Check::passed("challenge", "its TPM was given a key to sign with");
    let same = [
        Check::passed("endorsementKey", "its endorsement key is that of its enrollment"),
        Check::passed(
            "storageRootKey",
            "its storage root key is that of its enrollment, or that has none",
        ),
    ];
    let mut checks = vec![Check::passed("attestation", "its enrollment wants a TPM")];
    match proof {
        Proof::Tpm(shown) => {
            checks.push(Check::passed("tpm", "the keys of its TPM were sent, and can be read"));
            checks.extend(same);
            checks.push(Check::passed("kindOfKey", "they are RSA keys"));
            checks.extend(shown.token.is_some().then_some(given));
        }
        _ => checks.extend(std::iter::once(given).chain(same)),
    }
    let of_token = token(proof);
    if !of_token.is_empty() {
        checks.extend(of_token);
        let said = "the token is signed with the key that its TPM was given";
        checks.push(Check::passed("signature", said));
    }
    checks
}

/// What is looked at in a token before anything else, as if all of it were in order.
fn token(proof: &Proof) -> Vec<Check> {
    let (Proof::Sas(token) | Proof::Tpm(TpmProof { token: Some(token), .. })) = proof else {
        return Vec::new();
    };
    let mut checks = vec![
        Check::passed("token", "a SAS token was sent, and can be read"),
        Check::passed("resource", "the token is for this ID scope and registration ID"),
    ];
    checks.extend(expiry(token));
    checks
}

fn expiry(token: &SasToken) -> Option<Check> {
    let expires = timestamp(token.claims().ok()?.expires());
    Some(Check::passed("expiry", format!("the token is valid until {expires}")))
}

/// The same of a certificate.
fn certificate() -> Vec<Check> {
    vec![
        Check::passed("certificate", "a client certificate was sent, and can be read"),
        Check::passed("commonName", "its common name is the registration ID"),
        Check::passed("extensions", "it has no critical extension that is unknown"),
        Check::passed("validity", "it is valid now"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::refusal::INVALID;
    use super::*;

    /// The checks of a refusal, the failed one with a `!`.
    fn trail(
        fault: impl Into<Fault>,
        judge: Judge,
        message: &'static str,
        proof: &Proof,
    ) -> String {
        let refusal = Refusal::new(fault, judge).saying(message);
        let checks = refusal.checks(proof);
        let (last, before) = checks.split_last().unwrap();
        assert!(!last.passed && before.iter().all(|check| check.passed), "{checks:?}");
        let words: Vec<_> = before.iter().map(|check| check.check).collect();
        format!("{} {}!", words.join(" "), last.check)
    }

    #[test]
    fn j_218_before_the_check_that_failed_stands_what_was_passed_and_nothing_else() {
        let certificates = Proof::Certificates(Vec::new());
        let token = "SharedAccessSignature sr=a%2Fregistrations%2Fb&sig=AAAA&se=1893456000";
        let token = Proof::Sas(SasToken::from_text(token));
        let own = || Judge::Individual { name: "pump".to_owned(), instead_of: None };
        let extension =
            || X509Fault::CriticalExtension { subject: "a".into(), extension: "b".into() };
        let unverified = X509Fault::NoVerifiedCa { group: "pumps".into(), unverified: None };
        let of = |fault: X509Fault, judge, message| trail(fault, judge, message, &certificates);
        const CA: &str = "CA certificate not found.";

        assert_eq!(
            of(X509Fault::TooLong { count: 11, max: 10 }, Judge::Nobody, INVALID),
            " certificate!"
        );
        assert_eq!(of(extension(), Judge::Nobody, INVALID), "certificate commonName extensions!");
        assert_eq!(
            of(extension(), Judge::Nobody, CA),
            "certificate commonName extensions validity enrollment chain!",
            "of an issuer"
        );
        assert_eq!(
            of(unverified, Judge::Group("pumps".into()), CA),
            "certificate commonName extensions validity enrollment chain verifiedCa!"
        );
        assert_eq!(
            of(X509Fault::OtherAttestation { wanted: "a SAS token" }, own(), INVALID),
            "certificate commonName extensions validity enrollment attestation!"
        );
        assert_eq!(
            trail(X509Fault::Absent, own(), "Unauthorized", &token),
            "token resource expiry enrollment attestation!"
        );
        assert_eq!(trail(X509Fault::Absent, own(), "Unauthorized", &Proof::Absent), " proof!");
        let unknown = || crate::attestation::SignatureFault::Unknown;
        let of = |judge| trail(SasFault::from(unknown()), judge, "Unauthorized", &token);
        assert_eq!(of(Judge::Groups { count: 0 }), "token resource expiry enrollment!");
        assert_eq!(of(Judge::Groups { count: 2 }), "token resource expiry enrollment signature!");
        assert_eq!(of(own()), "token resource expiry enrollment signature!");
    }
}
