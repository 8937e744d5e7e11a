//! What the input itself gives away. Nothing is sent.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::finding::Finding;
use crate::attestation::{DeviceCertificate, Tpm};
use crate::device::Class;
use crate::explain::{
    Clue, Context, GivenKey, Proof, clue_from_id, clue_from_key, clue_from_scope,
};
use crate::text::day;
use crate::wire::RegistrationId;

/// How long a TPM may take to tell its public keys, which it may have to make first.
const TPM_TIMEOUT: Duration = Duration::from_secs(30);

/// The shape of the ID scope (D.1).
pub(super) fn id_scope(context: &Context) -> Finding {
    match &context.id_scope {
        Some(scope) => clue_from_scope(context).map_or_else(|| Finding::ok(scope.as_str()), told),
        None => Finding::skip("the ID scope is not known here"),
    }
}

/// The spelling of the registration ID (D.1).
pub(super) fn registration_id(context: &Context) -> Finding {
    let id = &context.registration_id;
    let length = id.as_str().len();
    clue_from_id(context).map_or_else(|| Finding::ok(format!("{id} ({length} characters)")), told)
}

/// What is proved fails, what is suspected warns.
fn told(clue: Clue) -> Finding {
    let finding = if clue.is_certain {
        Finding::fail(Class::Identity, clue.cause)
    } else {
        Finding::warn(clue.cause)
    };
    match clue.remedy {
        Some(remedy) => finding.advice(remedy),
        None => finding,
    }
}

/// The device's key, certificate or TPM.
pub(super) async fn identity(context: &Context, now: SystemTime) -> Finding {
    match &context.proof {
        Some(Proof::Key(given)) => key(given, context),
        Some(Proof::Certificate(certificate)) => x509(certificate, context, now),
        Some(Proof::Tpm(tpm)) => platform(tpm, &context.registration_id).await,
        None => Finding::skip("the device's proof is not known here"),
    }
}

/// The TPM's public keys, and whether the registration ID is the one that goes with them (B.5, J-375).
async fn platform(tpm: &Arc<dyn Tpm>, id: &RegistrationId) -> Finding {
    let unusable = |error: String| {
        Finding::fail(Class::Identity, error)
            .advice("see to it that the TPM answers; `provision-sim tpm show` asks it the same")
    };
    let asked = timeout(TPM_TIMEOUT, tpm.keys()).await;
    let keys = match asked {
        Ok(Ok(keys)) => keys,
        Ok(Err(error)) => return unusable(error.to_string()),
        Err(_) => {
            return unusable(format!("the TPM did not answer within {} s", TPM_TIMEOUT.as_secs()));
        }
    };
    let own = keys.endorsement.registration_id();
    match own == *id {
        true => Finding::ok("a TPM; the registration ID is the hash of its endorsement key"),
        false => Finding::ok(format!(
            "a TPM; the registration ID is not the hash of its endorsement key ({own}), and need not be"
        )),
    }
}

/// Length and kind of the key (D.2, D.3).
fn key(given: &GivenKey, context: &Context) -> Finding {
    if let Some(clue) = clue_from_key(context) {
        return told(clue);
    }
    let (kind, length) = match given {
        GivenKey::Group(key) => ("group key", key.length()),
        GivenKey::Device(key) => ("device key", key.length()),
    };
    if (16..=64).contains(&length) {
        return Finding::ok(format!("a {kind} of {length} bytes"));
    }
    Finding::warn(format!("the {kind} has {length} bytes; DPS takes keys of 16 to 64"))
        .advice("copy the key whole, as the portal or `az … show --show-keys` shows it")
}

/// Name, dates and order of the certificates (D.5, J-110).
fn x509(certificate: &DeviceCertificate, context: &Context, now: SystemTime) -> Finding {
    if let Err(fault) = certificate.check(&context.registration_id, now) {
        return Finding::fail(Class::Identity, fault.to_string()).advice(
            "use a certificate that is in date and whose common name is the registration ID",
        );
    }
    let warnings: Vec<_> = certificate.warnings(now).iter().map(ToString::to_string).collect();
    if !warnings.is_empty() {
        return Finding::warn(warnings.join("; "))
            .advice("give the device's own certificate in --cert, then its intermediates, each signed by the next");
    }
    let info = certificate.leaf().info();
    let count = certificate.chain().len();
    let certificates = if count == 1 { "certificate is" } else { "certificates are" };
    Finding::ok(format!(
        "{}, issued by {}, valid {} to {}; {count} {certificates} sent",
        info.subject_name,
        info.issuer_name,
        day(info.not_before),
        day(info.not_after)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;
    use crate::pki::TestPki;

    fn context(scope: &str, id: &str, key: GivenKey) -> Context {
        Context {
            endpoint: "localhost".parse().unwrap(),
            id_scope: scope.parse().ok(),
            registration_id: id.parse().unwrap(),
            proof: Some(Proof::Key(key)),
            skew: None,
            is_local: false,
            group: None,
            proxy: None,
            ca_file: None,
        }
    }

    fn group(key: &str) -> GivenKey {
        GivenKey::Group(key.parse().unwrap())
    }

    const LONG: &str =
        "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

    #[test]
    fn d_1_scopes_unlike_azures_are_pointed_out_and_no_error() {
        let status = |scope| id_scope(&context(scope, "a", group(LONG))).status;

        assert_eq!(status("0ne0012AB34"), Status::Ok);
        assert_eq!(status("0NE0012AB34"), Status::Ok);
        assert_eq!(status("0ne0012AB3"), Status::Warn);
        assert_eq!(status("One0012AB34"), Status::Warn);
        let local = Context { is_local: true, ..context("mine", "a", group(LONG)) };
        assert_eq!(id_scope(&local).status, Status::Ok);
    }

    #[test]
    fn d_1_upper_case_in_an_id_is_pointed_out() {
        let found = |id| registration_id(&context("s", id, group(LONG)));

        assert_eq!(found("pump-0042").finding, "pump-0042 (9 characters)");
        assert_eq!(found("Pump-0042").status, Status::Warn);
    }

    #[tokio::test]
    async fn d_2_keys_are_judged_by_length_and_kind() {
        let found = async |given| identity(&context("s", "a", given), SystemTime::now()).await;

        assert_eq!(found(group(LONG)).await.finding, "a group key of 64 bytes");
        assert_eq!(found(GivenKey::Device(LONG.parse().unwrap())).await.status, Status::Warn);
        assert_eq!(found(group("AAAA")).await.status, Status::Warn);
        let tutorial = GivenKey::Device(crate::tutorial::GROUP_KEY.parse().unwrap());
        assert_eq!(found(tutorial).await.class, Some(Class::Identity));
    }

    #[tokio::test]
    async fn d_5_certificates_are_judged_by_name_date_and_order() {
        let pki = TestPki::new().unwrap();
        let made = pki.device(&"pump-0042".parse().unwrap()).unwrap();
        let certificate = |pem: &str| {
            let key = made.key_pem();
            DeviceCertificate::read(pem.as_bytes(), Some(key.as_bytes()), None).unwrap()
        };
        let of = async |id: &str, pem: &str, now: SystemTime| {
            let proof = Some(Proof::Certificate(certificate(pem)));
            identity(&Context { proof, ..context("s", id, group(LONG)) }, now).await
        };
        let (chain, now) = (made.chain_pem(), SystemTime::now());
        let root_behind = format!("{}{}", made.pem(), pki.root().pem());

        let good = of("pump-0042", chain, now).await;
        assert_eq!(good.status, Status::Ok);
        assert!(good.finding.starts_with("CN=pump-0042, issued by "), "{}", good.finding);
        assert!(good.finding.ends_with("certificates are sent"), "{}", good.finding);
        assert_eq!(of("pump-0043", chain, now).await.class, Some(Class::Identity));
        assert_eq!(
            of("pump-0042", chain, SystemTime::UNIX_EPOCH).await.class,
            Some(Class::Identity)
        );
        assert_eq!(of("pump-0042", &root_behind, now).await.status, Status::Warn);
    }
}
