//! What must come out, and whether something is that. Pure: knows no device and no service.
//!
//! - `shape`: a text, or an object.
//! - `text`: a text that is expected, or a pattern of texts.
//! - `json`: a JSON value that is expected, as far as it is named.
//! - `bounds`: how long something may take.
//! - `issued`: the certificate that a device must be issued.
//! - `registration`: what must become of a device.

mod bounds;
mod issued;
mod json;
mod registration;
mod shape;
mod text;

pub use bounds::Bounds;
pub use issued::Issued;
pub use json::JsonPattern;
pub use registration::{Expectation, TwinPattern};
pub use text::TextPattern;
