//! When a call is made again: the service is busy, or its answer was lost.
//!
//! Deciding is pure; `carry_out` is the loop around it.

use std::time::{Duration, Instant};

use super::CallError;
use crate::net::DialError;
use crate::net::http::HttpError;

/// The wait after an answer that says none, before it grows.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The shortest: a service that asks for none is not asked in circles.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// How long calls are made again; not at all, if nothing else is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience {
    /// From the first try to the last; an answer that is on its way then is waited for.
    pub limit: Duration,
}

/// How a call came to its end.
#[derive(Debug)]
pub(super) struct Ending<T> {
    /// What the last try came to.
    pub(super) result: Result<T, CallError>,
    /// Whether an earlier try may have been carried out, though nobody was told: what there is of the
    /// first may stand in the way of the second.
    pub(super) may_be_done: bool,
}

impl Patience {
    /// Makes a call until it is answered for good, or the limit would pass with the next wait.
    pub(super) async fn carry_out<T, F>(self, mut call: impl FnMut() -> F) -> Ending<T>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let (began, mut tries, mut may_be_done) = (Instant::now(), 0, false);
        loop {
            let result = call().await;
            let wait = match &result {
                Ok(_) => None,
                Err(error) => {
                    tries += 1;
                    self.wait(error, tries, began.elapsed())
                }
            };
            let Some(wait) = wait else { return Ending { result, may_be_done } };
            may_be_done |= result.as_ref().is_err_and(may_be_carried_out);
            tokio::time::sleep(wait).await;
        }
    }

    /// How long to wait after the try of this number, so long after the first; `None` where there is
    /// nothing to wait for.
    fn wait(self, error: &CallError, tries: u32, since: Duration) -> Option<Duration> {
        if self.limit.is_zero() {
            return None;
        }
        let asked = match error {
            CallError::Refused(refusal) if refusal.status == 429 || refusal.status >= 500 => {
                refusal.retry_after
            }
            CallError::Http(error) if is_passing(error) => None,
            _ => return None,
        };
        let grown = FIRST_WAIT * (1 << tries.saturating_sub(1).min(4));
        let wait = asked.unwrap_or(grown.min(LONGEST_WAIT)).max(SHORTEST_WAIT);
        (since.saturating_add(wait) <= self.limit).then_some(wait)
    }
}

/// Whether it may be gone the next time.
fn is_passing(error: &HttpError) -> bool {
    match error {
        // Certificates and proxies do not mend themselves.
        HttpError::Dial(error) => !matches!(error, DialError::Tls { .. } | DialError::Proxy { .. }),
        HttpError::Exchange { .. } | HttpError::Timeout { .. } => true,
        _ => false,
    }
}

/// Whether the service may have done what it was asked to.
fn may_be_carried_out(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => refusal.status >= 500,
        CallError::Http(error) => !matches!(error, HttpError::Dial(_)),
        CallError::NotUnderstood { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use hyper::header::{HeaderMap, RETRY_AFTER};
    use proptest::prelude::*;

    use super::*;
    use crate::api_client::Refusal;

    const MINUTE: Patience = Patience { limit: Duration::from_secs(60) };

    fn refused(status: u16, retry_after: Option<&str>) -> CallError {
        let headers = retry_after.map(|text| (RETRY_AFTER, text.parse().unwrap()));
        let headers = HeaderMap::from_iter(headers);
        let status = StatusCode::from_u16(status).unwrap();
        CallError::Refused(Refusal::read(status, &headers, b""))
    }

    #[test]
    fn h_3_a_service_that_is_busy_is_given_the_time_that_it_asks_for() {
        let wait = |status, asked, tries| {
            let wait = MINUTE.wait(&refused(status, asked), tries, Duration::ZERO);
            wait.map(|wait| wait.as_millis())
        };

        assert_eq!(wait(429, Some("7"), 1), Some(7000));
        assert_eq!(wait(503, Some("0"), 1), Some(50), "not in circles");
        assert_eq!(
            [1, 2, 3, 9].map(|tries| wait(500, None, tries)),
            [1, 2, 4, 15].map(|s| Some(s * 1000))
        );
        assert_eq!(wait(429, Some("61"), 1), None, "beyond the limit");
        assert_eq!([400, 401, 404, 409, 412].map(|status| wait(status, Some("1"), 1)), [None; 5]);
    }

    #[tokio::test]
    async fn what_may_have_been_done_before_is_told() {
        for (first, may_be_done) in [(429, false), (500, true)] {
            let mut tries = 0;
            let ending = MINUTE
                .carry_out(|| {
                    tries += 1;
                    let result = match tries {
                        1 => Err(refused(first, Some("0"))),
                        _ => Ok(()),
                    };
                    std::future::ready(result)
                })
                .await;

            assert_eq!((ending.result.is_ok(), ending.may_be_done), (true, may_be_done), "{first}");
        }
    }

    proptest! {
        #[test]
        fn no_wait_ends_beyond_the_limit(limit in 0_u64..1000, since in 0_u64..2000, tries: u32, asked in proptest::option::of(0_u32..1000)) {
            let patience = Patience { limit: Duration::from_secs(limit) };
            let asked = asked.map(|seconds| seconds.to_string());
            let since = Duration::from_secs(since);

            let wait = patience.wait(&refused(503, asked.as_deref()), tries, since);

            prop_assert!(wait.is_none_or(|wait| since + wait <= patience.limit));
        }
    }
}
