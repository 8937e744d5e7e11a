//! What is kept is there again, and a file that is damaged is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use redb::{Database, ReadableDatabase, TableDefinition};
use tempfile::TempDir;

use super::tables::{DEVICES, ENROLLMENTS, HUB_DEVICES, META};
use super::{Disk, Opening};
use crate::attestation::DeviceKey;
use crate::service::config::{Config, ConfiguredEnrollment, NamedWebhooks};
use crate::service::enrollment::{Enrollment, Kind, Secrets, read, show};
use crate::service::hub::{Hubs, TwinVerb};
use crate::service::record::{
    Assignment, Authentication, DeviceRecord, EnrollmentName, HubDevice, NewIdentity, Outcome,
    PendingAllocation, ProvenBy,
};
use crate::service::store::change::{Batch, Change};
use crate::service::store::codec::device;
use crate::service::store::durable::{Durable, Stored};
use crate::service::store::folder::StateError;
use crate::service::store::records::Store;
use crate::service::twin::{InitialTwin, TwinChange};
use crate::wire::{Etag, RegistrationId, Substatus};

const SCOPE: &str = "0ne00002193";

fn configured(groups: &[(&str, &str)]) -> Vec<ConfiguredEnrollment> {
    let groups = groups.iter().map(|(name, status)| {
        format!(
            "[[enrollmentGroups]]\nenrollmentGroupId = \"{name}\"\nprovisioningStatus = \"{status}\"\n\
             attestation.type = \"symmetricKey\"\n"
        )
    });
    let text = format!("idScope = \"{SCOPE}\"\n{}", groups.collect::<String>());
    Config::from_toml(&text, &[]).unwrap().configured_enrollments(&Default::default()).unwrap()
}

fn open_with(folder: &Path, groups: &[(&str, &str)]) -> Result<(Disk, Stored), StateError> {
    let id_scope = SCOPE.parse().unwrap();
    let opening = Opening {
        id_scope: &id_scope,
        configured: configured(groups),
        webhooks: NamedWebhooks::default(),
    };
    Disk::open(folder, opening)
}

fn open(folder: &Path) -> Result<(Disk, Stored), StateError> {
    open_with(folder, &[])
}

fn file(folder: &Path) -> PathBuf {
    folder.join("state.redb")
}

fn id(number: usize) -> RegistrationId {
    format!("Pump-{number}").parse().unwrap()
}

fn record(number: usize) -> DeviceRecord {
    let now = UNIX_EPOCH + Duration::new(1_772_439_330, 123_456_789);
    DeviceRecord {
        registration_id: id(number),
        enrollment: EnrollmentName { kind: Kind::Group, name: "pumps".into() },
        proven_by: ProvenBy::SymmetricKey,
        operation_id: format!("5.{number}").parse().unwrap(),
        outcome: Outcome::Assigning(Box::new(PendingAllocation {
            payload: Some(r#"{"a":1.50}"#.parse().unwrap()),
            api_version: "2021-06-01".parse().unwrap(),
            certificate: None,
            tpm: None,
            request: None,
        })),
        assignment: None,
        created: now,
        updated: now,
        etag: Etag::new(now, 7),
        before: None,
    }
}

fn hub_device(number: usize) -> HubDevice {
    let key = DeviceKey::generate();
    let authentication = Authentication::Keys { primary: key.clone(), secondary: key };
    let device_id = (&id(number)).into();
    let identity = NewIdentity { device_id, authentication, is_edge: false, salt: 7 };
    let twin = InitialTwin::read(r#"{"properties":{"desired":{"interval":30}}}"#).unwrap();
    HubDevice::new(&"Hub-West.azure-devices.net".parse().unwrap(), identity, &twin, UNIX_EPOCH)
}

fn group(name: &str) -> Enrollment {
    let json =
        format!(r#"{{"enrollmentGroupId":"{name}","attestation":{{"type":"symmetricKey"}}}}"#);
    read(Kind::Group, json.as_bytes(), UNIX_EPOCH, 7, None).unwrap()
}

fn put_group(name: &str) -> Change {
    Change::PutEnrollment(Arc::new(group(name)))
}

fn groups(stored: &Stored) -> Vec<(String, bool)> {
    stored.enrollments.groups().map(|it| (it.name().to_owned(), it.is_enabled())).collect()
}

#[test]
fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let (mut disk, stored) = open(folder.path()).unwrap();
    assert_eq!((stored.devices.len(), stored.hub_devices.len(), groups(&stored)), (0, 0, vec![]));
    let (one, two, on_hub) = (record(1), record(2), hub_device(1));
    let newer = DeviceRecord { before: Some(Box::new(one.clone())), ..record(1) };

    disk.write(&[
        vec![Change::PutDevice(Arc::new(one)), Change::PutDevice(Arc::new(two))],
        vec![Change::PutHubDevice(Arc::new(on_hub.clone())), put_group("Pumps")],
        vec![
            Change::RemoveDevice("PUMP-2".parse().unwrap()),
            Change::PutDevice(Arc::new(newer.clone())),
        ],
    ])
    .unwrap();
    drop(disk);

    let (mut disk, stored) = open(folder.path()).unwrap();
    assert_eq!(stored.devices, [Arc::new(newer)]);
    assert_eq!(stored.hub_devices, [Arc::new(on_hub.clone())]);
    assert_eq!(groups(&stored), [("Pumps".to_owned(), true)]);

    disk.write(&[vec![
        Change::ForgetDevices,
        Change::RemoveHubDevice(on_hub.key()),
        Change::RemoveEnrollment(Kind::Group, "pumps".to_owned()),
    ]])
    .unwrap();
    drop(disk);
    let (_, stored) = open(folder.path()).unwrap();
    assert_eq!((stored.devices.len(), stored.hub_devices.len(), groups(&stored)), (0, 0, vec![]));
}

#[tokio::test]
async fn i_changes_to_a_twin_outlive_the_service() {
    let folder = TempDir::new().unwrap();
    let device = hub_device(1);
    let key = device.key();
    let start = || {
        let (disk, stored) = open(folder.path()).unwrap();
        let store = Arc::new(Store::durable(disk, stored));
        (Hubs::new(vec![device.hub.clone()], store.clone(), Default::default()), store)
    };
    let (hubs, store) = start();
    store.commit(vec![Change::PutHubDevice(Arc::new(device.clone()))]).await.unwrap();
    let change =
        TwinChange::read(br#"{"tags":{"site":"b1"},"properties":{"desired":{"interval":7}}}"#)
            .unwrap();
    assert_eq!(hubs.report(&key, br#"{"fw":"1.0"}"#).await.unwrap(), 2);
    hubs.change_twin(&key, &change, TwinVerb::Patch, |_| Ok(())).await.unwrap();
    store.end();

    let (hubs, _store) = start();

    let found = hubs.device(&key).unwrap();
    assert_eq!(
        found.twin.for_device().to_string(),
        r#"{"desired":{"interval":7,"$version":2},"reported":{"fw":"1.0","$version":2}}"#
    );
    assert_eq!((found.twin.tags.values()["site"].as_str(), found.twin.version), (Some("b1"), 3));
    assert_eq!(found.generation, device.generation, "it is the same identity");
}

#[test]
fn j_123_what_the_service_api_changed_lasts_until_the_configuration_says_something_else() {
    let folder = TempDir::new().unwrap();
    let restart = |configured: &[(&str, &str)], changes: Batch| {
        let (mut disk, stored) = open_with(folder.path(), configured).unwrap();
        disk.write(&[changes]).unwrap();
        groups(&stored).into_iter().map(|(name, on)| format!("{name} {on}")).collect::<Vec<_>>()
    };
    let (both, changed) =
        ([("a", "enabled"), ("b", "enabled")], [("a", "disabled"), ("b", "enabled")]);
    let remove = |name: &str| vec![Change::RemoveEnrollment(Kind::Group, name.to_owned())];

    assert_eq!(restart(&both, remove("B")), ["a true", "b true"]);
    assert_eq!(restart(&both, vec![put_group("c")]), ["a true"], "b was deleted");
    assert_eq!(restart(&changed, vec![put_group("A")]), ["a false", "c true"], "and stays so");
    assert_eq!(restart(&changed, vec![]), ["A true", "c true"], "changed through the service API");
    assert_eq!(restart(&both, vec![put_group("b")]), ["a true", "c true"], "the text was changed");
    assert_eq!(restart(&both[..1], vec![]), ["a true", "c true"], "b is no longer configured");
    assert_eq!(restart(&[("C", "disabled")], vec![]), ["C false"], "the configuration has c now");
    assert_eq!(restart(&[], vec![]), [""; 0]);
}

#[test]
fn j_44_a_key_that_was_made_is_the_same_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let key = || {
        let (_, stored) = open_with(folder.path(), &[("a", "enabled")]).unwrap();
        let group = stored.enrollments.find(Kind::Group, "a").unwrap().clone();
        show(&group, Secrets::Shown, None)
    };

    assert_eq!(key(), key());
}

/// A folder as the last version left it that wrote format 1; `make.py` beside it tells what is in it.
#[test]
fn j_191_a_folder_of_format_1_opens_whole_and_is_of_todays_format_then() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/state-1");
    let folder = TempDir::new().unwrap();
    fs::copy(data.join("state.redb"), file(folder.path())).unwrap();
    let text = fs::read_to_string(data.join("config.toml")).unwrap();
    let mut config = Config::from_toml(&text, &["contoso:HttpTrigger1"]).unwrap();
    config.place_webhook("contoso:HttpTrigger1", "http://127.0.0.1:7/here".parse().unwrap());
    let open = || {
        let id_scope = SCOPE.parse().unwrap();
        let configured = config.configured_enrollments(&Default::default()).unwrap();
        let webhooks = config.webhooks().clone();
        let (disk, stored) =
            Disk::open(folder.path(), Opening { id_scope: &id_scope, configured, webhooks })
                .unwrap();
        drop(disk);
        stored
    };
    let shown = |stored: &Stored| -> Vec<String> {
        let all = stored.enrollments.iter();
        let shown = all.map(|it| show(it, Secrets::Shown, None));
        shown.map(|it| serde_json::to_string(&it).unwrap()).collect()
    };
    let format = || {
        let database = Database::open(file(folder.path())).unwrap();
        let meta = database.begin_read().unwrap().open_table(META).unwrap();
        meta.get("format").unwrap().unwrap().value().to_owned()
    };
    assert_eq!(format(), "1");

    let (first, again) = (open(), open());

    assert_eq!(format(), "2");
    assert_eq!(first.devices, again.devices);
    assert_eq!(first.hub_devices, again.hub_devices);
    assert_eq!(shown(&first), shown(&again));
    let names: Vec<_> = first.enrollments.iter().map(|it| it.name().to_owned()).collect();
    assert_eq!(
        names,
        [
            "Pump-Keys",
            "pump-tpm",
            "pump-x509",
            "changed",
            "custom",
            "named",
            "pumps",
            "referring",
            "signed"
        ],
        "`deleted` was"
    );
    let all = shown(&first).join("\n");
    for part in [
        r#"{"registrationId":"Pump-Keys","deviceId":"Pump#1","optionalDeviceInformation":{"n":1e3,"z":1.50,"a":null},"#,
        r#""initialTwin":{"tags":{"z":1.50,"site":"b1"},"properties":{"desired":{"t":[1e3,1.50],"z":1,"a":2}}},"#,
        r#""primaryKey":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=""#,
        r#""etag":"ImQ4MDM5ZDM5LTAwMDAtMDMwMC0wMDAwLTZiMGFiZTY3MDAwMCI=""#,
        r#""createdDateTimeUtc":"2026-11-28T11:43:35.8214749Z""#,
        r#""addedLater":{"z":1.5,"a":1000.0},"alsoLater":1.2345678901234568e+22}"#,
        r#"{"registrationId":"pump-tpm","attestation":{"type":"tpm","tpm":{"endorsementKey":"AQ==","storageRootKey":"Ag=="}},"#,
        r#""sha256Thumbprint":"B2DAE144C87F0E32ABD831D76A916992CB55490A5818C63E585D4EF44F6DB81D""#,
        r#"{"enrollmentGroupId":"changed","#,
        r#""provisioningStatus":"disabled""#,
        r#""webhookUrl":"https://www.test.test/a?code=s3cret""#,
        r#""webhookUrl":"http://127.0.0.1:7/here""#,
        r#"{"caReferences":{"primary":"root","secondary":null}}"#,
        r#""sha256Thumbprint":"9951AD753AAE3E2080D092EC900405FB2DFE8E1A009E299AFB57DE878638E43C""#,
        r#""initialTwin":{"tags":{"site":"b1"},"properties":{"desired":{"interval":1.5}}},"#,
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    let outcomes: Vec<_> = first
        .devices
        .iter()
        .map(|it| {
            let hub = it.assignment.as_ref().map_or("-", |it| it.hub.as_str());
            format!(
                "{} {} {hub} {}",
                it.registration_id,
                it.outcome.status().as_str(),
                it.before.is_some()
            )
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            "named-1 failed - false",
            "Pump-Keys assigned hub-west.azure-devices.net false",
            "pump-x509 assigned hub-west.azure-devices.net false",
            "sim-1 assigned hub-east.azure-devices.net true",
            "sim-2 assigned hub-west.azure-devices.net false",
        ]
    );
    let moved = first.hub_devices.iter().find(|it| it.device_id == "sim-1").unwrap();
    assert_eq!(
        moved.twin.for_device().to_string(),
        r#"{"desired":{"interval":7,"n":1000.0,"$version":1},"reported":{"fw":1.5,"n":1000.0,"$version":1}}"#
    );
    assert_eq!(
        (moved.hub.as_str(), moved.twin.tags.values().len()),
        ("hub-east.azure-devices.net", 2)
    );
    assert_eq!(first.hub_devices.len(), 4);
    assert!(first.hub_devices.iter().any(|it| it.device_id == "Pump#1" && it.is_edge));
}

#[test]
fn j_191_a_file_gives_back_what_its_records_no_longer_need() {
    let folder = TempDir::new().unwrap();
    let (mut disk, _) = open(folder.path()).unwrap();
    let size = || fs::metadata(file(folder.path())).unwrap().len();
    let empty = size();
    let filler = "x".repeat(1000);
    let many = |number: usize| {
        let mut record = record(number);
        record.enrollment.name = filler.as_str().into();
        Change::PutDevice(Arc::new(record))
    };
    disk.write(&[(0..20_000).map(many).collect()]).unwrap();
    let full = size();
    assert!(full > 20_000_000, "{full}");

    disk.write(&[vec![Change::ForgetDevices]]).unwrap();

    assert!(size() < empty + 1_000_000, "{} of {full}", size());
    disk.write(&[vec![many(1)]]).unwrap();
    // Deleted one by one, it is seen at the next start.
    disk.write(&[(0..20_000).map(many).collect()]).unwrap();
    disk.write(&[(1..20_000).map(|number| Change::RemoveDevice(id(number))).collect()]).unwrap();
    drop(disk);
    assert!(size() > 16 << 20, "{}", size());
    let (mut disk, stored) = open(folder.path()).unwrap();
    assert_eq!(stored.devices.len(), 1);
    assert!(size() < empty + 1_000_000, "{}", size());
    disk.write(&[vec![many(2)]]).unwrap();
    drop(disk);
    assert_eq!(open(folder.path()).unwrap().1.devices.len(), 2);
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("a/b");

    open(&folder).unwrap();

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&file(&folder))), (0o700, 0o600));
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(files, ["state.redb"], "and nothing else is left there");
}

fn error(folder: &Path) -> StateError {
    match open(folder) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// Changes a member of `meta` behind the service's back.
fn set_meta(folder: &Path, name: &str, value: &str) {
    let database = Database::open(file(folder)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(META).unwrap().insert(name, value).unwrap();
    transaction.commit().unwrap();
}

/// J-125.
#[test]
fn a_state_of_another_kind_is_refused_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let path = file(folder.path());
    let shown = path.display().to_string();

    for (content, reason) in
        [("", "it is empty"), ("idScope = \"x\"", "it is a file of another kind")]
    {
        fs::write(&path, content).unwrap();
        let told = error(folder.path()).to_string();
        assert_eq!(told, format!("{shown} is no state of provision-sim: {reason}"));
        assert_eq!(fs::read_to_string(&path).unwrap(), content, "and left as it is");
    }
    fs::remove_file(&path).unwrap();

    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u64, u64>::new("meta")).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    assert!(matches!(error(folder.path()), StateError::InUse { .. }));
    drop(database);
    assert!(error(folder.path()).to_string().ends_with("a database of another program"));
    fs::remove_file(&path).unwrap();

    drop(open(folder.path()).unwrap());
    set_meta(folder.path(), "format", "3");
    assert_eq!(
        error(folder.path()).to_string(),
        format!("{shown} has format 3; this version of provision-sim knows formats 1 to 2")
    );
    set_meta(folder.path(), "format", "2");
    set_meta(folder.path(), "idScope", "0neOther");
    assert_eq!(
        error(folder.path()).to_string(),
        format!("{shown} is the state of ID scope 0neOther, the configuration has {SCOPE}")
    );
    set_meta(folder.path(), "idScope", "0NE00002193");
    open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_one_is_refused() {
    let parent = TempDir::new().unwrap();
    let taken = parent.path().join("file");
    fs::write(&taken, "hello").unwrap();

    assert!(matches!(error(&taken), StateError::NotAFolder { .. }));
    assert!(matches!(error(&taken.join("below")), StateError::Io { .. }));
}

#[test]
fn a_record_that_cannot_be_read_is_named_without_what_is_in_it() {
    let folder = TempDir::new().unwrap();
    let spoil = |table: TableDefinition<'_, &str, &[u8]>, key: &str, json: &str| {
        let _ = fs::remove_file(file(folder.path()));
        drop(open(folder.path()).unwrap());
        let database = Database::open(file(folder.path())).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(table).unwrap().insert(key, json.as_bytes()).unwrap();
        transaction.commit().unwrap();
        drop(database);
        match error(folder.path()) {
            StateError::Damaged { reason, .. } => reason,
            other => panic!("{other}"),
        }
    };

    assert_eq!(
        spoil(DEVICES, "pump-1", r#"{"registrationId":"s3cret 7"}"#),
        "table devices, record \"pump-1\": its JSON is not what is expected, at byte 29"
    );
    let other = String::from_utf8(device::encode(&record(2)).unwrap()).unwrap();
    assert!(spoil(DEVICES, "pump-1", &other).ends_with("it stands under the name of another"));
    assert!(
        spoil(HUB_DEVICES, "west\0pump", "[]")
            .starts_with("table hubDevices, record \"west pump\"")
    );
    assert!(spoil(ENROLLMENTS, "group\0a", "{\"record\":{}}").contains("\"group a\""));
    assert!(spoil(ENROLLMENTS, "a", "{}").ends_with("its name is of no known kind"));
}

#[test]
fn a_second_service_on_the_same_state_is_refused() {
    let folder = TempDir::new().unwrap();
    let _disk = open(folder.path()).unwrap();

    assert!(matches!(error(folder.path()), StateError::InUse { .. }));
}

#[test]
fn after_a_failed_write_nothing_of_it_is_there_and_the_next_one_is_kept() {
    let folder = TempDir::new().unwrap();
    let (mut disk, _) = open(folder.path()).unwrap();
    disk.write(&[vec![Change::PutDevice(Arc::new(record(1)))]]).unwrap();
    // As after an I/O error, with the file out of reach.
    disk.database = None;
    let away = folder.path().join("away");
    fs::rename(file(folder.path()), &away).unwrap();

    let failed = disk.write(&[vec![Change::PutDevice(Arc::new(record(2)))]]).unwrap_err();
    assert!(failed.to_string().contains("state.redb"), "{failed}");

    fs::rename(&away, file(folder.path())).unwrap();
    disk.write(&[vec![Change::PutDevice(Arc::new(record(3)))]]).unwrap();
    drop(disk);
    let (_, stored) = open(folder.path()).unwrap();
    let ids: Vec<_> = stored.devices.iter().map(|it| it.registration_id.to_string()).collect();
    assert_eq!(ids, ["Pump-1", "Pump-3"]);
}

/// A file with some of everything in it.
fn filled(folder: &Path) -> Vec<u8> {
    let (mut disk, _) = open(folder).unwrap();
    let devices = (0..40).map(|number| Change::PutDevice(Arc::new(record(number))));
    let on_hubs = (0..40).map(|number| Change::PutHubDevice(Arc::new(hub_device(number))));
    disk.write(&[devices.chain(on_hubs).chain([put_group("pumps")]).collect()]).unwrap();
    drop(disk);
    fs::read(file(folder)).unwrap()
}

/// Whatever becomes of a file, it is refused, or all of it is there.
fn is_whole_or_refused(bytes: &[u8], whole: &Stored) -> Result<(), TestCaseError> {
    let folder = TempDir::new().unwrap();
    fs::write(file(folder.path()), bytes).unwrap();
    if let Ok((_, stored)) = open(folder.path()) {
        prop_assert_eq!(&stored.devices, &whole.devices);
        prop_assert_eq!(&stored.hub_devices, &whole.hub_devices);
        prop_assert_eq!(groups(&stored), groups(whole));
    }
    Ok(())
}

/// J-125.
#[test]
fn a_file_that_is_cut_off_or_has_flipped_bits_is_refused_or_whole_and_never_a_panic() {
    let folder = TempDir::new().unwrap();
    let bytes = filled(folder.path());
    let (_, whole) = open(folder.path()).unwrap();
    // Most of a small file is empty; what is not is hit more often this way.
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let position = prop_oneof![
        0..bytes.len(),
        (0..used.len()).prop_map(move |index| used[index]),
        0..512_usize,
    ];
    let damage = (position, prop_oneof![Just(None), (0..8_u8).prop_map(Some)]);
    let config = ProptestConfig { cases: 96, ..ProptestConfig::default() };
    let result = proptest::test_runner::TestRunner::new(config).run(&damage, |(at, bit)| {
        let mut damaged = bytes.clone();
        match bit {
            Some(bit) => damaged[at] ^= 1 << bit,
            None => damaged.truncate(at),
        }
        is_whole_or_refused(&damaged, &whole)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// `STATE=FOLDER cargo test --release --lib large_state -- --ignored` makes a state of a million devices,
/// or of `COUNT`; `ENROLLMENTS=1` one of as many enrollments, for `serve --state`.
#[test]
#[ignore = "makes data to measure with"]
fn a_large_state_to_measure_with() {
    let folder = PathBuf::from(std::env::var_os("STATE").unwrap());
    let (mut disk, _) = open(&folder).unwrap();
    let of_enrollments = std::env::var_os("ENROLLMENTS").is_some();
    let count = std::env::var("COUNT").map_or(1_000_000, |count| count.parse().unwrap());
    for from in (0..count).step_by(50_000) {
        let changes = (from..count.min(from + 50_000)).flat_map(|number| {
            if of_enrollments {
                let json = format!(
                    r#"{{"registrationId":"Pump-{number}","attestation":{{"type":"symmetricKey"}},"initialTwin":{{"properties":{{"desired":{{"interval":30}}}}}}}}"#
                );
                let one = read(Kind::Individual, json.as_bytes(), SystemTime::now(), 7, None);
                return vec![Change::PutEnrollment(Arc::new(one.unwrap()))];
            }
            let on_hub = hub_device(number);
            let mut record = record(number);
            record.assignment =
                Some(Assignment { hub: on_hub.hub.clone(), device_id: on_hub.device_id.clone() });
            record.operation_id = format!("5.4d1a9e0c77b2f310.{number:08}-6c0a-4c56-9f3e-2d5a4f6b8c11").parse().unwrap();
            let substatus = Substatus::InitialAssignment;
            record.outcome = Outcome::Assigned { substatus, payload: None, authentication_key: None, issued: None };
            vec![Change::PutDevice(Arc::new(record)), Change::PutHubDevice(Arc::new(on_hub))]
        });
        disk.write(&[changes.collect()]).unwrap();
    }
}
