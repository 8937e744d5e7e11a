//! What devices and the provisioning service say to each other.
//!
//! One model for both directions: the device writes what the service reads, and the other way
//! round, so a mistake cannot hide in a second copy. This module knows identifiers, topics, bodies
//! and codes. It must not touch sockets, clocks, keys or stored records.

mod api_version;
mod code;
mod connect_code;
mod connection_profile;
mod dps_link;
mod etag;
mod hub_credentials;
pub mod hub_link;
mod hub_name;
mod hub_topic;
mod hub_user_name;
mod id;
mod json;
mod link_address;
mod message;
mod object;
mod registration_address;
pub mod sasl_tpm;
mod timestamp;
mod topic;
#[cfg(feature = "service")]
mod topic_filter;
mod user_name;

pub use api_version::{ApiVersion, ApiVersionError};
pub use code::ErrorCode;
pub use connect_code::ConnectCode;
pub use connection_profile::ConnectionProfile;
pub use dps_link::{
    AMQP_SUBPROTOCOL, FORCE_REGISTRATION, GET_OPERATION_STATUS, GET_REGISTRATION, LINK_API_VERSION,
    LINK_CLIENT_VERSION, OPERATION_ID, OPERATION_TYPE, REGISTER, RETRY_AFTER,
};
pub use etag::{Etag, EtagError};
pub use hub_credentials::{
    CREDENTIALS_RID, IssueAccepted, IssueFailure, IssueFailureInfo, IssueMembers, IssueRequest,
    IssuedCertificates, MAX_CSR, Replace, is_credentials_rid,
};
pub use hub_link::{DeviceAddress, HubAddress, HubAddressError, HubNode};
pub use hub_name::{DeviceId, HubName};
pub use hub_topic::{
    CREDENTIALS_FILTER, DESIRED_FILTER, DeviceTopic, HubTopic, HubTopicError, TWIN_RESPONSE_FILTER,
};
#[cfg(feature = "service")]
pub(crate) use hub_topic::{METHODS_FILTER, devicebound_filter};
pub use hub_user_name::{HubUserName, HubUserNameError};
pub use id::{IdError, IdScope, OperationId, RegistrationId};
pub use json::{Members, Payload, PayloadError, from_json_object, to_ascii_json};
pub use message::{
    DeviceRegistrationResult, RegisterRequest, RegistrationOperationStatus, ServiceError, Status,
    Substatus, SymmetricKeyResult, TpmChallenge, TpmKeys, TpmResult, X509Result,
};
pub use object::{Object, ObjectFault, Place};
pub use registration_address::{RegistrationAddress, RegistrationAddressError};
pub use timestamp::{nano_timestamp, timestamp, writable};
pub(crate) use topic::RESERVED;
#[cfg(feature = "device")]
pub(crate) use topic::seconds;
pub use topic::{RESPONSE_FILTER, RequestTopic, ResponseTopic, TopicError};
#[cfg(feature = "service")]
pub(crate) use topic_filter::{filter_matches, filters_meet};
pub use user_name::{UserName, UserNameError};

/// Host name of the device API that every Azure instance shares; the ID scope picks the instance
/// (A.1).
pub const GLOBAL_ENDPOINT: &str = "global.azure-devices-provisioning.net";

/// TCP port of MQTT over TLS (A.1).
pub const MQTT_PORT: u16 = 8883;

/// TCP port of HTTPS, and of MQTT and AMQP over WebSocket (A.1).
pub const HTTPS_PORT: u16 = 443;

/// TCP port of AMQP over TLS: `amqps` of the IANA registry, and of Azure.
pub const AMQP_PORT: u16 = 5671;

/// Largest message that DPS takes, in bytes: 96 KB (H.3).
pub const MAX_MESSAGE: usize = 96 * 1024;
