//! A scenario played against a service elsewhere: on Azure, or one of this program that is reached as
//! Azure is.
//!
//! What the file describes is made there under names of this run alone, and removed when it ends,
//! however that is. What is about to be made is written down first.
//!
//! - `prefix`: what the names of this run begin with.
//! - `mapping`: the file's names and those that they have there.
//! - `body`: an enrollment of the file as the service API takes it.
//! - `thing`: what is made there.
//! - `ledger`: what has been made and is not removed yet.
//! - `function_url`: how the service gets to functions of this machine.
//! - `account`: the service, and what a run has there.

mod account;
mod body;
mod function_url;
mod ledger;
mod mapping;
mod prefix;
mod thing;

pub use account::{Account, AccountError, Left};
pub use body::{Bodies, BodyError};
pub use function_url::FunctionUrl;
pub use mapping::Mapping;
pub use prefix::Prefix;
pub use thing::Thing;
