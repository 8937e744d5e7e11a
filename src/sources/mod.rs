//! Where time and chance come from.
//!
//! Whoever needs the time, or something that nobody can foresee, asks the [`Sources`] that it was given:
//! the system's, unless a test wants two runs to be the same byte for byte. Then [`Clock`] is one that
//! stands, and [`Chance`] one that follows from a [`TestSeed`].
//!
//! - `chance`: what nobody can foresee.
//! - `stage`: who goes on and who waits.
//! - `clock`: what time it is, and waiting.
//! - `both`: the two of them, as they are handed around.
//!
//! What guards against a peer that never answers is measured by the machine's own clock, wherever it is:
//! bytes on a socket come in real time. TLS has its own randomness, always the system's (J-310).

mod both;
mod chance;
mod clock;
mod stage;

pub use both::Sources;
pub use chance::{Chance, TestSeed};
pub use clock::Clock;
pub use stage::Turn;
