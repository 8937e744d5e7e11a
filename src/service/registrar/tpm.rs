//! Devices with a TPM (B.5): what it is given to sign with, whatever the transport.

use std::borrow::Cow;
use std::time::SystemTime;

use super::challenges::Challenged;
use super::core::Registrar;
use super::refusal::refuse;
use crate::attestation::{DeviceKey, KeyBlob};
use crate::service::attest::{
    Answer, Challenge, Check, Nonce, Proof, Refusal, TpmProof, attest, challenge,
};
use crate::service::caller::{Caller, Transport};
use crate::service::lock::lock;
use crate::service::reply::{Reply, json_reply};
use crate::wire::{Payload, RegistrationId, TpmChallenge, TpmKeys};

/// As recorded (B.5).
const MESSAGE: &str = "Authorization required, resend request using supplied key";

impl Registrar {
    /// A device shows the keys of its TPM, which is given a key to sign with: that blob. What it was given
    /// before is good no more.
    ///
    /// # Errors
    ///
    /// If it is not enrolled with that TPM, or nothing can be encrypted for it.
    pub(in crate::service) fn challenge_tpm(
        &self,
        registration_id: &RegistrationId,
        keys: &TpmKeys,
    ) -> Result<KeyBlob, Refusal> {
        let challenge = challenge(&self.store.enrollments(), registration_id, keys)?;
        self.give_key(registration_id, &challenge)
    }

    /// Gives the TPM of a device a key, and tells the device.
    pub(super) fn challenge(&self, caller: &Caller, challenge: &Challenge) -> Reply {
        match self.give_key(&caller.registration_id, challenge) {
            Ok(blob) => reply(&blob),
            Err(refusal) => refuse(&self.sources, caller, &refusal),
        }
    }

    /// The same for a device that wants to register, which is written down.
    ///
    /// # Errors
    ///
    /// If nothing can be encrypted for it. That is not written down.
    pub(super) fn challenge_and_record(
        &self,
        caller: &Caller,
        (challenge, checks): (&Challenge, &[Check]),
        payload: Option<&Payload>,
    ) -> Result<Reply, Refusal> {
        let id = &caller.registration_id;
        let reply = reply(&self.give_key(id, challenge)?);
        let before = self.challenges.recording(id, self.sources.instant());
        let (challenge, before) = ((challenge, checks), before.as_ref());
        let recording = self.journal.challenged(caller, challenge, payload, &reply, before);
        self.challenges.recorded(id, recording);
        Ok(reply)
    }

    fn give_key(
        &self,
        registration_id: &RegistrationId,
        Challenge { platform, .. }: &Challenge,
    ) -> Result<KeyBlob, Refusal> {
        let whose = registration_id.folded();
        let key = DeviceKey::made_for_tpm(&self.sources.chance, "key to sign with", &whose);
        let blob = platform.encrypt(&key).map_err(Refusal::of_keys)?;
        self.challenges.remember(registration_id, key, platform.clone(), self.sources.instant());
        tracing::info!("{registration_id}: its TPM is given a key to sign with (B.5)");
        Ok(blob)
    }

    pub(super) fn attest(
        &self,
        caller: &Caller,
        proof: &Proof,
        now: SystemTime,
    ) -> Result<Answer, Refusal> {
        let Caller { id_scope, registration_id, .. } = caller;
        let challenged = match caller.transport {
            Transport::Mqtt => None,
            _ => self.challenges.of(registration_id, self.sources.instant()),
        };
        let nonce = match caller.transport {
            Transport::Mqtt => Nonce::NotServed,
            _ => nonce(challenged.as_ref()),
        };
        let suspects = || lock(&self.seen).all();
        let enrollments = self.store.enrollments();
        let expected = (id_scope, registration_id);
        attest(&self.instance, &enrollments, expected, (proof, nonce), now, suspects)
    }
}

fn nonce(challenged: Option<&Challenged>) -> Nonce<'_> {
    match challenged {
        Some(Challenged { key, platform, .. }) => Nonce::Given(key, platform),
        None => Nonce::Forgotten,
    }
}

/// What a request shows: what its sender brings, and the keys of a TPM in its body. Over AMQP those were
/// shown by SASL, and mean nothing here; over MQTT there is no way to prove them. Nor do they where a
/// certificate proves who it is.
pub(super) fn shown<'a>(caller: &'a Caller, keys: Option<&TpmKeys>) -> Cow<'a, Proof> {
    let token = match (&caller.proof, caller.transport) {
        (Proof::Sas(token), Transport::Https) => Some(token.clone()),
        (Proof::Absent, Transport::Https) => None,
        _ => return Cow::Borrowed(&caller.proof),
    };
    match keys {
        Some(keys) => Cow::Owned(Proof::Tpm(TpmProof { keys: keys.clone(), token })),
        None => Cow::Borrowed(&caller.proof),
    }
}

/// What a device is told whose TPM is given a key (B.5).
fn reply(blob: &KeyBlob) -> Reply {
    json_reply(
        401,
        None,
        &TpmChallenge {
            message: MESSAGE.into(),
            authentication_key: blob.to_base64(),
            unencrypted_authentication_key: None,
            key_name: "registration".into(),
        },
    )
}
