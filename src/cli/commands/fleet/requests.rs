//! Whether devices ask for certificates, and where they keep what they are issued.

use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::devices::Devices;
use crate::cli::args::service::ServiceArgs;
use crate::cli::input::plain;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::fleet::{FilePattern, IssuedFiles, Requests};
use crate::pki::new_request;

const KEPT: &str = "--issued-cert";

/// Certificates that devices ask for.
#[derive(Debug, Args)]
pub(super) struct RequestArgs {
    /// Each device asks for a certificate, with a new key of its own
    #[arg(long)]
    new_keys: bool,
    /// Keep what each is issued, then its private key, in a file such as 'issued/{reg_id}.pem', which
    /// --cert reads
    #[arg(long, value_name = "PEM", requires = "new_keys")]
    issued_cert: Option<FilePattern>,
}

impl RequestArgs {
    /// What devices ask for. What would be wrong with the first is found before anything is sent.
    pub(super) fn requests(
        &self,
        devices: &Devices,
        service: &ServiceArgs,
    ) -> Result<Option<Requests>, Report> {
        if !self.new_keys {
            return Ok(None);
        }
        service.check_issues_certificates()?;
        if let Some((id, _)) = &devices.first {
            new_request(id.as_str())
                .map_err(|error| Report::usage(format!("--new-keys: {id}: {error}")))?;
        }
        Ok(Some(Requests { kept: self.kept(devices)? }))
    }

    fn kept(&self, devices: &Devices) -> Result<Option<IssuedFiles>, Report> {
        let Some(file) = self.issued_cert.clone() else { return Ok(None) };
        if !file.tells_apart() && devices.count != Some(1) {
            return Err(Report::usage(format!("{KEPT}: all devices would have the same file"))
                .remedy(
                    "put {reg_id} into its name, which becomes the device's: 'issued/{reg_id}.pem'",
                ));
        }
        if let Some((id, number)) = &devices.first {
            let path = file.path(id, *number);
            private_file::make_folder(&path).and_then(|()| private_file::check(&path)).map_err(
                |error| {
                    let path = path.display();
                    Report::usage(format!("{KEPT}: cannot write {path}: {}", plain(&error)))
                        .remedy("its folder has to be one, or one that can be made")
                },
            )?;
        }
        let write = |path: &Path, content: &[u8]| {
            private_file::make_folder(path)?;
            private_file::replace(path, content)
        };
        Ok(Some(IssuedFiles { file, write: Arc::new(write) }))
    }
}
