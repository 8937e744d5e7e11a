//! A rule.

use super::place::{FaultPlace, FaultTransport};
use super::what::What;
use super::when::{Scope, When};
use super::word::FaultWord;
use crate::text::Glob;

/// A fault that is wanted: `poll status=503 retry-after=2 times=2 device=pump-*`. Read with
/// [`parse`](str::parse), and written by [`Display`](std::fmt::Display) in the order of the documents.
///
/// ```
/// use provision_sim::service::FaultRule;
///
/// let rule: FaultRule = "poll times=2 device=pump-* status=503 retry-after=2".parse()?;
///
/// assert_eq!(rule.to_string(), "poll device=pump-* times=2 status=503 retry-after=2");
/// let error = "poll connack=5".parse::<FaultRule>().unwrap_err();
/// assert!(error.to_string().contains("connack"));
/// # Ok::<(), provision_sim::service::FaultRuleError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    pub(in crate::service) place: FaultPlace,
    pub(in crate::service) device: Option<Glob>,
    pub(in crate::service) enrollment: Option<String>,
    pub(in crate::service) transport: Option<FaultTransport>,
    pub(in crate::service) when: When,
    pub(in crate::service) what: What,
    /// On which transports all of it can happen; never empty.
    pub(in crate::service) transports: Vec<FaultTransport>,
}

impl FaultRule {
    /// Where it strikes.
    pub fn place(&self) -> FaultPlace {
        self.place
    }

    /// What is counted together (J-262).
    pub(in crate::service) fn scope(&self) -> Scope {
        match self.place.knows_device() {
            true => self.when.scope.unwrap_or(Scope::Device),
            false => Scope::All,
        }
    }

    /// The transports on which words of these names, at this place, can all happen.
    pub(super) fn transports_of(
        place: FaultPlace,
        words: &[&'static FaultWord],
    ) -> Vec<FaultTransport> {
        let carries = |it: &&FaultTransport| words.iter().all(|word| word.transports.contains(it));
        place.transports().iter().filter(carries).copied().collect()
    }
}
