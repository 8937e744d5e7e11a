//! How a driver proves who the device is: by a token, and with a TPM by what that is given first (B.5).

use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use crate::attestation::{SasToken, Signer, SignerError, Tpm, TpmError, TpmPublicKeys};
use crate::device::exchange::Event;
use crate::device::registration::too_late;
use crate::device::settings::{Credential, Settings};
use crate::device::wrapped_key::{KeyPurpose, WrappedKey};

/// What one registration of a device proves itself by.
#[derive(Debug, Clone)]
pub(super) struct Proof<'a> {
    settings: &'a Settings,
    /// Where the device has a TPM; few have.
    platform: Option<Box<Platform>>,
}

/// A TPM, and what it has for this registration.
#[derive(Debug, Clone)]
pub(super) struct Platform {
    pub(super) tpm: Arc<dyn Tpm>,
    /// Its public keys.
    pub(super) keys: TpmPublicKeys,
    /// What it was given to sign with, and how that is called.
    key: Option<(Arc<dyn Signer>, String)>,
}

impl<'a> Proof<'a> {
    /// Asks the TPM, if there is one, for its public keys.
    pub(super) async fn begin(settings: &'a Settings, clock: &Clock) -> Result<Self, TpmError> {
        let platform = match &settings.credential {
            Credential::Tpm(tpm) => {
                let keys = in_time(clock, clock.patience(), tpm.keys(), tpm_too_late).await?;
                Some(Box::new(Platform { tpm: tpm.clone(), keys, key: None }))
            }
            _ => None,
        };
        Ok(Self { settings, platform })
    }

    /// Whose it is.
    pub(super) fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The TPM, where the device has one.
    pub(super) fn platform(&self) -> Option<&Platform> {
        self.platform.as_deref()
    }

    /// Its public keys.
    pub(super) fn keys(&self) -> Option<&TpmPublicKeys> {
        self.platform().map(|platform| &platform.keys)
    }

    /// A token that begins now; none, for a device that needs none, and for a TPM that was given nothing to
    /// sign with.
    pub(super) async fn token(&self, clock: &Clock) -> Result<Option<SasToken>, SignerError> {
        let now = self.settings.sources.now();
        match (&self.settings.credential, &self.platform) {
            (_, Some(platform)) => match &platform.key {
                Some((signer, name)) => {
                    let signing = self.settings.signed_by(&**signer, name, now);
                    in_time(clock, clock.patience(), signing, too_late).await.map(Some)
                }
                None => Ok(None),
            },
            (Credential::Signer(_), None) => {
                in_time(clock, clock.patience(), self.settings.token(now), too_late).await
            }
            (_, None) => self.settings.token(now).await,
        }
    }

    /// Lets the TPM take a key. The one to sign with is remembered.
    pub(super) async fn take_key(&mut self, given: WrappedKey, clock: &Clock) -> Event {
        let Some(platform) = &mut self.platform else {
            return Event::KeyRefused(TpmError::Unusable("the device has none".to_owned()));
        };
        let taking = platform.tpm.take_key(&given.blob);
        let taken = in_time(clock, clock.patience(), taking, tpm_too_late).await;
        match (taken, given.purpose) {
            (Ok(signer), KeyPurpose::Proof { name }) => {
                platform.key = Some((signer.clone(), name));
                Event::KeyTaken(signer)
            }
            (Ok(signer), KeyPurpose::Hub) => Event::KeyTaken(signer),
            (Err(error), _) => Event::KeyRefused(error),
        }
    }
}

fn tpm_too_late(limit: Duration) -> TpmError {
    TpmError::Unusable(too_late(limit).0)
}

/// What comes of asking hardware, which has as long as each step in which a connection is opened (J-400).
async fn in_time<T, E>(
    clock: &Clock,
    limit: Duration,
    asking: impl Future<Output = Result<T, E>>,
    too_late: impl FnOnce(Duration) -> E,
) -> Result<T, E> {
    let until = clock.at(clock.elapsed() + limit);
    clock.until(until, asking).await.unwrap_or_else(|| Err(too_late(limit)))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

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
        let clock = Clock::start(&settings, Duration::from_secs(7));
        let limit = Duration::from_millis(10);

        let late = in_time(&clock, limit, pending::<Result<(), _>>(), too_late).await.unwrap_err();

        assert_eq!(late.to_string(), "nothing came of it within 10 ms");
        assert!(clock.patience() <= Duration::from_secs(7), "a registration ends in time");
        let patient = Clock::start(&settings, Duration::from_secs(100));
        assert_eq!(patient.patience(), Duration::from_secs(30));
    }
}
