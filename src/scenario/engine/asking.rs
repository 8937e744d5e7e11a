//! The certificate that a device asks for: a key and a request anew at each registration, in memory.

use crate::attestation::DeviceCertificate;
use crate::device::{Credential, Csr, IssuedChain};
use crate::pki::{NewRequest, new_request};
use crate::scenario::device::DeviceSpec;

/// A request, and its key.
pub(super) struct Asking {
    request: NewRequest,
    pub(super) csr: Csr,
}

impl Asking {
    /// Of a device that asks for a certificate; `None` if it does not.
    ///
    /// # Errors
    ///
    /// Why there can be no request.
    pub(super) fn of(device: &DeviceSpec) -> Result<Option<Self>, String> {
        if !device.csr {
            return Ok(None);
        }
        let request =
            new_request(device.registration_id.as_str()).map_err(|error| error.to_string())?;
        let csr = Csr::from_der(request.der()).map_err(|error| error.to_string())?;
        Ok(Some(Self { request, csr }))
    }

    /// What the device shows its hub.
    ///
    /// # Errors
    ///
    /// If chain and key do not fit.
    pub(super) fn credential(&self, chain: &IssuedChain) -> Result<Credential, String> {
        let key = self.request.key_pem();
        DeviceCertificate::read(chain.to_pem().as_bytes(), Some(key.as_bytes()), None)
            .map(Credential::X509)
            .map_err(|fault| fault.to_string())
    }
}
