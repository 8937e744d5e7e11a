//! What is done with a TPM, command by command, and what is left in it afterwards: nothing.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::answer::{self, AnswerFault};
use super::command::{self, Command, Handle, MAX_MESSAGE, Primary};
use super::fault::Fault;
use super::link::{Framing, Link};
use crate::attestation::BlobParts;
use crate::net::Endpoint;

/// A key that a TPM took, as it gave it back: encrypted by its storage root key, so of no use elsewhere.
pub(super) struct TakenKey {
    private: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl fmt::Debug for TakenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TakenKey(..)")
    }
}

/// A connection, and what was made in the TPM by it. A TPM has place for three keys.
#[derive(Debug)]
pub(super) struct Operation {
    link: Link,
    made: Vec<Handle>,
}

impl Operation {
    pub(super) async fn begin(
        tpm: &Endpoint,
        known: Option<Framing>,
        patience: Duration,
    ) -> Result<Self, Fault> {
        Ok(Self { link: Link::open(tpm, known, patience).await?, made: Vec::new() })
    }

    pub(super) fn framing(&self) -> Framing {
        self.link.framing()
    }

    /// The public half of a primary key, as `TPM2B_PUBLIC`.
    pub(super) async fn public(&mut self, key: Primary) -> Result<Vec<u8>, Fault> {
        Ok(self.primary(key).await?.1)
    }

    /// Takes the key that is in a blob (B.6).
    pub(super) async fn take_key(&mut self, blob: &[u8]) -> Result<TakenKey, Fault> {
        let blob = BlobParts::read(blob)?;
        let storage_root = self.primary(Primary::StorageRoot).await?.0;
        let endorsement = self.primary(Primary::Endorsement).await?.0;
        let policy = self.make(&command::start_policy_session(), answer::handle).await?;
        self.ask(&command::policy_secret(policy), answer::done).await?;
        let activate = command::activate_credential(
            storage_root,
            endorsement,
            policy,
            blob.id_object,
            blob.encrypted_secret,
        );
        let inner_key = self.ask(&activate, answer::parameter).await?;
        let import =
            command::import(storage_root, &inner_key, blob.public, blob.private, blob.wrapped_seed);
        let private = self.ask(&import, answer::parameter).await?;
        Ok(TakenKey { private, public: blob.public.to_vec() })
    }

    /// HMAC-SHA256 of `message` with a key that it took.
    pub(super) async fn sign(&mut self, key: &TakenKey, message: &[u8]) -> Result<[u8; 32], Fault> {
        if message.len() > MAX_MESSAGE {
            return Err(Fault::TooLong(message.len()));
        }
        let storage_root = self.primary(Primary::StorageRoot).await?.0;
        let load = command::load(storage_root, &key.private, &key.public);
        let loaded = self.make(&load, answer::handle).await?;
        let signed = |bytes: &[u8]| {
            let signature = answer::parameter(bytes)?;
            let short = AnswerFault::Garbled("its signature is not 32 bytes long");
            signature.as_slice().try_into().map_err(|_| short)
        };
        self.ask(&command::hmac(loaded, message), signed).await
    }

    /// Removes from the TPM whatever was made. What cannot be removed is gone with the next restart.
    pub(super) async fn end(mut self) {
        // In the order opposite to the one in which they were made.
        while let Some(handle) = self.made.pop() {
            if let Err(fault) = self.ask(&command::flush(handle), answer::done).await {
                tracing::debug!("0x{:08X} stays in the TPM: {fault}", handle.0);
            }
        }
    }

    async fn primary(&mut self, key: Primary) -> Result<(Handle, Vec<u8>), Fault> {
        let created = self.ask(&command::create_primary(key), answer::created).await?;
        self.made.push(created.0);
        Ok(created)
    }

    async fn make(
        &mut self,
        command: &Command,
        read: impl FnOnce(&[u8]) -> Result<Handle, AnswerFault>,
    ) -> Result<Handle, Fault> {
        let handle = self.ask(command, read).await?;
        self.made.push(handle);
        Ok(handle)
    }

    async fn ask<T>(
        &mut self,
        command: &Command,
        read: impl FnOnce(&[u8]) -> Result<T, AnswerFault>,
    ) -> Result<T, Fault> {
        let answer = self.link.ask(command).await?;
        read(&answer).map_err(|fault| Fault::Answer { command: command.name, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_a_tpm_took_is_not_shown() {
        let key = TakenKey { private: Zeroizing::new(vec![77; 3]), public: vec![88; 3] };

        assert_eq!(format!("{key:?}"), "TakenKey(..)");
    }
}
