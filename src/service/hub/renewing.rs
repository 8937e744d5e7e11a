//! What a hub does for a device that asks it for a certificate: takes its request up, grants it, and keeps
//! the answer until the device has it (I.4).

use std::time::Duration;

use super::hubs::Hubs;
use super::renewal::{Begun, LastAnswer, NextAnswer, RenewalFault, read};
use crate::pki::CertificateRequest;
use crate::service::enrollment::IssuerNames;
use crate::service::issuing::Issued;
use crate::service::record::{Authentication, HubKey};
use crate::service::reply::{Reply, json_reply};
use crate::text::Foreign;
use crate::wire::{
    ErrorCode, IssueAccepted, IssueFailure, IssuedCertificates, nano_timestamp, timestamp,
};

/// What is told of a request whose content is to blame.
const NOT_VERIFIED: &str = "CSR did not pass verification";

/// A request for a certificate that was taken up.
#[derive(Debug)]
pub(in crate::service) struct Renewal {
    /// The device's name for it.
    pub(in crate::service) rid: String,
    /// The hub's name for it.
    pub(in crate::service) correlation_id: String,
    csr: Vec<u8>,
}

/// Why a device is issued no certificate.
#[derive(Debug)]
pub(in crate::service) struct Unissued {
    /// What it is told.
    pub(in crate::service) reply: Reply,
    /// The number of this kind of failure.
    pub(in crate::service) code: ErrorCode,
    /// The reason, as the log has it.
    pub(in crate::service) why: String,
}

impl Hubs {
    /// Takes up the request of a device for a certificate, if nothing is wrong with it and no other is under
    /// way: what the device is told at once, and what is to be granted, if it is another than that.
    pub(in crate::service) fn ask_for_certificate(
        &self,
        key: &HubKey,
        rid: &str,
        body: &[u8],
    ) -> Result<(Reply, Option<Renewal>), Unissued> {
        self.note_activity(key);
        match self.take_up(key, rid, body) {
            Ok((Begun { operation, is_new }, csr)) => {
                let accepted = IssueAccepted {
                    correlation_id: operation.correlation_id.clone(),
                    operation_expires: nano_timestamp(operation.expires),
                };
                let correlation_id = operation.correlation_id;
                let renewal = is_new.then(|| Renewal { rid: rid.to_owned(), correlation_id, csr });
                Ok((json_reply(202, None, &accepted), renewal))
            }
            Err(fault) => Err(self.unissued(key, rid, &fault, fault.to_string())),
        }
    }

    fn take_up(
        &self,
        key: &HubKey,
        rid: &str,
        body: &[u8],
    ) -> Result<(Begun, Vec<u8>), RenewalFault> {
        let wanted = read(body, key.device_id())?;
        let device = self.device(key);
        let authentication = device.as_ref().map(|device| &device.authentication);
        if !matches!(authentication, Some(Authentication::CertificateAuthority { .. })) {
            return Err(RenewalFault::NoAuthority);
        }
        let now = self.sources.now();
        let new_id = || self.sources.chance.uuid("renewal", key.device_id().as_str()).to_string();
        let begun = self.renewals().begin(key, rid, wanted.replace.as_ref(), now, new_id)?;
        Ok((begun, wanted.csr))
    }

    /// Grants a request, if it can be: the last answer, and what was issued.
    pub(in crate::service) fn grant_certificate(
        &self,
        key: &HubKey,
        renewal: &Renewal,
    ) -> Result<(Reply, Issued), Unissued> {
        let (name, rid) = (key.device_id(), &renewal.rid);
        let issued = self.issue(key, renewal);
        let issued = issued.map_err(|(fault, why)| self.unissued(key, rid, &fault, why))?;
        let Issued { chain, leaf, issuer } = &issued;
        tracing::info!(
            "{name}: is issued another certificate (request {rid}) by {issuer}, policy {}, valid until {}",
            issuer.policy,
            timestamp(leaf.info().not_after)
        );
        let correlation_id = renewal.correlation_id.clone();
        let certificates = chain.to_base64();
        let reply = json_reply(200, None, &IssuedCertificates { correlation_id, certificates });
        Ok((reply, issued))
    }

    /// The certificate; or what the device is told, and what the log is.
    fn issue(&self, key: &HubKey, renewal: &Renewal) -> Result<Issued, (RenewalFault, String)> {
        let unable = |why: &str, is_requests| RenewalFault::Unable {
            correlation_id: renewal.correlation_id.clone(),
            why: why.to_owned(),
            is_requests,
        };
        let device = self.device(key);
        let authentication = device.as_ref().map(|device| &device.authentication);
        let Some(Authentication::CertificateAuthority { issuer, common_name }) = authentication
        else {
            let why = "the identity is gone, or is not one with issued certificates any more";
            return Err((unable(why, false), why.to_owned()));
        };
        // It may be another than the device ID: what was issued first is the name that signs in (J-461).
        let request = CertificateRequest::from_der(&renewal.csr)
            .and_then(|request| request.check_name(common_name).map(|()| request))
            .map_err(|fault| {
                let said = format!("{NOT_VERIFIED}: {fault}");
                (unable(&said, true), fault.to_string())
            })?;
        let names = IssuerNames {
            namespace: Some(issuer.namespace.clone()),
            authority: Some(issuer.authority.clone()),
            policy: Some(issuer.policy.clone()),
            credential_policy: None,
        };
        let authorities = self.authorities().ok_or_else(|| {
            let why = "this service has no certificate authorities";
            (unable(why, false), why.to_owned())
        })?;
        authorities.issue_for(&names, &request).map_err(|error| {
            // What is wrong here is not the device's to know.
            let said = format!("no certificate can be issued by {issuer}");
            (unable(&said, false), format!("no certificate can be issued: {error}"))
        })
    }

    /// Keeps the last answer to a request, and tells it so much later at the earliest.
    pub(in crate::service) fn keep_certificate(
        &self,
        key: &HubKey,
        renewal: &Renewal,
        answer: LastAnswer,
        delay: Duration,
    ) {
        let now = self.sources.now();
        let due = now.checked_add(delay).unwrap_or(now);
        self.renewals().finish(key, &renewal.correlation_id, answer, due);
    }

    /// What a device is to be told on the connection of that number about the certificate that it asked for.
    pub(in crate::service) fn next_certificate(&self, key: &HubKey, connection: u64) -> NextAnswer {
        self.renewals().next(key, connection, self.sources.now())
    }

    /// The last answer was sent on that connection.
    pub(in crate::service) fn certificate_sent(
        &self,
        key: &HubKey,
        correlation_id: &str,
        connection: u64,
    ) {
        self.renewals().sent(key, correlation_id, connection);
    }

    /// The device has the last answer, or will not get it.
    pub(in crate::service) fn certificate_taken(&self, key: &HubKey, correlation_id: &str) {
        self.renewals().end(key, correlation_id);
        self.note_activity(key);
    }

    /// Refuses a request, and logs why.
    fn unissued(&self, key: &HubKey, rid: &str, fault: &RenewalFault, why: String) -> Unissued {
        let (name, code) = (key.device_id(), fault.code());
        let failure = IssueFailure {
            error_code: code,
            message: fault.to_string(),
            tracking_id: self.sources.chance.uuid("tracking", "").to_string(),
            timestamp_utc: nano_timestamp(self.sources.now()),
            info: fault.info(),
            retry_after: None,
        };
        let said = Foreign::new(&why);
        tracing::warn!("{name}: is issued no certificate (request {rid}), {code}: {said}");
        Unissued { reply: json_reply(code.status(), None, &failure), code, why }
    }
}
