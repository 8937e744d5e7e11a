//! `register --explain`: each step as it happens, in words for someone who has never seen the
//! protocol.
//!
//! The device tells facts; here they become prose. Facts come without secrets, and this
//! module never asks for one: what it knows of a key is its length. It prints to standard error, so
//! that standard output stays what it is without it.
//!
//! From the ground up; each imports only from those before it:
//!
//! - `text`: paragraphs, and how things of others are shown.
//! - `identity`: who the device is, and the way to the service.
//! - `issuance`: the certificate that a device asks for and is issued.
//! - `mqtt`: the packets of MQTT and what they mean to DPS.
//! - `amqp`: the frames of AMQP and what they mean to DPS.
//! - `http`: the requests of HTTPS and what they mean to DPS.
//! - `hub`: what happens between the device and its hub.
//! - `narrator`: tells a registration as it goes.

mod amqp;
mod http;
mod hub;
mod identity;
mod issuance;
mod mqtt;
mod narrator;
mod text;

pub(crate) use hub::HubStep;
pub(crate) use narrator::Narrator;
