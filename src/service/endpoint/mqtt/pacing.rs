//! How soon a client can bear its answer (J-200).
//!
//! Pure. azure-iot-sdk-java publishes first and waits for the answer only then: an answer that comes
//! within about a millisecond finds nobody waiting, and the client waits for ever. The real service is
//! never that near. Whoever is known to be ready before it publishes is not held up.

use std::time::Duration;

use crate::wire::UserName;

/// No answer to a client that is not known comes sooner after its request.
pub(super) const EARLIEST: Duration = Duration::from_millis(5);

/// The products whose code waits for the answer before it asks: ours, and the SDKs for Python, Node
/// and .NET.
const READY: [&str; 4] = [
    "provision-sim",
    "azure-iot-device-provisioning-py",
    "azure-iot-provisioning-device",
    "Microsoft.Azure.Devices.Provisioning.Client",
];

/// How long after its request a client of this user name is answered at the earliest.
pub(super) fn earliest_answer(user_name: &str) -> Duration {
    let product = user_name.parse().ok().and_then(|name: UserName| name.client_version);
    match product {
        Some(product) if is_ready(&product) => Duration::ZERO,
        _ => EARLIEST,
    }
}

fn is_ready(product: &str) -> bool {
    // `name/version`, escaped by some.
    let name = product.split(['/', '%']).next().unwrap_or_default();
    READY.contains(&name) || is_c(product)
}

/// The C SDK gives its version and no name, such as `1.15.0`. Java's `2019-03-31` is none.
fn is_c(product: &str) -> bool {
    let parts = || product.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    parts().count() == 3 && parts().all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_200_only_clients_that_are_known_to_bear_it_are_answered_at_once() {
        for (product, earliest) in [
            ("&ClientVersion=2019-03-31", EARLIEST),
            ("&ClientVersion=com.microsoft.azure.sdk.iot%2F2.1.6", EARLIEST),
            ("&ClientVersion=provision-simulator", EARLIEST),
            ("&ClientVersion=1..0", EARLIEST),
            ("&ClientVersion=", EARLIEST),
            ("", EARLIEST),
            ("&ClientVersion=provision-sim", Duration::ZERO),
            ("&ClientVersion=provision-sim%2F0.1.0", Duration::ZERO),
            ("&ClientVersion=1.15.0", Duration::ZERO),
            (
                "&ClientVersion=azure-iot-device-provisioning-py%2F2.14.0%283.11.7%29",
                Duration::ZERO,
            ),
            ("&ClientVersion=azure-iot-provisioning-device/1.9.1", Duration::ZERO),
            ("&ClientVersion=Microsoft.Azure.Devices.Provisioning.Client%2F1.19.4", Duration::ZERO),
        ] {
            let name = format!("0ne00002193/registrations/a/api-version=2019-03-31{product}");
            assert_eq!(earliest_answer(&name), earliest, "{product}");
        }
        assert_eq!(earliest_answer("nonsense"), EARLIEST);
    }
}
