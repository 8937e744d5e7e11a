//! Which registrations somebody wants to see, as it stands in the address: a view can be sent to others.

use url::form_urlencoded::{Serializer, parse};

use crate::service::caller::Transport;
use crate::service::journal::{EntryStatus, JournalEntry};
use crate::text::Foreign;

/// The statuses by which one can look, in the order of the tabs.
pub(super) const STATUSES: [EntryStatus; 5] = [
    EntryStatus::Assigned,
    EntryStatus::Failed,
    EntryStatus::Refused,
    EntryStatus::Disabled,
    EntryStatus::Assigning,
];
/// The transports by which one can look.
pub(super) const TRANSPORTS: [Transport; 3] = [Transport::Mqtt, Transport::Https, Transport::Amqp];

/// Which registrations are wanted. The default wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// In an ID, the enrollment, the hub or what went wrong; case does not matter, as in all of the others.
    pub(super) q: String,
    /// The whole name.
    pub(super) enrollment: String,
    /// The host name.
    pub(super) hub: String,
    pub(super) transport: Option<Transport>,
    pub(super) status: Option<EntryStatus>,
    /// Older than the one with this number.
    pub(super) before: Option<u64>,
}

impl Filter {
    /// Reads the query of an address, and says what in it was not understood. What else stands there is
    /// not for us.
    pub(super) fn read(query: &str) -> (Self, Vec<String>) {
        let (mut filter, mut complaints) = (Self::default(), Vec::new());
        for (name, value) in parse(query.as_bytes()) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let understood = match &*name {
                "q" => set(&mut filter.q, value.to_owned()),
                "enrollment" => set(&mut filter.enrollment, value.to_owned()),
                "hub" => set(&mut filter.hub, value.to_owned()),
                "transport" => known(&mut filter.transport, transport(value)),
                "status" => known(&mut filter.status, status(value)),
                "before" => known(&mut filter.before, value.parse().ok()),
                _ => true,
            };
            if !understood {
                let value = Foreign::short(value);
                complaints.push(format!("There is no {name} “{value}”; it is left out."));
            }
        }
        (filter, complaints)
    }

    /// The query of an address, beginning with `?`; empty for all.
    pub(super) fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("q", &self.q), ("enrollment", &self.enrollment), ("hub", &self.hub)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(transport) = self.transport {
            query.append_pair("transport", name_of(transport));
        }
        if let Some(status) = self.status {
            query.append_pair("status", status.as_str());
        }
        if let Some(before) = self.before {
            query.append_pair("before", &before.to_string());
        }
        match query.finish() {
            query if query.is_empty() => query,
            query => format!("?{query}"),
        }
    }

    /// Whether a registration is wanted.
    pub(super) fn takes(&self, entry: &JournalEntry) -> bool {
        self.status.is_none_or(|status| entry.status == status)
            && self.before.is_none_or(|before| entry.sequence < before)
            && self.takes_whatever_its_status(entry)
    }

    /// Whether it would be wanted if it stood otherwise, or were older: so many a tab counts.
    pub(super) fn takes_whatever_its_status(&self, entry: &JournalEntry) -> bool {
        let enrollment = entry.enrollment.as_ref().map(|it| it.name.as_str());
        let hub = entry.assigned_hub.as_ref().map(|hub| hub.as_str());
        let is = |wanted: &str, value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        };
        is(&self.enrollment, enrollment)
            && is(&self.hub, hub)
            && self.transport.is_none_or(|transport| entry.transport == Some(transport))
            && (self.q.is_empty() || {
                let texts = [
                    Some(entry.registration_id.as_str()),
                    entry.device_id.as_deref(),
                    enrollment,
                    hub,
                    entry.failed_check,
                    entry.reason.as_deref(),
                    entry.error_message.as_deref(),
                ];
                let code = entry.error_code.is_some_and(|code| code.0.to_string() == self.q);
                code || texts.into_iter().flatten().any(|text| contains(text, &self.q))
            })
    }
}

fn set(field: &mut String, value: String) -> bool {
    *field = value;
    true
}

fn known<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

fn status(word: &str) -> Option<EntryStatus> {
    STATUSES.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(word))
}

fn transport(word: &str) -> Option<Transport> {
    TRANSPORTS.into_iter().find(|transport| name_of(*transport).eq_ignore_ascii_case(word))
}

/// As addresses have it.
pub(super) fn name_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Mqtt => "mqtt",
        Transport::Https => "https",
        Transport::Amqp => "amqp",
    }
}

/// Whether a text has another in it; case of ASCII letters does not matter.
fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_understood_is_told_and_left_out() {
        let (filter, complaints) =
            Filter::read("status=banana&transport=MQTT&before=x&q=%20pump%20&hub=&other=1");

        let transport = Some(Transport::Mqtt);
        assert_eq!(filter, Filter { q: "pump".to_owned(), transport, ..Filter::default() });
        assert_eq!(
            complaints,
            [
                "There is no status “banana”; it is left out.",
                "There is no before “x”; it is left out."
            ]
        );
    }

    #[test]
    fn j_201_what_is_told_of_an_address_is_harmless() {
        let (_, complaints) = Filter::read("status=%1b%5b31m%E2%80%AE");

        assert_eq!(complaints, ["There is no status “\\u{1b}[31m\\u{202e}”; it is left out."]);
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        assert!(contains("Mainbuilding167-contoso-HPSD-088", "hpsd"));
        assert!(!contains("hps", "hpsd") && !contains("", "x"));
    }

    proptest! {
        #[test]
        fn a_view_that_was_sent_is_the_same_view(
            q in "\\PC{0,12}", enrollment in "[a-z&=+%# ]{0,8}", hub in "[a-z.]{0,8}",
            before in any::<Option<u64>>(), n in 0..=5_usize,
        ) {
            let filter = Filter {
                q: q.trim().to_owned(), enrollment: enrollment.trim().to_owned(), hub, before,
                transport: TRANSPORTS.get(n).copied(), status: STATUSES.get(n).copied(),
            };

            let query = filter.query();
            let (read, complaints) = Filter::read(query.trim_start_matches('?'));

            prop_assert_eq!((read, complaints), (filter, Vec::new()));
        }
    }
}
