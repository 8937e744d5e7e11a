//! A TPM as arguments name it: in a file, or at an address.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::attestation::{SoftwareTpm, Tpm, TpmError, TpmPublicKeys};
use crate::cli::exit::Exit;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::device::{RemoteTpm, TpmFile};
use crate::net::Endpoint;
use crate::text::shell_word;
use crate::wire::RegistrationId;

/// The ways to name a TPM.
#[derive(Debug, Args)]
pub(crate) struct TpmArgs {
    /// File of a TPM in software; made if it is not there
    #[arg(long, value_name = "FILE")]
    pub(crate) tpm_state: Option<PathBuf>,
    /// A TPM over TCP: swtpm, or Microsoft's simulator [port: 2321]
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) tpm: Option<Endpoint>,
}

/// A TPM that was named.
#[derive(Debug)]
pub(crate) struct NamedTpm {
    pub(crate) tpm: Arc<dyn Tpm>,
    /// Which flag named it.
    flag: &'static str,
    /// Its file, if that was made just now.
    pub(crate) new_file: Option<PathBuf>,
}

impl TpmArgs {
    /// The flag that was given, if one was.
    pub(crate) fn given(&self) -> Option<&'static str> {
        match (&self.tpm_state, &self.tpm) {
            (Some(_), _) => Some("--tpm-state"),
            (None, Some(_)) => Some("--tpm"),
            (None, None) => None,
        }
    }

    /// Both of them, as they were given.
    pub(crate) fn as_given(&self) -> Vec<(&'static str, String)> {
        let file = self.tpm_state.as_ref().map(|path| ("--tpm-state", path.display().to_string()));
        let address = self.tpm.as_ref().map(|tpm| ("--tpm", tpm.to_string()));
        file.into_iter().chain(address).collect()
    }

    /// One TPM at most.
    pub(crate) fn check_given(&self) -> Result<(), Report> {
        match (&self.tpm_state, &self.tpm) {
            (Some(_), Some(_)) => Err(Report::usage(
                "--tpm-state and --tpm are both given; a device has one TPM",
            )
            .remedy(
                "give --tpm-state for one in a file, or --tpm for one that listens at an address",
            )),
            _ => Ok(()),
        }
    }

    /// The TPM that was named. One at an address is not asked for anything yet.
    pub(crate) fn open(&self) -> Result<Option<NamedTpm>, Report> {
        self.check_given()?;
        if let Some(path) = &self.tpm_state {
            let file = open_or_make(path, SoftwareTpm::generate)?;
            let new_file = file.is_new().then(|| path.clone());
            return Ok(Some(NamedTpm { tpm: Arc::new(file), flag: "--tpm-state", new_file }));
        }
        let remote = self.tpm.clone().map(RemoteTpm::new);
        Ok(remote.map(|tpm| NamedTpm { tpm: Arc::new(tpm), flag: "--tpm", new_file: None }))
    }
}

/// The TPM in a file, or one that `new` makes if there is no such file.
pub(crate) fn open_or_make(path: &Path, new: fn() -> SoftwareTpm) -> Result<TpmFile, Report> {
    TpmFile::open_or_make_with(path, new).map_err(|error| {
        Report::usage(format!("--tpm-state: {}", without_lead(&error)))
            .remedy("name a file in a folder that is there; a new TPM is made if there is none")
    })
}

impl NamedTpm {
    /// Its public keys.
    pub(crate) fn keys(&self) -> Result<TpmPublicKeys, Report> {
        run_to_end(self.tpm.keys())?.map_err(|error| self.report(&error))
    }

    /// Nobody can have enrolled a TPM that was made just now.
    pub(crate) fn warn_if_new(&self) {
        if let Some(file) = self.new_file.as_ref().map(|file| file.display().to_string()) {
            tracing::warn!(
                "--tpm-state {file}: a new TPM was made, and nobody has enrolled it yet: `provision-sim tpm show --tpm-state {}` prints its enrollment",
                shell_word(&file)
            );
        }
    }

    /// The registration ID that goes with it (B.5).
    pub(crate) fn own_id(&self) -> Result<RegistrationId, Report> {
        self.keys().map(|keys| keys.endorsement.registration_id())
    }

    fn report(&self, error: &TpmError) -> Report {
        Report::new("tpm", Exit::Identity, format!("{}: {}", self.flag, without_lead(error)))
            .remedy("start it: swtpm socket --tpm2 --tpmstate dir=DIR --server type=tcp,port=2321 --flags not-need-init")
            .remedy("or take one in software: --tpm-state FILE")
    }
}

/// What happened, without saying again that it is about a TPM: the flag says so.
fn without_lead(error: &TpmError) -> String {
    match error {
        TpmError::Unusable(text) => text.clone(),
        error => error.to_string(),
    }
}
