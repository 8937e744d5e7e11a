//! `derive-key`: the device keys of an enrollment group.

use std::io::{BufRead, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::attestation::{DerivedText, Deriver, GroupKey};
use crate::cli::args::group::{GroupArg, LocalGroup};
use crate::cli::args::key::{GROUP_KEY_VARIABLE, group_key};
use crate::cli::args::local::LocalArg;
use crate::cli::common::Output;
use crate::cli::exit::Exit;
use crate::cli::input;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::text::Source;
use crate::wire::RegistrationId;

/// Derive device keys from an enrollment group's key
#[derive(Debug, Args)]
#[command(after_help = "\
The key of a device is Base64(HMAC-SHA256(group key, registration ID)), as DPS derives it.

Examples:
  provision-sim derive-key --group-key @group.key --reg-id contoso-toaster-007
  provision-sim derive-key --local --reg-id my-device
  seq -f 'sim-%06.0f' 1000000 | provision-sim derive-key --group-key @group.key --reg-ids -

Prints the key alone for a single --reg-id, else a line `ID<TAB>KEY` for each.")]
pub(crate) struct DeriveKey {
    /// Key of the enrollment group [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, aliases = ["key", "symmetric-key"], value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    group_key: Option<Secret>,
    #[command(flatten)]
    group: GroupArg,
    #[command(flatten)]
    local: LocalArg,
    /// Registration ID of a device; may be given several times
    #[arg(long, aliases = ["registration-id", "rid"], value_name = "ID", num_args = 1.., required_unless_present = "reg_ids")]
    reg_id: Vec<RegistrationId>,
    /// File with a registration ID a line, or - for standard input
    #[arg(long, alias = "registration-ids", value_name = "FILE|-", conflicts_with = "reg_id")]
    reg_ids: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Derived<'a> {
    registration_id: &'a str,
    device_key: &'a str,
}

impl DeriveKey {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let deriver = self.group_key(printer)?.deriver();
        if let ([only], Output::Text) = (&self.reg_id[..], printer.format) {
            printer.line(deriver.derive(only).to_base64().as_str());
            return Ok(Exit::Done);
        }
        let is_single = self.reg_id.len() == 1;
        let mut keys = Keys::new(printer.format, is_single, deriver);
        let result = self.write_all(&mut keys);
        let ended = keys.end();
        result.and(ended)
    }

    fn group_key(&self, printer: &Printer) -> Result<GroupKey, Report> {
        if self.group_key.as_deref() == Some("-")
            && self.reg_ids.as_deref().is_some_and(|path| path.as_os_str() == "-")
        {
            return Err(Report::usage(
                "--group-key and --reg-ids cannot both be read from standard input",
            ));
        }
        let local = self.local.find()?;
        if let Some(key) =
            group_key(self.group_key.as_ref(), self.group.group.as_deref(), local.as_ref())?
        {
            return Ok(key);
        }
        match local {
            Some(local) if local.is_default_world => {
                let LocalGroup { name, key } = self.group_of_devices()?;
                printer.note_group(Some(&name));
                Ok(key)
            }
            local => {
                let report = Report::usage(format!(
                    "no group key: give --group-key, or set {GROUP_KEY_VARIABLE}"
                ));
                Err(match local {
                    Some(_) => report.remedy("--group NAME takes the key of a group from the local service"),
                    None => report.remedy("for the service that `provision-sim serve` runs on this machine give --local"),
                })
            }
        }
    }

    /// The group of the default world that lets the devices in, of which one key is derived from.
    fn group_of_devices(&self) -> Result<LocalGroup, Report> {
        let mut groups = self.reg_id.iter().map(LocalGroup::of_device);
        let Some(first) = groups.next().transpose()? else { return LocalGroup::open() };
        for group in groups {
            if group?.name != first.name {
                return Err(Report::usage("--local: these devices are in different groups")
                    .remedy("give --group NAME, or derive the keys of each group by themselves"));
            }
        }
        Ok(first)
    }

    fn write_all(&self, keys: &mut Keys) -> Result<Exit, Report> {
        match &self.reg_ids {
            None => keys.add_all(self.reg_id.iter().cloned().map(Ok)),
            Some(path) => {
                let source = Source::of(path);
                let list = source.stream().map_err(|error| {
                    Report::usage(format!(
                        "--reg-ids: cannot open {source}: {}",
                        input::plain(&error)
                    ))
                })?;
                keys.add_all(lines(&source.to_string(), list))
            }
        }
    }
}

/// The IDs of a file, one a line; blank lines are skipped. One buffer serves all lines.
fn lines<'a>(
    shown: &'a str,
    mut reader: impl BufRead + 'a,
) -> impl Iterator<Item = Result<RegistrationId, Report>> + 'a {
    let mut line = String::new();
    let mut number = 0_u64;
    std::iter::from_fn(move || {
        loop {
            line.clear();
            number += 1;
            let wrong = |reason: String| {
                Report::usage(format!("--reg-ids: {shown}, line {number}: {reason}"))
            };
            match reader.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim().is_empty() => {}
                Ok(_) => {
                    let text = line.trim();
                    return Some(text.parse().map_err(|error| {
                        wrong(format!("{text:?} is no registration ID: {error}"))
                    }));
                }
                Err(error) => return Some(Err(wrong(input::plain(&error)))),
            }
        }
    })
}

/// Writes keys as they are derived; memory does not grow with their number.
struct Keys {
    format: Output,
    is_single: bool,
    deriver: Deriver,
    text: DerivedText,
    out: BufWriter<std::io::StdoutLock<'static>>,
    written: u64,
}

impl Keys {
    fn new(format: Output, is_single: bool, deriver: Deriver) -> Self {
        let out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
        let text = DerivedText::default();
        Self { format, is_single, deriver, text, out, written: 0 }
    }

    /// Stops at the first bad ID. A closed output (`… | head`) is a good end.
    fn add_all(
        &mut self,
        ids: impl Iterator<Item = Result<RegistrationId, Report>>,
    ) -> Result<Exit, Report> {
        for id in ids {
            let id = id?;
            if self.add(&id).is_err() {
                break;
            }
        }
        Ok(Exit::Done)
    }

    fn add(&mut self, id: &RegistrationId) -> std::io::Result<()> {
        let device_key = self.deriver.derive_base64(id, &mut self.text);
        let derived = Derived { registration_id: id.as_str(), device_key };
        match self.format {
            Output::Text => {
                // Formatting would take as long as deriving.
                for part in [derived.registration_id, "\t", derived.device_key, "\n"] {
                    self.out.write_all(part.as_bytes())?;
                }
            }
            Output::Json => {
                let separator: &[u8] = match (self.is_single, self.written) {
                    (true, _) => b"",
                    (false, 0) => b"[\n",
                    (false, _) => b",\n",
                };
                self.out.write_all(separator)?;
                serde_json::to_writer(&mut self.out, &derived)?;
            }
            Output::Jsonl => {
                serde_json::to_writer(&mut self.out, &derived)?;
                self.out.write_all(b"\n")?;
            }
        }
        self.written += 1;
        Ok(())
    }

    fn end(mut self) -> Result<Exit, Report> {
        let ending: &[u8] = match (self.format, self.is_single, self.written) {
            (Output::Json, true, _) => b"\n",
            (Output::Json, false, 0) => b"[]\n",
            (Output::Json, false, _) => b"\n]\n",
            _ => b"",
        };
        let _ = self.out.write_all(ending).and_then(|()| self.out.flush());
        Ok(Exit::Done)
    }
}
