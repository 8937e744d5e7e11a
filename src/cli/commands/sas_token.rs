//! `sas-token`: sign a token, or find out what is wrong with one.

use std::time::{Duration, SystemTime};

use clap::Args;
use serde::Serialize;

use crate::attestation::{
    Claims, DeviceKey, GroupKeys, KnownKeys, SasToken, SignatureFault, registration_resource,
};
use crate::cli::args::duration::token_lifetime;
use crate::cli::args::key::{FoundKey, KeyArgs};
use crate::cli::args::local::LocalArg;
use crate::cli::args::missing::Missing;
use crate::cli::args::service::IdScopeArg;
use crate::cli::exit::Exit;
use crate::cli::input::read;
use crate::cli::output::printer::Printer;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::contoso;
use crate::explain::GivenKey;
use crate::sources::Clock;
use crate::text::{is_beyond_dates, moment, spoken, unquoted};
use crate::wire::{IdScope, RegistrationId};

/// Sign a SAS token for a device, or check one
#[derive(Debug, Args)]
#[command(after_help = "\
A token is what a device with a symmetric key sends as MQTT password.

Examples:
  provision-sim sas-token --id-scope 0ne00002193 --reg-id my-device --device-key @device.key
  provision-sim sas-token --local --reg-id my-device
  provision-sim sas-token --id-scope 0ne00002193 --reg-id my-device --group-key @group.key \\
      --check @token.txt

--check says of each part whether it is right; exit code 4 if any is not. Without a key the
signature is not checked.")]
pub(crate) struct SasTokenArgs {
    #[command(flatten)]
    id_scope: IdScopeArg,
    /// Registration ID of the device [env: IOTHUB_DEVICE_DPS_DEVICE_ID]
    #[arg(
        long,
        alias = "registration-id",
        env = "IOTHUB_DEVICE_DPS_DEVICE_ID",
        hide_env = true,
        value_name = "ID"
    )]
    reg_id: Option<RegistrationId>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    local: LocalArg,
    /// How long the token is valid, from now
    #[arg(long, default_value = "1h", value_parser = token_lifetime, value_name = "DURATION")]
    ttl: Duration,
    /// Check this token instead of signing one
    #[arg(long, value_name = "TOKEN|@FILE|-", hide_default_value = true, conflicts_with = "ttl")]
    check: Option<Secret>,
}

/// One part of a token, and whether it is right.
#[derive(Debug, Serialize)]
struct Check {
    part: &'static str,
    ok: Option<bool>,
    detail: String,
}

impl Check {
    fn new(part: &'static str, ok: bool, detail: impl ToString) -> Self {
        Self { part, ok: Some(ok), detail: detail.to_string() }
    }
}

/// For whom, at which instance, and the key if there is one.
struct Subject {
    id_scope: IdScope,
    reg_id: RegistrationId,
    key: Option<FoundKey>,
}

impl SasTokenArgs {
    pub(crate) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        let subject = self.subject()?;
        match &self.check {
            Some(argument) => {
                let token = SasToken::from_text(unquoted(&read("--check", argument)?));
                subject.check(&token, printer)
            }
            None => self.sign(&subject, printer),
        }
    }

    fn subject(&self) -> Result<Subject, Report> {
        let local = self.local.find()?;
        let local = local.as_ref();
        let is_default_world = local.is_some_and(|local| local.is_default_world);
        Missing {
            id_scope: !self.id_scope.is_given(local),
            device: self.reg_id.is_none(),
            credential: self.check.is_none() && !is_default_world && !self.key.is_given(),
            or_certificate: false,
        }
        .report(local)?;
        let reg_id = self.reg_id.clone().ok_or_else(|| Report::usage("no device (--reg-id)"))?;
        let key = self.key.resolve(local, &reg_id)?;
        Ok(Subject { id_scope: self.id_scope.resolve(local)?, reg_id, key })
    }

    fn sign(&self, subject: &Subject, printer: &mut Printer) -> Result<Exit, Report> {
        let Some(FoundKey { key, group }) = &subject.key else {
            return Err(Report::usage("no credential"));
        };
        let resource = registration_resource(&subject.id_scope, &subject.reg_id);
        let expiry = Clock::system().now() + self.ttl;
        let token = SasToken::sign(&resource, &subject.device_key(key), expiry);
        if printer.is_text() {
            let assumed = group.as_deref().filter(|_| self.key.group.group.is_none());
            printer.note_group(assumed);
            printer.line(token.as_str());
        } else {
            #[derive(Serialize)]
            #[serde(rename_all = "camelCase")]
            struct Signed<'a> {
                sas_token: &'a str,
                expires: String,
                #[serde(skip_serializing_if = "Option::is_none")]
                group: Option<&'a str>,
            }
            let expires = moment(expiry);
            printer.json(&Signed { sas_token: token.as_str(), expires, group: group.as_deref() });
        }
        Ok(Exit::Done)
    }
}

impl Subject {
    fn device_key(&self, key: &GivenKey) -> DeviceKey {
        match key {
            GivenKey::Device(key) => key.clone(),
            GivenKey::Group(key) => key.derive(&self.reg_id),
        }
    }

    fn check(&self, token: &SasToken, printer: &mut Printer) -> Result<Exit, Report> {
        let key = self.key.as_ref().map(|found| &found.key);
        let checks = match token.claims() {
            Err(error) => vec![Check::new("form", false, error)],
            Ok(claims) => self.check_claims(&claims, key),
        };
        let is_valid = checks.iter().all(|check| check.ok != Some(false));
        if printer.is_text() {
            for Check { part, ok, detail } in &checks {
                let word = match ok {
                    Some(true) => "ok",
                    Some(false) => "WRONG",
                    None => "-",
                };
                printer.prose(&format!("{word:<6} {part:<10} "), detail);
            }
        } else {
            printer.json(&serde_json::json!({ "valid": is_valid, "checks": checks }));
        }
        Ok(if is_valid { Exit::Done } else { Exit::Identity })
    }

    fn check_claims(&self, claims: &Claims<'_>, key: Option<&GivenKey>) -> Vec<Check> {
        let resource = match claims.check_names(&self.id_scope, &self.reg_id) {
            Ok(()) => {
                Check::new("resource", true, registration_resource(&self.id_scope, &self.reg_id))
            }
            Err(fault) => Check::new("resource", false, fault),
        };
        let expiry = check_expiry(claims, Clock::system().now());
        let key_name = match claims.key_name() {
            None => "absent, which DPS accepts".to_owned(),
            Some("registration") => "registration".to_owned(),
            Some(other) => format!("{other:?}; DPS expects registration, and accepts none"),
        };
        vec![
            resource,
            expiry,
            self.check_signature(claims, key),
            Check { part: "key name", ok: None, detail: key_name },
        ]
    }

    fn check_signature(&self, claims: &Claims<'_>, key: Option<&GivenKey>) -> Check {
        let Some(key) = key else {
            let detail = "not checked; give --group-key or --device-key".to_owned();
            return Check { part: "signature", ok: None, detail };
        };
        if claims.is_signed_with(&self.device_key(key)) {
            return Check::new("signature", true, format!("made with the key of {}", self.reg_id));
        }
        let keys;
        let known = match key {
            GivenKey::Device(key) => KnownKeys { own: vec![key], ..KnownKeys::default() },
            GivenKey::Group(key) => {
                keys = GroupKeys { primary: key.clone(), secondary: key.clone() };
                let candidates = contoso::suspects();
                KnownKeys { groups: vec![("", &keys)], candidates, ..KnownKeys::default() }
            }
        };
        let detail = match (known.diagnose(claims, &self.reg_id), key) {
            (SignatureFault::Constructed(how), _) => {
                format!("{}; {}", SignatureFault::Constructed(how), how.remedy())
            }
            (SignatureFault::Unknown, GivenKey::Device(_)) => {
                "not made with the given device key".to_owned()
            }
            (fault, _) => fault.to_string(),
        };
        Check::new("signature", false, detail)
    }
}

/// A token whose time is far away is good, and hardly what somebody meant.
fn check_expiry(claims: &Claims<'_>, now: SystemTime) -> Check {
    let (expires, part) = (claims.expires(), "expiry");
    let when = moment(expires);
    if is_beyond_dates(expires) {
        let detail = format!("{when}: are these milliseconds? `se` counts seconds");
        return Check { part, ok: None, detail };
    }
    match claims.expired_since(now) {
        Some(since) => Check::new(part, false, format!("{when}, {} ago", spoken(since))),
        None => {
            let left = expires.duration_since(now).unwrap_or_default();
            Check::new(part, true, format!("{when}, in {}", spoken(left)))
        }
    }
}
