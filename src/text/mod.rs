//! Text that people give, and times as they say them: files, standard input and arguments, as the tools of every system write
//! them.
//!
//! One reader for all of it. It takes UTF-8 with or without a byte order mark, UTF-16 with one (so
//! Windows PowerShell 5 writes what is redirected with `>`), and lines that end in CR LF; what is no
//! text is refused with the position of the byte that does not belong there. TOML files become the
//! JSON that they stand for, exactly, and remember in which line each member stands.
//!
//! And the way back: [`Foreign`] is text from outside as it may be logged and printed.
//!
//! It knows nothing of what a text means. Files that the program writes for itself (its state, its
//! caches) are not read here.

#[cfg(feature = "service")]
mod body;
#[cfg(feature = "service")]
mod document;
mod encoding;
mod foreign;
#[cfg(feature = "service")]
mod glob;
#[cfg(feature = "service")]
mod json;
#[cfg(feature = "service")]
mod kind;
mod lines;
mod log_lines;
mod moment;
mod page;
#[cfg(any(feature = "fleet", feature = "service"))]
mod path;
mod plain;
mod quoted;
#[cfg(any(feature = "fleet", feature = "service"))]
mod reason;
#[cfg(feature = "cli")]
mod secrets;
mod shell;
mod source;
mod spoken;
#[cfg(feature = "cli")]
mod yaml;

#[cfg(feature = "service")]
pub use body::read_body;
#[cfg(feature = "service")]
pub use document::{Document, Fault};
pub use encoding::NotText;
pub use foreign::{Foreign, inert, inert_json, write_harmless};
#[cfg(feature = "service")]
pub use glob::Glob;
#[cfg(feature = "service")]
pub use kind::seems;
pub use lines::TextReader;
pub use log_lines::each_line;
pub use moment::{day, is_beyond_dates, moment};
pub use page::{is_html, page_line};
#[cfg(any(feature = "fleet", feature = "service"))]
pub use path::MemberPath;
pub use plain::plain;
pub use quoted::{key_text, unquoted};
#[cfg(any(feature = "fleet", feature = "service"))]
pub use reason::{misread, nearest, reason, syntax};
#[cfg(feature = "cli")]
pub use secrets::Secrets;
pub use shell::shell_word;
pub use source::{MAX_FILE, Source, decode_text, read_bytes, read_file, read_pem};
pub use spoken::{spoken, written};
#[cfg(feature = "cli")]
pub use yaml::yaml;
