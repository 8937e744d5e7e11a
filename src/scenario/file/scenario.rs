//! The file as a whole: from its text to what is played.
//!
//! It is read in layers, each with the values that those below it have made: variables, then
//! authorities, then the certificates of devices, then the service and whatever else there is.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::begun::Begun;
use super::entry::{DeviceEntry, Wrong};
use super::list::{Members, devices};
use crate::contoso::{self, FUNCTION_URL};
use crate::scenario::around::Around;
use crate::scenario::authorities::{Authorities, AuthorityEntry};
use crate::scenario::device::{DeviceSpec, Proof};
use crate::scenario::enrolled::{Enrolled, with_keys};
use crate::scenario::step::{
    EnrollmentChange, Names, OnAzure, Script, Step, StepEntry, Verb, check, function_url,
};
use crate::scenario::variables::{Declared, Variables};
use crate::service::{Config, RECORD_NAMES};
use crate::sources::Sources;
use crate::text::{Document, Fault, MemberPath, Secrets, key_text, nearest};

/// What of the file is read before the rest, and not by the rest's readers.
const FIRST: [&str; 3] = ["variables", "authority", "device"];

/// A scenario, checked.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is about.
    pub title: Option<String>,
    /// What becomes on Azure of that which cannot hold there.
    pub on_azure: OnAzure,
    /// What to serve.
    pub service: Config,
    /// The scripted functions, by name.
    pub functions: Vec<(String, Script)>,
    /// The devices, in the order in which they are declared.
    pub devices: Vec<DeviceSpec>,
    /// What is done with them, in order. Where the file has no steps, each device registers.
    pub steps: Vec<Step>,
    /// Whether the file says itself what is done.
    pub has_steps: bool,
    /// The names of variables that mean something to it.
    pub variables: BTreeSet<String>,
    /// What must not be shown of all this, wherever text leaves the program.
    pub secrets: Secrets,
    /// What time it is, and what is left to chance.
    pub sources: Sources,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    title: Option<String>,
    #[serde(default)]
    on_azure: OnAzure,
    #[serde(default, rename = "variables")]
    _variables: BTreeMap<String, Declared>,
    #[serde(default, rename = "authority")]
    _authority: Vec<AuthorityEntry>,
    service: Option<Config>,
    #[serde(default, rename = "device")]
    _device: Vec<DeviceEntry>,
    #[serde(default)]
    function: Vec<FunctionEntry>,
    #[serde(default)]
    step: Vec<StepEntry>,
}

/// `[[function]]`, as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FunctionEntry {
    name: String,
    answers: Script,
}

#[derive(Debug, Deserialize)]
struct VariablesPart {
    #[serde(default)]
    variables: BTreeMap<String, Declared>,
}

#[derive(Debug, Deserialize)]
struct AuthorityPart {
    #[serde(default)]
    authority: Vec<AuthorityEntry>,
}

#[derive(Debug, Deserialize)]
struct DevicePart {
    #[serde(default)]
    device: Vec<DeviceEntry>,
    #[serde(default)]
    step: Vec<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct DeviceMembers {
    #[serde(default)]
    device: Vec<Members>,
}

impl Scenario {
    /// Whether a step runs a program.
    pub fn runs_programs(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.verb, Verb::Command(_)))
    }

    /// Reads a scenario. Without `[service]` it is played in the tutorial's world.
    ///
    /// # Errors
    ///
    /// Names the line, the record and the member, and what is wrong with it. Never repeats a key.
    pub fn read(text: &str, around: &Around<'_>) -> Result<Self, Fault> {
        let mut document = Document::parse(text, &RECORD_NAMES)?;
        let told = |document: &Document<'_>, (path, reason): Wrong| document.fault(&path, reason);

        let VariablesPart { variables: declared } = document.read()?;
        let variables = Variables::new(&declared, &around.given()).map_err(|(name, reason)| {
            document.fault(&MemberPath::of(&["variables", &name]), reason)
        })?;
        let given = around.given();
        document
            .replace_texts(|member| member == "authority" || member == "device", &mut |text| {
                variables.expand(text, &given, &not_here)
            })?;
        let AuthorityPart { authority } = document.read()?;
        let authorities =
            Authorities::new(&authority, around).map_err(|wrong| told(&document, wrong))?;
        let begun = begin(&document, &authorities, around)?;
        document.replace_texts(|member| !FIRST.contains(&member), &mut |text| {
            variables.expand(text, &given, &|name| made(name, &authorities, &begun))
        })?;

        let file: File = document.read()?;
        let functions = functions(file.function).map_err(|wrong| told(&document, wrong))?;
        let mut service = file.service;
        if let Some(service) = &mut service {
            let urls: Vec<_> = functions.iter().map(|(name, _)| function_url(name)).collect();
            let urls: Vec<_> =
                [FUNCTION_URL].into_iter().chain(urls.iter().map(|it| &**it)).collect();
            with_files(service, around).map_err(|(path, reason)| {
                document.fault(&MemberPath::of(&["service"]).join(&path), reason)
            })?;
            service.check(&urls).map_err(|error| {
                document.fault(&MemberPath::of(&["service"]).join(error.path()), error.reason())
            })?;
            with_keys(service);
        }
        let service = service.unwrap_or_else(contoso::config);
        let mut enrolled = Enrolled::of(&service);
        let has_steps = !file.step.is_empty();
        let mut steps =
            steps(file.step, &begun, &functions).map_err(|wrong| told(&document, wrong))?;
        for step in &mut steps {
            if let Verb::Enrollment(it) = &mut step.verb
                && let Some(EnrollmentChange::Create(record)) = &mut it.change
            {
                enrolled.create(&it.name, record, &service);
            }
        }
        let mut secrets = variables.secrets().clone();
        let mut specs = Vec::new();
        for device in begun {
            let path = device.path.clone();
            device.keys().for_each(|key| secrets.add(&key_text(key)));
            let spec = device
                .finish(&enrolled, &authorities)
                .map_err(|(member, reason)| document.fault(&path.join(&member), reason))?;
            hide(&mut secrets, &spec.proof);
            specs.push(spec);
        }
        enrolled.keys().for_each(|key| secrets.add(&key));
        if !has_steps {
            let of_device = |spec: &DeviceSpec| Step {
                name: spec.shown.clone(),
                ..Step::of_device(&spec.name)
            };
            steps = specs.iter().map(of_device).collect();
        }
        let variables = variables.into_names();
        Ok(Self {
            title: file.title,
            on_azure: file.on_azure,
            service,
            functions,
            devices: specs,
            steps,
            has_steps,
            variables,
            secrets,
            sources: around.sources.clone(),
        })
    }
}

/// Authorities whose certificates and keys are in files: these lie beside the scenario's.
fn with_files(service: &mut Config, around: &Around<'_>) -> Result<(), Wrong> {
    for (index, authority) in service.certificate_authorities.iter_mut().enumerate() {
        let members = [("certificate", &mut authority.certificate), ("key", &mut authority.key)];
        for (member, text) in members {
            let Some(text) = text else { continue };
            let path = MemberPath::of(&["certificateAuthorities"]).item(index).member(member);
            let pem = around.pem(text).map_err(|reason| (path.clone(), reason))?;
            let read = std::str::from_utf8(&pem).map_err(|_| (path, "it is not UTF-8".to_owned()));
            *text = read?.to_owned();
        }
    }
    Ok(())
}

fn functions(entries: Vec<FunctionEntry>) -> Result<Vec<(String, Script)>, Wrong> {
    let mut functions: Vec<(String, Script)> = Vec::new();
    for (index, FunctionEntry { name, answers }) in entries.into_iter().enumerate() {
        let path = MemberPath::of(&["function"]).item(index).member("name");
        if name.is_empty() || functions.iter().any(|(other, _)| *other == name) {
            return Err((path, "each function needs a name of its own".to_owned()));
        }
        functions.push((name, answers));
    }
    Ok(functions)
}

fn steps(
    entries: Vec<StepEntry>,
    devices: &[Begun],
    functions: &[(String, Script)],
) -> Result<Vec<Step>, Wrong> {
    let within = |index: usize, (member, reason): Wrong| {
        (MemberPath::of(&["step"]).item(index).join(&member), reason)
    };
    let entries = entries.into_iter().enumerate();
    let steps = entries.map(|(index, entry)| entry.check().map_err(|wrong| within(index, wrong)));
    let steps = steps.collect::<Result<Vec<_>, _>>()?;
    let devices: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
    let functions: Vec<_> = functions.iter().map(|(name, _)| name.as_str()).collect();
    let names = Names { devices: &devices, functions: &functions };
    check(&steps, names).map_err(|(index, wrong)| within(index, wrong))?;
    Ok(steps)
}

/// Of authorities and devices nothing can be made that others need.
fn not_here(name: &str) -> Result<String, String> {
    Err(format!("`${{{name}}}` is not known here; it can stand in [service] and in steps"))
}

/// `authority:NAME`, `device:NAME` and `tpm:NAME`.
fn made(name: &str, authorities: &Authorities, devices: &[Begun]) -> Result<String, String> {
    match name.split_once(':') {
        Some(("authority", name)) => Ok(authorities.get(name)?.pem().to_owned()),
        Some(("tpm", name)) => {
            let tpm = device_of(name, devices)?.tpm.as_ref();
            let tpm =
                tpm.ok_or_else(|| format!("device {name:?} has no TPM: give it tpm = true"))?;
            Ok(tpm.endorsement_key().to_base64())
        }
        Some(("device", name)) => {
            let device = device_of(name, devices)?;
            let certificate = device.certificate.as_ref().ok_or_else(|| {
                format!("device {name:?} has no certificate of its own: give it an x509")
            })?;
            let leaf = certificate.identity.leaf().der();
            Ok(pem::encode(&pem::Pem::new("CERTIFICATE", leaf.as_ref())))
        }
        _ => Err(format!(
            "`${{{name}}}` is not known; there are `${{NAME}}`, `${{authority:NAME}}`, `${{device:ID}}` and `${{tpm:ID}}`"
        )),
    }
}

fn device_of<'a>(name: &str, devices: &'a [Begun]) -> Result<&'a Begun, String> {
    devices.iter().find(|device| device.name == name).ok_or_else(|| {
        let near = nearest(name, devices.iter().map(|device| device.name.as_str()));
        let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        format!("there is no [[device]] {name:?}{near}")
    })
}

/// The devices, as far as they are known without the service.
fn begin(
    document: &Document<'_>,
    authorities: &Authorities,
    around: &Around<'_>,
) -> Result<Vec<Begun>, Fault> {
    let DevicePart { device, step } = document.read()?;
    if device.is_empty() && step.is_empty() {
        return Err(document.fault(&MemberPath::default(), "it has no [[device]]"));
    }
    let DeviceMembers { device: members } = document.read()?;
    let (mut begun, mut names) = (Vec::new(), HashSet::new());
    for (index, (entry, members)) in device.into_iter().zip(&members).enumerate() {
        let path = MemberPath::of(&["device"]).item(index);
        let told = |(member, reason): Wrong| document.fault(&path.join(&member), reason);
        for entry in devices(entry, members, around).map_err(told)? {
            let mut device = Begun::new(&path, entry, authorities, around).map_err(told)?;
            device.tell_apart(&mut names, !step.is_empty()).map_err(told)?;
            begun.push(device);
        }
    }
    Ok(begun)
}

fn hide(secrets: &mut Secrets, proof: &Proof) {
    match proof {
        Proof::Key(key) => secrets.add(&key.to_base64()),
        Proof::Keys { primary, secondary } => {
            secrets.add(&primary.to_base64());
            secrets.add(&secondary.to_base64());
        }
        // Their keys stand in no text.
        Proof::X509(_) | Proof::Tpm(_) => {}
    }
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
