//! Two services of one seed say the same, byte for byte.

use std::time::{Duration, UNIX_EPOCH};

use provision_sim::device::Transport;
use provision_sim::service::JournalEntry;
use provision_sim::{AllocationAnswer, EnrollmentBuilder, LocalService};
use serde_json::json;

use super::*;

/// New Year's Day 2026.
const NEW_YEAR: Duration = Duration::from_secs(1_767_225_600);

/// What a seeded service has said and seen of a few registrations.
async fn told(seed: u64) -> String {
    let service = LocalService::builder()
        .seed(seed)
        .clock(UNIX_EPOCH + NEW_YEAR)
        .fault("register status=503 probability=0.5")
        .unwrap()
        .enrollment(EnrollmentBuilder::group("fans").static_hub(LocalService::DEFAULT_HUB))
        .allocation_function(|request| {
            match request["deviceRuntimeContext"]["registrationId"].as_str() {
                Some("pump-2") => AllocationAnswer::refuse("not this one"),
                _ => AllocationAnswer::hub(LocalService::DEFAULT_HUB)
                    .with_initial_twin(json!({ "properties": { "desired": { "slots": 2 } } })),
            }
        })
        .start()
        .await
        .unwrap();
    let mut told = vec![service.connection_string().split_once(';').unwrap().1.to_owned()];
    for transport in [Transport::Mqtt, Transport::MqttWs, Transport::Https] {
        for id in ["pump-1", "pump-2"] {
            let settings = Settings { transport, ..settings(&service, id) };
            told.push(format!("{:?}", register(settings).await));
        }
    }
    let refused = register(with_wrong_key(&service, "pump-3")).await.unwrap_err();
    told.push(format!("{refused:?}"));
    let entries = service.journal().entries();
    // The port of the function is no matter of chance that a seed could fix: it is the system's.
    let entry = |entry: &JournalEntry| {
        let entry = serde_json::to_string(entry).unwrap();
        let mut parts = entry.split("//127.0.0.1:");
        let first = parts.next().unwrap_or_default().to_owned();
        let without_port =
            |part: &str| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        parts.fold(first, |all, part| all + "//" + &without_port(part))
    };
    told.extend(entries.iter().map(|it| entry(it)));
    told.join("\n")
}

#[tokio::test]
async fn j_311_two_services_of_one_seed_say_the_same_byte_for_byte_and_another_does_not() {
    let (one, two, other) = (told(7).await, told(7).await, told(8).await);

    assert!(one.contains("2026-01-01T00:00:00"), "{one}");
    for (one, two) in one.lines().zip(two.lines()) {
        assert_eq!(one, two);
    }
    assert_eq!(one, two);
    assert_ne!(one, other);
}

/// J-312.
#[tokio::test]
async fn j_312_a_token_ends_when_the_clock_is_put_forward() {
    let service = LocalService::builder().clock(UNIX_EPOCH + NEW_YEAR).start().await.unwrap();
    let settings = settings(&service, "pump-1");
    register(settings.clone()).await.unwrap();
    assert!(service.advance_clock(2 * settings.token_lifetime));

    let late = Settings { sources: Default::default(), ..settings.clone() };
    let of_new_year = Settings { token_lifetime: Duration::ZERO, ..settings.clone() };

    // The machine's own clock is far ahead, and its tokens end later.
    register(late).await.unwrap();
    let error = register(of_new_year).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error}");
    register(settings).await.unwrap();
    assert!(!LocalService::start().await.unwrap().advance_clock(Duration::from_secs(1)));
}
