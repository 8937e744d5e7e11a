//! Which enrollments there are when a service starts with both a configuration and a state (J-123).
//!
//! Pure: what is kept and what is configured come in, what is to be served and what has to be
//! written come out.

use std::collections::HashMap;
use std::sync::Arc;

use super::codec::enrollment::Entry;
use crate::service::config::ConfiguredEnrollment;
use crate::service::enrollment::Enrollments;
use crate::service::enrollment::{Enrollment, Kind};

/// Names an enrollment; case does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name {
    pub(super) kind: Kind,
    folded: String,
}

impl Name {
    pub(super) fn new(kind: Kind, name: &str) -> Self {
        Self { kind, folded: name.to_ascii_lowercase() }
    }

    pub(super) fn of(enrollment: &Enrollment) -> Self {
        Self::new(enrollment.kind(), enrollment.name())
    }

    /// The folded name.
    pub(super) fn as_str(&self) -> &str {
        &self.folded
    }
}

/// The enrollments to begin with.
#[derive(Debug, Default)]
pub(super) struct Reconciled {
    pub(super) enrollments: Enrollments,
    /// The digests of those that the configuration has, deleted ones too.
    pub(super) configured: HashMap<Name, String>,
    /// What has to be written anew.
    pub(super) fresh: Vec<Arc<Enrollment>>,
    /// What is kept no longer.
    pub(super) gone: Vec<Name>,
}

/// What is kept counts as long as the configuration says what it said when it was first kept; with
/// changes and deletions made since. Else the configuration counts.
pub(super) fn reconcile(
    mut kept: HashMap<Name, Entry>,
    configured: Vec<ConfiguredEnrollment>,
) -> Reconciled {
    let mut result = Reconciled::default();
    for ConfiguredEnrollment { digest, enrollment } in configured {
        let name = Name::of(&enrollment);
        match kept.remove(&name) {
            Some(Entry { configured: Some(earlier), record }) if earlier == digest => {
                if let Some(record) = record {
                    result.enrollments.put(Arc::new(record));
                }
            }
            _ => {
                result.enrollments.put(enrollment.clone());
                result.fresh.push(enrollment);
            }
        }
        result.configured.insert(name, digest);
    }
    for (name, Entry { configured, record }) in kept {
        match record {
            // Made through the service API.
            Some(record) if configured.is_none() => result.enrollments.put(Arc::new(record)),
            _ => result.gone.push(name),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::service::enrollment::read;

    fn group(name: &str, made_at: u64) -> Enrollment {
        let json =
            format!(r#"{{"enrollmentGroupId":"{name}","attestation":{{"type":"symmetricKey"}}}}"#);
        let now = UNIX_EPOCH + Duration::from_secs(made_at);
        read(Kind::Group, json.as_bytes(), now, 7, None).unwrap()
    }

    fn name(name: &str) -> Name {
        Name::new(Kind::Group, name)
    }

    const KEPT: u64 = 1;
    const CONFIGURED: u64 = 2;

    fn entry(group_id: &str, configured: Option<&str>, is_there: bool) -> (Name, Entry) {
        let record = is_there.then(|| group(group_id, KEPT));
        (name(group_id), Entry { configured: configured.map(str::to_owned), record })
    }

    /// When the record of the group `pumps` that is served was made, how many are to be written,
    /// and how many to be removed.
    fn outcome(
        kept: Option<(Option<&str>, bool)>,
        digest: Option<&str>,
    ) -> (Option<u64>, usize, usize) {
        let kept = kept.map(|(configured, is_there)| entry("pumps", configured, is_there));
        let configured = digest.map(|digest| ConfiguredEnrollment {
            digest: digest.to_owned(),
            enrollment: Arc::new(group("Pumps", CONFIGURED)),
        });
        let result = reconcile(kept.into_iter().collect(), configured.into_iter().collect());
        assert_eq!(result.configured.get(&name("pumps")).map(String::as_str), digest);
        let served = result.enrollments.find(Kind::Group, "pumps");
        let made = served.map(|it| it.created.duration_since(UNIX_EPOCH).unwrap().as_secs());
        (made, result.fresh.len(), result.gone.len())
    }

    #[test]
    fn j_123_the_state_counts_until_the_configuration_says_something_else() {
        let same = Some("d1");
        for (kept, digest, expected) in [
            (None, same, (Some(CONFIGURED), 1, 0)),
            (Some((same, true)), same, (Some(KEPT), 0, 0)),
            (Some((same, true)), Some("d2"), (Some(CONFIGURED), 1, 0)),
            (Some((same, true)), None, (None, 0, 1)),
            // Deleted through the service API.
            (Some((same, false)), same, (None, 0, 0)),
            (Some((same, false)), Some("d2"), (Some(CONFIGURED), 1, 0)),
            (Some((same, false)), None, (None, 0, 1)),
            // Made through it.
            (Some((None, true)), None, (Some(KEPT), 0, 0)),
            (Some((None, true)), same, (Some(CONFIGURED), 1, 0)),
        ] {
            assert_eq!(outcome(kept, digest), expected, "{kept:?} {digest:?}");
        }
    }
}
