//! Why a service did not start.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use super::authority::AuthorityError;
use super::config::ConfigError;
use super::endpoint::EndpointKind;
use super::issuing::IssuingError;
use super::store::StateError;
use crate::net::plain;

/// Why a service did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certification authority cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// An authority that issues certificates to devices cannot be used.
    #[error(transparent)]
    Issuing(#[from] IssuingError),
    /// What was kept cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A port cannot be listened on.
    #[error("cannot listen on {address} for {endpoint}: {}", plain(.source))]
    Listen {
        /// Which endpoint.
        endpoint: EndpointKind,
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}
