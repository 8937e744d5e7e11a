//! Whom it trusts.

use crate::conformance::case::{Case, Judge, Level, Rule, Setup};
use crate::conformance::finding::{Finding, count, seconds};
use crate::conformance::judging::{Judged, assigned, sane, settle, summary};
use crate::conformance::observation::Observation;
use crate::conformance::source::{CERTIFICATES, SERVICE_IDENTITY, Source, TLS};
use crate::service::{TlsSession, WireMoment};

/// A case in which the service shows a certificate that must not be accepted.
const fn refuses(
    id: &'static str,
    title: &'static str,
    faults: &'static [&'static str],
    source: Source,
) -> Case {
    Case {
        id,
        title,
        level: Level::Must,
        rule: Rule {
            id: "A.1",
            text: "The device says nothing to a service that does not prove itself by its certificate.",
            source,
        },
        setup: Setup::with(faults).within(30),
        judge: Judge::One(|seen| settle(refuses_service(seen))),
    }
}

pub(super) const CASES: &[Case] = &[
    refuses(
        "certificate-expired",
        "refuses a service whose certificate has expired",
        &["tls certificate=expired"],
        CERTIFICATES,
    ),
    refuses(
        "certificate-wrong-name",
        "refuses a service whose certificate is for another name",
        &["tls certificate=wrong-name"],
        SERVICE_IDENTITY,
    ),
    refuses(
        "certificate-untrusted",
        "refuses a service whose certificate is by an authority that it does not trust",
        &["tls certificate=untrusted"],
        CERTIFICATES,
    ),
    Case {
        id: "long-chain",
        title: "takes a service whose certificates are 100 KB long",
        level: Level::Should,
        rule: Rule {
            id: "J-325",
            text: "How long a chain of certificates may be is for TLS to say, which allows 16 MB.",
            source: CERTIFICATES,
        },
        setup: Setup::with(&["tls certificate=long"]).within(30),
        judge: Judge::One(|seen| settle(takes_long_chain(seen))),
    },
    Case {
        id: "tls-1-3",
        title: "speaks TLS 1.3",
        level: Level::Should,
        rule: Rule {
            id: "A-1",
            text: "TLS 1.2 and 1.3 are spoken; older versions are not.",
            source: TLS,
        },
        setup: Setup::PLAIN,
        judge: Judge::One(|seen| settle(speaks_1_3(seen))),
    },
    Case {
        id: "server-name",
        title: "names the service in the TLS handshake",
        level: Level::Must,
        rule: Rule {
            id: "A.1",
            text: "All instances share one address: the name that a client dials has to be in its hello (SNI).",
            source: TLS,
        },
        setup: Setup::PLAIN,
        judge: Judge::One(|seen| settle(names_service(seen))),
    },
];

fn refuses_service(seen: &Observation) -> Judged {
    let opened = seen.opened();
    if opened.is_empty() {
        return Ok(Finding::unseen("it never connected"));
    }
    let said = seen.heard(|moment| match moment {
        WireMoment::Connect(_) => Some("a CONNECT"),
        WireMoment::SignIn(_) => Some("the beginning of AMQP"),
        WireMoment::Request(_) => Some("a request"),
        WireMoment::Asked { .. } => Some("a question"),
        _ => None,
    });
    if let Some((at, _, what)) = said.first() {
        return Ok(Finding::failed(format!(
            "it accepted the certificate, and sent {what} after {}",
            seconds(*at)
        )));
    }
    sane(seen)?;
    let connected = count(opened.len(), "connection");
    match seen.ran_out {
        true => Ok(Finding::kept(format!(
            "said nothing on {connected}, and was still running after {}",
            seconds(seen.took)
        ))),
        false => Ok(Finding::kept(format!("said nothing on {connected}, and {}", seen.end))),
    }
}

fn takes_long_chain(seen: &Observation) -> Judged {
    if seen.opened().is_empty() {
        return Ok(Finding::unseen("it never connected"));
    }
    let refused = seen.heard(|moment| match moment {
        WireMoment::Unsecured(why) => Some(why),
        _ => None,
    });
    if let Some((_, _, why)) = refused.first() {
        return Ok(Finding::broken(format!("it refused it: {why}")));
    }
    let at = assigned(seen)?;
    Ok(Finding::kept(format!("took it, and was told of its hub after {}", seconds(at))))
}

fn sessions(seen: &Observation) -> Result<Vec<&TlsSession>, Finding> {
    let sessions = seen.heard(|moment| match moment {
        WireMoment::Secured { tls, .. } => Some(tls),
        _ => None,
    });
    match sessions.is_empty() {
        true => Err(Finding::unseen(format!("there was no TLS: {}", summary(seen)))),
        false => Ok(sessions.into_iter().map(|(.., tls)| tls).collect()),
    }
}

fn speaks_1_3(seen: &Observation) -> Judged {
    let versions: Vec<_> = sessions(seen)?.iter().filter_map(|tls| tls.version).collect();
    match versions.iter().all(|version| *version == "1.3") {
        true => Ok(Finding::kept("TLS 1.3")),
        false => Ok(Finding::broken(format!(
            "TLS {}, where the service offers 1.3 too",
            versions.join(", ")
        ))),
    }
}

fn names_service(seen: &Observation) -> Judged {
    match sessions(seen)?.iter().map(|tls| tls.server_name.as_deref()).collect::<Option<Vec<_>>>() {
        Some(names) => Ok(Finding::kept(format!("named {}", names.first().unwrap_or(&"it")))),
        None => Ok(Finding::broken(
            "its hello names no service; or it dials an address, where it was given a name",
        )),
    }
}
