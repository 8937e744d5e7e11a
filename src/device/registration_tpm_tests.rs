//! What a device with a TPM does besides, told as what happens and what the device then does (B.5).

use std::sync::Arc;

use super::*;
use crate::attestation::{DeviceKey, Signer, TpmError, TpmRefusal};
use crate::device::exchange::Loss;
use crate::device::wrapped_key::{KeyPurpose, WrappedKey};

const OPERATION: &str = "5.4d1a9e0c77b2f310.0b7c1f0e-6c0a-4c56-9f3e-2d5a4f6b8c11";
const DEADLINE: Duration = Duration::from_secs(60);

fn answer(rid: u32, status: u16, body: &str) -> Event {
    let (rid, body) = (rid.to_string(), body.as_bytes().to_vec());
    Event::Answer(Answer { status, rid, retry_after: Some(Duration::ZERO), body })
}

fn challenge(rid: u32) -> Event {
    let body = r#"{"message":"Authorization required, resend request using supplied key","authenticationKey":"a2V5","unencryptedAuthenticationKey":null,"keyName":"registration"}"#;
    answer(rid, 401, body)
}

fn assigning(rid: u32) -> Event {
    answer(rid, 202, &format!(r#"{{"operationId":"{OPERATION}","status":"assigning"}}"#))
}

/// `tpm` is what the state has of a key.
fn assigned_with(rid: u32, tpm: &str) -> Event {
    let state =
        format!(r#"{{{tpm}"assignedHub":"hub.net","deviceId":"pump","status":"assigned"}}"#);
    answer(
        rid,
        200,
        &format!(
            r#"{{"operationId":"{OPERATION}","status":"assigned","registrationState":{state}}}"#
        ),
    )
}

fn assigned(rid: u32) -> Event {
    assigned_with(rid, r#""tpm":{"authenticationKey":"aHVi"},"#)
}

fn refused(rid: u32) -> Event {
    let body = r#"{"errorCode":401002,"trackingId":"1","message":"Unauthorized"}"#;
    answer(rid, 401, body)
}

fn signer() -> Arc<dyn Signer> {
    Arc::new(DeviceKey::generate())
}

fn taken() -> Event {
    Event::KeyTaken(signer())
}

struct Device {
    machine: Registration,
    now: Duration,
    notices: Vec<Notice>,
}

impl Device {
    fn of(machine: Registration) -> Self {
        let mut device = Self { machine, now: Duration::ZERO, notices: Vec::new() };
        assert!(matches!(device.on(Event::Start), Step::Connect));
        assert!(matches!(device.on(Event::Accepted), Step::Subscribe));
        device
    }

    fn with_tpm() -> Self {
        Self::of(registration().with_tpm())
    }

    fn on(&mut self, event: Event) -> Step {
        self.machine.handle(self.now, event, &mut |notice| self.notices.push(notice))
    }

    #[track_caller]
    fn sends(&mut self, event: Event) -> RequestKind {
        match self.on(event) {
            Step::Send(Request { kind, .. }) => {
                self.on(Event::Sent);
                kind
            }
            // A poll has its time.
            Step::Listen { until } => {
                self.now = until;
                self.sends(Event::Elapsed)
            }
            other => panic!("expected a request, not {other:?}"),
        }
    }

    #[track_caller]
    fn takes(&mut self, event: Event) -> WrappedKey {
        match self.on(event) {
            Step::TakeKey(key) => key,
            other => panic!("expected the TPM's turn, not {other:?}"),
        }
    }

    #[track_caller]
    fn ends(&mut self, event: Event) -> Result<Registered, Error> {
        match self.on(event) {
            Step::Finish(result) => *result,
            other => panic!("expected the end, not {other:?}"),
        }
    }

    /// The service gave a key, the TPM took it, and this is asked with it.
    #[track_caller]
    fn answers_challenge(&mut self, rid: u32) -> RequestKind {
        self.takes(challenge(rid));
        self.sends(taken())
    }
}

fn registration() -> Registration {
    Registration::new("pump".parse().unwrap(), DEADLINE, 7)
}

fn poll() -> RequestKind {
    RequestKind::Poll(OPERATION.parse().unwrap())
}

#[test]
fn b_5_the_device_introduces_itself_takes_a_key_registers_and_takes_the_key_for_its_hub() {
    let mut device = Device::with_tpm();

    assert_eq!(device.sends(Event::Subscribed), RequestKind::Introduce);
    let purpose = KeyPurpose::Proof { name: "registration".to_owned() };
    assert_eq!(device.takes(challenge(1)), WrappedKey { blob: b"key".to_vec(), purpose });
    assert_eq!(device.sends(taken()), RequestKind::Register);
    assert_eq!(device.sends(assigning(2)), poll());
    let hub = WrappedKey { blob: b"hub".to_vec(), purpose: KeyPurpose::Hub };
    assert_eq!(device.takes(assigned(3)), hub);
    let signer = signer();
    let registered = device.ends(Event::KeyTaken(signer.clone())).unwrap();

    assert_eq!(registered.assigned_hub, "hub.net");
    assert!(Arc::ptr_eq(registered.hub_key.as_ref().unwrap().signer(), &signer));
    assert!(format!("{registered:?}").contains("hub_key: Some(HubKey(kept by the TPM))"));
    let told: Vec<_> = device
        .notices
        .iter()
        .filter(|notice| matches!(notice, Notice::KeyTaken { .. } | Notice::KeyForgotten))
        .collect();
    let [proof, hub] = [false, true].map(|for_hub| Notice::KeyTaken { for_hub });
    assert_eq!(told, [&proof, &hub]);
}

#[test]
fn c_7_over_amqp_the_sign_in_has_proved_it_and_the_hub_still_gives_a_key() {
    for machine in [registration().with_tpm().over_links(), registration().over_links().with_tpm()]
    {
        let mut device = Device::of(machine);

        assert_eq!(device.sends(Event::Subscribed), RequestKind::Register);
        assert_eq!(device.sends(assigning(1)), poll());
        assert_eq!(device.takes(assigned(2)).purpose, KeyPurpose::Hub);
        assert!(device.ends(taken()).unwrap().hub_key.is_some());
    }
}

#[test]
fn a_resumed_registration_proves_the_tpm_before_it_asks_how_the_operation_stands() {
    let mut device = Device::of(registration().watching(OPERATION.parse().unwrap()).with_tpm());

    assert_eq!(device.sends(Event::Subscribed), RequestKind::Introduce);
    assert_eq!(device.answers_challenge(1), poll());
}

#[test]
fn j_401_a_service_that_was_restarted_is_answered_again_and_not_for_ever() {
    let mut device = Device::with_tpm();
    device.sends(Event::Subscribed);

    assert_eq!(device.answers_challenge(1), RequestKind::Register);
    assert_eq!(device.answers_challenge(2), RequestKind::Register);
    let error = device.ends(challenge(3)).unwrap_err();

    assert!(matches!(error, Error::Breach(Breach::Challenges { times: 3 })), "{error:?}");
}

#[test]
fn j_401_a_poll_that_is_not_believed_any_more_makes_the_device_ask_for_another_key() {
    let mut device = Device::with_tpm();
    device.sends(Event::Subscribed);
    device.answers_challenge(1);
    device.sends(assigning(2));

    assert_eq!(device.sends(refused(3)), RequestKind::Introduce);
    assert_eq!(device.notices.last(), Some(&Notice::KeyForgotten));
    assert_eq!(device.answers_challenge(4), poll(), "the operation is still the same");
    let error = device.ends(refused(5)).unwrap_err();

    assert!(matches!(error, Error::Unauthorized(_)), "once is enough: {error:?}");
}

#[test]
fn a_device_that_is_not_believed_at_once_is_not_given_another_key() {
    let mut device = Device::with_tpm();
    assert_eq!(device.sends(Event::Subscribed), RequestKind::Introduce);
    device.answers_challenge(1);
    let error = device.ends(refused(2)).unwrap_err();

    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
}

#[test]
fn a_lost_connection_does_not_lose_the_key() {
    let mut device = Device::with_tpm();
    device.sends(Event::Subscribed);
    device.answers_challenge(1);

    assert!(matches!(device.on(Event::Lost(Loss::Closed)), Step::Connect));
    assert!(matches!(device.on(Event::Accepted), Step::Subscribe));
    assert_eq!(device.sends(Event::Subscribed), RequestKind::Register);
}

#[test]
fn j_401_who_takes_public_keys_for_a_proof_is_not_the_service() {
    for accepted in [assigning(1), assigned(1)] {
        let mut device = Device::with_tpm();
        device.sends(Event::Subscribed);
        let error = device.ends(accepted).unwrap_err();

        assert!(matches!(error, Error::Breach(Breach::Unchallenged { .. })), "{error:?}");
    }
}

#[test]
fn b_5_a_hub_without_a_key_for_it_is_no_hub() {
    for (tpm, told) in [
        ("", "its `assigned` answer has no `registrationState.tpm.authenticationKey`"),
        (r#""tpm":{},"#, "its `assigned` answer has no `registrationState.tpm.authenticationKey`"),
        (
            r#""tpm":{"authenticationKey":"%"},"#,
            "its `registrationState.tpm.authenticationKey` is not Base64",
        ),
    ] {
        let mut device = Device::with_tpm();
        device.sends(Event::Subscribed);
        device.answers_challenge(1);
        let error = device.ends(assigned_with(2, tpm)).unwrap_err().to_string();

        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_tpm_that_does_not_take_a_key_ends_the_registration() {
    let refused = || TpmError::Refused(TpmRefusal::Other("it was changed".to_owned()));
    let mut device = Device::with_tpm();
    device.sends(Event::Subscribed);
    device.takes(challenge(1));
    let first = device.ends(Event::KeyRefused(refused())).unwrap_err();
    let mut device = Device::with_tpm();
    device.sends(Event::Subscribed);
    device.answers_challenge(1);
    device.takes(assigned(2));
    let second = device.ends(Event::KeyRefused(refused())).unwrap_err();

    for error in [first, second] {
        assert!(matches!(error, Error::Tpm(_)), "{error:?}");
        assert_eq!(error.to_string(), "the TPM does not take the key: it was changed");
    }
}

#[test]
fn a_challenge_for_a_device_without_a_tpm_is_a_401_like_any() {
    let mut device = Device::of(registration());
    device.sends(Event::Subscribed);
    let error = device.ends(challenge(1)).unwrap_err();

    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
}
