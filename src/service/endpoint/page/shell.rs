//! What stands on every page: its head, the way to the others, and where the service is.

use super::assets::{ICON, SCRIPT, STYLE};
use super::site::Site;

/// A part of the site, as the navigation has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Registrations,
    Enrollments,
    Hubs,
    Connect,
    Try,
    Faults,
}

impl Section {
    /// All of them, in their order.
    const ALL: [Self; 6] = [
        Self::Registrations,
        Self::Enrollments,
        Self::Hubs,
        Self::Connect,
        Self::Try,
        Self::Faults,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Registrations => "Registrations",
            Self::Enrollments => "Enrollments",
            Self::Hubs => "Hubs",
            Self::Connect => "Connect",
            Self::Try => "Try it",
            Self::Faults => "Faults",
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Registrations => "/",
            Self::Enrollments => "/ui/enrollments",
            Self::Hubs => "/ui/hubs",
            Self::Connect => "/ui/connect",
            Self::Try => "/ui/try",
            Self::Faults => "/ui/faults",
        }
    }
}

/// An entry of the navigation.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    pub(super) is_here: bool,
}

/// Something about the service that one copies.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
}

/// What a template needs besides its own view.
#[derive(Debug)]
pub(super) struct Shell {
    pub(super) title: String,
    pub(super) token: String,
    /// Of the running service; a page of another one is loaded again.
    pub(super) mark: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
    pub(super) links: Vec<Link>,
    pub(super) scope: String,
    pub(super) facts: Vec<Fact>,
    pub(super) version: &'static str,
}

impl Shell {
    /// The shell of a page in a section, or of one in none. Whatever others wrote in the title must be
    /// inert already.
    pub(super) fn new(site: &Site, title: impl Into<String>, here: Option<Section>) -> Self {
        let link = |section: Section| Link {
            label: section.label(),
            path: section.path(),
            is_here: here == Some(section),
        };
        let fact = |label, value: String| Fact { label, value };
        let mut facts = vec![
            fact("ID scope", site.registrar.instance().id_scope.to_string()),
            fact("MQTT", site.mqtt.to_string()),
            fact("HTTPS", site.https.to_string()),
            fact("AMQP", site.amqp.to_string()),
        ];
        facts.extend(site.gateway.map(|gateway| fact("Gateway", gateway.to_string())));
        Self {
            title: title.into(),
            token: site.token.text().to_owned(),
            mark: site.token.mark(),
            style: STYLE.path(),
            script: SCRIPT.path(),
            icon: ICON.path(),
            links: Section::ALL.map(link).into(),
            scope: site.registrar.instance().id_scope.to_string(),
            facts,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
