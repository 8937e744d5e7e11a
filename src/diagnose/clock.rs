//! This machine's clock against the server's.

use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::header::{DATE, HOST};
use hyper::{Method, Request};
use tokio::time::timeout;

use super::certificate::{Validity, observing_config};
use super::finding::Finding;
use super::subject::{Known, Port, Reach, Subject};
use super::tls;
use crate::attestation::DeviceCertificate;
use crate::device::{Class, Credential};
use crate::explain::Skew;
use crate::net::http::Connection;
use crate::sources::Clock;
use crate::text::{day, spoken};

const ADVICE: &str = "set the clock: tokens and certificates are judged by it";

/// Asks the HTTPS port for its time, trusted or not: a clock that is far off makes every
/// certificate look wrong. Without HTTPS the validity of the certificate has to do.
pub(super) async fn check(subject: &Subject, known: &mut Known) -> Finding {
    let service = match known.https {
        Reach::Untrusted | Reach::Tls => date(subject).await,
        Reach::Nothing | Reach::Tcp => None,
    };
    let now = Clock::system().now();
    match (service, known.validity) {
        (Some(service), _) => {
            let skew = Skew::between(now, service);
            known.skew = Some(skew);
            match &subject.settings.credential {
                Credential::X509(certificate) => judge_certificate(skew, service, certificate),
                Credential::SymmetricKey(_) | Credential::Signer(_) | Credential::Tpm(_) => {
                    judge(skew, Some(subject.settings.token_lifetime))
                }
            }
        }
        (None, Some(validity)) => judge_by_validity(now, validity),
        (None, None) => Finding::skip("no server has told the time"),
    }
}

/// The header `Date` of whatever the server answers.
async fn date(subject: &Subject) -> Option<SystemTime> {
    let ask = async {
        let dialed = tls::open(subject, Port::Https, observing_config()).await.ok()?;
        let mut connection = Connection::open(dialed.stream).await.ok()?;
        let request = Request::builder()
            .method(Method::GET)
            .uri("/")
            .header(HOST, subject.endpoint(Port::Https).to_string())
            .body(Full::default())
            .ok()?;
        let answer = connection.send(request).await.ok()?;
        httpdate::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?).ok()
    };
    timeout(subject.check_timeout(), ask).await.ok().flatten()
}

/// The device's certificate may be in date by this clock, and not by the service's.
fn judge_certificate(skew: Skew, service: SystemTime, certificate: &DeviceCertificate) -> Finding {
    let info = certificate.leaf().info();
    if (info.not_before..=info.not_after).contains(&service) {
        return judge(skew, None);
    }
    let (from, until) = (day(info.not_before), day(info.not_after));
    Finding::fail(Class::Identity, format!("this machine's clock is {skew}: by the server's the device's certificate, valid {from} to {until}, is not in date")).advice(ADVICE)
}

/// A clock that is behind makes tokens that have expired before they are sent (D-2).
fn judge(skew: Skew, token_lifetime: Option<Duration>) -> Finding {
    if !skew.is_large() {
        return Finding::ok(format!("within {} of the server's", seconds(skew.amount())));
    }
    match (skew, token_lifetime) {
        (Skew::Behind(amount), Some(token_lifetime)) if amount >= token_lifetime => {
            let lifetime = spoken(token_lifetime);
            Finding::fail(Class::Identity, format!("this machine's clock is {skew}: a SAS token that is good for {lifetime} has expired before it is sent")).advice(ADVICE)
        }
        _ => Finding::warn(format!("this machine's clock is {skew}")).advice(ADVICE),
    }
}

fn judge_by_validity(now: SystemTime, (from, until): Validity) -> Finding {
    let days = format!("valid {} to {}", day(from), day(until));
    let today = day(now);
    if (from..=until).contains(&now) {
        return Finding::ok(format!(
            "no server has told the time; {today} fits the server's certificate, {days}"
        ));
    }
    Finding::warn(format!(
        "it is {today} by this machine's clock, and the server's certificate is {days}"
    ))
    .advice("check the clock: `date -u`")
}

fn seconds(amount: Duration) -> String {
    // The header has whole seconds.
    spoken(Duration::from_secs(amount.as_secs() + 1))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::Status;
    use super::*;
    use crate::pki::TestCertificate;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn d_2_a_clock_so_far_behind_that_tokens_are_over_is_a_failure_of_identity() {
        let behind = judge(Skew::Behind(2 * HOUR), Some(HOUR));

        assert_eq!(behind.class, Some(Class::Identity));
        assert!(behind.finding.contains("2 h behind"), "{}", behind.finding);
        assert_eq!(judge(Skew::Behind(2 * HOUR), Some(3 * HOUR)).status, Status::Warn);
        assert_eq!(judge(Skew::Ahead(2 * HOUR), Some(HOUR)).status, Status::Warn);
        assert_eq!(judge(Skew::Behind(2 * HOUR), None).status, Status::Warn);
        assert_eq!(judge(Skew::Behind(Duration::from_secs(200)), Some(HOUR)).status, Status::Ok);
    }

    #[test]
    fn a_certificate_is_judged_by_the_servers_clock() {
        let made = TestCertificate::self_signed("pump-0042").unwrap();
        let key = made.key_pem();
        let certificate =
            DeviceCertificate::read(made.pem().as_bytes(), Some(key.as_bytes()), None).unwrap();
        let judged = |service: SystemTime| {
            let skew = Skew::between(SystemTime::now(), service);
            judge_certificate(skew, service, &certificate)
        };

        assert_eq!(judged(SystemTime::now()).status, Status::Ok);
        assert_eq!(judged(UNIX_EPOCH).class, Some(Class::Identity));
    }

    #[test]
    fn without_a_server_that_tells_the_time_the_certificate_has_to_do() {
        let at = |days: u64| UNIX_EPOCH + Duration::from_secs(days * 86400);

        assert_eq!(judge_by_validity(at(5), (at(1), at(9))).status, Status::Ok);
        let early = judge_by_validity(at(0), (at(1), at(9)));
        assert_eq!(early.status, Status::Warn);
        assert!(early.finding.contains("it is 1970-01-01 by this machine's clock"));
    }
}
