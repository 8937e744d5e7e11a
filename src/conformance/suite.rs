//! All cases that are wanted, several at once, told in their order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::case::{Case, Judge, Setup};
use super::play::{PlayError, Run, run};
use super::stage::Stage;
use super::verdict::{broken, verdict};
use crate::attestation::TpmPublic;
use crate::child::Program;
use crate::verdicts::Case as Verdict;
use crate::wire::RegistrationId;

/// How a client is put to the test.
#[derive(Debug, Clone)]
pub struct Test {
    /// The client: its name and arguments.
    pub command: Vec<String>,
    /// How many of it run at once.
    pub jobs: usize,
    /// How long it may run in one case.
    pub timeout: Duration,
    /// The endorsement key of its TPM, if it has one.
    pub endorsement_key: Option<TpmPublic>,
}

impl Test {
    /// The service of a case, and the device that is to come to it.
    async fn stage(
        &self,
        setup: &Setup,
        registration_id: RegistrationId,
    ) -> Result<Stage, PlayError> {
        Ok(Stage::open(setup, registration_id, self.endorsement_key.as_ref()).await?)
    }
}

/// Some cases that are judged by the same runs.
#[derive(Debug, Clone)]
struct Play {
    /// Their places among all that are wanted.
    cases: Vec<(usize, &'static Case)>,
    setup: &'static Setup,
    judge: Judge,
}

/// Plays cases; `tell` is told of each verdict, in the order of the cases.
///
/// # Errors
///
/// If the command line is wrong, or the client cannot be run: then no case means anything.
pub async fn play(
    cases: &[&'static Case],
    test: &Test,
    tell: &mut (dyn FnMut(&Verdict) + Send),
) -> Result<Vec<Verdict>, PlayError> {
    check(test).await?;
    let places = Arc::new(Semaphore::new(test.jobs.max(1)));
    let mut playing = JoinSet::new();
    for play in plays(cases) {
        playing.spawn(played(play, test.clone(), places.clone()));
    }
    let mut done = BTreeMap::new();
    let mut verdicts: Vec<Verdict> = Vec::new();
    while let Some(played) = playing.join_next().await {
        // A panic is ours; dropping the others ends their clients.
        let played =
            played.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
        done.extend(played);
        while let Some(verdict) = done.remove(&verdicts.len()) {
            tell(&verdict);
            verdicts.push(verdict);
        }
    }
    Ok(verdicts)
}

/// Whether the command line can be filled in, before any client is started.
async fn check(test: &Test) -> Result<(), PlayError> {
    let stage = test.stage(&Setup::PLAIN, id("check", 0)).await?;
    Program::new(&test.command, &stage.facts())?;
    Ok(())
}

/// Cases of one setup that are judged by one run share it.
fn plays(cases: &[&'static Case]) -> Vec<Play> {
    let mut plays: Vec<Play> = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let shared = plays.iter_mut().find(|play| {
            matches!((play.judge, case.judge), (Judge::One(_), Judge::One(_)))
                && *play.setup == case.setup
        });
        match shared {
            Some(play) => play.cases.push((place, case)),
            None => plays.push(Play {
                cases: vec![(place, case)],
                setup: &case.setup,
                judge: case.judge,
            }),
        }
    }
    plays
}

async fn played(
    play: Play,
    test: Test,
    places: Arc<Semaphore>,
) -> Result<Vec<(usize, Verdict)>, PlayError> {
    let runs = match runs(&play, &test, &places).await {
        Ok(runs) => runs,
        Err(PlayError::Stage(error)) => {
            let broken =
                |(place, case): &(usize, &'static Case)| (*place, broken(case, error.to_string()));
            return Ok(play.cases.iter().map(broken).collect());
        }
        Err(error) => return Err(error),
    };
    let (observations, reports): (Vec<_>, Vec<_>) =
        runs.into_iter().map(|run| (run.observation, run.report)).unzip();
    let judged = |(place, case): &(usize, &'static Case)| {
        let finding = match (case.judge, observations.first()) {
            (Judge::Each(_, judge) | Judge::InARow(_, judge), _) => judge(&observations),
            (Judge::One(judge), Some(first)) => judge(first),
            (Judge::One(_), None) => unreachable!("every play has a run"),
        };
        (*place, verdict(case, finding, &observations, &reports))
    };
    Ok(play.cases.iter().map(judged).collect())
}

async fn runs(play: &Play, test: &Test, places: &Arc<Semaphore>) -> Result<Vec<Run>, PlayError> {
    let name = play.cases.first().map_or("none", |(_, case)| case.id);
    let count = play.judge.runs();
    let setup = play.setup;
    let mut runs = Vec::with_capacity(count);
    if let Judge::Each(..) = play.judge {
        let mut playing = JoinSet::new();
        for number in 1..=count {
            let (test, places) = (test.clone(), places.clone());
            playing.spawn(async move {
                let _place = places.acquire().await;
                let stage = test.stage(setup, id(name, number)).await?;
                run(&stage, &test.command, setup, test.timeout).await
            });
        }
        while let Some(played) = playing.join_next().await {
            runs.push(
                played.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?,
            );
        }
        return Ok(runs);
    }
    let _place = places.acquire().await;
    let stage = test.stage(setup, id(name, 1)).await?;
    for _ in 0..count {
        runs.push(run(&stage, &test.command, setup, test.timeout).await?);
    }
    Ok(runs)
}

/// The device of a run. All names of cases make good IDs.
fn id(case: &str, number: usize) -> RegistrationId {
    let text = match number {
        0 | 1 => format!("conformance-{case}"),
        number => format!("conformance-{case}-{number}"),
    };
    text.parse().unwrap_or_else(|_| unreachable!("{text} is a registration ID"))
}
