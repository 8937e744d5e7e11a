//! One device of a fleet, from its first try to its result.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::ahead::Ready;
use super::blueprint::{Blueprint, MemberError};
use super::member::Member;
use super::request::{IssuedFiles, KeyRequest};
use super::result::{DeviceResult, Issuance, Outcome};
use super::watch::Watch;
use crate::device::{
    Class, Error, IssuedChain, NetworkError, ProvisioningClient, Registered, Settings,
};
use crate::explain::entry_of;
use crate::net::DialError;
use crate::wire::{HubName, RegistrationId};

/// The code of a device that could not even be made.
pub(super) const BAD_INPUT: &str = "input";
/// The code of a device that was assigned to another hub than it should be.
pub(super) const OTHER_HUB: &str = "other-hub";
/// The code of a device that was assigned where a failure was expected.
pub(super) const NOT_REFUSED: &str = "not-refused";

/// The code of a device that cannot keep the certificate that it was issued.
pub(super) const NOT_KEPT: &str = "not-kept";

/// The wait before the second try, doubled each time.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// The longest wait between two tries, jitter aside.
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);

/// A device that is about to begin.
pub(super) struct Device {
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) ready: Ready,
    /// The fleet's start.
    pub(super) start: Instant,
    /// When it is meant to begin, since then.
    pub(super) intended: Duration,
}

impl Device {
    /// Registers it; `hold` is told until when the fleet should hold its launches, if it should.
    pub(super) async fn provision(self, hold: impl Fn(Duration) + Send + Sync) -> DeviceResult {
        let Self { blueprint, ready: Ready { member, request }, start, intended } = self;
        let began = start.elapsed();
        let mut watch = Watch::default();
        let mut tries = 1;
        let mut issued = None;
        let (was_answered, outcome) = match settings(&blueprint, &member, &request) {
            Err(error) => (false, failed(BAD_INPUT, error)),
            Ok(settings) => {
                let id = &member.registration_id;
                let mut result = persist(settings, id, start, &mut watch, &mut tries, hold).await;
                issued = result.as_mut().ok().and_then(|registered| registered.issued_chain.take());
                (is_answer(&result), judge(result, &member))
            }
        };
        let ended = start.elapsed();
        let (outcome, issuance) = match request {
            Ok(Some(request)) => with_issued(outcome, issued, request, &member, &blueprint).await,
            _ => (outcome, None),
        };
        let (throttled, lost) = watch.counts();
        let took =
            matches!(outcome, Outcome::Assigned { .. }).then(|| ended.saturating_sub(intended));
        DeviceResult {
            registration_id: member.registration_id.to_string(),
            outcome,
            issuance,
            tries,
            throttled,
            throttled_at: watch.throttled_at(),
            lost,
            intended,
            began,
            ended,
            phases: watch.end(ended, was_answered, took),
        }
    }
}

/// What a device registers with.
fn settings(
    blueprint: &Blueprint,
    member: &Member,
    request: &Result<Option<KeyRequest>, MemberError>,
) -> Result<Settings, String> {
    let settings = blueprint.settings(member).map_err(|error| error.to_string())?;
    Ok(match request.as_ref().map_err(ToString::to_string)? {
        Some(request) => settings.asking_for(request.csr().clone()),
        None => settings,
    })
}

/// How it ended for a device that asked for a certificate: one that cannot keep what it was issued has not
/// what it came for (J-491).
async fn with_issued(
    outcome: Outcome,
    issued: Option<IssuedChain>,
    request: KeyRequest,
    member: &Member,
    blueprint: &Blueprint,
) -> (Outcome, Option<Issuance>) {
    if !matches!(outcome, Outcome::Assigned { .. }) {
        return (outcome, None);
    }
    let Some(chain) = issued else { return (outcome, Some(Issuance::LeftOut)) };
    let files = blueprint.requests.as_ref().and_then(|requests| requests.kept.clone());
    match keep(files, chain, request, member).await {
        Ok(()) => (outcome, Some(Issuance::Issued)),
        Err(message) => (failed(NOT_KEPT, message), None),
    }
}

async fn keep(
    files: Option<IssuedFiles>,
    chain: IssuedChain,
    request: KeyRequest,
    member: &Member,
) -> Result<(), String> {
    let Some(files) = files else { return Ok(()) };
    let (id, number) = (member.registration_id.clone(), member.number);
    let kept = spawn_blocking(move || files.keep((&id, number), &chain, &request)).await;
    kept.map_err(|error| error.to_string())?.map_err(|fault| fault.to_string())
}

/// Tries again after failures of the network, until the device's time is up.
async fn persist(
    settings: Settings,
    registration_id: &RegistrationId,
    start: Instant,
    watch: &mut Watch,
    tries: &mut u32,
    hold: impl Fn(Duration) + Send + Sync,
) -> Result<Registered, Error> {
    let (began, timeout) = (Instant::now(), settings.timeout);
    let mut client = ProvisioningClient::new(settings);
    loop {
        let result = client
            .register(&mut |notice| {
                if let Some(until) = watch.notice(start.elapsed(), &notice) {
                    hold(until);
                }
            })
            .await;
        let wait = backoff(*tries, fastrand::f64());
        let left = timeout.saturating_sub(began.elapsed());
        match result {
            Err(error) if may_heal(&error) && wait < left => {
                tracing::debug!(%error, "try {tries} of {registration_id} failed");
            }
            result => return result,
        }
        watch.retry(start.elapsed(), wait);
        tokio::time::sleep(wait).await;
        *tries += 1;
        client = client.within(left.saturating_sub(wait));
    }
}

/// Whether another try may fare better (J-164): the network may come back, but a certificate that is
/// not trusted stays so.
fn may_heal(error: &Error) -> bool {
    match error {
        Error::Network(NetworkError::Dial(DialError::Tls { fault, .. })) => {
            !fault.is_about_certificate()
        }
        error => error.class() == Class::Network,
    }
}

/// The wait after try number `tries`; `jitter`, from 0 to 1, makes it up to half as long again, so
/// that a fleet does not come back in step.
fn backoff(tries: u32, jitter: f64) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(1 << tries.saturating_sub(1).min(16));
    doubled.min(LONGEST_BACKOFF).mul_f64(1.0 + jitter / 2.0)
}

/// Whether the service had the last word.
fn is_answer(result: &Result<Registered, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => matches!(
            error,
            Error::Unauthorized(_)
                | Error::Rejected(_)
                | Error::Failed { .. }
                | Error::Disabled { .. }
        ),
    }
}

/// How it ended, held against what its list expects (J-167, J-231).
fn judge(result: Result<Registered, Error>, member: &Member) -> Outcome {
    match (outcome(result, member.expected_hub.as_ref()), &member.expected_error_code) {
        (Outcome::Failed { code, message }, Some(expected)) if code == *expected => {
            Outcome::Refused { code, message }
        }
        (Outcome::Failed { code, message }, Some(expected)) => {
            failed(&code, format!("{message} (expected was {expected})"))
        }
        (Outcome::Assigned { hub }, Some(expected)) => {
            failed(NOT_REFUSED, format!("assigned to {hub}, where {expected} was expected"))
        }
        (outcome, _) => outcome,
    }
}

fn outcome(result: Result<Registered, Error>, expected_hub: Option<&HubName>) -> Outcome {
    match result {
        Ok(Registered { assigned_hub, .. }) => match expected_hub {
            Some(expected) if *expected != assigned_hub => failed(
                OTHER_HUB,
                format!("assigned to {assigned_hub}, where {expected} was expected"),
            ),
            _ => Outcome::Assigned { hub: assigned_hub },
        },
        Err(error) => {
            let entry = entry_of(&error);
            let code = match error.code() {
                // The number of a hub's refusal says nothing of the device (K-11).
                Some(code) if !entry.key.starts_with("link-") => code.to_string(),
                Some(_) => entry.key.to_owned(),
                None => error.kind().to_owned(),
            };
            let message = match error {
                // Its own text has the operation and the date, which differ with every device.
                Error::Failed { message: Some(message), .. } => message,
                error => error.to_string(),
            };
            failed(&code, message)
        }
    }
}

fn failed(code: &str, message: String) -> Outcome {
    Outcome::Failed { code: code.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Rejection;
    use crate::net::TlsFault;
    use crate::wire::{ConnectionProfile, ErrorCode};

    fn tls(fault: TlsFault) -> Error {
        let host = "a.net:1".parse().unwrap();
        NetworkError::from(DialError::Tls { host, fault }).into()
    }

    #[test]
    fn j_164_what_cannot_heal_is_not_tried_again() {
        assert!(may_heal(&NetworkError::ClosedBeforeConnack.into()));
        assert!(may_heal(&tls(TlsFault::Closed)));
        assert!(!may_heal(&tls(TlsFault::UnknownIssuer)));
        assert!(!may_heal(&Error::Unauthorized(Rejection {
            status: 401,
            error: None,
            says: None
        })));
    }

    #[test]
    fn waits_between_tries_double_up_to_a_quarter_of_a_minute() {
        let waits: Vec<_> = (1..9).map(|tries| backoff(tries, 0.0).as_millis()).collect();

        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
        assert_eq!(backoff(1, 1.0), Duration::from_millis(375));
        assert_eq!(backoff(u32::MAX, 1.0), Duration::from_millis(22_500));
    }

    /// J-167.
    #[test]
    fn outcomes_have_the_services_code_and_words_where_there_are_any() {
        let failure = Error::Failed {
            operation_id: None,
            code: Some(ErrorCode(400_207)),
            message: Some("Custom allocation failed".to_owned()),
            date: None,
        };
        let network: Error = NetworkError::ClosedBeforeConnack.into();

        assert_eq!(
            outcome(Err(failure), None),
            failed("400207", "Custom allocation failed".into())
        );
        assert!(
            matches!(outcome(Err(network), None), Outcome::Failed { code, .. } if code == "closed")
        );
    }

    /// J-167.
    #[test]
    fn a_hub_that_was_not_expected_is_a_failure() {
        let hub = |name: &str| name.parse::<HubName>().unwrap();
        let registered = || Registered {
            assigned_hub: hub("Hub-1.net"),
            device_id: "a".parse().unwrap(),
            connection_profile: ConnectionProfile::Classic,
            operation_id: None,
            substatus: None,
            payload: None,
            issued_chain: None,
            hub_key: None,
            body: String::new(),
        };

        let assigned = Outcome::Assigned { hub: hub("Hub-1.net") };
        assert_eq!(outcome(Ok(registered()), None), assigned);
        assert_eq!(outcome(Ok(registered()), Some(&hub("hub-1.NET"))), assigned);
        let other = outcome(Ok(registered()), Some(&hub("hub-2.net")));
        assert!(matches!(other, Outcome::Failed { code, .. } if code == OTHER_HUB));
    }

    #[test]
    fn j_231_a_failure_that_is_expected_is_none_and_any_other_end_is_one() {
        let failure = |code| Error::Failed {
            operation_id: None,
            code: Some(ErrorCode(code)),
            message: Some("no".to_owned()),
            date: None,
        };
        let member = Member {
            number: 0,
            registration_id: "heat-pump".parse().unwrap(),
            credential: None,
            payload: None,
            expected_hub: None,
            expected_error_code: Some("400207".to_owned()),
        };
        let registered = Registered {
            assigned_hub: "hub-1.net".parse().unwrap(),
            device_id: "heat-pump".parse().unwrap(),
            connection_profile: ConnectionProfile::Classic,
            operation_id: None,
            substatus: None,
            payload: None,
            issued_chain: None,
            hub_key: None,
            body: String::new(),
        };

        let refused = Outcome::Refused { code: "400207".to_owned(), message: "no".to_owned() };
        assert_eq!(judge(Err(failure(400_207)), &member), refused);
        assert_eq!(
            judge(Err(failure(400_209)), &member),
            failed("400209", "no (expected was 400207)".to_owned())
        );
        assert_eq!(
            judge(Ok(registered), &member),
            failed(NOT_REFUSED, "assigned to hub-1.net, where 400207 was expected".to_owned())
        );
    }
}
