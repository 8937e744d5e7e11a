//! What the input of a registration gives away by itself, before or after it has failed.

use super::entry::About;
use super::{Context, GivenKey};
use crate::tutorial::{GROUP_KEY, MISPRINTS};

/// A fact that bears on a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    /// What it is about.
    pub about: About,
    /// What is the case.
    pub cause: String,
    /// What to try.
    pub remedy: Option<String>,
    /// Whether it alone explains the failure.
    pub is_certain: bool,
}

impl Clue {
    pub(super) fn new(about: About, cause: impl Into<String>) -> Self {
        Self { about, cause: cause.into(), remedy: None, is_certain: false }
    }

    pub(super) fn certain(about: About, cause: impl Into<String>) -> Self {
        Self { is_certain: true, ..Self::new(about, cause) }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// For a remedy that is none on one machine.
    pub(super) fn remedy_unless(self, is_local: bool, remedy: impl Into<String>) -> Self {
        if is_local { self } else { self.remedy(remedy) }
    }
}

/// Whether the ID scope looks like those that Azure makes: `0ne` and eight hexadecimal digits, in
/// its other clouds another letter for the `e`. A scope is opaque (D.1), so that another shape is no
/// error.
pub fn clue_from_scope(context: &Context) -> Option<Clue> {
    const EXAMPLE: &str = "0ne0012AB34";
    let scope = context.id_scope.as_ref()?.as_str();
    let is_usual = scope.len() == EXAMPLE.len()
        && scope.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0n"));
    if is_usual || context.is_local {
        return None;
    }
    let what = if scope.len() == EXAMPLE.len() {
        "does not begin like one of Azure's"
    } else {
        "is not as long as one of Azure's"
    };
    Some(
        Clue::new(About::Scope, format!("{scope} {what}, such as {EXAMPLE}"))
            .remedy("compare --id-scope with the overview page of the DPS instance"),
    )
}

/// Upper case is allowed, and a common reason for two keys (D.1, J-5).
pub fn clue_from_id(context: &Context) -> Option<Clue> {
    let id = &context.registration_id;
    let folded = id.folded();
    (id.as_str() != folded).then(|| {
        let cause = format!(
            "{id} has upper-case letters: it names the same device as {folded}, but the keys derived from the two differ"
        );
        let remedy = format!(
            "keep to one spelling where the key is derived and where the device registers, best {folded}"
        );
        Clue::new(About::Id, cause).remedy(remedy)
    })
}

/// What the certificate's name gives away (D.5).
pub(super) fn clue_from_certificate(context: &Context) -> Option<Clue> {
    let name = context.certificate()?.leaf().common_name()?;
    let id = &context.registration_id;
    (!id.names_same_device(name)).then(|| {
        Clue::certain(
            About::Certificate,
            format!("the certificate is made out to CN={name}, the registration ID is {id}"),
        )
        .remedy(format!("register as {name}, or use a certificate with CN={id}"))
    })
}

/// What the key itself gives away (D.2, D.3).
pub fn clue_from_key(context: &Context) -> Option<Clue> {
    let id = &context.registration_id;
    let (text, length, is_group_key) = match context.key()? {
        GivenKey::Group(key) => (key.to_base64(), key.length(), true),
        GivenKey::Device(key) => (key.to_base64(), key.length(), false),
    };
    let misprint = MISPRINTS.iter().find(|misprint| misprint.key == *text);
    if *text == GROUP_KEY && !is_group_key {
        let cause =
            "--device-key is the tutorial's group key; a device signs with a key derived from it";
        return Some(Clue::certain(About::Key, cause).remedy("give it as --group-key"));
    }
    if let Some(misprint) = misprint.filter(|misprint| !id.names_same_device(misprint.belongs_to)) {
        let cause = format!(
            "this key belongs to {}: the tutorial prints it beside {}, where it does not fit",
            misprint.belongs_to, misprint.printed_for
        );
        let remedy = if id.names_same_device(misprint.printed_for) {
            format!("with the tutorial's group key, the key of {id} is {}", misprint.right_key)
        } else {
            format!("derive the key of {id}: provision-sim derive-key --reg-id {id}")
        };
        return Some(Clue::certain(About::Key, cause).remedy(remedy));
    }
    match (is_group_key, length) {
        (false, 64) => {
            let cause = "--device-key has 64 bytes, as group keys have; derived keys have 32";
            let remedy = "if it is the enrollment group's key, give it as --group-key";
            Some(Clue::new(About::Key, cause).remedy(remedy))
        }
        (true, 32) => {
            let cause =
                "--group-key has 32 bytes, as derived keys have; those of groups mostly have 64";
            let remedy = "if it is the device's own key, give it as --device-key";
            Some(Clue::new(About::Key, cause).remedy(remedy))
        }
        _ => None,
    }
}
