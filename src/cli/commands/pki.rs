//! `pki`: certificates for tests, as files.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::cli::exit::Exit;
use crate::cli::input;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::pki::{Flaw, PkiError, TestCertificate, TestPki};
use crate::wire::RegistrationId;

/// Make a test PKI: root, intermediate, and certificates of devices
#[derive(Debug, Args)]
#[command(after_help = "\
For each --reg-id there is devices/ID-chain.pem, the certificate to present (leaf first), and
devices/ID-key.pem. All keys are EC P-256; all files of keys are readable by their owner only. Not
for devices in the field.

Examples:
  provision-sim pki --out pki --reg-id pump-0042
  provision-sim pki --out pki --reg-id pump-0042 --reg-id pump-0043 --bad

Prints the files and an enrollment group for the configuration of `provision-sim serve`.")]
pub(crate) struct Pki {
    /// Folder to write to; made if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Registration ID of a device; may be given several times
    #[arg(long, alias = "registration-id", value_name = "ID", num_args = 1..)]
    reg_id: Vec<RegistrationId>,
    /// Also make certificates that are refused, one of each kind
    #[arg(long)]
    bad: bool,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
}

/// A file to be written.
struct File {
    path: PathBuf,
    content: Zeroizing<String>,
    purpose: String,
    is_secret: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    path: &'a Path,
    purpose: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    folder: &'a Path,
    files: Vec<Written<'a>>,
    enrollment_group_toml: &'a str,
}

impl Pki {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        self.check_unique()?;
        let pki = TestPki::new().map_err(|error| pki_report(&error))?;
        let files = self.files(&pki).map_err(|error| pki_report(&error))?;
        if !self.force
            && let Some(there) = files.iter().find(|file| file.path.symlink_metadata().is_ok())
        {
            return Err(Report::usage(format!("--out: {} is already there", there.path.display()))
                .remedy("choose another folder, or overwrite with --force"));
        }
        for file in &files {
            file.write().map_err(|error| {
                let path = file.path.display();
                Report::usage(format!("--out: cannot write {path}: {}", input::plain(&error)))
            })?;
        }
        let group = enrollment_group(pki.root().pem());
        let written = |file: &'_ File| (file.path.clone(), file.purpose.clone());
        if printer.is_text() {
            let rows: Vec<_> = files.iter().map(written).collect();
            let width = rows.iter().map(|(path, _)| path.display().to_string().len()).max();
            let width = width.unwrap_or_default() + 2;
            for (path, purpose) in rows {
                printer.line(format!("{:<width$}{purpose}", path.display().to_string()));
            }
            printer.lines("\nFor the configuration of `provision-sim serve --config FILE`:\n");
            printer.lines(group.trim_end());
        } else {
            let files = files.iter();
            let files =
                files.map(|file| Written { path: &file.path, purpose: &file.purpose }).collect();
            printer.json(&Made { folder: &self.out, files, enrollment_group_toml: &group });
        }
        Ok(Exit::Done)
    }

    /// Two IDs that differ in case only are one device, and one file on many systems (D.1).
    fn check_unique(&self) -> Result<(), Report> {
        let mut seen = HashSet::new();
        match self.reg_id.iter().find(|id| !seen.insert(id.folded())) {
            Some(id) => Err(Report::usage(format!("--reg-id: {id} is there twice"))),
            None => Ok(()),
        }
    }

    fn files(&self, pki: &TestPki) -> Result<Vec<File>, PkiError> {
        let mut files = Vec::new();
        for (name, authority, purpose) in [
            ("root", pki.root(), "root: enroll it as signing certificate"),
            ("intermediate", pki.intermediate(), "signs the devices' certificates"),
        ] {
            files.push(self.file(&format!("{name}-cert.pem"), authority.pem(), purpose));
            let key = authority.key_pem();
            files.push(self.secret(&format!("{name}-key.pem"), key, "its key"));
        }
        for id in &self.reg_id {
            let purpose = format!("{id}: its certificate alone");
            files.extend(self.device("devices", id, &pki.device(id)?, &purpose));
        }
        for flaw in self.bad.then_some(Flaw::ALL).into_iter().flatten() {
            let Ok(id) = flaw.registration_id().parse() else { continue };
            let purpose = format!("{id}: refused ({})", flaw.description());
            files.extend(self.device("bad", &id, &pki.bad_device(&id, flaw)?, &purpose));
        }
        Ok(files)
    }

    fn device(
        &self,
        folder: &str,
        id: &RegistrationId,
        made: &TestCertificate,
        purpose: &str,
    ) -> [File; 3] {
        // Colons are fine in an ID, but not in a file's name everywhere.
        let name = id.as_str().replace(':', "_");
        [
            self.file(&format!("{folder}/{name}-cert.pem"), made.pem(), purpose),
            self.file(
                &format!("{folder}/{name}-chain.pem"),
                made.chain_pem(),
                &format!("{id}: what it presents, leaf first"),
            ),
            self.secret(
                &format!("{folder}/{name}-key.pem"),
                made.key_pem(),
                &format!("{id}: its key"),
            ),
        ]
    }

    fn file(&self, name: &str, content: &str, purpose: &str) -> File {
        let content = Zeroizing::new(content.to_owned());
        File { is_secret: false, ..self.secret(name, content, purpose) }
    }

    fn secret(&self, name: &str, content: Zeroizing<String>, purpose: &str) -> File {
        let path = self.out.join(name);
        File { path, content, purpose: purpose.to_owned(), is_secret: true }
    }
}

impl File {
    /// An earlier file is removed first: it may be readable by others, or a link to elsewhere.
    fn write(&self) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if self.path.symlink_metadata().is_ok() {
            std::fs::remove_file(&self.path)?;
        }
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        let mode = if self.is_secret { 0o600 } else { 0o644 };
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        // On Windows a file has the permissions of its folder.
        #[cfg(not(unix))]
        let _ = mode;
        options.open(&self.path)?.write_all(self.content.as_bytes())
    }
}

fn enrollment_group(root_pem: &str) -> String {
    format!(
        "[[enrollmentGroups]]\n\
         enrollmentGroupId = \"x509-devices\"\n\
         attestation.type = \"x509\"\n\
         attestation.x509.signingCertificates.primary.certificate = \"\"\"\n\
         {root_pem}\"\"\"\n\n\
         [[certificates]]\n\
         name = \"x509-devices-root\"\n\
         certificate = \"\"\"\n\
         {root_pem}\"\"\"\n"
    )
}

fn pki_report(error: &PkiError) -> Report {
    match error {
        PkiError::NameTooLong { .. } => Report::usage(format!("--reg-id: {error}")),
        other => Report::internal(other),
    }
}
