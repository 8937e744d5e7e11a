//! `auto`: the first transport that the network lets through.

use std::time::Duration;

use super::clock::Clock;
use super::proof::Proof;
use super::single::{Task, run_over};
use crate::device::error::{Breach, Error, NetworkError};
use crate::device::exchange::{Notice, Registered};
use crate::device::transport::Transport;
use crate::net::DialError;

/// In which order they are tried: what costs a device least comes first.
const ORDER: [Transport; 5] =
    [Transport::Mqtt, Transport::MqttWs, Transport::Https, Transport::Amqp, Transport::AmqpWs];
/// How long a silent transport may keep the next one waiting.
const LONGEST_SHARE: Duration = Duration::from_secs(15);

/// Runs one registration over the first transport that gets through.
pub(super) async fn run(
    proof: Proof<'_>,
    task: &Task,
    clock: Clock,
    notify: &mut (dyn FnMut(Notice) + Send),
) -> Result<Registered, Error> {
    let mut failures = Vec::new();
    let order = order(proof.settings().has_tpm());
    for (index, transport) in order.iter().copied().enumerate() {
        let others = order.len() - index - 1;
        let share = (others > 0).then(|| share(clock.left(), others));
        let mut watched = |notice: Notice| {
            if notice == Notice::Connected {
                notify(Notice::Through { transport });
            }
            notify(notice);
        };
        let clock = clock.clone().with_connect_timeout(share);
        let error = match run_over(transport, proof.clone(), task, clock, &mut watched).await {
            Err(error) if is_of_this_transport(&error) => error,
            result => return result,
        };
        notify(Notice::Blocked { transport, why: error.to_string() });
        failures.push((transport, error));
    }
    Err(Error::NoTransport(failures))
}

/// Those over which the device can prove itself (B.5).
fn order(has_tpm: bool) -> Vec<Transport> {
    let can_prove_itself = |transport: &Transport| !has_tpm || transport.is_for_tpms();
    ORDER.into_iter().filter(can_prove_itself).collect()
}

/// An equal share of what is left for each that is still to be tried.
fn share(left: Duration, others: usize) -> Duration {
    let shares = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
    (left / shares).min(LONGEST_SHARE)
}

/// Whether another transport may fare better. What the service itself refuses, it refuses on all;
/// neither a name without an address nor a proxy that cannot be used depends on the transport.
fn is_of_this_transport(error: &Error) -> bool {
    match error {
        Error::Network(NetworkError::Dial(DialError::Resolve { .. })) => false,
        Error::Network(NetworkError::Dial(DialError::Proxy { fault, .. })) => {
            !fault.is_of_any_target()
        }
        Error::Network(_) => true,
        // Something else lives on the port, or stands before it.
        Error::Breach(Breach::NotMqtt { .. } | Breach::NotHttp { .. } | Breach::NotAmqp { .. }) => {
            true
        }
        Error::Deadline(deadline) => deadline.is_before_the_service(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::error::{Rejection, SaslRefusal};
    use crate::device::phase::ConnectPhase;
    use crate::net::{ProxyFault, TlsFault};
    use crate::wire::ConnectCode;

    fn dial(error: DialError) -> Error {
        NetworkError::from(error).into()
    }

    fn proxy(fault: ProxyFault) -> Error {
        dial(DialError::Proxy { proxy: "proxy:1".parse().unwrap(), fault })
    }

    #[test]
    fn only_what_may_be_the_transports_own_trouble_leads_to_the_next() {
        let host: crate::net::Endpoint = "a.net:1".parse().unwrap();
        let resolve = DialError::Resolve { host: host.host(), reason: String::new() };
        let refused = ProxyFault::Refused { target: host.clone(), status: 403, reason: "".into() };
        let silence =
            NetworkError::NoAnswer { phase: ConnectPhase::Tcp, after: Duration::from_secs(1) };
        for (error, moves_on) in [
            (dial(resolve), false),
            (dial(DialError::Tls { host, fault: TlsFault::Closed }), true),
            (proxy(refused), true),
            (proxy(ProxyFault::Closed), true),
            (proxy(ProxyFault::Unauthorized { had_credentials: true, schemes: vec![] }), false),
            (proxy(ProxyFault::Resolve(String::new())), false),
            (NetworkError::ClosedBeforeConnack.into(), true),
            (silence.into(), true),
            (Breach::NotMqtt { excerpt: "HTTP".into() }.into(), true),
            (Breach::NotAmqp { excerpt: "HTTP".into() }.into(), true),
            (NetworkError::ClosedBeforeOpen("`open`").into(), true),
            (Error::SaslRefused { code: SaslRefusal::Credentials }, false),
            (Breach::SubscriptionRefused.into(), false),
            (Error::ConnectRefused { code: ConnectCode::NotAuthorized, tries: 1 }, false),
            (Error::Unauthorized(Rejection { status: 401, error: None, says: None }), false),
        ] {
            assert_eq!(is_of_this_transport(&error), moves_on, "{error}");
        }
    }

    /// J-359.
    #[test]
    fn j_359_amqp_is_tried_last_and_right_over_tls_before_a_websocket() {
        assert_eq!(ORDER[3..], [Transport::Amqp, Transport::AmqpWs]);
    }

    #[test]
    fn b_5_with_a_tpm_only_those_are_tried_over_which_it_can_prove_itself() {
        assert_eq!(order(false), ORDER);
        assert_eq!(order(true), [Transport::Https, Transport::Amqp, Transport::AmqpWs]);
    }

    #[test]
    fn each_transport_has_its_share_and_no_more_than_a_quarter_of_a_minute() {
        assert_eq!(share(Duration::from_secs(9), 2), Duration::from_secs(3));
        assert_eq!(share(Duration::from_secs(6), 1), Duration::from_secs(3));
        assert_eq!(share(Duration::MAX, 2), LONGEST_SHARE);
        assert_eq!(share(Duration::ZERO, 2), Duration::ZERO);
    }
}
