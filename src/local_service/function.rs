//! Allocation functions of a test: closures that are asked over real HTTP, as a function app would
//! be.
//!
//! What their answers mean for the device is decided by the service, which does not know that they
//! are near.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::function_app::{self, Answer};

/// What an allocation function says of a device (G.4).
#[derive(Debug, Clone, PartialEq)]
pub struct AllocationAnswer {
    status: u16,
    body: Body,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    /// An AllocationResponse.
    Json(Map<String, Value>),
    Text(String),
}

impl AllocationAnswer {
    /// The device gets this hub, which must be one of the linked ones.
    pub fn hub(host_name: impl Into<String>) -> Self {
        let hub = Value::String(host_name.into());
        let body = Map::from_iter([("iotHubHostName".to_owned(), hub)]);
        Self { status: 200, body: Body::Json(body) }
    }

    /// The device gets none; the function says why with status 400.
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self::raw(400, reason)
    }

    /// Whatever else a function can say, and should not: status and body. A status that HTTP does
    /// not have becomes 500.
    pub fn raw(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: Body::Text(body.into()) }
    }

    /// With a first twin, `{"tags":{…},"properties":{"desired":{…}}}`, if the device gets a hub.
    #[must_use]
    pub fn with_initial_twin(self, twin: Value) -> Self {
        self.with("initialTwin", twin)
    }

    /// With something to say to the device, if it gets a hub.
    #[must_use]
    pub fn with_payload(self, payload: Value) -> Self {
        self.with("payload", payload)
    }

    fn with(mut self, member: &str, value: Value) -> Self {
        if let Body::Json(members) = &mut self.body {
            members.insert(member.to_owned(), value);
        }
        self
    }
}

impl From<AllocationAnswer> for Answer {
    fn from(AllocationAnswer { status, body }: AllocationAnswer) -> Self {
        match body {
            Body::Json(members) => {
                Self::Reply { status, is_json: true, body: Value::Object(members).to_string() }
            }
            Body::Text(text) => Self::text(status, text),
        }
    }
}

/// An allocation function: an AllocationRequest (G.3) in, an answer out.
#[derive(Clone)]
pub(super) struct Function(Arc<Decide>);

type Decide = dyn Fn(&Value) -> AllocationAnswer + Send + Sync;

impl Function {
    pub(super) fn new(decide: impl Fn(&Value) -> AllocationAnswer + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }
}

impl Function {
    /// As a function app asks it: on a thread of its own, for it may take its time, and even ask the
    /// service something.
    pub(super) fn served(self) -> Arc<function_app::Function> {
        Arc::new(move |request| {
            let function = self.0.clone();
            Box::pin(async move {
                match tokio::task::spawn_blocking(move || function(&request)).await {
                    Ok(answer) => answer.into(),
                    Err(_) => Answer::text(500, "the allocation function panicked"),
                }
            })
        })
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}
