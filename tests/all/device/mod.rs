//! The device over real sockets, against our service and against servers that follow a script.

mod amqp;
mod faults;
mod hub;
mod lookup;
mod matrix;
mod renewal;
mod signer;
mod tpm;
mod tpm_amqp;
mod tpm_registration;
mod transports;
mod x509;
