//! A TPM that listens at an address: swtpm, or Microsoft's simulator.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::command::Primary;
use super::fault::Fault;
use super::link::Framing;
use super::operation::{Operation, TakenKey};
use crate::attestation::{
    Asked, Signer, SignerError, Tpm, TpmError, TpmPublic, TpmPublicKeys, TpmRefusal,
};
use crate::net::Endpoint;

/// Where both listen if nothing else is said.
const PORT: u16 = 2321;
/// For a connection, and for each answer (J-428).
const PATIENCE: Duration = Duration::from_secs(30);

/// A TPM 2.0 over TCP: `swtpm socket --tpm2 --server type=tcp,port=2321`, or Microsoft's simulator, which
/// listens at 2321 and 2322. Which of them it is shows when it is first asked.
///
/// It is asked on a connection of its own for each thing that is wanted, one after another, and nothing is
/// left in it: the keys that it takes are kept here, encrypted by its storage root key (J-426, J-427). What
/// was begun comes to its end, even if nobody waits for it any more.
///
/// ```no_run
/// use provision_sim::attestation::Tpm;
/// use provision_sim::device::RemoteTpm;
///
/// # async fn keys() -> Result<(), Box<dyn std::error::Error>> {
/// let tpm = RemoteTpm::new("localhost:2321".parse()?);
/// let keys = tpm.keys().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RemoteTpm(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tpm: Endpoint,
    patience: Duration,
    /// Held by whoever uses it; and how it is spoken to, once that is known.
    framing: Mutex<Option<Framing>>,
}

/// A key that a TPM at an address took, and signs with.
#[derive(Debug)]
struct RemoteKey {
    tpm: RemoteTpm,
    key: Arc<TakenKey>,
}

/// What is done with the TPM while a connection is open.
type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

impl RemoteTpm {
    /// The TPM that listens at `tpm`, at port 2321 if none is given. It is not asked for anything yet.
    pub fn new(tpm: Endpoint) -> Self {
        Self::with_patience(tpm, PATIENCE)
    }

    /// With another time than 30 seconds for a connection, and for each answer.
    pub fn with_patience(tpm: Endpoint, patience: Duration) -> Self {
        Self(Arc::new(Shared { tpm: tpm.or_port(PORT), patience, framing: Mutex::new(None) }))
    }

    /// Does some work with the TPM. It is a task of its own, so that what it made in the TPM is removed
    /// also if who asked for it goes away.
    async fn with<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: for<'a> FnOnce(&'a mut Operation) -> Work<'a, T> + Send + 'static,
    {
        let shared = Arc::clone(&self.0);
        let task = tokio::spawn(async move {
            let mut framing = shared.framing.lock().await;
            let mut operation = Operation::begin(&shared.tpm, *framing, shared.patience).await?;
            *framing = Some(operation.framing());
            let done = work(&mut operation).await;
            operation.end().await;
            done
        });
        match task.await {
            Ok(done) => done.map_err(|fault| Failure {
                is_about_what_was_given: fault.is_about_what_was_given(),
                text: format!("{}: {fault}", self.0.tpm),
            }),
            Err(_) => Err(Failure {
                is_about_what_was_given: false,
                text: format!("{}: the program ends", self.0.tpm),
            }),
        }
    }
}

/// A fault with the address of the TPM.
struct Failure {
    is_about_what_was_given: bool,
    text: String,
}

impl Tpm for RemoteTpm {
    fn keys(&self) -> Asked<'_, TpmPublicKeys, TpmError> {
        Box::pin(async {
            let asked = self.with(|operation| {
                Box::pin(async {
                    let endorsement = operation.public(Primary::Endorsement).await?;
                    Ok((endorsement, operation.public(Primary::StorageRoot).await?))
                })
            });
            let read = |what, bytes: &[u8]| {
                TpmPublic::read(bytes).map_err(|fault| {
                    TpmError::Unusable(format!("{}: its {what} is of no use: {fault}", self.0.tpm))
                })
            };
            match asked.await {
                Ok((endorsement, storage_root)) => Ok(TpmPublicKeys {
                    endorsement: read("endorsement key", &endorsement)?,
                    storage_root: read("storage root key", &storage_root)?,
                }),
                Err(failure) => Err(TpmError::Unusable(failure.text)),
            }
        })
    }

    fn take_key<'a>(&'a self, blob: &'a [u8]) -> Asked<'a, Arc<dyn Signer>, TpmError> {
        Box::pin(async {
            let blob = blob.to_vec();
            let taken = self
                .with(move |operation| Box::pin(async move { operation.take_key(&blob).await }));
            match taken.await {
                Ok(key) => Ok(Arc::new(RemoteKey { tpm: self.clone(), key: Arc::new(key) })
                    as Arc<dyn Signer>),
                Err(failure) if failure.is_about_what_was_given => {
                    Err(TpmRefusal::Other(failure.text).into())
                }
                Err(failure) => Err(TpmError::Unusable(failure.text)),
            }
        })
    }
}

impl Signer for RemoteKey {
    fn signature<'a>(&'a self, message: &'a [u8]) -> Asked<'a, [u8; 32], SignerError> {
        Box::pin(async {
            let (key, message) = (Arc::clone(&self.key), message.to_vec());
            let signed = self.tpm.with(move |operation| {
                Box::pin(async move { operation.sign(&key, &message).await })
            });
            signed.await.map_err(|failure| SignerError(failure.text))
        })
    }
}
