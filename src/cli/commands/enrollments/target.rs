//! Which service is asked: the one on this machine, or that of a connection string.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::webhook::Webhooks;
use crate::api_client::{CallError, ConnectionString, Kind, ServiceClient};
use crate::cli::args::connection::{VARIABLE, connection, given};
use crate::cli::args::duration::timeout;
use crate::cli::args::proxy::ProxyArgs;
use crate::cli::input::variable;
use crate::cli::local::{Local, LocalChoice};
use crate::cli::report::Report;
use crate::cli::runtime::small_runtime;
use crate::cli::secret::Secret;
use crate::net::{ConnectTo, Route, Trust, client_config};
use crate::wire::{ApiVersion, HTTPS_PORT};

/// The service, as the flags name it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which service")]
pub(super) struct Target {
    /// The service that `provision-sim serve` runs on this machine; NAME, or the port of its MQTT,
    /// where several run
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "connection_string")]
    local: Option<LocalChoice>,
    /// Connection string of a shared access policy [env: PROVISION_SIM_CONNECTION_STRING]
    #[arg(long, short = 'l', alias = "login", value_name = "STRING|@FILE|-")]
    connection_string: Option<Secret>,
    /// CA certificates to trust in place of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "PEM")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    proxy: ProxyArgs,
    /// For HOST:PORT dial ADDR:PORT; the name that is verified stays. Empty fields stand for any,
    /// or the same; may be given again
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT")]
    connect_to: Vec<ConnectTo>,
    /// Each call must end within this
    #[arg(long, default_value = "30s", value_parser = timeout, value_name = "DURATION")]
    timeout: Duration,
    #[command(flatten)]
    az: AzArgs,
}

/// What command lines of `az` name their service by, so that they can be pasted. A resource group is
/// nothing that a service API knows.
#[derive(Debug, Args)]
struct AzArgs {
    /// Taken from command lines of `az`, and not used
    #[arg(long, short = 'n', value_name = "NAME", hide = true)]
    dps_name: Option<String>,
    /// Taken from command lines of `az`, and not used
    #[arg(long, short = 'g', value_name = "NAME", hide = true)]
    resource_group: Option<String>,
    /// Taken from command lines of `az`, and not used
    #[arg(long, value_name = "NAME", hide = true)]
    subscription: Option<String>,
    /// Taken from command lines of `az`, and not used
    #[arg(long, value_name = "TYPE", hide = true)]
    auth_type: Option<String>,
    /// Taken from command lines of `az`, and not used
    #[arg(long, hide = true)]
    only_show_errors: bool,
}

impl AzArgs {
    /// Says in one line which flags were not used.
    fn tell(&self) {
        let given = [
            ("--dps-name", self.dps_name.is_some()),
            ("--resource-group", self.resource_group.is_some()),
            ("--subscription", self.subscription.is_some()),
            ("--auth-type", self.auth_type.is_some()),
        ];
        let given = given.into_iter().filter_map(|(flag, is_given)| is_given.then_some(flag));
        let given = given.collect::<Vec<_>>().join(", ");
        if !given.is_empty() && !self.only_show_errors {
            tracing::warn!(
                "{given}: not used here; --local, or --connection-string, says which service is asked"
            );
        }
    }
}

/// A client, and what runs it.
pub(super) struct Session {
    pub(super) client: ServiceClient,
    pub(super) webhooks: Webhooks,
    runtime: Option<Runtime>,
}

impl Target {
    /// Whether it comes from standard input, of which there is one.
    pub(super) fn reads_standard_input(&self) -> bool {
        self.connection_string.as_deref() == Some("-")
    }

    /// A client of it. Nothing is sent yet.
    pub(super) fn open(&self) -> Result<Session, Report> {
        self.az.tell();
        let (connection, trust, webhooks) = match &self.local {
            Some(choice) => Self::here(choice)?,
            None => self.there()?,
        };
        let trust = match (&self.ca_file, trust) {
            (Some(path), _) => Trust::File(path.clone()),
            (None, trust) => trust,
        };
        let tls =
            client_config(&trust).map_err(|error| Report::usage(format!("--ca-file: {error}")))?;
        let route = self.proxy.add_to(
            Route::default().with_connect_to(self.connect_to.clone()),
            connection.endpoint(),
            &[HTTPS_PORT],
            self.local.is_some(),
        )?;
        let runtime = Some(small_runtime()?);
        Ok(Session {
            client: ServiceClient::by_route(connection, &tls, route, self.timeout),
            webhooks,
            runtime,
        })
    }

    fn here(choice: &LocalChoice) -> Result<(ConnectionString, Trust, Webhooks), Report> {
        let Local { ready, webhooks, .. } = choice.find()?;
        let (Some(_), Some(text)) = (&ready.https, &ready.service_connection_string) else {
            return Err(Report::usage("--local: the service has no service API")
                .remedy("start `provision-sim serve` anew, of this version"));
        };
        let connection = connection("--local", text)?;
        Ok((connection, Trust::File(ready.ca_file), Webhooks::here(webhooks)))
    }

    fn there(&self) -> Result<(ConnectionString, Trust, Webhooks), Report> {
        let connection = given(self.connection_string.as_ref())?;
        let connection = connection.ok_or_else(|| {
            Report::usage("no service: give --local or --connection-string")
                .remedy(format!("set {VARIABLE} to keep it out of the command line; `az iot dps connection-string show` tells it"))
        })?;
        let file = variable("SSL_CERT_FILE").map(|path| Trust::File(path.into()));
        Ok((connection, file.unwrap_or(Trust::System), Webhooks::there()))
    }
}

impl Session {
    /// Asks by the version that has names of who issues certificates, if that is needed (J-487).
    pub(super) fn naming_issuers(mut self, is_needed: bool) -> Self {
        if is_needed {
            self.client.speak(ApiVersion::OF_CERTIFICATES);
        }
        self
    }

    /// The result of a call.
    pub(super) fn wait<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(call),
            None => unreachable!("only dropping takes it"),
        }
    }

    /// Puts the symmetric keys into a record, which comes without them (E.3). Tells whether there
    /// were any to put in.
    pub(super) async fn fill_keys(
        &self,
        kind: Kind,
        id: &str,
        record: &mut Value,
    ) -> Result<bool, CallError> {
        let attestation = &record["attestation"];
        let lacks_keys = attestation["type"] == "symmetricKey"
            && attestation["symmetricKey"]["primaryKey"].as_str().unwrap_or_default().is_empty();
        if lacks_keys {
            record["attestation"] = self.client.attestation(kind, id).await?.value();
        }
        Ok(lacks_keys)
    }
}

impl Drop for Session {
    /// A name lookup that hangs cannot be called off; it must not hold up the end.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
