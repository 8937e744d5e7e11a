//! What the catalogue says of a registration that the service has seen fail.
//!
//! Other than a device, the service knows which check failed. So the catalogue's causes are told only as far
//! as that leaves them possible, and what is about Azure or the network between is left out.

use crate::device::Error;
use crate::explain::{About, Entry, Hint, entry_of, entry_of_code, find};
use crate::service::{AnswerKind, EntryStatus, Explanation, JournalEntry};
use crate::wire::ErrorCode;

/// What is known of a registration that failed.
#[derive(Debug, Default)]
struct Case<'a> {
    code: Option<ErrorCode>,
    message: Option<&'a str>,
    /// The return code of a CONNECT that was refused.
    connack: Option<u16>,
    /// The check that failed.
    check: &'a str,
    has_certificate: bool,
}

/// The catalogue on an entry of the journal.
pub(super) fn explain(entry: &JournalEntry) -> Option<Explanation> {
    let connack = entry.answers.iter().find(|answer| answer.kind == AnswerKind::Connack);
    let connection = entry.connection.as_ref();
    let case = Case {
        code: entry.error_code,
        message: entry.error_message.as_deref().or(entry.reason.as_deref()),
        connack: connack.map(|answer| answer.status),
        check: entry.checks.iter().find(|check| !check.passed).map_or("", |check| check.check),
        has_certificate: connection.is_some_and(|it| it.tls.client_certificate.is_some()),
    };
    case.explained(entry.status)
}

impl Case<'_> {
    fn explained(&self, status: EntryStatus) -> Option<Explanation> {
        let entry = self.entry(status)?;
        let texts = |hints: &[Hint]| {
            let open = hints.iter().filter(|hint| self.is_open(hint.about));
            open.map(|hint| hint.text.to_owned()).collect()
        };
        Some(Explanation {
            key: entry.key.to_owned(),
            title: entry.title.to_owned(),
            meaning: entry.meaning.to_owned(),
            causes: texts(entry.causes),
            remedies: texts(entry.remedies),
        })
    }

    fn entry(&self, status: EntryStatus) -> Option<&'static Entry> {
        match status {
            EntryStatus::Refused => match self.connack {
                Some(code) => find(&format!("connack-{code}")).first().copied(),
                None => self.code.and_then(entry_of_code),
            },
            EntryStatus::Disabled => Some(entry_of(&Error::Disabled { operation_id: None })),
            EntryStatus::Failed => Some(entry_of(&Error::Failed {
                operation_id: None,
                code: self.code,
                message: self.message.map(str::to_owned),
                date: None,
            })),
            _ => None,
        }
    }

    /// Whether a subject can matter, by what the service has seen.
    fn is_open(&self, about: About) -> bool {
        let is_late = matches!(self.check, "expiry" | "validity");
        match about {
            About::Azure | About::Network | About::Proxy | About::Local => false,
            About::Certificate => self.has_certificate,
            About::Key => !self.has_certificate && !is_late,
            About::Clock => is_late || self.check.is_empty(),
            About::Enrollment | About::Id => !is_late,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNAUTHORIZED: Case<'_> = Case {
        code: Some(ErrorCode(401_000)),
        message: None,
        connack: None,
        check: "signature",
        has_certificate: false,
    };

    #[test]
    fn a_wrong_signature_is_not_blamed_on_the_clock_and_a_late_token_on_nothing_else() {
        let signature = UNAUTHORIZED.explained(EntryStatus::Refused).unwrap();
        let late =
            Case { check: "expiry", ..UNAUTHORIZED }.explained(EntryStatus::Refused).unwrap();

        assert_eq!(signature.key, "401000");
        assert!(signature.causes.iter().any(|cause| cause.contains("mistyped")), "{signature:?}");
        assert!(!signature.causes.iter().any(|cause| cause.contains("clock")), "{signature:?}");
        assert!(late.causes.iter().all(|cause| cause.contains("clock")), "{late:?}");
        assert!(!late.causes.is_empty());
    }

    #[test]
    fn whoever_reads_this_reads_the_services_own_page_and_is_not_sent_to_its_log() {
        for check in ["signature", "expiry", ""] {
            let explained = Case { check, ..UNAUTHORIZED }.explained(EntryStatus::Refused).unwrap();
            let texts = explained.causes.iter().chain(&explained.remedies);

            assert!(texts.clone().all(|it| !it.contains("log of") && !it.contains("az iot")));
        }
    }

    #[test]
    fn every_end_without_a_hub_has_an_entry() {
        let of = |case: Case<'_>, status| case.explained(status).map(|it| it.key);
        let webhook = Some("Custom allocation failed with status code: 400");

        assert_eq!(
            of(Case { connack: Some(3), ..Case::default() }, EntryStatus::Refused).unwrap(),
            "connack-3"
        );
        assert_eq!(of(Case::default(), EntryStatus::Disabled).unwrap(), "disabled");
        assert!(of(Case { message: webhook, ..Case::default() }, EntryStatus::Failed).is_some());
        assert_eq!(of(Case::default(), EntryStatus::Assigned), None);
    }
}
