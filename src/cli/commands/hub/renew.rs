//! `hub renew`: a device gets another certificate from its hub.

use clap::Args;

use super::place::PlaceArgs;
use super::show;
use crate::cli::args::certificate::CertificateArgs;
use crate::cli::args::credential::check_standard_input;
use crate::cli::args::request::{Asking, CertificateRequestArgs};
use crate::cli::exit::Exit;
use crate::cli::output::failure;
use crate::cli::output::printer::Printer;
use crate::cli::output::progress::Progress;
use crate::cli::report::Report;
use crate::cli::runtime::run_to_end;
use crate::device::{
    HubError, HubSettings, HubWaiting, Renewal, RenewalNotice, Renewed, renew_certificate,
};
use crate::explain::Context;
use crate::wire::{CREDENTIALS_RID, Replace};

/// Get another certificate from the hub, before the one ends with which the device signs in
#[derive(Debug, Args)]
#[command(after_help = "\
Signs in with --cert, asks the hub for a certificate of the same name, waits for it, and keeps it
and those above it as --issued-cert; without that and without --new-key they are printed. Asked for
is a certificate for a new key (--new-key), by a request made elsewhere (--csr), or else for the key
of --cert. It is over MQTT, right over TLS or over WebSocket.

A session of the device that is open ends, for a hub has one connection for each device. The new
certificate counts from the next connection on, and the old one is good until it ends. One request
of a device is under way at a time. If time is up while it is, the command is printed that waits on.

Examples:
  provision-sim hub renew --hub my-hub.azure-devices.net --cert pump-0042.crt \\
      --cert-key pump-0042.key --new-key pump-0042-new.key
  provision-sim hub renew --local --cert pump-0042.crt --cert-key pump-0042.key \\
      --issued-cert pump-0042.crt
  provision-sim hub renew --hub my-hub.azure-devices.net --cert pump-0042.crt \\
      --cert-key pump-0042.key --csr pump-0042.csr --issued-cert new.crt --replace '*'

Exit codes: 0 renewed, 2 bad input, 3 network or TLS, 4 the hub refused the device, 5 it issued no
certificate, or none that can be used, 6 deadline passed")]
pub(super) struct Renew {
    #[command(flatten)]
    certificate: CertificateArgs,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    request: CertificateRequestArgs,
    /// Take the place of the request that is under way: of this name, or whichever it is
    #[arg(long, value_name = "NAME|*", value_parser = replace, help_heading = "Certificate options")]
    replace: Option<Replace>,
    /// What to call the request: 4 to 36 letters, digits and hyphens [default: a new name]. With the
    /// name of one that is under way, wait for its certificate
    #[arg(long, value_name = "NAME", help_heading = "Certificate options")]
    request_id: Option<String>,
}

fn replace(text: &str) -> Result<Replace, String> {
    Replace::read(text)
        .ok_or_else(|| format!("write *, or the name of a request: {CREDENTIALS_RID}"))
}

impl Renew {
    pub(super) fn run(self, printer: &mut Printer) -> Result<Exit, Report> {
        check_standard_input([
            ("--cert-key-passphrase", self.certificate.cert_key_passphrase.as_deref()),
            ("--csr", self.request.csr.as_deref()),
        ])?;
        let Some((certificate, name)) = self.certificate.resolve(None)? else {
            return Err(Report::usage("no certificate (--cert)")
                .remedy("give the one that the device signs in with, and its key: --cert PEM --cert-key PEM")
                .remedy("a device without one registers for it: `register --new-key FILE`"));
        };
        let (hub, context) = self.place.resolve(&certificate, &name)?;
        // Last, for it may write a key.
        let asking = self.request.resolve_or_same(&name, &certificate, printer)?;
        let renewal = self.renewal(&asking)?;
        let result = run_to_end(renewed(&hub, &renewal, printer))?;
        let renewed =
            result.map_err(|(error, asked)| self.failed(&error, asked, &hub, &context))?;
        asking.keep(&renewed.chain, printer)?;
        show::renewed(&renewed, &hub, asking.target(), printer);
        Ok(Exit::Done)
    }

    fn renewal(&self, asking: &Asking) -> Result<Renewal, Report> {
        let mut renewal = Renewal::new(asking.csr().clone())
            .map_err(|fault| Report::usage(format!("{}: {fault}", asking.flag())))?;
        if let Some(request_id) = &self.request_id {
            renewal = renewal
                .named(request_id)
                .map_err(|fault| Report::usage(format!("--request-id: {fault}")))?;
        }
        Ok(match &self.replace {
            Some(replace) => renewal.replacing(replace.clone()),
            None => renewal,
        })
    }

    /// Where the hub is still at it, the report says how to wait on.
    fn failed(
        &self,
        error: &HubError,
        asked: Option<String>,
        hub: &HubSettings,
        context: &Context,
    ) -> Report {
        let mut report = failure::hub_report(error, hub, context);
        if let (HubError::Silent(HubWaiting::Certificate), Some(name)) = (error, asked) {
            report
                .remedies
                .insert(0, format!("to wait on, give the same command with --request-id {name}"));
        }
        report
    }
}

/// Renews, and tells of it; with an error goes the name of the request, if there was one.
async fn renewed(
    hub: &HubSettings,
    renewal: &Renewal,
    printer: &mut Printer,
) -> Result<Renewed, (HubError, Option<String>)> {
    let progress = Progress::new(printer);
    progress.at_hub();
    let mut asked = None;
    let mut notify = |notice: RenewalNotice<'_>| {
        if let RenewalNotice::Asked { request_id } = notice {
            asked = Some(request_id.to_owned());
        }
        show::notice(&notice, hub, printer);
    };
    let result = progress.during(renew_certificate(hub, renewal, &mut notify)).await;
    result.map_err(|error| (error, asked))
}
