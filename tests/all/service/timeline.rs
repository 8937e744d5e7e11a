//! The whole conversation of a registration, as people are told it, letter by letter: what differs from run
//! to run is put aside.

use provision_sim::pki::TestPki;
use provision_sim::service::{EntryStatus, JournalEntry, MomentOutcome, timeline};
use provision_sim::text::spoken;
use tempfile::TempDir;

use crate::support::service::client::{Client, Device, Manners};
use crate::support::service::golden::normalised;
use crate::support::service::setup::{HUB_WEST, RETIRED_KEY, SCOPE, Setup, TestService};
use crate::support::service::token::{UPPER, derived};
use crate::support::service::webhook::{Reaction, Webhook};
use crate::support::service::within;
use crate::support::x509::{Identity, group, signed_by};

const ID: &str = "contoso-toaster-007";

/// The last entry, once it is as it is meant to be.
async fn story_when(service: &TestService, is_it: impl Fn(&JournalEntry) -> bool) -> String {
    let journal = service.inside().journal();
    let entry = within("an entry of the journal", journal.wait_for(is_it)).await;
    story(&entry)
}

/// One line a moment: who, how it went, what, and more about it.
fn story(entry: &JournalEntry) -> String {
    let moments = timeline(entry);
    assert!(moments.is_sorted_by_key(|moment| moment.at));
    let mut lines = String::new();
    for moment in moments {
        let mark = match moment.outcome {
            MomentOutcome::Good => "+",
            MomentOutcome::Bad => "!",
            MomentOutcome::Neutral => " ",
        };
        lines.push_str(&format!("{:7} {mark} {}\n", moment.actor.as_str(), moment.title));
        if let Some(detail) = moment.detail {
            lines.push_str(&format!("            {detail}\n"));
        }
    }
    let mut lines = normalised(&lines);
    if let Some(connection) = &entry.connection {
        let number = format!("(connection {})", connection.number);
        lines =
            lines.replace(&connection.peer.to_string(), "PEER").replace(&number, "(connection N)");
    }
    if let Some(id) = &entry.operation_id {
        lines = lines.replace(&**id, "OPERATION");
    }
    for attempt in entry.webhook.iter().flat_map(|webhook| &webhook.attempts) {
        lines = lines.replace(&format!("after {}\n", spoken(attempt.took)), "after SOME TIME\n");
    }
    if let Some(webhook) = &entry.webhook {
        lines =
            lines.replace(&normalised(&webhook.request), "REQUEST").replace(&*webhook.url, "URL");
    }
    if let Some((before, after)) = lines.split_once("valid until ") {
        let rest = after.split_once('Z').map_or("", |(_, rest)| rest);
        lines = format!("{before}valid until TIME{rest}");
    }
    lines
}

/// What comes before the proof of a device over MQTT.
fn beginning(id: &str, payload: &str) -> String {
    let asks = match payload {
        "" => "device    asks to register".to_owned(),
        payload => format!("device    asks to register, with a payload\n            {payload}"),
    };
    format!(
        "device    connects over MQTT from PEER (connection N)
            TLS 1.3 with TLS13_AES_256_GCM_SHA384; dialled localhost
device    says that it is {id} of the ID scope {SCOPE}, api-version 2021-06-01
            client ID {id}; keep-alive 60 s
{asks}
service + checks the user name
            the user name has the form that it must have
service + checks the client ID
            the client ID is the registration ID of the user name
service + checks the ID scope
            the ID scope is the one that is served here
service + checks the request
            the request can be read, and its api-version is served
"
    )
}

const TOKEN: &str = "service + checks the SAS token
            a SAS token was sent, and can be read
service + checks the token's resource
            the token is for this ID scope and registration ID
service + checks the token's expiry
            the token is valid until TIME
";

const PUMPS: &str = "service + checks the enrollment
            it has no individual enrollment; enrollment group \"pumps\" takes its key
service + checks the token's signature
            the token is signed with the key that is derived from the group's primary key
";

const BEGUN: &str = "service + checks the enrollment's status
            the enrollment is enabled
service   begins the operation OPERATION
";

const ACCEPTED: &str = "service   answers register with 202, retry after 3 s
            {\"operationId\":\"<operation>\",\"status\":\"assigning\"}
";

fn polled(entry: &JournalEntry) -> bool {
    entry.answers.last().is_some_and(|answer| answer.status == 200)
}

#[track_caller]
fn assert_story(found: &str, expected: &[&str]) {
    let expected = expected.concat();
    assert!(found == expected, "found:\n{found}\nexpected:\n{expected}");
}

#[tokio::test]
async fn j_218_an_accepted_toaster_and_a_webhook_that_is_asked_twice() {
    let busy = Reaction::Answer(503, "busy".to_owned());
    let webhook = Webhook::start([busy, Reaction::hub(HUB_WEST)]).await;
    let service = Setup::custom(&webhook.url(), "").webhook_retries(1).start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;

    let accepted = client.register(r#"{"payload":{"a": "<b>"}}"#).await;
    client.result_of(&accepted).await;

    let told = story_when(&service, |entry| entry.hub.is_some() && polled(entry)).await;
    // Which comes first is up to the machine.
    let told = told.replace(ACCEPTED, "");
    let told = lines_without(&told, "answers the poll with 202");
    assert_story(&told, &[
        &beginning(ID, r#"{"a":"<b>"}"#),
        TOKEN,
        PUMPS,
        BEGUN,
        "service   asks the webhook URL
            REQUEST
webhook ! answers 503 after SOME TIME
            busy
webhook + answers 200 after SOME TIME
            {\"iotHubHostName\":\"hub-west.azure-devices.net\"}
service + assigns it to hub-west.azure-devices.net as contoso-toaster-007
hub     + makes the device contoso-toaster-007
service   answers the poll with 200
            {\"operationId\":\"<operation>\",\"status\":\"assigned\",\"registrationState\":{\"symmetricKey\":{\"enrollmentGroupId\":\"pumps\"},\"registrationId\":\"contoso-toaster-007\",\"createdDateTimeUtc\":\"<time>\",\"assignedHub\":\"hub-west.azure-devices.net\",\"deviceId\":\"contoso-toaster-007\",\"status\":\"assigned\",\"substatus\":\"initialAssignment\",\"lastUpdatedDateTimeUtc\":\"<time>\",\"etag\":\"<etag>\"}}
",
    ]);
}

/// Without a line, and the detail below it.
fn lines_without(text: &str, title: &str) -> String {
    let mut lines = text.lines().peekable();
    let mut kept = String::new();
    while let Some(line) = lines.next() {
        if line.contains(title) {
            lines.next_if(|next| next.starts_with("            "));
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[tokio::test]
async fn j_218_a_heat_pump_that_the_webhook_rejects() {
    let webhook = Webhook::start([Reaction::Answer(400, "no heat pumps here".to_owned())]).await;
    let service = Setup::custom(&webhook.url(), "").start().await;
    let mut client = Client::connect(&service, &Device::new("contoso-heatpump-088")).await;

    let accepted = client.register("").await;
    client.result_of(&accepted).await;

    let told = story_when(&service, polled).await;
    let end = told.split_once("service   asks the webhook").unwrap().1;
    let end = lines_without(&end.replace(ACCEPTED, ""), "answers the poll with 202");
    assert_story(&end, &[
        " URL
            REQUEST
webhook ! answers 400 after SOME TIME
            no heat pumps here
service ! ends it with 400207: Custom allocation failed with status code: 400
            the webhook answered 400: \"no heat pumps here\"
service   answers the poll with 200
            {\"operationId\":\"<operation>\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":\"contoso-heatpump-088\",\"createdDateTimeUtc\":\"<time>\",\"status\":\"failed\",\"errorCode\":400207,\"errorMessage\":\"Custom allocation failed with status code: 400\",\"lastUpdatedDateTimeUtc\":\"<time>\",\"etag\":\"<etag>\"}}
",
    ]);
}

/// The story of a device that is refused over MQTT, behind its beginning.
async fn refused(service: &TestService, device: &Device) -> String {
    Client::connect(service, device).await.register("").await;
    let told = story_when(service, |entry| entry.status == EntryStatus::Refused).await;
    let beginning = beginning(&device.client_id, "");
    told.strip_prefix(&beginning).unwrap_or_else(|| panic!("{told}")).to_owned()
}

fn answered_401(code: u32) -> String {
    format!(
        "service ! answers register with 401
            {{\"errorCode\":{code},\"trackingId\":\"<guid>\",\"message\":\"Unauthorized\",\"timestampUtc\":\"<time>\"}}
"
    )
}

#[tokio::test]
async fn j_218_keys_and_tokens_that_are_wrong() {
    let service = Setup::new().start().await;
    let wrong = Device::with_key(ID, b"another key");
    assert_story(&refused(&service, &wrong).await, &[
        TOKEN,
        "service + checks the enrollment
            it has no individual enrollment; 2 enrollment group(s) with symmetric keys were asked
service ! checks the token's signature
            the SAS token is signed with a key that belongs to no enrollment here
service ! refuses it with 401000 for signature
            the SAS token is signed with a key that belongs to no enrollment here; it has no individual enrollment, and none of 2 enrollment group(s) with symmetric keys takes it; the key was derived from another group key, for an ID never seen here, or mistyped; provision-sim derive-key --reg-id contoso-toaster-007 gives the right one
",
        &answered_401(401_000),
    ]);

    let service = Setup::new().start().await;
    let expired = UPPER.token_until(&derived(RETIRED_KEY, ID), SCOPE, ID, 1);
    let told = refused(&service, &Device::with_password(ID, &expired)).await;
    let reason = told.split_once("refuses it with 401000 for expired\n").unwrap().1;
    let reason = reason.lines().next().unwrap().trim();
    let fault = reason.split_once("; is the").unwrap().0;
    assert_story(
        &told,
        &[
            "service + checks the SAS token
            a SAS token was sent, and can be read
service + checks the token's resource
            the token is for this ID scope and registration ID
service ! checks the token's expiry
            ",
            fault,
            "\nservice ! refuses it with 401000 for expired
            ",
            fault,
            "; is the device's clock right, and is its token renewed?\n",
            &answered_401(401_000),
        ],
    );

    let nobody = format!("idScope = \"{SCOPE}\"\nlinkedHubs = [\"{HUB_WEST}\"]");
    let service = Setup::from_config(nobody).start().await;
    let told = refused(&service, &Device::new(ID)).await;
    assert!(
        told.starts_with(
            &[
                TOKEN,
                "service ! checks the enrollment
            it has no individual enrollment, and there is no enrollment group with symmetric keys
service ! refuses it with 401000 for signature\n"
            ]
            .concat()
        ),
        "{told}"
    );

    let service = Setup::new().start().await;
    let told = refused(&service, &Device::with_password(ID, "")).await;
    assert!(
        told.starts_with(
            "service ! checks the proof
            no SAS token was sent as password
service ! refuses it with 401000 for noToken\n"
        ),
        "{told}"
    );
}

#[tokio::test]
async fn j_218_a_disabled_enrollment_and_a_quota_that_is_used_up() {
    let service = Setup::new().start().await;
    let device = Device::with_key(ID, &derived(RETIRED_KEY, ID));
    Client::connect(&service, &device).await.register("").await;
    let told =
        story_when(&service, |entry| !entry.answers.is_empty() && entry.took.is_some()).await;
    assert_story(
        &told,
        &[
            &beginning(ID, ""),
            TOKEN,
            &PUMPS.replace("pumps", "retired"),
            "service ! checks the enrollment's status
            the enrollment is disabled
service   begins the operation OPERATION
service ! ends it without a hub: its enrollment is disabled
",
            ACCEPTED,
        ],
    );

    let service = Setup::new().quotas("registrations = \"1/h\"").start().await;
    Client::connect(&service, &Device::new("pump-1")).await.register("").await;
    let told = refused(&service, &Device::new(ID)).await;
    let rest = told.strip_prefix(&[TOKEN, PUMPS].concat()).unwrap_or_else(|| panic!("{told}"));
    assert!(rest.starts_with("service ! checks the quota\n"), "{rest}");
    assert!(rest.contains("service ! refuses it with 429001 for quota\n"), "{rest}");
    assert!(rest.contains("service ! answers register with 429, retry after "), "{rest}");
}

#[tokio::test]
async fn j_218_a_certificate_of_a_stranger_and_one_that_is_enrolled() {
    let (pki, other) = (TestPki::new().unwrap(), TestPki::new().unwrap());
    let service = Setup::enrollments(&group("pumps", &signed_by(pki.root().pem()))).start().await;
    let ask = async |pki: &TestPki| {
        let identity = Identity::of(&pki.device(&ID.parse().unwrap()).unwrap());
        let mut client = Client::dial_with(&service, identity.tls(&service)).await;
        client.log_in(&Device::with_password(ID, identity.password), Manners::default()).await;
        client.register("").await;
    };
    const CERTIFICATE: &str = "service + checks the client certificate
            a client certificate was sent, and can be read
service + checks the certificate's common name
            its common name is the registration ID
service + checks the certificate's extensions
            it has no critical extension that is unknown
service + checks the certificate's validity
            it is valid now
service + checks the enrollment
            it has no individual enrollment; its chain decides which group has it
";

    ask(&other).await;
    let told = story_when(&service, |entry| entry.status == EntryStatus::Refused).await;
    assert!(
        told.contains("; dialled localhost; client certificate CN=contoso-toaster-007\n"),
        "{told}"
    );
    let rest = told.split_once(CERTIFICATE).unwrap_or_else(|| panic!("{told}")).1;
    assert!(
        rest.starts_with("service ! checks the certificate chain\n            the chain ends at "),
        "{rest}"
    );
    assert!(rest.contains("service ! refuses it with 401002 for unknownChain\n"), "{rest}");
    assert!(rest.contains("\"message\":\"CA certificate not found.\""), "{rest}");

    ask(&pki).await;
    let told = story_when(&service, |entry| entry.status == EntryStatus::Assigned).await;
    let rest = told.split_once(CERTIFICATE).unwrap_or_else(|| panic!("{told}")).1;
    assert!(
        rest.starts_with("service + checks the certificate chain\n            the chain leads to "),
        "{rest}"
    );
    assert!(rest.contains(", which is a certificate of enrollment group \"pumps\"\n"), "{rest}");
}

#[tokio::test]
async fn j_218_answers_that_say_the_same_are_told_once() {
    let service = Setup::new().assigning_polls(3).start().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    let operation_id = client.register("").await.operation_id();
    for _ in 0..5 {
        client.poll(&operation_id).await;
    }

    let journal = service.inside().journal();
    let entry = within(
        "the last answer",
        journal.wait_for(|entry| {
            entry.answers.last().is_some_and(|answer| answer.status == 200 && answer.count == 2)
        }),
    )
    .await;
    let told: Vec<_> = entry.answers.iter().map(|it| (it.status, it.count)).collect();
    assert_eq!(told, [(202, 1), (202, 3), (200, 2)]);
    assert!(story(&entry).contains("answers the poll with 202, retry after 3 s (3 times, until "));
}

#[tokio::test]
async fn j_32_a_registration_that_was_resumed_says_so() {
    let folder = TempDir::new().unwrap();
    let held = Reaction::Held(200, String::new());
    let mut webhook = Webhook::start([held, Reaction::hub(HUB_WEST)]).await;
    let url = webhook.url();
    let started = || Setup::custom(&url, "").state(folder.path()).start();
    let service = started().await;
    let mut client = Client::connect(&service, &Device::new(ID)).await;
    client.register(r#"{"payload":{"a":1}}"#).await;
    webhook.call().await;
    service.stop().await;

    let service = started().await;
    let told = story_when(&service, |entry| entry.status == EntryStatus::Assigned).await;

    assert_story(&told, &[
        "service   goes on with the registration of contoso-toaster-007, which was in progress when it ended
            {\"a\":1}
service   asks the webhook URL
            REQUEST
webhook + answers 200 after SOME TIME
            {\"iotHubHostName\":\"hub-west.azure-devices.net\"}
service + assigns it to hub-west.azure-devices.net as contoso-toaster-007
hub     + makes the device contoso-toaster-007
",
    ]);
}

#[tokio::test]
async fn j_217_a_connect_that_is_refused_is_there_and_tells_no_observer() {
    let mut service = Setup::new().start().await;
    let foreign = Device::new(ID)
        .user_name("0neFFFFFFFF/registrations/contoso-toaster-007/api-version=2021-06-01");
    let mut client = Client::dial(&service).await;
    client.say_hello(&foreign, Manners::default()).await;
    let told = story_when(&service, |entry| entry.failed_check == Some("idScope")).await;
    assert_story(
        &told,
        &["device    connects over MQTT from PEER (connection N)
            TLS 1.3 with TLS13_AES_256_GCM_SHA384; dialled localhost
device    says that it is contoso-toaster-007 of the ID scope 0neFFFFFFFF, api-version 2021-06-01
            client ID contoso-toaster-007; keep-alive 60 s
service + checks the user name
            the user name has the form that it must have
service + checks the client ID
            the client ID is the registration ID of the user name
service ! checks the ID scope
            contoso-toaster-007 asks for the ID scope 0neFFFFFFFF; 0ne00002193 is served here (A.6)
service ! refuses it for idScope
service ! answers CONNECT with CONNACK 3, and hangs up
"],
    );

    for (client_id, user_name, check) in [
        ("pump-9", "nonsense", "userName"),
        ("pump-9", "0ne00002193/registrations/pump-8/api-version=2021-06-01", "clientId"),
    ] {
        let device = Device::new(client_id).user_name(user_name);
        let mut client = Client::dial(&service).await;
        client.say_hello(&device, Manners::default()).await;
        let told = story_when(&service, |entry| entry.failed_check == Some(check)).await;
        let failed = [("userName", "user name"), ("clientId", "client ID")];
        let what = failed.iter().find(|(word, _)| *word == check).unwrap().1;
        assert!(told.contains(&format!("service ! checks the {what}\n")), "{told}");
        assert!(told.contains("CONNACK 5"), "{told}");
    }
    // Nobody knows which device this would be.
    let device = Device::new("no ID").user_name("nonsense");
    let mut client = Client::dial(&service).await;
    client.say_hello(&device, Manners::default()).await;
    assert!(client.is_closed().await);
    assert_eq!(service.inside().journal().entries().len(), 3);
    assert!(service.has_told_all(), "it is no registration");
}
