//! Which devices there are, and how they prove who they are.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::tpms::{Tpms, read_or_make};
use crate::cli::args::certificate::read_pem;
use crate::cli::args::group::{GroupArg, LocalGroup};
use crate::cli::args::key::{GROUP_KEY_VARIABLE, group_key};
use crate::cli::input::{plain, variable};
use crate::cli::local::Local;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::fleet::{
    Blueprint, FileKind, FilePattern, Files, IdPattern, Identity, ListError, ListFault, Members,
    ReadFile, Shard, listed, numbered,
};
use crate::pki::TestAuthority;
use crate::text::{self, MAX_FILE, Source, TextReader};
use crate::wire::RegistrationId;

const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";
const COUNT_VARIABLE: &str = "JOB_COMPLETIONS";

/// Which devices.
#[derive(Debug, Args)]
#[group(id = "devices", skip)]
pub(super) struct DevicesArgs {
    /// Register so many devices
    #[arg(long, value_name = "N", required_unless_present = "reg_ids", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Their names; {n:06} is the device's number, from 0, with at least six digits
    #[arg(
        long,
        alias = "registration-id-pattern",
        default_value = "sim-{n:06}",
        value_name = "PATTERN",
        conflicts_with = "reg_ids"
    )]
    reg_id_pattern: IdPattern,
    /// Register the devices of a list, or - for standard input
    #[arg(long, alias = "registration-ids", value_name = "FILE|-", conflicts_with = "count")]
    reg_ids: Option<PathBuf>,
    /// Take only every COUNT-th device, from INDEX on, counted from 0: one of several machines that
    /// share a fleet [env: JOB_COMPLETION_INDEX and JOB_COMPLETIONS]
    #[arg(long, value_name = "INDEX/COUNT")]
    shard: Option<Shard>,
    /// Go through the devices so many times, each time when all have ended
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Key of the enrollment group; devices' own keys are derived from it [env: PROVISION_SIM_GROUP_KEY]
    #[arg(long, value_name = "KEY|@FILE|-", allow_hyphen_values = true)]
    pub(super) group_key: Option<Secret>,
    #[command(flatten)]
    pub(super) group: GroupArg,
    /// Keys of the devices' own, each in a file: {reg_id} in its name is the device's, {n} its number
    #[arg(
        long,
        value_name = "@FILE",
        value_parser = key_file,
        conflicts_with_all = ["group_key", "group", "cert", "test_ca", "tpm_state"]
    )]
    device_key: Option<FilePattern>,
    /// X.509 in place of a key: the devices' certificates, each in a file such as 'certs/{reg_id}.pem',
    /// then intermediates; its private key may follow
    #[arg(long, value_name = "PEM", conflicts_with_all = ["group_key", "group", "test_ca", "tpm_state"])]
    cert: Option<FilePattern>,
    /// Private keys of --cert, if they are not in the same files, such as 'certs/{reg_id}.key'
    #[arg(long, value_name = "PEM", requires = "cert")]
    cert_key: Option<FilePattern>,
    /// X.509 in place of a key: a test CA that signs a certificate for each device, then those above
    /// it, as `provision-sim pki` makes them
    #[arg(long, value_name = "PEM", requires = "test_ca_key", conflicts_with_all = ["group_key", "tpm_state"])]
    test_ca: Option<PathBuf>,
    /// Private key of --test-ca
    #[arg(long, value_name = "PEM", requires = "test_ca")]
    test_ca_key: Option<PathBuf>,
    /// TPMs in software in place of a key, over https and amqp, each in a file such as
    /// 'tpms/{reg_id}.pem'; one that is not there is made first
    #[arg(long, value_name = "FILE", conflicts_with_all = ["group_key", "group"])]
    pub(super) tpm_state: Option<FilePattern>,
}

/// The devices that were asked for.
pub(super) struct Devices {
    pub(super) members: Members,
    /// How many there are, where that can be known.
    pub(super) count: Option<u64>,
    /// The first, and its number, where that can be known.
    pub(super) first: Option<(RegistrationId, u64)>,
    /// The first that has no credential of its own, and its number, where that can be known.
    without_credential: Option<(RegistrationId, u64)>,
    /// The first that has no payload of its own, where that can be known.
    without_payload: Option<RegistrationId>,
}

impl DevicesArgs {
    /// Whether the list comes from standard input.
    pub(super) fn is_from_stdin(&self) -> bool {
        self.reg_ids.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// The devices. A list in a file is read through first, so that nothing is sent if it is wrong.
    pub(super) fn devices(&self) -> Result<Devices, Report> {
        let shard = self.shard()?;
        match (&self.reg_ids, self.count) {
            (Some(_), _) if self.is_from_stdin() => {
                self.stream(listed(TextReader::new(std::io::stdin()), shard, beside(Path::new(""))))
            }
            (Some(path), _) => {
                let file = open(path)?;
                // A pipe can be read once only.
                if file.metadata().is_ok_and(|data| data.is_file()) {
                    self.file(path, shard)
                } else {
                    self.stream(listed(TextReader::new(file), shard, beside(path)))
                }
            }
            (None, count) => self.numbered(count.unwrap_or_default(), shard),
        }
    }

    /// The files of all devices. That of the first is read, so that nothing is sent if it is wrong.
    fn files(&self, devices: &Devices) -> Result<Option<Files>, Report> {
        let (flag, pattern, kind) = match (&self.device_key, &self.cert, &self.tpm_state) {
            (Some(key), ..) => ("--device-key", key, FileKind::Key(key.clone())),
            (None, Some(certificate), _) => {
                let key = self.cert_key.clone();
                let kind = FileKind::Certificate { certificate: certificate.clone(), key };
                ("--cert", certificate, kind)
            }
            (None, None, Some(tpm)) => ("--tpm-state", tpm, FileKind::Tpm(tpm.clone())),
            (None, None, None) => return Ok(None),
        };
        if !pattern.tells_apart() && devices.count != Some(1) {
            return Err(Report::usage(format!("{flag}: all devices would have the same file"))
                .remedy("put {reg_id} into its name, which becomes the device's: '{reg_id}.pem'"));
        }
        let files = Files { kind, read: Arc::new(|path| text::read_pem(path, MAX_FILE)) };
        // A TPM is made where there is none.
        if let Some((first, number)) = &devices.without_credential
            && self.tpm_state.is_none()
        {
            files
                .credential(first, *number)
                .map_err(|error| Report::usage(format!("{flag}: {error}")))?;
        }
        Ok(Some(files))
    }

    /// The TPMs of the devices, which are made where there are none; nothing if they have none.
    pub(super) fn tpms(&self, is_quiet: bool) -> Result<Option<Tpms>, Report> {
        let Some(file) = &self.tpm_state else { return Ok(None) };
        if self.is_from_stdin() {
            return Err(Report::usage("--tpm-state: a list from standard input is read once only")
                .remedy("put it into a file"));
        }
        let Devices { members, count, .. } = self.devices()?;
        read_or_make(file, members, count, is_quiet).map(Some)
    }

    /// Where a list comes from.
    pub(super) fn list(&self) -> Option<Source> {
        self.reg_ids.as_deref().map(Source::of)
    }

    fn stream(&self, members: Members) -> Result<Devices, Report> {
        if self.rounds > 1 {
            return Err(Report::usage("--rounds: this list can be read once only")
                .remedy("put it into a file"));
        }
        Ok(Devices {
            members,
            count: None,
            first: None,
            without_credential: None,
            without_payload: None,
        })
    }

    fn file(&self, path: &Path, shard: Shard) -> Result<Devices, Report> {
        let mut count = 0_u64;
        let (mut first, mut without_credential, mut without_payload) = (None, None, None);
        let read_file = beside(path);
        for member in listed(TextReader::new(open(path)?), Shard::WHOLE, read_file.clone()) {
            let member = member.map_err(|error| {
                Report::usage(format!("--reg-ids: {}, {error}", path.display()))
            })?;
            if first.is_none() {
                first = Some((member.registration_id.clone(), member.number));
            }
            if member.credential.is_none() && without_credential.is_none() {
                without_credential = Some((member.registration_id.clone(), member.number));
            }
            if member.payload.is_none() && without_payload.is_none() {
                without_payload = Some(member.registration_id);
            }
            count += 1;
        }
        if count == 0 {
            return Err(Report::usage(format!("--reg-ids: {} names no device", path.display())));
        }
        let path = path.to_owned();
        let members = (0..self.rounds).flat_map(move |_| match File::open(&path) {
            Ok(file) => listed(TextReader::new(file), shard, read_file.clone()),
            Err(error) => {
                let fault = ListFault::Unreadable(error);
                Box::new(std::iter::once(Err(ListError { line: 0, fault })))
            }
        });
        let count = shard.share(count).saturating_mul(self.rounds);
        Ok(Devices {
            members: Box::new(members),
            count: Some(count),
            first,
            without_credential,
            without_payload,
        })
    }

    fn numbered(&self, count: u64, shard: Shard) -> Result<Devices, Report> {
        let pattern = self.reg_id_pattern.clone();
        let wrong = |error| Report::usage(format!("--reg-id-pattern: {error}"));
        pattern.check(count).map_err(wrong)?;
        let first = pattern.id(0).map_err(wrong)?;
        let members = (0..self.rounds).flat_map(move |_| numbered(pattern.clone(), count, shard));
        Ok(Devices {
            members: Box::new(members),
            count: Some(shard.share(count).saturating_mul(self.rounds)),
            first: Some((first.clone(), 0)),
            without_credential: Some((first.clone(), 0)),
            without_payload: Some(first),
        })
    }

    fn shard(&self) -> Result<Shard, Report> {
        match self.shard {
            Some(shard) => Ok(shard),
            None => shard_from(variable(INDEX_VARIABLE), variable(COUNT_VARIABLE)),
        }
    }

    /// How devices prove who they are that bring no key; the key of the local service's open group
    /// only if nothing was given.
    pub(super) fn identity(
        &self,
        local: Option<&Local>,
        devices: &Devices,
    ) -> Result<Identity, Report> {
        if let (Some(certificates), Some(key)) = (&self.test_ca, &self.test_ca_key) {
            return test_authority(certificates, key).map(Box::new).map(Identity::Minted);
        }
        if let Some(files) = self.files(devices)? {
            return Ok(Identity::Files(files));
        }
        let group_key =
            match group_key(self.group_key.as_ref(), self.group.group.as_deref(), local)? {
                Some(key) => Some(key),
                None if local.is_some_and(|local| local.is_default_world) => {
                    let (custom, open) = (LocalGroup::tutorials()?, LocalGroup::open()?);
                    let (custom, open) = (custom.key.deriver(), open.key.deriver());
                    return Ok(Identity::Tutorial { custom, open });
                }
                None => None,
            };
        match (group_key, &devices.without_credential) {
            (Some(key), _) => Ok(Identity::Group(key.deriver())),
            (None, None) => Ok(Identity::Own),
            (None, Some((id, _))) => Err(Report::usage(format!(
                "no credential for {id}: give --group-key, or set {GROUP_KEY_VARIABLE}"
            ))
            .remedy("or give each device a key or a certificate of its own: in a list (--reg-ids), or in files: --device-key '@keys/{reg_id}.key', --cert 'certs/{reg_id}.pem'").remedy("or have certificates made: --test-ca PEM --test-ca-key PEM")),
        }
    }
}

/// `@keys/{reg_id}.key`: a key by itself would be that of one device only.
fn key_file(text: &str) -> Result<FilePattern, String> {
    match text.strip_prefix('@') {
        Some(path) if !path.is_empty() => path.parse().map_err(|never| match never {}),
        _ => Err("expected the name of a file, such as '@keys/{reg_id}.key'; a list (--reg-ids) takes deviceKey for each device".to_owned()),
    }
}

impl Devices {
    /// Tries what is made for each device on the first, so that nothing is sent if it is wrong.
    pub(super) fn check_payloads(&self, blueprint: &Blueprint) -> Result<(), Report> {
        let Some(template) = &blueprint.payload else { return Ok(()) };
        let Some(first) = &self.without_payload else { return Ok(()) };
        match template.payload(first, 0) {
            Ok(payload) => {
                if let Some(warning) = payload.warning() {
                    tracing::warn!("--payload: {warning}");
                }
                Ok(())
            }
            Err(error) => Err(Report::usage(format!("--payload: {error}"))
                .remedy("give one JSON object, such as '{\"serial\":\"{reg_id}\"}'; in a shell, in single quotes")),
        }
    }
}

/// The shard of an Indexed Job of Kubernetes, which gives its pods their index; the manifest has to
/// give them the number of completions.
fn shard_from(index: Option<String>, count: Option<String>) -> Result<Shard, Report> {
    let both = match (index, count) {
        (None, _) => return Ok(Shard::WHOLE),
        (Some(index), Some(count)) => format!("{index}/{count}"),
        (Some(_), None) => {
            return Err(Report::usage(format!(
                "{INDEX_VARIABLE} is set, but {COUNT_VARIABLE} is not"
            ))
            .remedy("set it to the completions of the Job, or give --shard INDEX/COUNT")
            .remedy("--shard 0/1 registers all devices here"));
        }
    };
    both.parse()
        .map_err(|error| Report::usage(format!("{INDEX_VARIABLE} and {COUNT_VARIABLE}: {error}")))
}

fn open(path: &Path) -> Result<File, Report> {
    File::open(path).map_err(|error| {
        Report::usage(format!("--reg-ids: cannot open {}: {}", path.display(), plain(&error)))
    })
}

/// Reads files whose names are relative to the folder of a list.
fn beside(list: &Path) -> ReadFile {
    let folder = list.parent().map(Path::to_owned).unwrap_or_default();
    Arc::new(move |name| text::read_pem(&folder.join(name), MAX_FILE))
}

fn test_authority(certificates: &Path, key: &Path) -> Result<TestAuthority, Report> {
    let certificate_pem = read_pem("--test-ca", certificates)?;
    let key_pem = read_pem("--test-ca-key", key)?;
    TestAuthority::from_pem(&certificate_pem, &key_pem).map_err(|error| {
        let (certificates, key) = (certificates.display(), key.display());
        Report::usage(format!("--test-ca {certificates}, --test-ca-key {key}: {error}"))
            .remedy("make one with `provision-sim pki`, and give intermediate-cert.pem and intermediate-key.pem")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j_160_a_pod_of_an_indexed_job_takes_its_shard() {
        let shard = |index: Option<&str>, count: Option<&str>| {
            let found = shard_from(index.map(str::to_owned), count.map(str::to_owned));
            found.map(|shard| shard.to_string()).map_err(|report| report.message)
        };

        assert_eq!(shard(Some("2"), Some("3")).unwrap(), "2/3");
        assert_eq!(shard(None, Some("3")).unwrap(), "0/1");
        assert!(shard(Some("2"), None).unwrap_err().contains("JOB_COMPLETIONS is not"));
        assert!(shard(Some("3"), Some("3")).unwrap_err().contains("no shard 3 of 3"));
    }
}
