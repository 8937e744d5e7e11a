//! A local service as tests of other projects use it.

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use provision_sim::attestation::SoftwareTpm;
use provision_sim::device::{
    Credential, Error, Ports, ProvisioningClient, Registered, Settings, Transport,
};
use provision_sim::net::Route;
use provision_sim::service::{
    AllocationPolicy, EntryStatus, HubKey, Kind, Quota, Quotas, ReprovisionPolicy,
};
use provision_sim::wire::{GLOBAL_ENDPOINT, Substatus};
use provision_sim::{AllocationAnswer, EnrollmentBuilder, Expectation, LocalService};
use serde_json::{Value, json};

mod seeded;

const EAST: &str = "hub-east.azure-devices.net";
const WEST: &str = "hub-west.azure-devices.net";

fn settings(service: &LocalService, id: &str) -> Settings {
    service.device_settings(&id.parse().expect("a registration ID"))
}

async fn register(settings: Settings) -> Result<Registered, Error> {
    ProvisioningClient::new(settings).register(&mut |_| ()).await
}

/// What a device sends that was given the key of another.
fn with_wrong_key(service: &LocalService, id: &str) -> Settings {
    let key = service.device_key(&"somebody-else".parse().expect("a registration ID"));
    Settings { credential: Credential::SymmetricKey(key), ..settings(service, id) }
}

/// The text with which `act` panics.
fn panic_text(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).expect_err("a panic");
    *panic.downcast::<String>().expect("a text")
}

#[tokio::test]
async fn a_device_registers_over_every_transport_and_the_expectations_are_met() {
    let service = LocalService::start().await.unwrap();
    service.expect(
        Expectation::registration("PUMP-1").assigned_to(LocalService::DEFAULT_HUB).times(5),
    );
    service.expect(Expectation::any_registration().refused().never());

    for transport in
        [Transport::Mqtt, Transport::MqttWs, Transport::Https, Transport::Amqp, Transport::AmqpWs]
    {
        let registered = register(Settings { transport, ..settings(&service, "pump-1") }).await;
        assert_eq!(registered.unwrap().assigned_hub, LocalService::DEFAULT_HUB);
    }

    service.verify().await;
}

#[tokio::test]
async fn the_next_service_on_a_state_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let key =
        "oiK77Oy7rBw8YB6IS6ukRChAw+Yq6GC61RMrPLSTiOOtdI+XDu0LmLuNm11p+qv2I+adqGUdZHm46zXAQdZoOA==";
    let group = || EnrollmentBuilder::group(LocalService::DEFAULT_GROUP).symmetric_key(key);
    let start = || LocalService::builder().enrollment(group()).state(folder.path()).start();

    let first = start().await.unwrap();
    register(settings(&first, "pump-1")).await.unwrap();
    drop(first);
    let second = start().await.unwrap();
    let again = register(settings(&second, "pump-1")).await.unwrap();

    assert_eq!(again.substatus, Some(Substatus::ReprovisionedToInitialAssignment));
}

#[tokio::test]
async fn two_services_run_side_by_side_and_know_nothing_of_each_other() {
    let (one, other) = (LocalService::start().await.unwrap(), LocalService::start().await.unwrap());
    one.expect(Expectation::any_registration().times(1));
    other.expect(Expectation::any_registration().never());

    register(settings(&one, "pump-1")).await.unwrap();
    let stranger =
        register(Settings { tls: settings(&other, "a").tls, ..settings(&one, "a") }).await;

    assert!(matches!(stranger, Err(Error::Network(_))), "another CA: {stranger:?}");
    assert_ne!(one.mqtt_address(), other.mqtt_address());
    assert_ne!(*one.group_key().to_base64(), *other.group_key().to_base64());
    one.verify().await;
    other.verify().await;
}

#[tokio::test]
async fn j_155_a_test_that_blocks_its_only_thread_does_not_starve_the_service() {
    let service = LocalService::start().await.unwrap();
    let device = ProvisioningClient::new(settings(&service, "pump-1"));

    // A blocking client in the middle of an async test.
    let registered = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(device.register(&mut |_| ()))
    });

    assert_eq!(registered.join().unwrap().unwrap().device_id, "pump-1");
}

#[test]
fn j_155_a_test_without_a_runtime_can_start_it_too_and_its_ports_are_closed_at_the_end() {
    let service = LocalService::builder().start_blocking().unwrap();
    let (addresses, ca_file) = (
        [service.mqtt_address(), service.https_address(), service.amqp_address()],
        service.ca_file().to_owned(),
    );
    for address in addresses {
        TcpStream::connect(address).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&ca_file).unwrap(), service.ca_pem());

    drop(service);

    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address}");
    }
    assert!(!ca_file.exists());
}

#[tokio::test]
async fn an_allocation_function_is_asked_and_its_answer_counts() {
    let (tell, asked) = mpsc::channel();
    let service = LocalService::builder()
        .hub(EAST)
        .hub(WEST)
        .allocation_function(move |request: &Value| {
            tell.send(request.clone()).unwrap();
            match request["deviceRuntimeContext"]["payload"]["model"].as_str() {
                Some("toaster") => AllocationAnswer::hub(WEST)
                    .with_initial_twin(json!({ "properties": { "desired": { "slots": 2 } } }))
                    .with_payload(json!({ "welcome": true })),
                _ => AllocationAnswer::refuse("toasters only"),
            }
        })
        .start()
        .await
        .unwrap();

    let payload = Some(r#"{"model":"toaster"}"#.parse().unwrap());
    let toaster = register(Settings { payload, ..settings(&service, "toaster-1") }).await.unwrap();
    let kettle = register(settings(&service, "kettle-1")).await.unwrap_err();

    let request = asked.recv().unwrap();
    assert_eq!(request["deviceRuntimeContext"]["registrationId"], "toaster-1");
    assert_eq!(request["linkedHubs"], json!([EAST, WEST]));
    assert_eq!(toaster.assigned_hub, WEST);
    assert_eq!(toaster.payload.unwrap().as_json(), r#"{"welcome":true}"#);
    let device = service
        .service()
        .hubs()
        .device(&HubKey::new(&WEST.parse().unwrap(), &"toaster-1".parse().unwrap()))
        .unwrap();
    assert_eq!(device.twin.for_device().values()["desired"]["slots"], 2);
    assert!(kettle.to_string().contains("400"), "{kettle}");
    service.expect(
        Expectation::registration("toaster-1")
            .assigned_to(WEST)
            .by_enrollment(LocalService::DEFAULT_GROUP)
            .with_payload(json!({ "model": "toaster" }))
            .times(1),
    );
    service.expect(Expectation::registration("kettle-1").failed_with(400_207).times(1));
    service.verify().await;
}

#[tokio::test]
async fn an_allocation_function_that_panics_has_answered_500() {
    let service = LocalService::builder()
        .webhooks(provision_sim::service::WebhookSettings { retries: vec![], ..Default::default() })
        .allocation_function(|_| panic!("a defect of the test's own function"))
        .start()
        .await
        .unwrap();

    register(settings(&service, "pump-1")).await.unwrap_err();

    let entry = service.wait_for_registration("pump-1").await.unwrap();
    let attempts = &entry.webhook.as_ref().unwrap().attempts;
    assert_eq!(attempts[0].status, Some(500));
    assert_eq!(attempts[0].body.as_deref(), Some("the allocation function panicked"));
}

#[tokio::test]
async fn enrollments_are_those_that_were_asked_for() {
    let policy = ReprovisionPolicy { update_hub_assignment: true, migrate_device_data: false };
    let pki = provision_sim::pki::TestPki::new().unwrap();
    let service = LocalService::builder()
        .id_scope("0ne0000abcd")
        .hub(EAST)
        .hub(WEST)
        .enrollment(
            EnrollmentBuilder::group("pumps")
                .static_hub(WEST)
                .initial_twin(json!({ "tags": { "kind": "pump" } }))
                .reprovision_policy(policy),
        )
        // J-212.
        .enrollment(EnrollmentBuilder::group("certified").x509(pki.root().pem()).hubs([EAST, WEST]))
        .enrollment(
            EnrollmentBuilder::individual("boss")
                .symmetric_key("AAAAAAAAAAAAAAAAAAAAAA==")
                .member("deviceId", json!("boss-1")),
        )
        .enrollment(EnrollmentBuilder::individual("gone").disabled())
        .enrollment(EnrollmentBuilder::group("asking").webhook_url("http://127.0.0.1:1/?code=x"))
        .start()
        .await
        .unwrap();

    let enrollments = service.service().enrollments();
    let group = |name| enrollments.find(Kind::Group, name).unwrap();

    assert_eq!(service.id_scope().as_str(), "0ne0000abcd");
    assert_eq!(group("pumps").reprovision_policy, Some(policy));
    assert_eq!(group("pumps").first_twin().tags.values()["kind"], "pump");
    assert_eq!(group("certified").allocation_policy, Some(AllocationPolicy::Hashed));
    assert_eq!(group("asking").allocation_policy, Some(AllocationPolicy::Custom));
    assert!(!enrollments.find(Kind::Individual, "gone").unwrap().is_enabled());
    assert!(enrollments.find(Kind::Group, LocalService::DEFAULT_GROUP).is_some());
    let key = Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap());
    let boss = register(Settings { credential: key, ..settings(&service, "boss") }).await.unwrap();
    assert_eq!(boss.device_id, "boss-1");
}

#[tokio::test]
async fn j_156_a_configuration_can_be_given_as_text_or_file_and_the_default_group_is_there_too() {
    let text = format!(
        "idScope = \"0ne0000abcd\"\nlinkedHubs = [\"{EAST}\"]\nassigningPolls = 1\n\
         [quotas]\nregistrations = \"1/1h\"\n"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &text).unwrap();

    for builder in [
        LocalService::builder().config_toml(&text),
        LocalService::builder().config_file(file.path()),
    ] {
        let mut quotas = Quotas::NONE;
        quotas.set(Quota::Registrations, None);
        let service = builder.quotas(quotas).start().await.unwrap();

        for _ in 0..2 {
            let registered = register(settings(&service, "pump-1")).await.unwrap();
            assert_eq!(registered.assigned_hub, EAST);
        }
        let entries = service.journal().entries();
        assert!(entries.iter().all(|entry| entry.polls > 1), "one poll was answered `assigning`");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_start_and_never_with_a_key() {
    let error = |builder: provision_sim::local_service::LocalServiceBuilder| async {
        builder.start().await.unwrap_err().to_string()
    };
    let group = |name| EnrollmentBuilder::group(name);
    let builder = LocalService::builder;

    for (wrong, reason) in [
        (
            builder().config_toml("idScpe = \"s3cr3t\""),
            "the configuration is wrong: line 1: unknown member",
        ),
        (builder().config_file("/nonexistent/world.toml"), "cannot read /nonexistent/world.toml"),
        (builder().id_scope("a b"), "idScope"),
        (builder().hub("a b"), "linkedHubs"),
        (
            builder().enrollment(group("pumps").initial_twin(json!({ "tags": { "a": null } }))),
            "the enrollment \"pumps\" has a null in it",
        ),
        (builder().enrollment(group("pumps").symmetric_key("s3cr3t")), "\"pumps\""),
        (
            builder().enrollment(group(LocalService::DEFAULT_GROUP).symmetric_key("s3cr3t")),
            "the key of the group local-devices",
        ),
        (builder().enrollment(group("Local-Devices").x509("")), "must have a symmetric key"),
    ] {
        let said = error(wrong).await;
        assert!(said.contains(reason) && !said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn an_expectation_that_is_not_met_shows_the_whole_conversation_and_no_secret() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let service = LocalService::builder()
        .hub(WEST)
        .allocation_function(|_| {
            AllocationAnswer::raw(400, "no, at /a?b=c&code=s3cr3t\n  #9 forged")
        })
        .start_blocking()
        .unwrap();
    let payload = Some(r#"{"model":"kettle"}"#.parse().unwrap());
    let kettle = Settings { payload, ..settings(&service, "kettle-1") };
    runtime.block_on(register(kettle)).unwrap_err();
    runtime.block_on(register(with_wrong_key(&service, "pump-1"))).unwrap_err();
    service.expect(Expectation::registration("kettle-1").assigned_to(WEST).times(1));
    service.expect(Expectation::registration("pump-1").refused_by("signature").times(1));
    service.expect(Expectation::registration("pump-1").assigned());

    let text = panic_text(|| runtime.block_on(service.verify()));

    let head = "\
2 of 3 expectations not met

  expected: exactly 1 registration of kettle-1 that is assigned to hub-west.azure-devices.net
  found:    0
            not #1: failed with 400207";
    assert!(text.starts_with(head), "{text}");
    for part in [
        "\n  expected: at least 1 registration of pump-1 that is assigned\n  found:    0\n            not #2: refused with 401000",
        "\nThe service saw 2 registrations:\n  #1 kettle-1 over MQTT, ",
        "\n     failed with 400207: ",
        " device connects over MQTT from 127.0.0.1:",
        " device asks to register, with a payload\n              {\"model\":\"kettle\"}\n",
        ": in order\n         0 ms service begins the operation ",
        " service asks the webhook http://127.0.0.1:",
        "/api/Allocate1?****\n              {\"enrollmentGroup\":",
        " webhook answers 400 after ",
        "&code=****",
        "\\n  #9 forged",
        "\n  #2 pump-1 over MQTT, ",
        "; the check that failed: signature\n",
        "service checks the token's signature\n              the SAS token is signed with ",
        "service answers register with 401\n",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let keys = [
        service.group_key().to_base64(),
        service.device_key(&"pump-1".parse().unwrap()).to_base64(),
    ];
    for secret in
        keys.iter().map(|key| key.as_str()).chain(["code=s3cr3t", "SharedAccessSignature"])
    {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(service.check().unwrap_err().to_string(), text);
    assert_eq!(panic_text(|| drop(service)), text);
}

#[tokio::test]
async fn j_157_a_registration_in_progress_is_let_end_before_it_is_verified() {
    let (release, held) = mpsc::channel();
    let held = std::sync::Mutex::new(held);
    let service = LocalService::builder()
        .allocation_function(move |_| {
            let _ = held.lock().map(|held| held.recv());
            AllocationAnswer::hub(LocalService::DEFAULT_HUB)
        })
        .expect(Expectation::registration("pump-1").assigned())
        .start()
        .await
        .unwrap();
    let device = tokio::spawn(register(settings(&service, "pump-1")));
    service.journal().wait_for(|entry| entry.webhook.is_some()).await;
    assert!(service.check().unwrap_err().to_string().contains("not #1: is still in progress"));

    // In this order: the function is released when `verify` is waiting already.
    tokio::join!(service.verify(), async { release.send(()).unwrap() });

    device.await.unwrap().unwrap();
}

#[test]
fn j_157_requests_that_are_put_off_count_too() {
    let mut quotas = Quotas::NONE;
    quotas.set(Quota::Registrations, Some("1/1h".parse().unwrap()));
    let service = LocalService::builder().quotas(quotas).start_blocking().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    runtime.block_on(register(settings(&service, "pump-1"))).unwrap();
    let hasty = Settings { timeout: Duration::from_secs(1), ..settings(&service, "pump-1") };
    runtime.block_on(register(hasty)).unwrap_err();

    service.expect(Expectation::registration("pump-1").times(2));
    service.expect(Expectation::registration("pump-1").refused_by("quota").times(1));
    service.check().unwrap();
}

#[test]
fn a_test_that_fails_already_is_not_aborted_by_an_expectation() {
    let text = catch_unwind(|| {
        let service = LocalService::builder()
            .expect(Expectation::any_registration())
            .start_blocking()
            .unwrap();
        assert_eq!(service.journal().entries().len(), 1, "the test's own failure");
    });

    let text = *text.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("the test's own failure"), "{text}");
}

#[tokio::test]
async fn waiting_for_a_registration_ends_with_it_or_tells_what_came_instead() {
    let service =
        LocalService::builder().wait_timeout(Duration::from_millis(50)).start().await.unwrap();
    register(with_wrong_key(&service, "pump-1")).await.unwrap_err();

    let refused = service.wait_for_registration("Pump-1").await.unwrap();
    let missing = service.wait_for_registration("pump-2").await.unwrap_err();

    assert_eq!((refused.status, refused.failed_check), (EntryStatus::Refused, Some("signature")));
    let text = missing.to_string();
    assert!(text.starts_with("no registration of pump-2 has ended within 50 ms\n\nThe service saw 1 registration:\n  #1 pump-1"), "{text}");
    assert_eq!(format!("{missing:?}"), text);
}

#[tokio::test]
async fn connection_strings_lead_to_the_service_api_and_to_hubs() {
    let service = LocalService::builder().hub(WEST).start().await.unwrap();

    let (dps, hub) = (service.connection_string(), service.hub_connection_string(WEST));

    let port = service.https_address().port();
    assert!(dps.starts_with(&format!("HostName=localhost:{port};SharedAccessKeyName=")));
    assert!(hub.starts_with(&format!("HostName={WEST};SharedAccessKeyName=iothubowner;")));
    assert!(!format!("{service:?}").contains("SharedAccessKey"));
}

#[tokio::test]
async fn j_187_through_the_gateway_a_device_keeps_azures_own_names() {
    let service = LocalService::start().await.unwrap();
    let proxy = service.gateway_url();
    assert_eq!(proxy, format!("http://{}", service.gateway_address()));

    for transport in [Transport::Mqtt, Transport::Amqp, Transport::AmqpWs] {
        let direct = settings(&service, "pump-1");
        let route = Route::default().through(proxy.parse().unwrap());
        let endpoint = GLOBAL_ENDPOINT.parse().unwrap();
        let settings = Settings { endpoint, route, transport, ports: Ports::default(), ..direct };

        let registered = register(settings).await;

        assert_eq!(registered.unwrap().assigned_hub, LocalService::DEFAULT_HUB, "{transport}");
    }
}

#[tokio::test]
async fn b_5_a_tpm_is_enrolled_by_its_key_and_another_one_is_not_let_in() {
    let [own, other] = [(), ()].map(|()| Arc::new(SoftwareTpm::with_one_pair()));
    let enrolled =
        EnrollmentBuilder::individual("pump-tpm").tpm(&own.endorsement_key().to_base64());
    let service = LocalService::builder().enrollment(enrolled).start().await.unwrap();
    let with = |tpm: &Arc<SoftwareTpm>| Settings {
        transport: Transport::Https,
        credential: Credential::Tpm(tpm.clone()),
        ..settings(&service, "pump-tpm")
    };

    let registered = register(with(&own)).await.unwrap();
    let refused = register(with(&other)).await.unwrap_err();

    assert!(registered.hub_key.is_some());
    assert_eq!(refused.code().map(|code| code.0), Some(404_201));
}
