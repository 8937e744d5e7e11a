//! The device's protocol, told as what happens and what the device then does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::device::Loss;
use crate::wire::Substatus;

const DEADLINE: Duration = Duration::from_secs(60);
const OPERATION: &str = "5.4d1a9e0c77b2f310.0b7c1f0e-6c0a-4c56-9f3e-2d5a4f6b8c11";
const HUB: &str = "hub-west.azure-devices.net";

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn pump() -> RegistrationId {
    "pump-0042".parse().unwrap()
}

fn operation(id: &str) -> OperationId {
    id.parse().unwrap()
}

fn answer(rid: u32, status: u16, body: &str) -> Answer {
    Answer { status, rid: rid.to_string(), retry_after: None, body: body.as_bytes().to_vec() }
}

fn assigning(rid: u32, retry_after: impl Into<Option<Duration>>) -> Event {
    let body = format!(r#"{{"operationId":"{OPERATION}","status":"assigning"}}"#);
    Event::Answer(Answer { retry_after: retry_after.into(), ..answer(rid, 202, &body) })
}

fn assigned_body() -> String {
    format!(
        r#"{{"operationId":"{OPERATION}","status":"assigned","registrationState":{{"assignedHub":"{HUB}","deviceId":"pump-0042","status":"assigned","substatus":"initialAssignment","payload":{{"tenant": "blue"}}}}}}"#
    )
}

fn assigned(rid: u32) -> Event {
    Event::Answer(answer(rid, 200, &assigned_body()))
}

fn error_body(code: u32, message: &str) -> String {
    format!(r#"{{"errorCode":{code},"trackingId":"8ad0463c","message":"{message}"}}"#)
}

fn refusal(rid: u32, code: u32, message: &str) -> Event {
    let status = ErrorCode(code).status();
    Event::Answer(answer(rid, status, &error_body(code, message)))
}

fn throttled(rid: u32, retry_after: impl Into<Option<Duration>>) -> Event {
    let body = error_body(429_001, "Operations are being throttled for this tenant.");
    Event::Answer(Answer { retry_after: retry_after.into(), ..answer(rid, 429, &body) })
}

fn forgotten(rid: u32) -> Event {
    refusal(rid, 404_203, "Operation not found.")
}

fn connack(code: ConnectCode) -> Event {
    Event::ConnectFailed(ConnectFailure::Refused(code))
}

fn closed_before_connack() -> Event {
    Event::ConnectFailed(ConnectFailure::Network(NetworkError::ClosedBeforeConnack))
}

fn lost() -> Event {
    Event::Lost(Loss::Closed)
}

/// A machine with a clock to turn and an ear for what it tells.
struct Device {
    machine: Registration,
    now: Duration,
    notices: Vec<Notice>,
}

impl Device {
    fn with_deadline(deadline: Duration) -> Self {
        let machine = Registration::new(pump(), deadline, 7);
        Self { machine, now: Duration::ZERO, notices: Vec::new() }
    }

    /// A device whose connection is about to be opened.
    fn connecting() -> Self {
        let mut device = Self::with_deadline(DEADLINE);
        assert!(matches!(device.on(Event::Start), Step::Connect));
        device
    }

    /// A device whose register request, `$rid` 1, is under way.
    fn registering() -> Self {
        let mut device = Self::connecting();
        assert_eq!(device.reconnects(), Request { rid: 1, kind: RequestKind::Register });
        device.sent();
        device
    }

    /// A device that was told `assigning` at the start and waits three seconds.
    fn waiting() -> Self {
        let mut device = Self::registering();
        assert_eq!(device.on(assigning(1, secs(3))).listens_until(), secs(3));
        device
    }

    /// A device whose first poll, `$rid` 2, is under way.
    fn polling() -> Self {
        let mut device = Self::waiting();
        let request = device.at(secs(3)).on(Event::Elapsed).sends();
        assert_eq!(request, Request { rid: 2, kind: RequestKind::Poll(operation(OPERATION)) });
        device.sent();
        device
    }

    fn at(&mut self, now: Duration) -> &mut Self {
        self.now = now;
        self
    }

    fn on(&mut self, event: Event) -> Step {
        self.machine.handle(self.now, event, &mut |notice| self.notices.push(notice))
    }

    /// Opens the connection that was asked for, as far as the first request.
    fn reconnects(&mut self) -> Request {
        assert!(matches!(self.on(Event::Accepted), Step::Subscribe));
        self.on(Event::Subscribed).sends()
    }

    fn sent(&mut self) {
        let until = DEADLINE.min(self.now + PATIENCE);
        assert_eq!(self.on(Event::Sent).listens_until(), until);
    }

    /// What the device was waiting for when its time was up at `now`.
    fn waited_for(&mut self, event: Event) -> Waiting {
        self.at(DEADLINE).on(event).runs_out_of_time().waiting_for
    }

    fn last_notice(&self) -> &Notice {
        self.notices.last().unwrap()
    }
}

/// What a step is expected to be; anything else fails the test.
trait Expected {
    fn sends(self) -> Request;
    fn listens_until(self) -> Duration;
    fn registers(self) -> Registered;
    fn fails(self) -> Error;
    fn runs_out_of_time(self) -> Deadline;
}

impl Expected for Step {
    #[track_caller]
    fn sends(self) -> Request {
        let Self::Send(request) = self else { panic!("expected a request, not {self:?}") };
        request
    }

    #[track_caller]
    fn listens_until(self) -> Duration {
        let Self::Listen { until } = self else { panic!("expected to listen, not {self:?}") };
        until
    }

    #[track_caller]
    fn registers(self) -> Registered {
        let Self::Finish(result) = self else { panic!("expected the end, not {self:?}") };
        result.unwrap()
    }

    #[track_caller]
    fn fails(self) -> Error {
        let Self::Finish(result) = self else { panic!("expected the end, not {self:?}") };
        result.unwrap_err()
    }

    #[track_caller]
    fn runs_out_of_time(self) -> Deadline {
        match self.fails() {
            Error::Deadline(deadline) => *deadline,
            other => panic!("expected the deadline, not {other:?}"),
        }
    }
}

// From connection to hub

#[test]
fn a_5_the_device_connects_subscribes_registers_polls_and_has_a_hub() {
    let mut device = Device::with_deadline(DEADLINE);

    assert!(matches!(device.on(Event::Start), Step::Connect));
    assert!(matches!(device.on(Event::Accepted), Step::Subscribe));
    let register = device.on(Event::Subscribed).sends();
    assert_eq!(device.on(Event::Sent).listens_until(), PATIENCE);
    assert_eq!(device.on(Event::Acknowledged).listens_until(), PATIENCE);
    assert_eq!(device.on(assigning(1, secs(3))).listens_until(), secs(3));
    let poll = device.at(secs(3)).on(Event::Elapsed).sends();
    let registered = device.on(assigned(2)).registers();

    assert_eq!(register, Request { rid: 1, kind: RequestKind::Register });
    assert_eq!(poll, Request { rid: 2, kind: RequestKind::Poll(operation(OPERATION)) });
    assert_eq!(registered.assigned_hub, HUB);
    assert_eq!(registered.device_id, "pump-0042");
    assert_eq!(registered.operation_id, Some(operation(OPERATION)));
    assert_eq!(registered.substatus, Some(Substatus::InitialAssignment));
    assert_eq!(registered.payload.unwrap().as_json(), r#"{"tenant":"blue"}"#);
    assert_eq!(registered.body, assigned_body(), "the service's own words, untouched");
    let operation_id = operation(OPERATION);
    assert_eq!(
        device.notices,
        [Notice::Connected, Notice::Assigning { operation_id, wait: secs(3) }]
    );
}

#[test]
fn a_register_that_is_answered_with_a_hub_needs_no_poll() {
    let mut device = Device::registering();

    let registered = device.on(assigned(1)).registers();

    assert_eq!(registered.assigned_hub, HUB);
}

/// What a service issues to whoever asks, and the request that asked.
fn issued() -> (Csr, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::default();
    let request = params.serialize_request(&key).unwrap();
    (
        Csr::from_der(request.der()).unwrap(),
        STANDARD.encode(params.self_signed(&key).unwrap().der()),
    )
}

fn assigned_with(chain: &[&str]) -> Event {
    let chain = serde_json::to_string(chain).unwrap();
    let body = assigned_body();
    let body = body.strip_suffix("}}").unwrap();
    Event::Answer(answer(1, 200, &format!(r#"{body},"issuedCertificateChain":{chain}}}}}"#)))
}

#[test]
fn f_3_what_a_device_asked_for_comes_with_its_hub() {
    let (csr, leaf) = issued();
    let mut device = Device::registering();
    device.machine = device.machine.asking_for(Some(csr.clone()));
    let registered = device.on(assigned_with(&[&leaf])).registers();
    assert_eq!(registered.issued_chain.unwrap().certificates().len(), 1);

    let mut device = Device::registering();
    device.machine = device.machine.asking_for(Some(csr));
    assert_eq!(device.on(assigned(1)).registers().issued_chain, None, "J-482: it has a hub");

    let mut device = Device::registering();
    let registered = device.on(assigned_with(&["nobody asked"])).registers();
    assert_eq!(registered.issued_chain, None);
}

#[test]
fn j_481_a_certificate_for_another_key_is_no_answer() {
    let ((_, leaf), (csr, _)) = (issued(), issued());
    let mut device = Device::registering();
    device.machine = device.machine.asking_for(Some(csr));

    let error = device.on(assigned_with(&[&leaf])).fails();

    assert!(matches!(error, Error::Breach(Breach::Issued(_))), "{error:?}");
}

#[test]
fn every_assigning_answer_is_told_and_polled_again_with_a_new_rid() {
    let mut device = Device::polling();

    assert_eq!(device.on(assigning(2, secs(4))).listens_until(), secs(7));
    let next = device.at(secs(7)).on(Event::Elapsed).sends();

    assert_eq!(next, Request { rid: 3, kind: RequestKind::Poll(operation(OPERATION)) });
    assert_eq!(device.notices.len(), 3, "connected and two times assigning");
}

#[test]
fn a_8_unassigned_is_polled_like_assigning() {
    let mut device = Device::registering();
    let body = format!(r#"{{"operationId":"{OPERATION}","status":"unassigned"}}"#);

    let step = device.on(Event::Answer(answer(1, 202, &body)));

    assert_eq!(step.listens_until(), secs(2));
}

/// J-49.
#[test]
fn the_first_operation_id_counts_for_the_whole_registration() {
    let mut device = Device::polling();
    let body = r#"{"operationId":"another","status":"assigning"}"#;

    let wait = device.on(Event::Answer(answer(2, 202, body))).listens_until();
    let poll = device.at(wait).on(Event::Elapsed).sends();

    assert_eq!(poll.kind, RequestKind::Poll(operation(OPERATION)));
}

#[test]
fn a_9_a_resumed_registration_polls_its_operation_in_place_of_registering() {
    let mut device = Device::with_deadline(DEADLINE);
    device.machine = Registration::new(pump(), DEADLINE, 7).resuming(operation(OPERATION));
    device.on(Event::Start);

    let request = device.reconnects();

    assert_eq!(request.kind, RequestKind::Poll(operation(OPERATION)));
}

#[test]
fn j_145_a_device_that_only_asks_never_registers() {
    let mut device = Device::with_deadline(DEADLINE);
    device.machine = Registration::new(pump(), DEADLINE, 7).watching(operation(OPERATION));
    device.on(Event::Start);

    let request = device.reconnects();
    let error = device.on(forgotten(request.rid)).fails();

    assert_eq!(request.kind, RequestKind::Poll(operation(OPERATION)));
    assert_eq!(error.code(), Some(ErrorCode::OPERATION_NOT_FOUND));
    assert!(matches!(error, Error::Rejected(_)), "{error}");
}

// How long to wait

#[test]
fn a_poll_is_not_sent_before_its_time_whatever_else_happens() {
    let mut device = Device::waiting();

    assert_eq!(device.at(ms(2999)).on(Event::Elapsed).listens_until(), secs(3));
    assert_eq!(device.on(Event::Acknowledged).listens_until(), secs(3));
    assert_eq!(device.on(assigned(9)).listens_until(), secs(3));
    let poll = device.at(secs(3)).on(Event::Elapsed).sends();

    assert_eq!(poll.rid, 2);
}

#[test]
fn a_4_retry_after_is_kept_whole_or_fractional_and_is_two_seconds_if_absent() {
    for (asked, waited) in [
        (Some(secs(3)), secs(3)),
        (Some(ms(1500)), ms(1500)),
        (Some(ms(1)), ms(1)),
        (None, secs(2)),
    ] {
        let mut device = Device::registering();

        let step = device.on(assigning(1, asked));

        assert_eq!(step.listens_until(), waited, "{asked:?}");
    }
}

#[test]
fn retry_after_zero_polls_at_once_and_then_more_slowly() {
    let mut device = Device::registering();

    let second = device.on(assigning(1, Duration::ZERO)).sends();
    let waits = [3, 4, 5].map(|rid| {
        let wait = device.on(assigning(rid - 1, Duration::ZERO)).listens_until() - device.now;
        assert_eq!(device.at(device.now + wait).on(Event::Elapsed).sends().rid, rid);
        wait
    });

    assert_eq!(second, Request { rid: 2, kind: RequestKind::Poll(operation(OPERATION)) });
    assert_eq!(waits, [ms(1), ms(2), ms(4)]);
}

#[test]
fn a_wait_beyond_the_deadline_is_not_waited_for() {
    for wait in [DEADLINE, DEADLINE + ms(1), Duration::MAX] {
        let mut device = Device::registering();

        let deadline = device.at(ms(1)).on(assigning(1, wait)).runs_out_of_time();

        assert_eq!(deadline.waiting_for, Waiting::Assignment { answers: 1 });
        assert_eq!(deadline.operation_id, Some(operation(OPERATION)));
    }
}

#[test]
fn h_3_a_throttled_register_is_sent_again_after_the_wait_that_was_asked_for() {
    let mut device = Device::registering();

    let wait = device.on(throttled(1, secs(5))).listens_until();
    let again = device.at(wait).on(Event::Elapsed).sends();

    assert_eq!(wait, secs(5));
    assert_eq!(again, Request { rid: 2, kind: RequestKind::Register });
    let Notice::Busy { rejection, wait } = device.last_notice() else { panic!("not told") };
    assert_eq!(rejection.error.as_ref().unwrap().error_code, ErrorCode::THROTTLED);
    assert_eq!(*wait, secs(5));
}

#[test]
fn h_3_a_throttled_poll_is_a_poll_again() {
    let mut device = Device::polling();

    let wait = device.on(throttled(2, secs(5))).listens_until();
    let again = device.at(wait).on(Event::Elapsed).sends();

    assert_eq!(again, Request { rid: 3, kind: RequestKind::Poll(operation(OPERATION)) });
}

#[test]
fn every_5xx_is_tried_again_with_or_without_an_error_object() {
    for status in [500, 503, 599] {
        for body in ["", "<html>", &error_body(500_001, "")] {
            let mut device = Device::registering();

            let wait = device.on(Event::Answer(answer(1, status, body))).listens_until();
            let again = device.at(wait).on(Event::Elapsed).sends();

            assert!((secs(2)..=ms(2500)).contains(&wait), "{wait:?}, with jitter");
            assert_eq!(again.kind, RequestKind::Register, "{status} {body:?}");
        }
    }
}

#[test]
fn without_retry_after_the_waits_of_a_busy_service_grow() {
    let mut device = Device::registering();

    let waits = [1, 2, 3].map(|rid| {
        let until = device.on(throttled(rid, None)).listens_until();
        let wait = until - device.now;
        device.at(until).on(Event::Elapsed).sends();
        wait
    });

    assert!(waits[0] >= secs(2) && waits[1] >= secs(3) && waits[2] >= ms(4500), "{waits:?}");
}

// The connection is refused

/// J-47.
#[test]
fn a_6_connack_3_is_tried_three_times_in_all_and_then_believed() {
    let mut device = Device::connecting();

    let first = device.on(connack(ConnectCode::ServerUnavailable)).listens_until();
    assert!(matches!(device.at(first).on(Event::Elapsed), Step::Connect));
    let second = device.on(connack(ConnectCode::ServerUnavailable)).listens_until();
    assert!(matches!(device.at(second).on(Event::Elapsed), Step::Connect));
    let error = device.on(connack(ConnectCode::ServerUnavailable)).fails();

    assert_eq!((first, second), (secs(1), secs(3)));
    assert!(matches!(
        error,
        Error::ConnectRefused { code: ConnectCode::ServerUnavailable, tries: 3 }
    ));
    let told = [secs(1), secs(2)].map(|wait| Notice::Unavailable { wait });
    assert_eq!(device.notices, told);
}

#[test]
fn j_358_a_service_that_ends_sasl_as_out_of_order_is_left_alone_as_after_a_503() {
    let mut device = Device::connecting();
    let (mut now, mut waits) = (secs(0), Vec::new());

    for _ in 0..3 {
        let failure = ConnectFailure::SaslRefused(SaslRefusal::Temporary);
        let until = device.on(Event::ConnectFailed(failure)).listens_until();
        waits.push(until - now);
        now = until;
        assert!(matches!(device.at(now).on(Event::Elapsed), Step::Connect));
    }

    assert!(waits[0] >= secs(2) && waits[1] >= secs(3) && waits[2] >= ms(4500), "{waits:?}");
}

#[test]
fn a_6_connack_3_is_final_at_once_if_the_next_try_would_come_after_the_deadline() {
    for deadline in [ms(900), secs(1)] {
        let mut device = Device::with_deadline(deadline);
        device.on(Event::Start);

        let error = device.on(connack(ConnectCode::ServerUnavailable)).fails();

        assert!(matches!(error, Error::ConnectRefused { tries: 1, .. }), "{error:?}");
        assert_eq!(device.notices, [], "nothing is promised that will not be done");
    }
}

#[test]
fn a_6_a_service_that_was_down_for_a_moment_is_used_when_it_is_back() {
    let mut device = Device::connecting();

    let wait = device.on(connack(ConnectCode::ServerUnavailable)).listens_until();
    assert!(matches!(device.at(wait).on(Event::Elapsed), Step::Connect));

    assert_eq!(device.reconnects().kind, RequestKind::Register);
}

#[test]
fn every_other_connack_is_final_even_on_a_later_connection() {
    for code in [
        ConnectCode::UnacceptableProtocolVersion,
        ConnectCode::IdentifierRejected,
        ConnectCode::BadUserNameOrPassword,
        ConnectCode::NotAuthorized,
    ] {
        let mut fresh = Device::connecting();
        let mut later = Device::registering();
        assert!(matches!(later.on(lost()), Step::Connect));

        for (device, tried) in [(&mut fresh, 1), (&mut later, 2)] {
            let error = device.on(connack(code)).fails();

            assert!(
                matches!(error, Error::ConnectRefused { code: c, tries } if c == code && tries == tried)
            );
        }
    }
}

#[test]
fn a_connection_that_ends_before_connack_0_is_final() {
    let mut device = Device::connecting();

    let error = device.on(closed_before_connack()).fails();

    assert!(matches!(error, Error::Network(NetworkError::ClosedBeforeConnack)));
}

#[test]
fn what_breaks_the_protocol_is_final_before_and_after_connack() {
    let breach = Breach::SubscriptionRefused;

    let before = Device::connecting()
        .on(Event::ConnectFailed(ConnectFailure::Broken(breach.clone())))
        .fails();
    let after = Device::registering().on(Event::Broken(breach.clone())).fails();

    for error in [before, after] {
        assert!(matches!(error, Error::Breach(found) if found == breach));
    }
}

// The connection is lost

#[test]
fn a_connection_lost_while_the_register_is_unanswered_registers_again() {
    let mut device = Device::registering();

    assert!(matches!(device.on(lost()), Step::Connect), "the first time at once");
    let again = device.reconnects();

    assert_eq!(again, Request { rid: 2, kind: RequestKind::Register });
    assert_eq!(device.notices.iter().filter(|n| **n == Notice::Connected).count(), 1);
}

#[test]
fn a_9_a_connection_lost_while_assigning_resumes_the_operation_when_its_poll_is_due() {
    let mut device = Device::waiting();

    let until = device.at(secs(1)).on(lost()).listens_until();
    assert!(matches!(device.at(until).on(Event::Elapsed), Step::Connect));
    let poll = device.reconnects();

    assert_eq!(until, secs(3), "a poll that was not yet due stays not due");
    assert_eq!(poll, Request { rid: 2, kind: RequestKind::Poll(operation(OPERATION)) });
}

#[test]
fn a_9_a_connection_lost_while_a_poll_is_unanswered_polls_again() {
    let mut device = Device::polling();

    assert!(matches!(device.on(lost()), Step::Connect));
    let again = device.reconnects();

    assert_eq!(again, Request { rid: 3, kind: RequestKind::Poll(operation(OPERATION)) });
}

#[test]
fn a_connection_that_cannot_be_opened_again_is_tried_more_and_more_slowly() {
    for failure in [closed_before_connack, || connack(ConnectCode::ServerUnavailable)] {
        let mut device = Device::registering();
        assert!(matches!(device.on(lost()), Step::Connect));

        let waits = [1, 2, 3].map(|_| {
            let until = device.on(failure()).listens_until();
            let wait = until - device.now;
            assert!(matches!(device.at(until).on(Event::Elapsed), Step::Connect));
            wait
        });

        assert!(waits[0] >= ms(250) && waits[1] >= ms(500) && waits[2] >= secs(1), "{waits:?}");
    }
}

#[test]
fn a_lost_connection_says_at_which_moment_it_was_lost() {
    let mut subscribing = Device::connecting();
    subscribing.on(Event::Accepted);

    for (mut device, moment) in [
        (subscribing, "the service closed the connection before it answered SUBSCRIBE"),
        (
            Device::registering(),
            "the service closed the connection before it answered the register request",
        ),
        (Device::waiting(), "the service closed the connection before the next request was due"),
        (
            Device::polling(),
            "the service closed the connection before it answered the poll request",
        ),
    ] {
        device.on(lost());

        let Notice::Lost { why, .. } = device.last_notice() else { panic!("not told") };
        assert_eq!(why, moment);
    }
}

// The answer is a refusal

#[test]
fn a_10_401_is_a_refused_identity_with_the_services_own_words() {
    let mut device = Device::registering();

    let error = device.on(refusal(1, 401_000, "Unauthorized")).fails();

    assert_eq!(error.code(), Some(ErrorCode::UNAUTHORIZED_MQTT));
    assert!(matches!(error, Error::Unauthorized(_)));
    assert!(error.to_string().ends_with("Unauthorized (401000)"), "{error}");
}

#[test]
fn other_4xx_are_final_and_404203_is_no_exception_on_a_register() {
    for code in [400_004, 404_201, 409_203, 404_203] {
        let mut device = Device::registering();

        let error = device.on(refusal(1, code, "No.")).fails();

        assert!(matches!(error, Error::Rejected(_)));
        assert_eq!(error.code(), Some(ErrorCode(code)));
    }
}

/// J-49.
#[test]
fn a_6_a_forgotten_operation_is_registered_anew_once() {
    let mut device = Device::polling();

    let register = device.on(forgotten(2)).sends();
    assert_eq!(device.last_notice(), &Notice::Forgotten);
    let until = device
        .on(Event::Answer(answer(3, 202, r#"{"operationId":"second","status":"assigning"}"#)))
        .listens_until();
    let poll = device.at(until).on(Event::Elapsed).sends();
    let error = device.on(forgotten(poll.rid)).fails();

    assert_eq!(register, Request { rid: 3, kind: RequestKind::Register });
    assert_eq!(poll.kind, RequestKind::Poll(operation("second")));
    assert!(matches!(error, Error::Breach(Breach::ForgotTwice)));
}

#[test]
fn f_4_failed_carries_everything_the_service_says() {
    let mut device = Device::polling();
    let body = format!(
        r#"{{"operationId":"{OPERATION}","status":"failed","registrationState":{{"errorCode":400207,"errorMessage":"Custom allocation failed with status code: 400","lastUpdatedDateTimeUtc":"2026-03-02T08:15:31Z"}}}}"#
    );

    let error = device.on(Event::Answer(answer(2, 200, &body))).fails();

    assert_eq!(error.code(), Some(ErrorCode::CUSTOM_ALLOCATION_FAILED));
    assert_eq!(
        error.to_string(),
        format!(
            "Provisioning Failure: OperationId: {OPERATION} - Date: 2026-03-02T08:15:31Z - Msg: Custom allocation failed with status code: 400"
        )
    );
}

#[test]
fn f_4_disabled_is_final_with_or_without_an_operation_id() {
    for body in [r#"{"status":"disabled"}"#, r#"{"operationId":"","status":"disabled"}"#] {
        let fresh = Device::registering().on(Event::Answer(answer(1, 200, body))).fails();
        let polled = Device::polling().on(Event::Answer(answer(2, 200, body))).fails();

        assert!(matches!(fresh, Error::Disabled { operation_id: None }));
        assert_eq!(polled.operation_id(), Some(&operation(OPERATION)));
    }
}

// The answer is none

#[test]
fn a_8_answers_that_a_device_cannot_use_say_what_is_wrong_with_them() {
    let missing = |status: &str, member: &str| Breach::Missing {
        status: status.to_owned(),
        member: member.to_owned(),
    };
    let not_json = |excerpt: &str| Breach::BodyNotJson { status: 200, excerpt: excerpt.to_owned() };

    for (body, expected) in [
        (r#"{"status":"assigning"}"#, missing("assigning", "operationId")),
        (r#"{"operationId":"","status":"assigning"}"#, missing("assigning", "operationId")),
        (r#"{"operationId":"a b","status":"assigning"}"#, missing("assigning", "operationId")),
        (r#"{"status":"assigned"}"#, missing("assigned", "registrationState.assignedHub")),
        (
            r#"{"status":"assigned","registrationState":{"assignedHub":"h"}}"#,
            missing("assigned", "registrationState.deviceId"),
        ),
        (r#"{"status":"Assigned"}"#, Breach::UnknownStatus { word: "Assigned".to_owned() }),
        ("", not_json("")),
        ("<html>", not_json("<html>")),
        (r#"{"operationId":"#, not_json(r#"{"operationId":"#)),
    ] {
        let error = Device::registering().on(Event::Answer(answer(1, 200, body))).fails();

        assert!(matches!(&error, Error::Breach(found) if *found == expected), "{body}: {error:?}");
    }
}

#[test]
fn j_240_a_hub_or_a_device_that_cannot_be_and_another_devices_state_break_the_protocol() {
    let answered = |state: &str| {
        let body = format!(r#"{{"status":"assigned","registrationState":{state}}}"#);
        Device::registering().on(Event::Answer(answer(1, 200, &body))).fails().to_string()
    };
    for (state, told) in [
        (r#"{"assignedHub":"","deviceId":"a"}"#, "`registrationState.assignedHub` is \"\", which"),
        (r#"{"assignedHub":"a b","deviceId":"a"}"#, "which is none: ' ' at position 2"),
        (r#"{"assignedHub":"a.net","deviceId":"\n"}"#, r#"deviceId` is "\n", which is none"#),
        (
            r#"{"registrationId":"pump-1","assignedHub":"a.net","deviceId":"a"}"#,
            r#"it is about the device "pump-1", which did not ask"#,
        ),
    ] {
        let error = answered(state);
        assert!(error.contains(told), "{state}: {error}");
    }
    let failed = r#"{"status":"failed","registrationState":{"registrationId":"x","errorCode":1}}"#;
    let error = Device::registering().on(Event::Answer(answer(1, 200, failed))).fails();
    assert!(matches!(error, Error::Breach(Breach::OtherDevice { .. })), "{error}");
}

#[test]
fn f_4_a_failure_without_an_operation_id_still_tells_code_and_message() {
    let body =
        r#"{"status":"failed","registrationState":{"errorCode":400207,"errorMessage":"no"}}"#;

    let error = Device::registering().on(Event::Answer(answer(1, 200, body))).fails();

    assert_eq!(error.code(), Some(ErrorCode::CUSTOM_ALLOCATION_FAILED));
    assert_eq!(
        error.to_string(),
        "Provisioning Failure: OperationId: unknown - Date: unknown - Msg: no"
    );
}

#[test]
fn json_that_does_not_fit_is_not_said_to_be_no_json() {
    for body in [
        "[]",
        "null",
        "{}",
        r#"{"status":null}"#,
        r#"{"status":"assigned","registrationState":{"assignedHub":7}}"#,
    ] {
        let error = Device::registering().on(Event::Answer(answer(1, 200, body))).fails();

        assert!(
            matches!(&error, Error::Breach(Breach::Body { status: 200, excerpt, .. }) if excerpt == body),
            "{body}: {error:?}"
        );
    }
}

#[test]
fn a_status_that_is_neither_success_nor_refusal_breaks_the_protocol() {
    for status in [0, 100, 199, 300, 302, 399, 600, u16::MAX] {
        let error = Device::registering().on(Event::Answer(answer(1, status, "{}"))).fails();

        assert!(matches!(error, Error::Breach(Breach::StatusCode { status: s }) if s == status));
    }
}

#[test]
fn answers_with_a_foreign_rid_are_ignored_and_counted() {
    let mut device = Device::registering();

    for rid in ["2", "", "one", "99999999999"] {
        let foreign = Answer { rid: rid.to_owned(), ..answer(1, 200, &assigned_body()) };
        assert_eq!(device.on(Event::Answer(foreign)).listens_until(), PATIENCE, "{rid}");
        assert_eq!(device.last_notice(), &Notice::ForeignAnswer { rid: rid.to_owned() });
    }

    let deadline = device.at(DEADLINE).on(Event::Elapsed).runs_out_of_time();
    assert_eq!(deadline.foreign_answers, 4);
    assert!(deadline.to_string().ends_with("(4 answers bore a $rid that was never sent)"));
}

#[test]
fn a_late_second_answer_is_ignored_and_no_riddle() {
    let mut device = Device::polling();
    let told = device.notices.len();

    assert_eq!(device.on(refusal(1, 401_000, "")).listens_until(), device.now + PATIENCE);
    assert_eq!(device.notices.len(), told, "the `$rid` was the device's own");

    assert_eq!(device.on(assigned(2)).registers().assigned_hub, HUB);
}

// The deadline, in every state

#[test]
fn at_the_deadline_the_device_says_in_which_phase_its_connection_hung() {
    for phase in [ConnectPhase::Dns, ConnectPhase::Tcp, ConnectPhase::Tls, ConnectPhase::Connack] {
        let mut device = Device::connecting();

        let waiting = device.waited_for(Event::ConnectFailed(ConnectFailure::TimedOut(phase)));

        assert_eq!(waiting, Waiting::Connect(phase));
    }
}

#[test]
fn at_the_deadline_a_service_that_was_unavailable_is_not_called_a_slow_name_lookup() {
    let mut device = Device::connecting();
    device.on(connack(ConnectCode::ServerUnavailable));

    let waiting = device.waited_for(Event::Elapsed);

    assert_eq!(waiting, Waiting::Busy("CONNACK 3 (server unavailable)".to_owned()));
}

#[test]
fn at_the_deadline_the_device_says_that_subscribe_was_not_answered() {
    let mut device = Device::connecting();
    device.on(Event::Accepted);

    assert_eq!(device.waited_for(Event::Elapsed), Waiting::Suback);
}

#[test]
fn at_the_deadline_the_device_says_which_request_was_not_answered() {
    for (mut device, request) in [(Device::registering(), "register"), (Device::polling(), "poll")]
    {
        assert_eq!(
            device.waited_for(Event::Elapsed),
            Waiting::Answer { request, acknowledged: false }
        );
    }
}

#[test]
fn a_12_at_the_deadline_a_request_that_was_only_acknowledged_is_told_from_silence() {
    let mut device = Device::registering();
    device.on(Event::Acknowledged);

    let waiting = device.waited_for(Event::Elapsed);

    assert_eq!(waiting, Waiting::Answer { request: "register", acknowledged: true });
}

#[test]
fn at_the_deadline_the_device_says_that_it_is_still_being_assigned() {
    let mut device = Device::polling();
    device.on(assigning(2, secs(3)));

    assert_eq!(device.waited_for(Event::Elapsed), Waiting::Assignment { answers: 2 });
}

#[test]
fn at_the_deadline_the_device_says_that_the_service_was_busy_and_with_which_answer() {
    let mut device = Device::registering();
    device.on(throttled(1, secs(3)));

    let deadline = device.at(DEADLINE).on(Event::Elapsed).runs_out_of_time();

    assert!(matches!(&deadline.waiting_for, Waiting::Busy(answer) if answer.ends_with("(429001)")));
    assert_eq!(Error::Deadline(Box::new(deadline)).code(), Some(ErrorCode::THROTTLED));
}

#[test]
fn at_the_deadline_a_service_that_was_busy_once_is_not_blamed_after_it_said_assigning() {
    let mut device = Device::registering();
    let until = device.on(throttled(1, secs(3))).listens_until();
    device.at(until).on(Event::Elapsed);
    device.on(assigning(2, secs(3)));

    let error = device.at(DEADLINE).on(Event::Elapsed).fails();

    assert_eq!(error.code(), None);
}

#[test]
fn at_the_deadline_the_device_says_why_its_connection_could_not_be_resumed() {
    let lost_at_rest = "the service closed the connection before the next request was due";
    let reconnect = |why: &str| Waiting::Reconnect(why.to_owned());

    let mut down = Device::waiting();
    down.on(lost());
    let mut hanging = Device::waiting();
    let until = hanging.on(lost()).listens_until();
    hanging.at(until).on(Event::Elapsed);
    let timed_out = Event::ConnectFailed(ConnectFailure::TimedOut(ConnectPhase::Tcp));
    let mut refused = Device::registering();
    refused.on(lost());
    refused.on(connack(ConnectCode::ServerUnavailable));

    assert_eq!(down.waited_for(Event::Elapsed), reconnect(lost_at_rest));
    assert_eq!(hanging.waited_for(timed_out), reconnect(lost_at_rest));
    assert_eq!(refused.waited_for(Event::Elapsed), reconnect("CONNACK 3 (server unavailable)"));
}

#[test]
fn at_the_deadline_a_resumed_connection_that_waits_for_its_poll_blames_neither_loss_nor_subscribe()
{
    let mut device = Device::registering();
    assert!(matches!(device.on(lost()), Step::Connect));
    device.reconnects();
    device.on(assigning(2, secs(3)));

    let waiting = device.waited_for(Event::Elapsed);

    assert_eq!(waiting, Waiting::Assignment { answers: 1 });
}

#[test]
fn a_hub_that_comes_after_the_deadline_is_taken_all_the_same() {
    let mut device = Device::registering();

    let registered = device.at(DEADLINE + secs(1)).on(assigned(1)).registers();

    assert_eq!(registered.assigned_hub, HUB, "a hub is a hub, and the service has assigned it");
}

// Whatever the world does

/// One thing that the world does, some time after the thing before.
#[derive(Debug, Clone)]
struct Happening {
    after: Duration,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// What the device hopes for: the connection opens, the packet goes out.
    Success,
    Answer {
        to: Addressee,
        status: u16,
        retry_after: Option<Duration>,
        body: Vec<u8>,
    },
    Acknowledged,
    Lost(Loss),
    Broken,
    Refused(ConnectCode),
    Unreachable,
    /// To the end.
    Silence,
    /// For as long as the device is patient, where a connection is being opened.
    Slowness,
}

/// Whose `$rid` an answer bears.
#[derive(Debug, Clone)]
enum Addressee {
    /// The request under way, or else the last one.
    Last,
    Some(String),
}

/// A driver that does what it is told, in a world that does what it likes, under an observer who
/// knows the rules.
struct World {
    machine: Registration,
    deadline: Duration,
    now: Duration,
    seen: Seen,
}

/// What the observer has seen of the device.
#[derive(Default)]
struct Seen {
    connected: bool,
    subscribed: bool,
    in_flight: bool,
    last_rid: u32,
    operation: Option<OperationId>,
    not_before: Duration,
    /// The last answer was one to the request under way.
    answered: bool,
}

impl World {
    fn new(deadline: Duration, seed: u64) -> Self {
        let machine = Registration::new(pump(), deadline, seed);
        Self { machine, deadline, now: Duration::ZERO, seen: Seen::default() }
    }

    /// Lets everything in the script happen, and then nothing any more.
    fn run(mut self, script: Vec<Happening>) -> Result<(), TestCaseError> {
        // In a silent world the device waits for its next request, sends it, and waits for good.
        let most_steps = script.len() + 5;
        let mut script = script.into_iter();
        let mut step = self.tell(Event::Start)?;
        for _ in 0..most_steps {
            self.observe(&step)?;
            let silence = Happening { after: Duration::ZERO, what: What::Silence };
            let event = match &step {
                Step::Finish(_) => return Ok(()),
                step => self.live_through(step, script.next().unwrap_or(silence)),
            };
            step = self.tell(event)?;
        }
        Err(TestCaseError::fail(format!("no end: {step:?} at {:?}", self.now)))
    }

    /// Turns what the world does into an event that the step allows.
    fn live_through(&mut self, step: &Step, Happening { after, what }: Happening) -> Event {
        let event = match (step, what) {
            (Step::Connect, What::Refused(code)) => connack(code),
            (Step::Connect, What::Unreachable | What::Lost(_)) => closed_before_connack(),
            (Step::Connect, What::Broken) => {
                Event::ConnectFailed(ConnectFailure::Broken(Breach::SubscriptionRefused))
            }
            (Step::Connect, What::Silence) => {
                self.now = self.now.max(self.deadline);
                Event::ConnectFailed(ConnectFailure::TimedOut(ConnectPhase::Tls))
            }
            (Step::Connect, What::Slowness) => {
                self.now = self.now.saturating_add(PATIENCE);
                Event::ConnectFailed(ConnectFailure::TimedOut(ConnectPhase::Tls))
            }
            (Step::Connect, _) => Event::Accepted,
            (Step::Subscribe | Step::Send(_), What::Silence) => {
                self.now = self.now.max(self.deadline);
                Event::Elapsed
            }
            (Step::Subscribe, What::Slowness) => {
                self.now = self.now.saturating_add(PATIENCE);
                self.seen.connected = false;
                Event::Elapsed
            }
            (Step::Subscribe | Step::Send(_), What::Lost(loss)) => Event::Lost(loss),
            (Step::Subscribe, What::Broken) => Event::Broken(Breach::SubscriptionRefused),
            (Step::Subscribe, _) => Event::Subscribed,
            (Step::Send(_), _) => Event::Sent,
            (Step::Listen { .. }, What::Lost(loss)) if self.seen.connected => Event::Lost(loss),
            (Step::Listen { .. }, What::Acknowledged) if self.seen.connected => Event::Acknowledged,
            (Step::Listen { .. }, What::Broken) if self.seen.connected => {
                Event::Broken(Breach::SubscriptionRefused)
            }
            (Step::Listen { .. }, What::Answer { to, status, retry_after, body })
                if self.seen.connected =>
            {
                let rid = match to {
                    Addressee::Last => self.seen.last_rid.to_string(),
                    Addressee::Some(rid) => rid,
                };
                Event::Answer(Answer { status, rid, retry_after, body })
            }
            (Step::Listen { until }, _) => {
                self.now = self.now.max(*until);
                Event::Elapsed
            }
            (Step::TakeKey(_), _) => unreachable!("the device has no TPM"),
            (Step::Finish(_), _) => unreachable!("nothing happens after the end"),
        };
        self.now = self.now.saturating_add(after);
        self.seen.note(&event);
        event
    }

    fn tell(&mut self, event: Event) -> Result<Step, TestCaseError> {
        let (now, seen) = (self.now, &mut self.seen);
        let step = self.machine.handle(now, event, &mut |notice| seen.hear(now, notice));
        let is_over = matches!(step, Step::Finish(_));
        prop_assert!(is_over || now < self.deadline, "{step:?} at {now:?}, after the deadline");
        Ok(step)
    }

    /// The rules.
    fn observe(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let seen = &mut self.seen;
        match step {
            Step::Connect => {
                prop_assert!(self.now >= seen.not_before, "connects too early");
                (seen.connected, seen.subscribed, seen.in_flight) = (false, false, false);
            }
            Step::Subscribe => prop_assert!(seen.connected && !seen.subscribed),
            Step::Send(Request { rid, kind }) => {
                prop_assert!(seen.subscribed, "nobody would hear the answer");
                prop_assert!(!seen.in_flight, "a request is under way already");
                prop_assert!(*rid > seen.last_rid, "`$rid` {rid} was used before");
                prop_assert!(self.now >= seen.not_before, "asks too early");
                let expected = match &seen.operation {
                    Some(operation_id) => RequestKind::Poll(operation_id.clone()),
                    None => RequestKind::Register,
                };
                prop_assert_eq!(kind, &expected);
                (seen.last_rid, seen.in_flight) = (*rid, true);
            }
            Step::Listen { until } => {
                prop_assert!(*until <= self.deadline && *until > self.now);
            }
            Step::TakeKey(_) => prop_assert!(false, "the device has no TPM"),
            Step::Finish(result) => {
                prop_assert!(result.is_err() || seen.answered, "a hub out of nowhere");
            }
        }
        Ok(())
    }
}

impl Seen {
    /// What happens to the device.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Accepted => self.connected = true,
            Event::Subscribed => self.subscribed = true,
            Event::Lost(_) => {
                (self.connected, self.subscribed, self.in_flight) = (false, false, false);
            }
            Event::Answer(answer) => {
                self.answered = self.in_flight && answer.rid == self.last_rid.to_string();
                self.in_flight &= !self.answered;
            }
            _ => {}
        }
    }

    /// What the device says it will do.
    fn hear(&mut self, now: Duration, notice: Notice) {
        match notice {
            Notice::Assigning { operation_id, wait } => {
                self.operation = Some(operation_id);
                self.not_before = now.saturating_add(wait);
            }
            Notice::Busy { wait, .. } | Notice::Unavailable { wait } => {
                self.not_before = now.saturating_add(wait);
            }
            Notice::Lost { wait, .. } | Notice::Silent { wait, .. } => {
                self.not_before = self.not_before.max(now.saturating_add(wait));
            }
            Notice::Forgotten => self.operation = None,
            Notice::Connected | Notice::ForeignAnswer { .. } => {}
            // The device has no TPM.
            Notice::KeyTaken { .. } | Notice::KeyForgotten => unreachable!("{notice:?}"),
            // Not the machine's to tell.
            Notice::Reached { .. }
            | Notice::Secured(_)
            | Notice::Signed(_)
            | Notice::Sent(_)
            | Notice::Received(_)
            | Notice::Blocked { .. }
            | Notice::Through { .. } => unreachable!("{notice:?}"),
        }
    }
}

/// From nothing to more than a clock can tell, most of them such as really occur.
fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => Just(Duration::ZERO),
        4 => (0..5_000u64).prop_map(ms),
        1 => Just(Duration::from_nanos(1)),
        1 => any::<Duration>(),
        1 => Just(Duration::MAX),
    ]
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let status = select(vec!["assigning", "assigned", "failed", "disabled", "unassigned", "?"]);
    let member = select(vec!["", r#","operationId":"a""#, r#","operationId":"""#]);
    let state = select(vec![
        "",
        r#","registrationState":{"assignedHub":"h","deviceId":"d"}"#,
        r#","registrationState":{"errorCode":400207}"#,
        r#","registrationState":null"#,
    ]);
    prop_oneof![
        6 => (status, member, state)
            .prop_map(|(status, member, state)| format!(r#"{{"status":"{status}"{member}{state}}}"#).into_bytes()),
        2 => select(vec![404_203, 401_000, 429_001, u32::MAX])
            .prop_map(|code| error_body(code, "").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
    ]
}

fn any_answer() -> impl Strategy<Value = What> {
    let to = prop_oneof![
        8 => Just(Addressee::Last),
        1 => "[0-9]{0,12}".prop_map(Addressee::Some),
        1 => "\\PC{0,8}".prop_map(Addressee::Some),
    ];
    let status = prop_oneof![
        8 => select(vec![200, 202, 400, 401, 404, 429, 500, 503]),
        1 => any::<u16>(),
    ];
    (to, status, prop::option::of(any_duration()), any_body())
        .prop_map(|(to, status, retry_after, body)| What::Answer { to, status, retry_after, body })
}

/// An answer that lets the registration go on, so that scripts become long.
fn any_delay() -> impl Strategy<Value = What> {
    let go_on = vec![
        (202, r#"{"operationId":"a","status":"assigning"}"#.to_owned()),
        (202, r#"{"operationId":"b","status":"unassigned"}"#.to_owned()),
        (404, error_body(404_203, "Operation not found.")),
        (429, error_body(429_001, "")),
        (500, String::new()),
    ];
    (select(go_on), prop::option::of(any_duration())).prop_map(|((status, body), retry_after)| {
        What::Answer { to: Addressee::Last, status, retry_after, body: body.into_bytes() }
    })
}

fn any_happening() -> impl Strategy<Value = Happening> {
    let code = select(vec![
        ConnectCode::ServerUnavailable,
        ConnectCode::ServerUnavailable,
        ConnectCode::NotAuthorized,
    ]);
    let what = prop_oneof![
        20 => Just(What::Success),
        8 => any_delay(),
        3 => any_answer(),
        2 => Just(What::Acknowledged),
        3 => select(vec![Loss::Closed, Loss::Reset, Loss::NoPingResponse]).prop_map(What::Lost),
        1 => Just(What::Broken),
        1 => code.prop_map(What::Refused),
        1 => Just(What::Unreachable),
        1 => Just(What::Silence),
        1 => Just(What::Slowness),
    ];
    let after = prop_oneof![6 => Just(Duration::ZERO), 1 => any_duration()];
    (after, what).prop_map(|(after, what)| Happening { after, what })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_the_world_does_the_device_keeps_the_rules_and_ends_in_time(
        script in prop::collection::vec(any_happening(), 0..60),
        deadline in prop_oneof![3 => (0..600_000u64).prop_map(ms), 1 => any_duration()],
        seed: u64,
    ) {
        World::new(deadline, seed).run(script)?;
    }
}

#[test]
fn a_16_429_and_everything_from_500_on_is_asked_again_and_every_other_refusal_is_final() {
    for status in [429, 500, 503, 599] {
        let mut device = Device::registering();
        let until = device.on(Event::Answer(answer(1, status, "{}"))).listens_until();
        assert!(until >= secs(2), "{status}");
    }
    for status in [400, 403, 404, 409, 412, 428, 430, 499] {
        let error = Device::registering().on(Event::Answer(answer(1, status, "{}"))).fails();
        assert!(matches!(error, Error::Rejected(_)), "{status}: {error:?}");
    }
}

#[test]
fn j_326_an_answer_that_does_not_come_is_asked_for_again_on_a_new_connection() {
    for (mut device, request) in [(Device::registering(), "register"), (Device::polling(), "poll")]
    {
        let sent = device.now;
        assert!(matches!(
            device.at(sent + PATIENCE - ms(1)).on(Event::Elapsed),
            Step::Listen { .. }
        ));

        let step = device.at(sent + PATIENCE).on(Event::Elapsed);

        assert!(matches!(step, Step::Connect), "{step:?}");
        let why = format!("the service did not answer the {request} request within 30 s");
        assert_eq!(device.notices.last(), Some(&Notice::Lost { why, wait: Duration::ZERO }));
        assert_eq!(device.reconnects().kind.name(), request);
    }
}

#[test]
fn j_374_a_step_that_nobody_answers_is_begun_anew_to_the_end_and_waits_more_each_time() {
    for phase in
        [ConnectPhase::Tcp, ConnectPhase::Tls, ConnectPhase::Upgrade, ConnectPhase::Connack]
    {
        let silence = || Event::ConnectFailed(ConnectFailure::TimedOut(phase));
        let mut device = Device::connecting();

        let at_once = device.at(PATIENCE / 2).on(silence());
        let later = device.at(PATIENCE).on(silence());

        assert!(matches!(at_once, Step::Connect), "{at_once:?}");
        let until = later.listens_until();
        assert!(until >= PATIENCE + ms(250), "{until:?}");
        let wait = until - PATIENCE;
        assert_eq!(device.last_notice(), &Notice::Silent { phase, after: PATIENCE, wait });
        assert!(matches!(device.at(until).on(Event::Elapsed), Step::Connect));
        assert_eq!(device.waited_for(silence()), Waiting::Connect(phase), "nothing was lost");
    }
}

#[test]
fn j_374_a_service_that_answers_the_second_time_registers_the_device() {
    let mut device = Device::connecting();
    device.at(PATIENCE).on(Event::ConnectFailed(ConnectFailure::TimedOut(ConnectPhase::Tls)));

    assert_eq!(device.reconnects(), Request { rid: 1, kind: RequestKind::Register });
}

#[test]
fn j_374_subscribe_that_nobody_answers_is_sent_again_on_a_new_connection() {
    let mut device = Device::connecting();
    device.on(Event::Accepted);

    let step = device.at(PATIENCE).on(Event::Elapsed);

    assert!(matches!(step, Step::Connect), "{step:?}");
    let why = "the service did not answer SUBSCRIBE within 30 s".to_owned();
    assert_eq!(device.last_notice(), &Notice::Lost { why, wait: Duration::ZERO });
    device.on(Event::Accepted);
    assert_eq!(device.waited_for(Event::Elapsed), Waiting::Suback);
}

#[test]
fn j_374_a_connection_that_nobody_answers_when_it_is_resumed_says_in_which_step() {
    let mut device = Device::waiting();
    let until = device.on(lost()).listens_until();
    device.at(until).on(Event::Elapsed);

    device
        .at(until + PATIENCE)
        .on(Event::ConnectFailed(ConnectFailure::TimedOut(ConnectPhase::Tcp)));

    let why = "nothing answered the TCP connection within 30 s";
    assert_eq!(device.waited_for(Event::Elapsed), Waiting::Reconnect(why.to_owned()));
}

#[test]
fn what_is_given_up_is_forgotten_by_the_driver_before_it_is_waited_for() {
    let mut device = Device::registering();
    assert!(!device.machine.is_down());
    device.on(lost());
    device.reconnects();

    device.at(PATIENCE).on(Event::Elapsed).listens_until();

    assert!(device.machine.is_down(), "no answer came, and the next connection is not due");
}
