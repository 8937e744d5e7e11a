//! A scripted function at work: its answers, which may be changed, and how often it was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::function_app::{self, Answer};
use crate::scenario::step::{Asked, Said, Script};
use crate::sources::Clock;

/// A scripted function.
#[derive(Debug)]
pub(super) struct ScriptedFunction(Mutex<(Script, Asked)>, Clock);

impl ScriptedFunction {
    pub(super) fn new(script: Script, clock: Clock) -> Self {
        Self(Mutex::new((script, Asked::default())), clock)
    }

    /// Other answers from now on; it begins to count anew.
    pub(super) fn set(&self, script: Script) {
        *self.state() = (script, Asked::default());
    }

    /// How often it was asked since its answers were set.
    pub(super) fn calls(&self) -> u64 {
        self.state().1.count()
    }

    /// As a function app asks it.
    pub(super) fn served(self: Arc<Self>) -> Arc<function_app::Function> {
        Arc::new(move |request| {
            let (delay, said) = {
                let (script, asked) = &mut *self.state();
                script.answer(&request, asked)
            };
            let clock = self.1.clone();
            Box::pin(async move {
                if !delay.is_zero() {
                    clock.sleep(delay).await;
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
