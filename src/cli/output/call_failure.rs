//! What a user is told of a call of the service API that failed: what happened, why that usually is, what to try.

use crate::api_client::{CallError, Kind, Refusal};
use crate::cli::exit::Exit;
use crate::cli::report::Report;
use crate::net::http::{ExchangeFault, HttpError};
use crate::net::{DialError, TlsFault};
use crate::wire::ErrorCode;

/// For the help of every command that makes one.
pub(crate) const EXIT_CODES: &str = "\
Exit codes: 0 done, 2 bad input, 3 network or TLS, 4 the service does not accept the connection
string, 5 the service refused: not found, exists already, changed meanwhile …";

/// A failed call, explained; `about` is the record that it was about.
pub(crate) fn explained(error: &CallError, about: Option<(Kind, &str)>) -> Report {
    match error {
        CallError::Refused(refusal) => refused(refusal, about),
        CallError::Http(error) => unanswered(error),
        _ => stranger(error),
    }
}

/// The same of a call about the registration of a device.
pub(crate) fn of_registration(error: &CallError, id: &str) -> Report {
    let CallError::Refused(refusal) = error else { return explained(error, None) };
    let message = format!("registration {id}: {refusal}");
    let report = Report { message, ..told(refusal) };
    match refusal.status {
        404 => report
            .cause("the device has not registered, or its registration was deleted")
            .remedy("`provision-sim registration list` shows those of an enrollment group"),
        status => advised(report, status, None),
    }
}

fn unanswered(error: &HttpError) -> Report {
    match error {
        HttpError::Dial(DialError::Tls { fault, .. }) => {
            Report::new("tls", Exit::Network, error).remedy(tls(fault))
        }
        HttpError::Dial(DialError::Proxy { .. }) => Report::new("network", Exit::Network, error)
            .cause("--proxy, or the variable HTTPS_PROXY or ALL_PROXY, names a proxy that is not there or lets nobody through")
            .remedy("give another with --proxy, or --proxy '' for none"),
        HttpError::Exchange {
            fault: ExchangeFault::NotHttp(_) | ExchangeFault::TooLong { .. }, ..
        } => stranger(error),
        _ => Report::new("network", Exit::Network, error)
            .cause("the service does not run, its HostName is misspelt, or a firewall blocks port 443")
            .remedy("for a service on this machine start `provision-sim serve` and give --local"),
    }
}

fn stranger(error: impl std::fmt::Display) -> Report {
    Report::new("network", Exit::Network, error)
        .cause("something else than a provisioning service answers, such as a proxy")
}

fn tls(fault: &TlsFault) -> &'static str {
    match fault {
        TlsFault::UnknownIssuer => {
            "name the service's CA with --ca-file; for a service on this machine --local does that"
        }
        TlsFault::WrongName { .. } => {
            "use the HostName that the service itself shows in its connection string"
        }
        _ => "check that HostName leads to the service, and this machine's clock",
    }
}

fn refused(refusal: &Refusal, about: Option<(Kind, &str)>) -> Report {
    // A status alone convinces nobody (J-242): what the service refuses has its code.
    if refusal.code.is_none() && (300..=499).contains(&refusal.status) && refusal.is_page {
        return stranger(refusal);
    }
    let mut report = told(refusal);
    if let Some((kind, id)) = about {
        report.message = format!("{} {id}: {refusal}", kind.noun());
    }
    advised(report, refusal.status, about)
}

/// What the service said.
fn told(refusal: &Refusal) -> Report {
    let exit = if refusal.status == 401 { Exit::Identity } else { Exit::NotAssigned };
    let kind = if refusal.status == 401 { "unauthorized" } else { "refused" };
    let mut report = Report::new(kind, exit, refusal);
    report.code = refusal.code.map(|code| code.0);
    report.name = refusal.code.and_then(ErrorCode::name);
    report.tracking_id.clone_from(&refusal.tracking_id);
    report.date.clone_from(&refusal.date);
    report
}

fn advised(report: Report, status: u16, about: Option<(Kind, &str)>) -> Report {
    let command = match about.map(|(kind, _)| kind) {
        Some(Kind::Group) => "enrollment-group",
        Some(Kind::Individual) | None => "enrollment",
    };
    match status {
        400 => report
            .cause("a value is not one that the service takes; its answer says which")
            .remedy(format!("`provision-sim {command} create --help` tells what each flag takes")),
        401 => report
            .cause("the key in the connection string is not, or no longer, that of the policy")
            .cause("the policy lacks a right, such as EnrollmentWrite, or this machine's clock is off")
            .remedy("copy the connection string anew; after a restart `provision-sim serve` has a new one, which --local finds"),
        404 => report
            .cause("there is no such record in this service; groups and enrollments are apart")
            .remedy(format!("`provision-sim {command} list` shows those that there are")),
        409 => report
            .cause("it exists already; create never replaces a record")
            .remedy(format!("change it with `provision-sim {command} update`, or delete it first")),
        412 => report
            .cause("it was changed meanwhile: the etag is that of an earlier version")
            .remedy(format!("read it again with `provision-sim {command} show` and give its etag, or leave --etag out")),
        429 => report.cause("too many requests at a time").remedy("try again in a minute"),
        500.. => report.cause("the trouble is on the service's side").remedy("try again in a minute"),
        _ => report,
    }
}
