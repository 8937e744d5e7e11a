//! What the catalogue says of one failure.

use crate::device::Class;

/// One thing that can go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What `explain` finds it by: `401002`, `connack-5`, `http-404`, `tls-expired`.
    pub key: &'static str,
    /// Its documented name, where it has one.
    pub name: Option<&'static str>,
    /// What happened, in a few words.
    pub title: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// Why it usually happens, the likeliest first.
    pub causes: &'static [Hint],
    /// What to try, the quickest first.
    pub remedies: &'static [Hint],
    /// Whose fault it usually is.
    pub at_fault: Party,
    /// The class of the failure, from which the exit code follows.
    pub class: Class,
    /// What the C SDK hands to its caller; `None` where no device ever sees it.
    pub c_sdk_result: Option<&'static str>,
    /// The rules of `docs/protocol.md` behind it.
    pub rules: &'static [&'static str],
    /// Other words for it, in lower case: what SDKs and operating systems print.
    pub aliases: &'static [&'static str],
    /// Whether the number is our own: Azure documents the status alone, or nothing.
    pub is_ours: bool,
}

/// A cause or a remedy, and what it is about. What is known locally can rule a subject out, or say
/// something better about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// What it is about.
    pub about: About,
    /// The sentence, without a capital and a full stop.
    pub text: &'static str,
}

/// What a cause or a remedy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum About {
    /// Holds whatever is known.
    Any,
    /// The device's symmetric key.
    Key,
    /// The device's certificate.
    Certificate,
    /// This machine's clock.
    Clock,
    /// The ID scope.
    Scope,
    /// The registration ID.
    Id,
    /// The enrollment.
    Enrollment,
    /// The webhook of a custom allocation.
    Webhook,
    /// The address of the service.
    Host,
    /// Whom this side trusts.
    Trust,
    /// What lies between this machine and the service: never the case on one machine without a proxy.
    Network,
    /// The proxy: only where there is one.
    Proxy,
    /// Azure's side of a service: never the case on one machine.
    Azure,
    /// The service of `serve`: only on one machine.
    Local,
}

/// Whose fault a failure usually is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Party {
    /// What lies between device and service, names and trust included.
    Network,
    /// The device's credential or its clock.
    Identity,
    /// The enrollment, or the instance it belongs to.
    Enrollment,
    /// The webhook of a custom allocation.
    Webhook,
    /// The service, or what stands in its place.
    Service,
    /// What the device, or whoever calls, sends.
    Device,
}

impl Party {
    /// A word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Identity => "identity",
            Self::Enrollment => "enrollment",
            Self::Webhook => "webhook",
            Self::Service => "service",
            Self::Device => "device",
        }
    }
}

/// A line of the catalogue.
pub(super) const fn hint(about: About, text: &'static str) -> Hint {
    Hint { about, text }
}
