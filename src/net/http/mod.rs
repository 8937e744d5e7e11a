//! One HTTP/1.1 client: for webhooks, for the service API, and below the device's own HTTPS.
//!
//! Thin on purpose. hyper speaks HTTP; what it says goes over connections that are dialled here, so
//! that a name without address, a refused port, a proxy and a certificate are told in the same words
//! whoever asks. Redirects are not followed, nothing is compressed, no cookie is kept.
//!
//! - `retry_after`: how long a server asks to wait.
//! - `origin`: whom a connection leads to.
//! - `connection`: one connection, and what becomes of its requests.
//! - `pool`: connections that wait for another request.
//! - `error`: why there is no answer.
//! - `client`: the whole exchange, within one deadline.

mod client;
mod connection;
mod error;
mod origin;
mod pool;
#[cfg(feature = "device")]
mod retry_after;
#[cfg(test)]
mod tests;

pub use client::{HttpClient, HttpSettings, Tls};
pub use connection::{Connection, ExchangeFault, read};
pub use error::{HttpError, Waiting};
pub use origin::Origin;
#[cfg(feature = "device")]
pub(crate) use retry_after::retry_after;
