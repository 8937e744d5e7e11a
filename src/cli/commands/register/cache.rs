//! The assignment that a device keeps between runs (`register --cache`): which hub, as which device,
//! and of whom it is good. No secret stands in it.
//!
//! Whether the hub still wants the device, only the hub can tell; nothing here decides that.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::input::plain;
use crate::cli::private_file;
use crate::device::{Registered, Settings};
use crate::wire::{ConnectionProfile, DeviceId, HubName};

/// The form of the file.
const VERSION: u64 = 1;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assignment {
    version: u64,
    /// The service that made the assignment.
    host: String,
    id_scope: String,
    registration_id: String,
    pub(crate) assigned_hub: HubName,
    pub(crate) device_id: DeviceId,
    /// Not in files of older versions, to which every hub was classic.
    #[serde(default)]
    pub(crate) connection_profile: ConnectionProfile,
}

impl Assignment {
    /// What programs read in place of the service's answer.
    pub(crate) fn as_registration(&self) -> String {
        let Self { registration_id, assigned_hub, device_id, .. } = self;
        json!({
            "status": "assigned",
            "cached": true,
            "registrationState": {
                "registrationId": registration_id,
                "assignedHub": assigned_hub,
                "deviceId": device_id,
                "status": "assigned",
            },
        })
        .to_string()
    }
}

/// The file of one device.
#[derive(Debug)]
pub(crate) struct Cache {
    path: PathBuf,
}

/// What is in the file.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// There is no file.
    Absent,
    /// An assignment of this device.
    Good(Box<Assignment>),
    /// Something that is of no use, and why; `is_ours` if it may be replaced.
    Useless { reason: String, is_ours: bool },
}

impl Cache {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The assignment that is kept for the device of `settings`. What is of no use is warned of.
    pub(crate) fn read(&self, settings: &Settings) -> Option<Assignment> {
        match self.content(settings) {
            Content::Absent => None,
            Content::Good(assignment) => Some(*assignment),
            Content::Useless { reason, .. } => {
                tracing::warn!("--cache {}: not used: {reason}", self.path.display());
                None
            }
        }
    }

    /// Keeps an assignment. The device has been provisioned whether or not this works, so that it is
    /// only warned of if it does not.
    pub(crate) fn keep(&self, settings: &Settings, registered: &Registered) {
        let path = self.path.display();
        if let Content::Useless { reason, is_ours: false } = self.content(settings) {
            tracing::warn!(
                "--cache {path}: the assignment is not kept, so as not to overwrite what is \
                 there: {reason}"
            );
            return;
        }
        let assignment = Assignment {
            version: VERSION,
            host: settings.endpoint.to_string(),
            id_scope: settings.id_scope.to_string(),
            registration_id: settings.registration_id.to_string(),
            assigned_hub: registered.assigned_hub.clone(),
            device_id: registered.device_id.clone(),
            connection_profile: registered.connection_profile.clone(),
        };
        if let Err(error) = self.write(&assignment) {
            tracing::warn!("--cache {path}: the assignment cannot be kept: {}", plain(&error));
        }
    }

    fn write(&self, assignment: &Assignment) -> std::io::Result<()> {
        let mut text = serde_json::to_string_pretty(assignment)?;
        text.push('\n');
        private_file::replace(&self.path, text.as_bytes())
    }

    fn content(&self, settings: &Settings) -> Content {
        let useless = |reason: String, is_ours| Content::Useless { reason, is_ours };
        match std::fs::read(&self.path) {
            Ok(bytes) => read(&bytes, settings),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::Absent,
            Err(error) => useless(format!("it cannot be read: {}", plain(&error)), false),
        }
    }
}

fn read(bytes: &[u8], settings: &Settings) -> Content {
    let useless = |reason: String, is_ours| Content::Useless { reason, is_ours };
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        // A file of ours that was cut off still begins as one; a key or a certificate does not.
        Err(error) => {
            let is_ours = bytes.is_empty() || bytes.starts_with(b"{");
            return useless(format!("it is damaged, or no cache ({error})"), is_ours);
        }
    };
    let is_ours = value.get("assignedHub").is_some();
    if is_ours && value.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return useless("it is of another version of this program".to_owned(), true);
    }
    let kept: Assignment = match serde_json::from_value(value) {
        Ok(kept) => kept,
        Err(error) => return useless(format!("it is damaged, or no cache ({error})"), is_ours),
    };
    let Assignment { host, id_scope, registration_id, .. } = &kept;
    let mismatch = if !settings.registration_id.names_same_device(registration_id) {
        Some(("device", registration_id, settings.registration_id.to_string()))
    } else if !settings.id_scope.matches(id_scope) {
        Some(("ID scope", id_scope, settings.id_scope.to_string()))
    } else if *host != settings.endpoint.to_string() {
        Some(("service", host, settings.endpoint.to_string()))
    } else {
        None
    };
    match mismatch {
        Some((what, kept, wanted)) => {
            useless(format!("it is of another {what} ({kept}, not {wanted})"), true)
        }
        None => Content::Good(Box::new(kept)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::device::Credential;
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;

    fn settings() -> Settings {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        Settings::new(
            "a.net".parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump-0042".parse().unwrap(),
            Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap()),
            client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
        )
    }

    fn registered() -> Registered {
        Registered {
            assigned_hub: "hub.net".parse().unwrap(),
            device_id: "p-42".parse().unwrap(),
            connection_profile: ConnectionProfile::Classic,
            operation_id: None,
            substatus: None,
            payload: None,
            issued_chain: None,
            hub_key: None,
            body: String::new(),
        }
    }

    fn reason(text: &str, settings: &Settings) -> (String, bool) {
        match read(text.as_bytes(), settings) {
            Content::Useless { reason, is_ours } => (reason, is_ours),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_kept_is_read_back_by_its_device_only_and_holds_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache.json"));
        let settings = settings();
        assert_eq!(cache.content(&settings), Content::Absent);

        cache.keep(&settings, &registered());

        let kept = cache.read(&settings).unwrap();
        assert_eq!((kept.assigned_hub.as_str(), kept.device_id.as_str()), ("hub.net", "p-42"));
        let text = std::fs::read_to_string(cache.path()).unwrap();
        assert!(!text.contains("AAAA"), "{text}");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        for (change, expected) in [
            (("pump-0042", "pump-0043"), "of another device (pump-0043, not pump-0042)"),
            (("0ne00002193", "0neOTHER"), "of another ID scope"),
            (("a.net", "b.net"), "of another service (b.net, not a.net)"),
            (("\"version\": 1", "\"version\": 2"), "another version of this program"),
            (("hub.net", "hub .net"), "damaged, or no cache (' ' at position 4"),
            (("\"p-42\"", "\"\""), "damaged, or no cache (it is empty"),
        ] {
            let (reason, is_ours) = reason(&text.replace(change.0, change.1), &settings);
            assert!(reason.contains(expected) && is_ours, "{reason}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache.json"));

        cache.keep(&settings(), &registered());

        let mode = std::fs::metadata(cache.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn j_147_a_damaged_file_is_replaced_and_somebody_elses_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(&folder.path().join("cache.json"));
        let settings = settings();
        for (text, is_replaced) in [
            ("{\"version\":1,\"host\":\"a.n", true),
            ("", true),
            (r#"{"version":1,"assignedHub":"x"}"#, true),
            ("c2VjcmV0\n", false),
            ("-----BEGIN PRIVATE KEY-----\n", false),
            (r#"{"fw":"1.0"}"#, false),
            ("[1]", false),
        ] {
            std::fs::write(cache.path(), text).unwrap();
            assert_eq!(cache.read(&settings), None);

            cache.keep(&settings, &registered());

            let after = std::fs::read_to_string(cache.path()).unwrap();
            assert_eq!(after != text, is_replaced, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes, &settings());
        }
    }
}
