//! How each SDK is told to reach a service: exact texts to paste, for people.
//!
//! A [`Reach`] says where the service is and which device is meant; [`recipes`] gives for each
//! [`Client`] what it needs and what to type. The start screen, the page and the documentation are
//! made of it, so that they cannot say different things. Pure: nothing is read, dialled or looked up.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `reach`: where the service is, and for which device.
//! - `client`: the clients, and what a recipe is.
//! - `literal`: a text in the source of a program.
//! - `columns`: lines for people, in columns.
//! - `trust`: how each client is told to trust a CA file.
//! - `gateway`: how each client is led through the gateway, a line for each.
//! - `c`: the C SDK's.
//! - `python`: that of `azure-iot-device`.
//! - `node`: the SDK's for Node.js.
//! - `dotnet`: the SDK's for .NET.
//! - `java`: the SDK's for Java.
//! - `az`: the Azure CLI's.
//! - `curl`: curl's.
//! - `all`: all of them.

mod all;
mod az;
mod c;
mod client;
mod columns;
mod curl;
mod dotnet;
mod gateway;
mod java;
mod literal;
mod node;
mod python;
mod reach;
mod trust;

pub use all::recipes;
pub use client::{Client, Recipe, Step};
pub use gateway::how_to_pass;
pub use reach::Reach;
pub use trust::how_to_trust;
