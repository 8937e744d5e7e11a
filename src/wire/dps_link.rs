//! The words of provisioning over AMQP: what links, messages and errors call things.
//!
//! Sources: azure-iot-sdk-node `provisioning/transport/amqp`, azure-iot-sdk-c `prov_transport_amqp_common.c`,
//! azure-iot-sdk-csharp `provisioning/transport/amqp`.

/// WebSocket subprotocol of AMQP.
pub const AMQP_SUBPROTOCOL: &str = "AMQPWSB10";

/// Link property: the [`ApiVersion`](super::ApiVersion), a string.
pub const LINK_API_VERSION: &str = "com.microsoft:api-version";

/// Link property: the SDK or product, a string.
pub const LINK_CLIENT_VERSION: &str = "com.microsoft:client-version";

/// Application property of a request: what is asked, a string.
pub const OPERATION_TYPE: &str = "iotdps-operation-type";

/// Application property of a poll: which operation it asks for, a string.
pub const OPERATION_ID: &str = "iotdps-operation-id";

/// Application property of a register request, a boolean; without effect.
pub const FORCE_REGISTRATION: &str = "iotdps-forceRegistration";

/// [`OPERATION_TYPE`]: to register.
pub const REGISTER: &str = "iotdps-register";

/// [`OPERATION_TYPE`]: how an operation stands.
pub const GET_OPERATION_STATUS: &str = "iotdps-get-operationstatus";

/// [`OPERATION_TYPE`]: how a registration stands. No SDK sends it.
pub const GET_REGISTRATION: &str = "iotdps-get-registration";

/// Application property of an answer, or member of an error's information: how many seconds to wait, an
/// int. Node, C and Java look for the first spelling, .NET for the second, and keys have case.
pub const RETRY_AFTER: [&str; 2] = ["retry-after", "Retry-After"];
