//! CONNECT and CONNACK: whether the service takes the device's names (A.2, A.6). Keys are not
//! judged here, and over HTTPS nothing is. Over AMQP it is SASL and `open`.

use super::finding::Finding;
use super::subject::{Known, Port, Reach, Subject};
use crate::device::{Error, ProvisioningClient, Transport};

/// Connects as the device does, and leaves.
pub(super) async fn check(subject: &Subject, known: &mut Known) -> Finding {
    let transports = transports(subject.settings.transport, known);
    if transports.is_empty() {
        return Finding::skip("needs TLS with a server that is trusted");
    }
    let client = ProvisioningClient::new(subject.settings.clone());
    let mut failure = None;
    for transport in transports {
        match client.connect(transport, subject.check_timeout()).await {
            Ok(()) => {
                known.is_connected = true;
                return accepted(transport, failure);
            }
            // The service has spoken, and would say the same again.
            Err(error @ (Error::ConnectRefused { .. } | Error::SaslRefused { .. })) => {
                return Finding::of_error(&error, &subject.context);
            }
            Err(error) => {
                failure.get_or_insert((transport, error));
            }
        }
    }
    match failure {
        Some((_, error)) => Finding::of_error(&error, &subject.context),
        None => Finding::skip("no transport was tried"),
    }
}

/// What the registration may go over, as far as the ports let it.
fn transports(wanted: Transport, known: &Known) -> Vec<Transport> {
    let all = match wanted {
        Transport::Auto => vec![
            Transport::Mqtt,
            Transport::MqttWs,
            Transport::Https,
            Transport::Amqp,
            Transport::AmqpWs,
        ],
        one => vec![one],
    };
    let port = |transport: &Transport| match transport {
        Transport::Mqtt => Port::Mqtt,
        Transport::Amqp => Port::Amqp,
        _ => Port::Https,
    };
    all.into_iter().filter(|transport| known.reached(port(transport)) == Reach::Tls).collect()
}

fn accepted(transport: Transport, failure: Option<(Transport, Error)>) -> Finding {
    let text = match transport {
        Transport::Https => {
            "TLS stands; over HTTPS the ID scope and the names are judged only by registering"
        }
        Transport::Amqp | Transport::AmqpWs => {
            "AMQP's connection stands; the ID scope and the names are judged only by registering"
        }
        _ => "the service accepts the ID scope and the names (CONNACK 0)",
    };
    match failure {
        Some((blocked, error)) => {
            Finding::warn(format!("{text}, over {transport}; not over {blocked}: {error}"))
                .advice(format!("register with --transport {transport}; auto finds it by itself"))
        }
        None => Finding::ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_103_auto_is_tried_over_every_port_that_is_reached() {
        let reached = |mqtt, https| Known { mqtt, https, amqp: Reach::Tls, ..Known::default() };
        let (open, shut) = (Reach::Tls, Reach::Tcp);

        let all = transports(Transport::Auto, &reached(open, open));
        let web = transports(Transport::Auto, &reached(shut, open));

        use Transport::{Amqp, AmqpWs, Https, Mqtt, MqttWs};
        assert_eq!(all, [Mqtt, MqttWs, Https, Amqp, AmqpWs]);
        assert_eq!(web, [MqttWs, Https, Amqp, AmqpWs]);
        assert_eq!(transports(Mqtt, &reached(shut, open)), []);
        assert_eq!(transports(Https, &reached(shut, open)), [Https]);
        assert_eq!(transports(Amqp, &reached(shut, shut)), [Amqp]);
        assert_eq!(transports(AmqpWs, &reached(shut, shut)), []);
    }
}
