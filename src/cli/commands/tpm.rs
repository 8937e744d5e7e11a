//! `tpm show`: what a device with a TPM is enrolled with.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use crate::attestation::{TpmPublic, TpmPublicKeys};
use crate::cli::args::tpm::TpmArgs;
use crate::cli::exit::Exit;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::text::shell_word;
use crate::wire::RegistrationId;

/// Show what a device with a TPM is enrolled with
#[derive(Debug, Args)]
#[command(after_help = "\
A TPM is a file (made if it is not there), or listens at an address: swtpm with a TCP server, or
Microsoft's simulator.

Examples:
  provision-sim tpm show --tpm-state pump.tpm
  provision-sim tpm show --tpm localhost:2321 --reg-id pump-0042 -o json")]
pub(crate) struct TpmCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print its public keys, its registration ID, and the enrollment
    Show(Show),
}

/// Print a TPM's public keys, its registration ID, and the enrollment
///
/// Three forms of the enrollment: for a configuration, for the service API, and as a command.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    tpm: TpmArgs,
    /// Registration ID to enroll it under [default: the hash of its endorsement key]
    #[arg(long, alias = "registration-id", value_name = "ID")]
    reg_id: Option<RegistrationId>,
}

/// What is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    registration_id: String,
    endorsement_key: String,
    storage_root_key: String,
    enrollment: Value,
    enrollment_toml: String,
    command: String,
}

impl TpmCommand {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let Action::Show(show) = self.action;
        show.run(printer)
    }
}

impl Show {
    fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let named = self.tpm.open()?.ok_or_else(|| {
            Report::usage("no TPM (--tpm-state or --tpm)").remedy(
                "--tpm-state FILE takes one in software, and makes it if the file is not there",
            )
        })?;
        let keys = named.keys()?;
        if named.new_file.is_some() {
            printer.note("a new TPM; its keys are in the file");
        }
        let registration_id =
            self.reg_id.unwrap_or_else(|| keys.endorsement.registration_id()).to_string();
        let shown = Shown::new(&keys, registration_id);
        if printer.is_text() {
            shown.print(printer);
        } else {
            printer.json(&shown);
        }
        Ok(Exit::Done)
    }
}

impl Shown {
    fn new(keys: &TpmPublicKeys, registration_id: String) -> Self {
        let [key, storage_root_key] =
            [&keys.endorsement, &keys.storage_root].map(TpmPublic::to_base64);
        let enrollment = json!({
            "registrationId": registration_id,
            "attestation": { "type": "tpm", "tpm": { "endorsementKey": key } },
        });
        // Neither an ID nor Base64 has a character that TOML has to escape.
        let enrollment_toml = format!(
            "[[enrollments]]\nregistrationId = \"{registration_id}\"\nattestation.type = \"tpm\"\n\
             attestation.tpm.endorsementKey = \"{key}\"\n"
        );
        let command = format!(
            "provision-sim enrollment create --enrollment-id {} --attestation-type tpm --endorsement-key {}",
            shell_word(&registration_id),
            shell_word(&key),
        );
        Self {
            registration_id,
            endorsement_key: key,
            storage_root_key,
            enrollment,
            enrollment_toml,
            command,
        }
    }

    fn print(&self, printer: &mut Printer) {
        printer.line(format!("Registration ID:   {}", self.registration_id));
        printer.line(format!("Endorsement key:   {}", self.endorsement_key));
        printer.line(format!("Storage root key:  {}", self.storage_root_key));
        printer.lines("\nFor the configuration of `provision-sim serve --config FILE`:\n");
        printer.lines(self.enrollment_toml.trim_end());
        printer.lines("\nFor the service API:\n");
        printer.line(self.enrollment.to_string());
        printer.lines(
            "\nFor a service that runs (Azure's: `az iot dps` in place of `provision-sim`):\n",
        );
        printer.line(&self.command);
    }
}
