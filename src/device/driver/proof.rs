//! The token by which a driver proves who the device is.

use super::clock::Clock;
use crate::attestation::{SasToken, SignerError};
use crate::device::registration::too_late;
use crate::device::settings::{Credential, Settings};

/// A token that begins now; none, for a device that needs none. A key that is kept elsewhere has as long to
/// sign as each step in which a connection is opened (J-400).
pub(super) async fn token(
    settings: &Settings,
    clock: &Clock,
) -> Result<Option<SasToken>, SignerError> {
    let signing = settings.token(settings.sources.now());
    match &settings.credential {
        Credential::SymmetricKey(_) | Credential::X509(_) => signing.await,
        Credential::Signer(_) => in_time(clock, signing).await,
    }
}

async fn in_time<T>(
    clock: &Clock,
    signing: impl Future<Output = Result<T, SignerError>>,
) -> Result<T, SignerError> {
    clock.until(clock.patience_ends(), signing).await.ok_or_else(too_late)?
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;

    #[tokio::test]
    async fn j_400_a_module_that_never_answers_is_not_waited_for_for_ever() {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let settings = Settings::new(
            "localhost".parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump-0042".parse().unwrap(),
            Credential::SymmetricKey("AAAAAAAAAAAAAAAAAAAAAA==".parse().unwrap()),
            client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
        );
        let clock = Clock::start(&settings, Duration::ZERO);

        let late = in_time(&clock, pending::<Result<(), _>>()).await.unwrap_err();

        assert_eq!(late.to_string(), "nothing came of it within 30 s");
    }
}
