//! At which service scenarios are played, if at none of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustls::ClientConfig;

use super::connection;
use super::proxy::ProxyArgs;
use super::service::IdScopeArg;
use crate::api_client::{ConnectionString, HubClient, Patience, ServiceClient};
use crate::cli::input::variable;
use crate::cli::local::LocalChoice;
use crate::cli::report::Report;
use crate::cli::secret::Secret;
use crate::device::Ports;
use crate::net::{ConnectTo, Endpoint, Route, Trust, client_config};
use crate::scenario::against::{Account, FunctionUrl, Prefix};
use crate::text::shell_word;
use crate::wire::{GLOBAL_ENDPOINT, HTTPS_PORT, IdScope, MQTT_PORT};

/// Each call of the service API.
const CALL: Duration = Duration::from_secs(30);
/// A busy service, and a network that comes and goes, are given so long with each.
const PATIENCE: Patience = Patience { limit: Duration::from_secs(90) };
/// What `--local` is called here.
const LOCAL: &str = "local";

/// A service that is there already.
#[derive(Debug, Args)]
#[command(next_help_heading = "Against a service that is there already")]
pub(crate) struct AgainstArgs {
    /// Play them at a service that is there already: `azure`, or `local` or NAME, one that
    /// `provision-sim serve` runs on this machine. What they make there has names of its own, and is
    /// removed
    #[arg(long, value_name = "azure|local|NAME")]
    against: Option<String>,
    /// Connection string of a shared access policy [env: PROVISION_SIM_CONNECTION_STRING]
    #[arg(long, short = 'l', alias = "login", value_name = "STRING|@FILE|-", requires = "against")]
    connection_string: Option<Secret>,
    #[command(flatten)]
    id_scope: IdScopeArg,
    /// Where devices register [env: IOTHUB_DEVICE_DPS_ENDPOINT] [default:
    /// global.azure-devices-provisioning.net]
    #[arg(long, alias = "host-name", value_name = "HOST[:PORT]", requires = "against")]
    host: Option<Endpoint>,
    /// CA certificates to trust in place of the system's [env: SSL_CERT_FILE]
    #[arg(long, value_name = "PEM", requires = "against")]
    ca_file: Option<PathBuf>,
    #[command(flatten)]
    proxy: ProxyArgs,
    /// For HOST:PORT dial ADDR:PORT; the name that is verified stays. Empty fields stand for any,
    /// or the same; may be given again
    #[arg(long, value_name = "HOST:PORT:ADDR:PORT", requires = "against")]
    connect_to: Vec<ConnectTo>,
    /// Connection string of a hub, so that twins can be looked at there, and devices removed; may be
    /// given again, and a file may have several, one a line
    #[arg(long, value_name = "STRING|@FILE", requires = "against")]
    hub_connection_string: Vec<Secret>,
    /// Where the service reaches functions that this machine serves, with {port} for their port, such
    /// as http://127.0.0.1:{port}; without it, and elsewhere than on this machine, nowhere
    #[arg(long, value_name = "URL", requires = "against")]
    function_url: Option<FunctionUrl>,
    /// Play nothing; remove what an earlier run has left behind, whose names begin with this
    #[arg(long, value_name = "ps-…-", requires = "against")]
    clean: Option<Prefix>,
}

/// A service to play scenarios at, and the way there.
#[derive(Debug, Clone)]
pub(crate) struct Against {
    /// What a run has there.
    pub(crate) account: Arc<Account>,
    connection: (ConnectionString, Route),
    hubs: Vec<(ConnectionString, Route)>,
    /// Where devices register.
    pub(crate) endpoint: Endpoint,
    /// The ports for whom none is given.
    pub(crate) ports: Ports,
    /// The way there, and to the hubs.
    pub(crate) route: Route,
    /// Whom devices trust.
    pub(crate) tls: Arc<ClientConfig>,
    /// The file of that, if there is one.
    pub(crate) ca_file: Option<PathBuf>,
    /// The instance.
    pub(crate) id_scope: IdScope,
    /// Where it reaches functions of this machine.
    pub(crate) function_url: Option<FunctionUrl>,
    /// How other commands are told which service it is.
    pub(crate) as_given: String,
}

/// What a service is known by.
struct Known {
    connection: ConnectionString,
    hubs: Vec<ConnectionString>,
    /// Who is dialled in the place of its hubs.
    connect_to: Vec<ConnectTo>,
    endpoint: Endpoint,
    ports: Ports,
    id_scope: IdScope,
    ca_file: Option<PathBuf>,
    function_url: Option<FunctionUrl>,
    is_local: bool,
}

impl Against {
    /// The same for another run: with connections of its own, and nothing written down.
    pub(crate) fn anew(&self) -> Self {
        let account = account(&self.connection, &self.hubs, &self.tls);
        Self { account, ..self.clone() }
    }
}

fn account(
    (connection, route): &(ConnectionString, Route),
    hubs: &[(ConnectionString, Route)],
    tls: &Arc<ClientConfig>,
) -> Arc<Account> {
    let client = ServiceClient::by_route(connection.clone(), tls, route.clone(), CALL);
    let hubs = hubs.iter().map(|(hub, route)| {
        HubClient::by_route(hub.clone(), tls, route.clone(), CALL).with_patience(PATIENCE)
    });
    Arc::new(Account::new(client.with_patience(PATIENCE), hubs.collect()))
}

impl AgainstArgs {
    /// What is to be removed in place of playing anything.
    pub(crate) fn clean(&self) -> Option<&Prefix> {
        self.clean.as_ref()
    }

    /// The service, if one is named. Nothing is sent yet.
    pub(crate) fn open(&self) -> Result<Option<Against>, Report> {
        let Some(name) = &self.against else {
            return match &self.id_scope.id_scope {
                Some(_) => Err(Report::usage("--id-scope needs --against")
                    .remedy("a service of the scenario's own has the ID scope of its file")),
                None => Ok(None),
            };
        };
        let known = match name.as_str() {
            "azure" => self.there()?,
            name => self.here(name)?,
        };
        let ca_file = self.ca_file.clone().or_else(|| known.ca_file.clone());
        let trust = ca_file.clone().map_or(Trust::System, Trust::File);
        let tls =
            client_config(&trust).map_err(|error| Report::usage(format!("--ca-file: {error}")))?;
        let connect_to = [&self.connect_to[..], &known.connect_to].concat();
        let route = Route::default().with_connect_to(connect_to);
        let proxied = |host: &Endpoint, ports: &[u16]| {
            self.proxy.add_to(route.clone(), host, ports, known.is_local)
        };
        let api = proxied(known.connection.endpoint(), &[HTTPS_PORT])?;
        let connection = (known.connection, api);
        let hubs = known.hubs.into_iter().map(|hub| {
            let route = proxied(hub.endpoint(), &[HTTPS_PORT])?;
            Ok((hub, route))
        });
        let hubs = hubs.collect::<Result<Vec<_>, Report>>()?;
        Ok(Some(Against {
            account: account(&connection, &hubs, &tls),
            connection,
            hubs,
            route: proxied(&known.endpoint, &[MQTT_PORT, HTTPS_PORT])?,
            endpoint: known.endpoint,
            ports: known.ports,
            tls,
            ca_file,
            id_scope: known.id_scope,
            function_url: self.function_url.clone().or(known.function_url),
            as_given: self.as_given(name),
        }))
    }

    /// One that is named by a connection string.
    fn there(&self) -> Result<Known, Report> {
        const VARIABLE: &str = "IOTHUB_DEVICE_DPS_ENDPOINT";
        let connection = connection::given(self.connection_string.as_ref())?;
        let connection = connection.ok_or_else(|| {
            Report::usage("--against azure: no service: give --connection-string").remedy(format!(
                "set {} to keep it out of the command line; `az iot dps connection-string show` tells it",
                connection::VARIABLE
            ))
        })?;
        let host = match (&self.host, variable(VARIABLE)) {
            (Some(host), _) => host.clone(),
            (None, Some(text)) => text
                .parse()
                .map_err(|error| Report::usage(format!("{VARIABLE}: {text:?}: {error}")))?,
            (None, None) => GLOBAL_ENDPOINT.parse().map_err(Report::internal)?,
        };
        if !self.id_scope.is_given(None) {
            return Err(Report::usage("--against azure: no ID scope: give --id-scope").remedy(
                "it stands on the overview page of the instance; `az iot dps show --query properties.idScope` tells it",
            ));
        }
        Ok(Known {
            connection,
            hubs: self.hubs()?,
            connect_to: Vec::new(),
            endpoint: host,
            ports: Ports::default(),
            id_scope: self.id_scope.resolve(None)?,
            ca_file: variable("SSL_CERT_FILE").map(PathBuf::from),
            function_url: None,
            is_local: false,
        })
    }

    /// One of this machine, which tells all that there is to know.
    fn here(&self, name: &str) -> Result<Known, Report> {
        let flag = format!("--against {name}");
        if self.connection_string.is_some() {
            return Err(Report::usage(format!("{flag}: it tells its connection string itself"))
                .remedy("give --against azure for the service of a connection string"));
        }
        let choice = if name == LOCAL { "" } else { name };
        let Ok(choice) = choice.parse::<LocalChoice>();
        let local = choice.find()?;
        let Some(text) = &local.ready.service_connection_string else {
            return Err(Report::usage(format!("{flag}: the service has no service API"))
                .remedy("start `provision-sim serve` anew, of this version"));
        };
        let (mqtt, https) = (local.address()?, local.https_address()?);
        let ports = local.ports()?;
        let (mut hubs, mut connect_to) = (self.hubs()?, Vec::new());
        for (hub, text) in &local.hub_connection_strings {
            hubs.push(ConnectionString::of_hub(text).map_err(Report::internal)?);
            for (port, to) in
                [(MQTT_PORT, mqtt.or_port(ports.mqtt)), (HTTPS_PORT, https.or_port(ports.https))]
            {
                let rule = format!("{hub}:{port}:{to}").parse().map_err(Report::internal)?;
                connect_to.push(rule);
            }
        }
        let function_url = "http://127.0.0.1:{port}".parse().map_err(Report::internal)?;
        Ok(Known {
            connection: text.parse().map_err(Report::internal)?,
            hubs,
            connect_to,
            endpoint: self.host.clone().unwrap_or_else(|| mqtt.without_port()),
            ports,
            id_scope: self.id_scope.resolve(Some(&local))?,
            ca_file: Some(local.ready.ca_file.clone()),
            function_url: Some(function_url),
            is_local: true,
        })
    }

    fn hubs(&self) -> Result<Vec<ConnectionString>, Report> {
        let arguments = self.hub_connection_string.iter();
        let read = arguments.map(|text| connection::hubs("--hub-connection-string", text));
        Ok(read.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The flags by which `enrollment-group delete` and its like find the same service.
    fn as_given(&self, name: &str) -> String {
        let mut words = Vec::new();
        match name {
            "azure" => words.extend(connection::as_given(self.connection_string.as_ref())),
            LOCAL => words.push("--local".to_owned()),
            name => words.push(format!("--local={}", shell_word(name))),
        }
        if let Some(path) = &self.ca_file {
            words.push(format!("--ca-file {}", shell_word(&path.display().to_string())));
        }
        let rules = self.connect_to.iter();
        words.extend(rules.map(|rule| format!("--connect-to {}", shell_word(&rule.to_string()))));
        let proxy = self.proxy.as_given();
        words.extend(proxy.map(|(flag, value)| format!("{flag} {}", shell_word(&value))));
        words.join(" ")
    }
}
