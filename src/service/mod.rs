//! A local Device Provisioning Service.
//!
//! [`Service::start`] opens the endpoints; each hands what devices ask to the registrar, which
//! decides by pure rules (attestation, allocation, registration, reprovisioning) and stores before
//! it answers. This module must not know the device that asks: the two meet in
//! [`wire`](crate::wire), [`attestation`](crate::attestation) and [`net`](crate::net) only.
//!
//! From the ground up; each module imports only from those listed before it.
//!
//! What there is, and what is kept of it:
//!
//! - `lock`: locks that are held for a moment.
//! - `section`: a part of a twin, as it was written.
//! - `metadata`: when each property of a twin was last changed.
//! - `twin`: what a hub keeps of a device's properties, and how it changes.
//! - `enrollment`: who may register, and how.
//! - `instance`: the ID scope, the linked hubs, the uploaded certificates.
//! - `access`: who may use the service APIs.
//! - `authority`: who signs the certificates that clients see.
//! - `quota`: how often the service may be asked.
//! - `fault_rule`: what may go wrong on purpose.
//! - `config`: the file that says all this.
//! - `doubt`: what in a record is hardly meant.
//! - `record`: what is kept of devices.
//! - `issuing`: who issues certificates to devices.
//! - `store`: where it is kept.
//!
//! The rules, which are pure:
//!
//! - `mask`: what must not be shown.
//! - `attest`: whether a device is who it says.
//! - `allocation`: which hub it gets.
//! - `reprovision`: what happens to one that comes again.
//! - `registration`: one registration from request to result.
//!
//! The service at work:
//!
//! - `connection`: what is known of a connection.
//! - `caller`: who asks.
//! - `reply`: what is said to devices.
//! - `faults`: what goes wrong on purpose.
//! - `tap`: what goes over the wire, for whoever watches.
//! - `journal`: what the service saw.
//! - `commentary`: what failed registrations mean, from above.
//! - `hub`: the hubs to which devices are assigned.
//! - `registrar`: takes requests of devices, and finishes registrations.
//! - `api`: the service API.
//! - `hub_api`: the service API of the hubs.
//! - `simulator`: a device on demand.
//! - `endpoint`: where all of this is reached.
//! - `options`: how a service is run.
//! - `start_error`: why it did not start.
//! - `running`: a running service.
//! - `start`: its start.

// The order of the modules is for those who work on them, private ones too.

mod access;
mod allocation;
mod api;
mod attest;
mod authority;
mod caller;
mod commentary;
mod config;
mod connection;
mod doubt;
// Public for fuzz targets and property tests of the packet reader alone.
#[doc(hidden)]
pub mod endpoint;
mod enrollment;
mod fault_rule;
mod faults;
mod hub;
mod hub_api;
mod instance;
mod issuing;
mod journal;
mod lock;
mod mask;
mod metadata;
mod options;
mod quota;
mod record;
mod registrar;
mod registration;
mod reply;
mod reprovision;
mod running;
mod section;
mod simulator;
mod start;
mod start_error;
mod store;
mod tap;
mod twin;

pub use allocation::webhook::{WebhookClient, WebhookSettings};
pub use allocation::{
    Applicant, Judgement, Replay, ReplayFault, Told, Trial, Verdict, requests_in,
};
pub use authority::{Authority, AuthorityError};
pub use caller::Transport;
pub use commentary::{Commentary, Explanation};
pub use config::{
    CertificateAuthorityConfig, CertificateConfig, CertificatePolicyConfig, Config, ConfigError,
    EnrollmentConfig, LinkedHubConfig, RECORD_NAMES, ServiceAuthorizationConfig, X509Config,
    retry_after,
};
pub use connection::{ClientConnection, ConnectionFault, TlsSession};
pub use endpoint::{EndpointKind, Port};
pub use enrollment::Enrollments;
pub use enrollment::{
    AllocationPolicy, Attestation, Capabilities, CustomAllocationDefinition, DeviceKeys,
    Enrollment, EnrollmentError, IssuerNames, Kind, ProvisioningStatus, ReprovisionPolicy, Secrets,
    Slots, Subject, Unknown, WebhookUrl, WebhookUrlError, read as read_enrollment,
    read_now as read_enrollment_now, show as show_enrollment,
};
pub use fault_rule::{
    FaultPlace, FaultRule, FaultRuleError, FaultTransport, FaultWord, fault_words,
};
pub use faults::{FaultStatus, Faults};
pub use hub::{
    DeviceMessage, HubError, HubNotice, HubNotices, Hubs, MethodAnswer, MethodCall, MethodFault,
    NumberedMessage, Presence, SignedIn, TwinVerb,
};
pub use instance::{
    CertificateIssuer, CertificatePolicy, Instance, InstanceCertificate, LinkedHub, NoIssuer,
};
pub use issuing::IssuingError;
pub use journal::{
    Actor, AnswerKind, Changes, EntryAnswer, EntryAttestation, EntryCertificate, EntryChallenge,
    EntryCheck, EntryEnrollment, EntryFault, EntryHub, EntryRenewal, EntryStatus, Journal,
    JournalEntry, JournalFilter, MomentOutcome, Observer, RegistrationEvent, StruckConnection,
    Text, TimelineMoment, WebhookAttempt, WebhookExchange, timeline,
};
pub use metadata::Metadata;
pub use options::{AdminOptions, Options};
pub use quota::{Quota, Quotas, Rate, RateError, UnknownQuota};
pub use record::{
    Admission, Assignment, Authentication, DeviceRecord, EnrollmentName, HubDevice, HubFault,
    HubKey, HubProof, IssuedChain, IssuerName, Outcome, PendingAllocation, PendingRecord, ProvenBy,
};
pub use registrar::Pace;
pub use reprovision::{Reprovisioning, ResetOnSameHub};
pub use running::Service;
pub use section::Section;
pub use simulator::{Simulated, SimulatedDevice, Simulating, Simulator};
pub use start_error::StartError;
pub use store::{StateError, StoreError};
pub use tap::{
    Tap, WireAnswer, WireAttach, WireConnect, WireEnd, WireEvent, WireMoment, WireRequest,
    WireSignIn,
};
pub use twin::{InitialTwin, Properties, Twin, TwinChange, TwinError};
