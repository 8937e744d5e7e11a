//! All phrases together.

use super::client::{Client, Phrase};
use super::{network, sdk, tools};

/// All phrases, with whom they come from.
pub(in crate::explain) fn phrases() -> impl Iterator<Item = (Client, Phrase)> {
    [sdk::PHRASES, network::PHRASES, tools::PHRASES]
        .into_iter()
        .flatten()
        .flat_map(|(client, phrases)| phrases.iter().map(|phrase| (*client, *phrase)))
}
