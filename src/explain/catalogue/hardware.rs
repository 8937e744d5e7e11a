//! Keys that are kept elsewhere: a TPM, a user's hardware security module.

use super::super::entry::{About, Entry, Party, hint};
use super::sdk_result::KEY_ERROR;
use crate::device::Class;

pub(super) const ENTRIES: &[Entry] = &[Entry {
    key: "signer",
    name: None,
    title: "what keeps the device's key does not sign",
    meaning: "The device does not have its key itself; the program asks what keeps it for a signature, and got none. Nothing was sent.",
    causes: &[
        hint(About::Any, "the module is not there, is locked, or is in use by somebody else"),
        hint(About::Any, "it has no key under that name, or one that may not sign"),
    ],
    remedies: &[hint(About::Any, "ask the module for an HMAC-SHA256 by its own tools first")],
    at_fault: Party::Identity,
    class: Class::Identity,
    c_sdk_result: KEY_ERROR,
    rules: &["J-400"],
    aliases: &["hardware security module"],
    is_ours: false,
}];
