//! From what is to be served to what is served: the order in which things are opened.

use std::sync::Arc;

use super::enrollment::EnrollmentBuilder;
use super::error::{LocalServiceError, cannot};
use super::host::Host;
use crate::attestation::Certificate;
use crate::contoso::SampleFunction;
use crate::function_app::{FunctionApp, ServedFunctions};
use crate::service::{CertificateConfig, Config, Kind, Options, Service};

/// What is to be served.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) enrollments: Vec<EnrollmentBuilder>,
    pub(super) options: Options,
}

/// What is served.
pub(super) struct Served {
    pub(super) service: Arc<Service>,
    pub(super) function: Option<SampleFunction>,
    pub(super) functions: Option<ServedFunctions>,
}

impl Plan {
    /// Opens all listeners, in the runtime that will serve them.
    async fn open(self) -> Result<Served, LocalServiceError> {
        let Self { mut config, enrollments, options } = self;
        let no_port = cannot("serve the allocation functions");
        let mut app: Option<FunctionApp> = None;
        for mut enrollment in enrollments {
            if let Some(function) = enrollment.take_function() {
                let app = match &mut app {
                    Some(app) => app,
                    none => none.insert(FunctionApp::open().map_err(&no_port)?),
                };
                enrollment = enrollment.webhook_url(&app.add(function.served()));
            }
            if let Some(certificate) = enrollment.signing_certificate() {
                // What is wrong with it is said of the enrollment.
                let is_authority = Certificate::from_text(certificate)
                    .is_ok_and(|certificate| certificate.authority().is_some());
                let name = format!("signing certificate of {}", enrollment.name());
                let certificate = certificate.to_owned();
                let uploaded = CertificateConfig { name, certificate, verified: true };
                config.certificates.extend(is_authority.then_some(uploaded));
            }
            let kind = enrollment.kind();
            let written = enrollment.into_config().map_err(LocalServiceError::Enrollment)?;
            match kind {
                Kind::Individual => config.enrollments.push(written),
                Kind::Group => config.enrollment_groups.push(written),
            }
        }
        let functions = app.map(FunctionApp::serve);
        let function = SampleFunction::start_for(&mut config).await.map_err(&no_port)?;
        let service = Arc::new(Service::start(&config, options).await?);
        Ok(Served { service, function, functions })
    }
}

/// Opens it on a thread of its own; `done` is told what came of it, there.
pub(super) fn launch(
    plan: Plan,
    done: impl FnOnce(Result<Served, LocalServiceError>) + Send + 'static,
) -> Result<Host, LocalServiceError> {
    Host::launch(plan.open(), done).map_err(cannot("start the thread of the service"))
}
