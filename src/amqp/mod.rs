//! AMQP 1.0, as far as devices and the provisioning service speak it.
//!
//! Both halves read and write it with this one codec, as with the rest of `wire`. It is strict where
//! the standard is: whoever writes a client against us should hear of a malformed frame here, with
//! the section that it breaks ([`Violation::rule`]), and not in the field. Nothing that strangers
//! send makes it take more memory than a frame has bytes, times a small number.
//!
//! It knows frames and what is in them. It must not touch sockets, clocks, or anything of the
//! provisioning service.
//!
//! The standard is <https://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-overview-v1.0-os.html>.
//!
//! - `code`: how the type of a value is written.
//! - `value`: the types of the standard.
//! - `violation`: what a peer can do wrong.
//! - `write`: values to bytes.
//! - `read`: bytes to values.
//! - `fields`: the members of what is written as a list.
//! - `terminus`: the two ends of a link.
//! - `performative`: what the frames of a connection say.
//! - `sasl`: what the frames before it say.
//! - `message`: what a transfer carries.
//! - `frame`: where one frame ends and the next begins.
//! - `engine`: one connection, its sessions and links.

mod code;
pub mod engine;
mod fields;
mod frame;
mod message;
mod performative;
mod read;
mod sasl;
mod terminus;
mod value;
mod violation;
mod write;

pub use frame::{FRAME_HEADER, Frame, Kind, MIN_MAX_FRAME, Protocol, next_frame};
pub use message::{BATCH_FORMAT, Body, Message, Properties};
pub use performative::{
    Attach, Begin, Close, Detach, Disposition, End, Failure, Flow, Open, Outcome, Performative,
    Role, Transfer,
};
pub use read::read_value;
pub use sasl::{Sasl, SaslCode};
pub use terminus::Terminus;
pub use value::{Symbol, Value};
pub use violation::Violation;
pub use write::write_value;

#[cfg(test)]
mod tests;
