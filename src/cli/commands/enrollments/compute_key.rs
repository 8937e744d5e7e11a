//! `compute-device-key`: what `derive-key` does, with the flags of `az iot dps compute-device-key`.

use clap::Args;
use serde_json::json;

use super::target::Target;
use super::words::ID_ALIASES;
use crate::api_client::Kind;
use crate::attestation::GroupKey;
use crate::cli::args::key::group_key;
use crate::cli::exit::Exit;
use crate::cli::output::call_failure::{EXIT_CODES, explained};
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::wire::RegistrationId;

/// Derive a device's key from a group's key, as az's command of this name does
#[derive(Debug, Args)]
#[command(after_help = format!("\
`derive-key` does the same for any number of devices.

Examples:
  provision-sim compute-device-key --key @group.key --registration-id contoso-toaster-007
  provision-sim compute-device-key --local --enrollment-id pumps --registration-id pump-0042

{EXIT_CODES}"))]
pub(crate) struct ComputeDeviceKey {
    /// Registration ID of the device
    #[arg(long, aliases = ["rid", "reg-id"], value_name = "ID")]
    registration_id: RegistrationId,
    /// Key of the enrollment group [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, aliases = ["key", "group-key"], value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    symmetric_key: Option<Secret>,
    /// Name of an enrollment group, whose primary key is asked for
    #[arg(long, aliases = ID_ALIASES, value_name = "ID", conflicts_with = "symmetric_key")]
    enrollment_id: Option<RegistrationId>,
    #[command(flatten)]
    target: Target,
}

impl ComputeDeviceKey {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let key = match &self.enrollment_id {
            Some(group) => self.asked_for(group.as_str())?,
            None => group_key(self.symmetric_key.as_ref(), None, None)?
                .ok_or_else(|| Report::usage("no key: give --symmetric-key or --enrollment-id"))?,
        };
        let device_key = key.derive(&self.registration_id).to_base64();
        if printer.is_text() {
            printer.line(device_key.as_str());
        } else {
            printer.json(&json!({
                "registrationId": self.registration_id.as_str(), "deviceKey": device_key.as_str()
            }));
        }
        Ok(Exit::Done)
    }

    fn asked_for(&self, group: &str) -> Result<GroupKey, Report> {
        let session = self.target.open()?;
        let attestation = session.wait(session.client.attestation(Kind::Group, group));
        let attestation =
            attestation.map_err(|error| explained(&error, Some((Kind::Group, group))))?.value();
        let key = attestation["symmetricKey"]["primaryKey"].as_str().unwrap_or_default();
        key.parse().map_err(|_| {
            Report::usage(format!("enrollment group {group}: it has no symmetric key"))
                .remedy("devices of a group with certificates prove themselves with their own")
        })
    }
}
