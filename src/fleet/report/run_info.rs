//! What was run: when, by which command, against which service, by which program on which machine.

use serde::{Deserialize, Serialize};

/// One run of a fleet, or of a shard of it, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunInfo {
    /// When it began, as RFC 3339 writes it.
    pub began: String,
    /// The command line, secrets masked.
    pub command: String,
    /// The service, as `HOST:PORT`.
    pub service: String,
    /// The instance.
    pub id_scope: String,
    /// How devices talked to it: `mqtt`, `https` …
    pub transport: String,
    /// The program, with its version.
    pub program: String,
    /// How many processors it might use.
    pub processors: u64,
    /// The operating system and the kind of processor.
    pub system: String,
}

impl RunInfo {
    /// What it was run on: `2 processors, linux x86_64`.
    pub(super) fn machine(&self) -> String {
        let processors = super::units::counted(self.processors, "processor", "processors");
        format!("{processors}, {}", self.system)
    }

    /// What it was run against: `localhost:8883 by mqtt, ID scope 0ne00002193`.
    pub(super) fn target(&self) -> String {
        format!("{} by {}, ID scope {}", self.service, self.transport, self.id_scope)
    }
}
