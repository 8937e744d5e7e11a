//! What a registration does to the identities of a device (F.6): which is made, refreshed or
//! removed, and with which twin.
//!
//! Pure: what is there and the time are handed in.

use std::sync::Arc;
use std::time::SystemTime;

use crate::service::record::{HubDevice, HubKey, NewIdentity};
use crate::service::reprovision::TwinHandling;
use crate::service::store::{Batch, Change};
use crate::service::twin::InitialTwin;
use crate::wire::HubName;

/// What a registration means for a device's identity on its hub.
#[derive(Debug)]
pub struct IdentityUpdate<'a> {
    /// The hub, as linked.
    pub hub: &'a HubName,
    /// The identity that it should have there.
    pub identity: NewIdentity,
    /// What becomes of the twin.
    pub twin: TwinHandling,
    /// The device as that hub knows it.
    pub present: Option<&'a HubDevice>,
    /// The device as its earlier hub knows it, if that is another one.
    pub earlier: Option<&'a HubDevice>,
    /// The first twin that the webhook gave.
    pub from_webhook: Option<&'a InitialTwin>,
    /// The first twin that the enrollment has.
    pub from_enrollment: &'a InitialTwin,
}

/// What became of a device's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityFate {
    /// There was none, now there is.
    Made {
        /// Who gave its first twin; nobody if that is empty.
        twin: Option<TwinSource>,
    },
    /// It was there and stays, with its twin.
    Kept,
    /// It came here from another hub, with its twin.
    Moved {
        /// That hub.
        from: HubName,
    },
    /// There was one, here or elsewhere, and it began anew.
    Reset {
        /// The hub that it came from, if that is another one.
        from: Option<HubName>,
        /// Who gave its first twin; nobody if that is empty.
        twin: Option<TwinSource>,
    },
}

/// Who gave a device its first twin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwinSource {
    /// The webhook, with its answer (G).
    Webhook,
    /// The enrollment.
    Enrollment,
}

/// The changes that make it so, and what they come to. Keys and thumbprints are refreshed each time; what moves takes the old
/// identity's capabilities along, and what begins anew has the enrollment's (F.6).
///
/// Where something should be kept or moved that is not there, the device gets its first twin (J-120).
pub fn update_identity(update: IdentityUpdate<'_>, now: SystemTime) -> (IdentityFate, Batch) {
    let IdentityUpdate { hub, identity, twin, present, earlier, from_webhook, from_enrollment } =
        update;
    let first = || from_webhook.unwrap_or(from_enrollment);
    let began = |twin: &InitialTwin, source| {
        let twin = (*twin != InitialTwin::default()).then_some(source);
        match (present, earlier) {
            (None, None) => IdentityFate::Made { twin },
            (_, earlier) => IdentityFate::Reset { from: earlier.map(|it| it.hub.clone()), twin },
        }
    };
    let source = from_webhook.map_or(TwinSource::Enrollment, |_| TwinSource::Webhook);
    let salt = identity.salt;
    let authentication = identity.authentication.clone();
    let (fate, device) = match (twin, present, earlier) {
        (TwinHandling::Kept, Some(present), _) => {
            (IdentityFate::Kept, present.with_authentication(authentication, now, salt))
        }
        (TwinHandling::Moved, _, Some(earlier)) => {
            let identity = NewIdentity { is_edge: earlier.is_edge, ..identity };
            let fresh = HubDevice::new(hub, identity, &InitialTwin::default(), now);
            let moved = fresh.with_twin(earlier.twin.moved(), now, salt);
            (IdentityFate::Moved { from: earlier.hub.clone() }, moved)
        }
        (TwinHandling::FreshFromEnrollment, ..) => {
            let fate = began(from_enrollment, TwinSource::Enrollment);
            (fate, HubDevice::new(hub, identity, from_enrollment, now))
        }
        (TwinHandling::Kept | TwinHandling::Moved | TwinHandling::Fresh, ..) => {
            (began(first(), source), HubDevice::new(hub, identity, first(), now))
        }
    };
    let left = earlier.filter(|_| twin != TwinHandling::Kept).map(HubDevice::key);
    let removal = left.into_iter().map(Change::RemoveHubDevice);
    // One that is as it was need not be written again.
    let arrived = (present != Some(&device)).then(|| Change::PutHubDevice(Arc::new(device)));
    (fate, removal.chain(arrived).collect())
}

/// The devices whose identity a batch removes or makes anew: whoever is connected as one is
/// disconnected.
pub fn to_disconnect<'a>(
    changes: &'a [Change],
    present: Option<&'a HubDevice>,
) -> impl Iterator<Item = HubKey> + 'a {
    changes.iter().filter_map(move |change| match change {
        Change::RemoveHubDevice(key) => Some(key.clone()),
        Change::PutHubDevice(device) => {
            present.filter(|present| present.generation != device.generation).map(|_| device.key())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::attestation::DeviceKey;
    use crate::service::record::Authentication;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn keys() -> Authentication {
        let key = DeviceKey::generate();
        Authentication::Keys { primary: key.clone(), secondary: key }
    }

    fn identity(authentication: Authentication) -> NewIdentity {
        NewIdentity { device_id: "pump".parse().unwrap(), authentication, is_edge: false, salt: 7 }
    }

    fn name(hub: &str) -> HubName {
        hub.parse().unwrap()
    }

    fn pump_on(hub: &str) -> HubKey {
        HubKey::new(&name(hub), &"pump".parse().unwrap())
    }

    fn initial(site: &str) -> InitialTwin {
        InitialTwin::read(&format!(r#"{{"properties":{{"desired":{{"site":"{site}"}}}}}}"#))
            .unwrap()
    }

    /// A device that has lived on a hub: its twin was changed and reported to.
    fn lived_on(hub: &str) -> HubDevice {
        let device = HubDevice::new(&name(hub), identity(keys()), &initial("first"), at(1));
        let twin = device.twin.report(br#"{"fw":"1.0"}"#, at(2)).unwrap();
        device.with_twin(twin, at(2), 8)
    }

    struct Case {
        twin: TwinHandling,
        present: Option<HubDevice>,
        earlier: Option<HubDevice>,
        from_webhook: Option<InitialTwin>,
    }

    /// The device on `east` afterwards, and the key that was removed.
    fn updated(case: &Case) -> (HubDevice, Option<HubKey>) {
        let fresh = keys();
        let (_, changes) = update_identity(
            IdentityUpdate {
                hub: &name("east"),
                identity: identity(fresh.clone()),
                twin: case.twin,
                present: case.present.as_ref(),
                earlier: case.earlier.as_ref(),
                from_webhook: case.from_webhook.as_ref(),
                from_enrollment: &initial("enrollment"),
            },
            at(9),
        );
        let (mut device, mut removed) = (None, None);
        for change in changes {
            match change {
                Change::PutHubDevice(it) => device = Some(it.as_ref().clone()),
                Change::RemoveHubDevice(key) => removed = Some(key),
                other => panic!("{other:?}"),
            }
        }
        let device = device.unwrap();
        assert_eq!(device.authentication, fresh, "refreshed at every registration (F.6)");
        (device, removed)
    }

    fn site(device: &HubDevice) -> String {
        device.twin.desired.values.values()["site"].as_str().unwrap().to_owned()
    }

    fn case(twin: TwinHandling) -> Case {
        Case { twin, present: None, earlier: None, from_webhook: None }
    }

    #[test]
    fn f_6_the_first_twin_is_the_webhooks_or_else_the_enrollments() {
        let (device, _) = updated(&case(TwinHandling::Fresh));
        assert_eq!(site(&device), "enrollment");

        let (device, _) =
            updated(&Case { from_webhook: Some(initial("webhook")), ..case(TwinHandling::Fresh) });
        assert_eq!(site(&device), "webhook");
    }

    #[test]
    fn f_6_a_kept_twin_is_untouched() {
        let present = lived_on("east");

        let (device, removed) = updated(&Case {
            present: Some(present.clone()),
            from_webhook: Some(initial("webhook")),
            ..case(TwinHandling::Kept)
        });

        assert_eq!((&device.twin, &device.generation), (&present.twin, &present.generation));
        assert_eq!(removed, None);
    }

    #[test]
    fn f_6_a_moved_twin_takes_all_along_and_the_old_hub_forgets_the_device() {
        let earlier = lived_on("west");

        let (device, removed) = updated(&Case {
            earlier: Some(earlier.clone()),
            from_webhook: Some(initial("webhook")),
            ..case(TwinHandling::Moved)
        });

        assert_eq!(device.twin, earlier.twin.moved());
        assert_eq!(removed, Some(earlier.key()));
    }

    #[test]
    fn k_8_a_move_takes_the_capabilities_along_and_a_reset_has_the_enrollments() {
        let earlier = HubDevice { is_edge: true, ..lived_on("west") };

        for (twin, is_edge) in [(TwinHandling::Moved, true), (TwinHandling::Fresh, false)] {
            let (device, _) = updated(&Case { earlier: Some(earlier.clone()), ..case(twin) });

            assert_eq!(device.is_edge, is_edge, "{twin:?}");
        }
    }

    #[test]
    fn f_6_a_reset_to_another_hub_reports_nothing_and_the_old_hub_forgets_the_device() {
        let (device, removed) = updated(&Case {
            earlier: Some(lived_on("west")),
            from_webhook: Some(initial("webhook")),
            ..case(TwinHandling::Fresh)
        });

        assert_eq!(site(&device), "webhook");
        assert!(device.twin.reported.values.is_empty());
        assert_eq!(removed, Some(pump_on("west")));
    }

    #[test]
    fn j_3_a_reset_on_the_same_hub_takes_the_enrollments_twin_only() {
        let present = lived_on("east");

        let (device, removed) = updated(&Case {
            present: Some(present.clone()),
            from_webhook: Some(initial("webhook")),
            ..case(TwinHandling::FreshFromEnrollment)
        });

        assert_eq!(site(&device), "enrollment");
        assert!(device.twin.reported.values.is_empty());
        assert_ne!(device.generation, present.generation, "a new identity");
        assert_eq!(removed, None);
    }

    #[test]
    fn j_120_what_is_not_there_cannot_be_kept_or_moved() {
        for twin in [TwinHandling::Kept, TwinHandling::Moved] {
            assert_eq!(site(&updated(&case(twin)).0), "enrollment", "{twin:?}");
        }
    }

    #[test]
    fn whoever_is_connected_as_an_identity_that_goes_has_to_leave() {
        let (old, new) = (
            lived_on("east"),
            HubDevice::new(&name("east"), identity(keys()), &initial("x"), at(9)),
        );
        let changes =
            [Change::RemoveHubDevice(pump_on("west")), Change::PutHubDevice(Arc::new(new))];

        let names = |present| to_disconnect(&changes, present).collect::<Vec<_>>();

        assert_eq!(names(None), [pump_on("west")]);
        assert_eq!(names(Some(&old)).len(), 2);
    }
}
