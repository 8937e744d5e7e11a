//! The one proof of identity that a device is given, whatever its kind.

use super::certificate::CertificateArgs;
use super::key::KeyArgs;
use super::tpm::TpmArgs;
use crate::cli::report::Report;

/// On the command line there may be one kind of credential, and one thing that is read from
/// standard input; `others` are the flags beside the credential that may be.
pub(crate) fn check_given(
    keys: &KeyArgs,
    certificate: &CertificateArgs,
    tpm: &TpmArgs,
    others: &[(&str, Option<&str>)],
) -> Result<(), Report> {
    tpm.check_given()?;
    if let Some(flag) = tpm.given() {
        let given = [
            ("--group-key", keys.group_key.is_some()),
            ("--device-key", keys.device_key.is_some()),
            ("--group", keys.group.group.is_some()),
            ("--cert", certificate.cert.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
            return Err(Report::usage(format!(
                "{name} and {flag} are both given; a device has one credential"
            ))
            .remedy(format!("leave out {name} if its enrollment is for a TPM, else {flag}")));
        }
    }
    let keys = [("--group-key", &keys.group_key), ("--device-key", &keys.device_key)];
    if certificate.cert.is_some()
        && let Some((name, _)) = keys.iter().find(|(_, key)| key.is_some())
    {
        return Err(Report::usage(format!(
            "--cert and {name} are both given; a device has one credential"
        ))
        .remedy(format!("leave out {name} if its enrollment is for X.509, else --cert")));
    }
    let passphrase = ("--cert-key-passphrase", &certificate.cert_key_passphrase);
    let from_stdin =
        keys.into_iter().chain([passphrase]).find(|(_, argument)| argument.as_deref() == Some("-"));
    let credential = from_stdin.map(|(name, argument)| (name, argument.as_deref()));
    check_standard_input(credential.into_iter().chain(others.iter().copied()))
}

/// Standard input is read once at most; given are the flags that may be read from there, and their arguments.
pub(crate) fn check_standard_input<'a>(
    given: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<(), Report> {
    let names = given.into_iter().filter(|(_, argument)| *argument == Some("-"));
    match names.map(|(name, _)| name).collect::<Vec<_>>()[..] {
        [first, second, ..] => Err(Report::usage(format!(
            "{first} and {second} cannot both be read from standard input"
        ))
        .remedy("put one of them into a file, and give @FILE")),
        _ => Ok(()),
    }
}
