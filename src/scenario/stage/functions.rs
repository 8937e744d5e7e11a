//! A scripted function at work: its answers, which may be changed, and how often it was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::function_app::{self, Answer};
use crate::scenario::step::{Asked, Said, Script};
use crate::sources::Clock;

/// A scripted function.
#[derive(Debug)]
pub(super) struct ScriptedFunction {
    state: Mutex<(Script, Asked)>,
    clock: Clock,
    /// How many questions are being answered.
    answering: watch::Sender<usize>,
}

/// A question that is being answered, for as long as somebody waits for that.
struct Answering(Arc<ScriptedFunction>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.send_modify(|count| *count -= 1);
    }
}

impl ScriptedFunction {
    pub(super) fn new(script: Script, clock: Clock) -> Self {
        let state = Mutex::new((script, Asked::default()));
        Self { state, clock, answering: watch::Sender::new(0) }
    }

    /// Other answers from now on; it begins to count anew.
    pub(super) fn set(&self, script: Script) {
        *self.state() = (script, Asked::default());
    }

    /// How often it was asked since its answers were set.
    pub(super) fn calls(&self) -> u64 {
        self.state().1.count()
    }

    /// How many questions are being answered.
    pub(super) fn answering(&self) -> usize {
        *self.answering.borrow()
    }

    /// Waits until none is.
    pub(super) async fn is_idle(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.answering.subscribe().wait_for(|count| *count == 0).await;
    }

    /// As a function app asks it.
    pub(super) fn served(self: Arc<Self>) -> Arc<function_app::Function> {
        Arc::new(move |request| {
            let (delay, said) = {
                let (script, asked) = &mut *self.state();
                script.answer(&request, asked)
            };
            self.answering.send_modify(|count| *count += 1);
            let answering = Answering(self.clone());
            Box::pin(async move {
                if !delay.is_zero() {
                    answering.0.clock.sleep(delay).await;
                }
                match said {
                    Said::Reply { status, is_json, body } => {
                        Answer::Reply { status, is_json, body }
                    }
                    Said::HangUp => Answer::HangUp,
                }
            })
        })
    }

    /// A panic while it is held leaves it whole.
    fn state(&self) -> MutexGuard<'_, (Script, Asked)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
