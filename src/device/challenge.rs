//! How far a device with a TPM is in proving that it has it (B.5). Pure, as the registration that it is a part
//! of.
//!
//! Over HTTPS the device introduces itself by the TPM's public keys, and is given a key that this TPM alone can
//! open. What it asks from then on, it asks with a token that is signed by that key.

use std::sync::Arc;

use super::error::Breach;
use super::exchange::Registered;
use super::wrapped_key::{HubKey, WrappedKey};
use crate::attestation::Signer;

/// How often in a row a device answers that it has the TPM, and is asked again (J-401).
const MAX_IN_A_ROW: u32 = 2;

/// Where a device with a TPM stands.
#[derive(Debug)]
pub(super) struct Challenge {
    /// Whether it proves itself by requests. Over AMQP the sign-in has done it.
    is_asked: bool,
    has_key: bool,
    /// Keys that it was given since the service last believed it.
    in_a_row: u32,
    /// What the TPM is to take next.
    given: Option<WrappedKey>,
    /// The hub, as long as the TPM has not taken the key for it.
    registered: Option<Registered>,
}

impl Challenge {
    /// A device that has no key so far, and introduces itself.
    pub(super) fn by_requests() -> Self {
        Self { is_asked: true, has_key: false, in_a_row: 0, given: None, registered: None }
    }

    /// A device that proves itself while its connection is opened.
    pub(super) fn by_sign_in() -> Self {
        Self { is_asked: false, ..Self::by_requests() }
    }

    /// Whether it has to introduce itself before it can ask for anything.
    pub(super) fn introduces(&self) -> bool {
        self.is_asked && !self.has_key
    }

    /// The service has given a key.
    pub(super) fn given(&mut self, key: WrappedKey) -> Result<(), Breach> {
        if self.in_a_row == MAX_IN_A_ROW {
            return Err(Breach::Challenges { times: self.in_a_row + 1 });
        }
        self.in_a_row += 1;
        (self.has_key, self.given) = (false, Some(key));
        Ok(())
    }

    /// The service has named a hub, and given the key for it.
    pub(super) fn assigned(&mut self, registered: Registered, key: WrappedKey) {
        (self.registered, self.given) = (Some(registered), Some(key));
    }

    /// The service believes the device.
    pub(super) fn believed(&mut self) {
        self.in_a_row = 0;
    }

    /// The service does not believe a token that it believed before; whether another key may help.
    pub(super) fn was_forgotten(&mut self) -> bool {
        let may_ask_again = self.is_asked && self.has_key && self.in_a_row == 0;
        self.has_key &= !may_ask_again;
        may_ask_again
    }

    /// What the TPM is to take now. Told once.
    pub(super) fn takes(&mut self) -> Option<WrappedKey> {
        self.given.take()
    }

    /// The TPM has taken it. The hub, if that was the key for it.
    pub(super) fn taken(&mut self, signer: Arc<dyn Signer>) -> Option<Registered> {
        match self.registered.take() {
            Some(registered) => {
                Some(Registered { hub_key: Some(HubKey::new(signer)), ..registered })
            }
            None => {
                self.has_key = true;
                None
            }
        }
    }
}
