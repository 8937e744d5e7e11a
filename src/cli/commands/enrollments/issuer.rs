//! Who issues certificates to the devices of a record: flags as the preview of `az iot dps` names them, and
//! what it asks of them (J-487).

use clap::Args;
use serde_json::Value;

use crate::cli::report::Report;

/// Who issues certificates to devices that ask for one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Issued certificates")]
pub(super) struct IssuerArgs {
    /// Namespace of the authority that issues certificates to the devices; "" for all three: nobody
    #[arg(long, alias = "namespace-name", value_name = "NAME")]
    adr_namespace: Option<String>,
    /// That authority
    #[arg(long, alias = "certificate-authority-name", value_name = "NAME")]
    adr_ca_name: Option<String>,
    /// Its policy by which they are issued
    #[arg(long, aliases = ["adr-certificate-policy-name", "certificate-policy-name"], value_name = "NAME")]
    adr_cert_policy_name: Option<String>,
    /// The policy, as versions of 2025 name it
    #[arg(long, aliases = ["cpn", "credential-policy"], value_name = "NAME", hide = true, conflicts_with = "adr_cert_policy_name")]
    credential_policy_name: Option<String>,
}

impl IssuerArgs {
    pub(super) fn is_given(&self) -> bool {
        let Self { adr_namespace, adr_ca_name, adr_cert_policy_name, credential_policy_name } =
            self;
        let all = [adr_namespace, adr_ca_name, adr_cert_policy_name, credential_policy_name];
        all.iter().any(|name| name.is_some())
    }

    /// The members of a record that the flags set, and with null those that they take away.
    pub(super) fn members(&self) -> Result<Vec<(&'static str, Value)>, Report> {
        let (namespace, authority) = (self.adr_namespace.as_deref(), self.adr_ca_name.as_deref());
        let value = |name: &str| if name.is_empty() { Value::Null } else { name.into() };
        // In the version that has it, it stands alone.
        if let (None, None, Some(policy)) = (namespace, authority, &self.credential_policy_name) {
            return Ok(vec![("credentialPolicyName", value(policy))]);
        }
        let policy = self.adr_cert_policy_name.as_deref();
        let policy = policy.or(self.credential_policy_name.as_deref());
        let given = [namespace, authority, policy];
        match given {
            [None, None, None] => return Ok(Vec::new()),
            [Some(""), Some(""), Some("")] => {}
            _ if given.iter().all(|name| name.is_some_and(|name| !name.is_empty())) => {}
            _ => {
                return Err(Report::usage(
                    "--adr-namespace, --adr-ca-name and --adr-cert-policy-name go together",
                )
                .remedy("give all three, or \"\" for each to have no certificates issued"));
            }
        }
        let members = ["namespaceName", "certificateAuthorityName", "certificatePolicyName"];
        let names = given.map(Option::unwrap_or_default);
        Ok(members.into_iter().zip(names.map(value)).collect())
    }
}
