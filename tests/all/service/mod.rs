//! The service over real sockets: every endpoint, every attestation, and what it keeps.

mod admin;
mod events;
mod faults;
mod gateway;
mod hostile;
mod https;
mod hub;
mod hub_api;
mod journal;
mod kill;
mod mqtt;
mod mqtt_reader;
mod observer;
mod page;
mod page_views;
mod quotas;
mod registration;
mod reprovisioning;
mod sas;
mod sdks;
mod state;
mod timeline;
mod tls;
mod webhook;
mod websocket;
mod x509;
