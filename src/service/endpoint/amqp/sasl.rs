//! SASL as far as devices need it: which mechanisms there are, and what each brings (RFC 4422, RFC 4616).

use std::fmt;

use super::sasl_tpm::TpmExchange;
use super::sign_in::{Denied, SignIn};
use crate::amqp::Symbol;
use crate::attestation::SasToken;
use crate::text::Foreign;
use crate::wire::RegistrationAddress;

/// A mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// Who it is, TLS has shown.
    External,
    /// What C and .NET choose for a hub: nothing is said, and tokens follow on a link.
    Mssbcbs,
    /// A user name and a password.
    Plain,
    /// A TPM, which takes a key and signs with it.
    Tpm,
    /// Nobody, or a certificate that is not spoken of.
    Anonymous,
}

/// What a client has brought by a mechanism.
#[derive(Debug)]
pub(super) enum Brought {
    /// All that there is to it.
    All(SignIn),
    /// The first thing of several, and what it is asked then.
    First(Box<TpmExchange>, Vec<u8>),
}

impl Mechanism {
    /// All of them, in the order in which they are offered (J-331). C, Node and Java choose by name.
    pub(super) const ALL: [Self; 5] =
        [Self::External, Self::Mssbcbs, Self::Plain, Self::Tpm, Self::Anonymous];

    /// Its name, as offered.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::Mssbcbs => "MSSBCBS",
            Self::Plain => "PLAIN",
            Self::Tpm => "TPM",
            Self::Anonymous => "ANONYMOUS",
        }
    }

    /// The one that a client has chosen, or why there is none of this name.
    pub(super) fn of(chosen: &Symbol) -> Result<Self, Denied> {
        let found = Self::ALL.into_iter().find(|mechanism| mechanism.name() == chosen.as_str());
        found.ok_or_else(|| Denied::saying(not_offered(chosen.as_str())))
    }

    /// Whether the client has something to say first; without it, it wants to be asked.
    pub(super) fn begins_with_response(self) -> bool {
        matches!(self, Self::Plain | Self::Tpm)
    }

    /// What the client brings by it.
    pub(super) fn take(self, response: &[u8]) -> Result<Brought, Denied> {
        Ok(match self {
            Self::External | Self::Anonymous => Brought::All(SignIn::Bare),
            Self::Mssbcbs => Brought::All(SignIn::Cbs),
            Self::Plain => Brought::All(plain(response)?),
            Self::Tpm => {
                let (exchange, challenge) = TpmExchange::begin(response)?;
                Brought::First(Box::new(exchange), challenge)
            }
        })
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn not_offered(chosen: &str) -> String {
    let offered = Mechanism::ALL.map(Mechanism::name).join(", ");
    let hint = match chosen.to_ascii_uppercase().as_str() {
        other if Mechanism::ALL.iter().any(|mechanism| mechanism.name() == other) => {
            "; names of mechanisms are in capitals"
        }
        _ => "; a device with a key uses PLAIN, one with a TPM TPM, one with a certificate none",
    };
    format!("it chose the SASL mechanism {:?}; offered are {offered}{hint}", Foreign::short(chosen))
}

/// `authzid NUL user NUL password` (RFC 4616, section 2). As whom somebody wants to act means nothing here.
fn plain(response: &[u8]) -> Result<SignIn, Denied> {
    let parts: Vec<_> = response.splitn(3, |byte| *byte == 0).collect();
    let [_, user, password] = parts[..] else {
        let reason = "its response to PLAIN is not: nothing, NUL, user name, NUL, SAS token";
        return Err(Denied::saying(reason.to_owned()));
    };
    let user = String::from_utf8_lossy(user);
    let address: RegistrationAddress = user.parse().map_err(|error| {
        let hint = match user.contains("@sas.") {
            true => "; it is one of a hub, where a device brings its token to `$cbs`",
            false => "",
        };
        let reason = format!(
            "the user name {:?} is malformed: {error}; over AMQP it is <idScope>/registrations/<registrationId>{hint}",
            Foreign::short(&user)
        );
        Denied { who: who(&user), ..Denied::saying(reason) }
    })?;
    let token = (!password.is_empty())
        .then(|| SasToken::from_text(String::from_utf8_lossy(password).into_owned()));
    Ok(SignIn::Plain(Box::new(address), token))
}

/// The device that is meant by a user name with something behind it, such as one of MQTT.
fn who(user: &str) -> Option<Box<RegistrationAddress>> {
    let third = user.match_indices('/').nth(2)?;
    user.get(..third.0)?.parse().ok().map(Box::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USER: &str = "0ne1/registrations/pump-0042";

    fn denied(mechanism: &'static str, response: &[u8]) -> String {
        let chosen = Mechanism::of(&Symbol::known(mechanism));
        chosen.and_then(|mechanism| mechanism.take(response)).unwrap_err().reason
    }

    fn brought(mechanism: Mechanism, response: &[u8]) -> SignIn {
        match mechanism.take(response).unwrap() {
            Brought::All(sign_in) => sign_in,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn c_2_plain_names_a_device_and_may_have_a_token() {
        for (response, has_token) in [
            (format!("\0{USER}\0SharedAccessSignature sr=a&sig=b&se=1"), true),
            (format!("somebody\0{USER}\0SharedAccessSignature with a \0 in it"), true),
            (format!("\0{USER}\0"), false),
        ] {
            let signed_in = brought(Mechanism::Plain, response.as_bytes());

            let SignIn::Plain(address, token) = signed_in else { panic!("{signed_in:?}") };
            assert_eq!(address.to_string(), USER);
            assert_eq!(token.is_some(), has_token);
        }
    }

    #[test]
    fn j_331_mechanisms_are_offered_in_this_order_and_others_refused() {
        let names = Mechanism::ALL.map(Mechanism::name);
        assert_eq!(names, ["EXTERNAL", "MSSBCBS", "PLAIN", "TPM", "ANONYMOUS"]);
        assert!(matches!(brought(Mechanism::External, b""), SignIn::Bare));
        assert!(matches!(brought(Mechanism::Anonymous, b"trace"), SignIn::Bare));
        assert!(matches!(brought(Mechanism::Mssbcbs, b""), SignIn::Cbs));

        assert!(denied("plain", b"").contains("in capitals"));
        assert!(denied("SCRAM-SHA-256", b"").contains("a device with a key uses PLAIN"));
    }

    #[test]
    fn j_332_malformed_user_names_say_what_is_right() {
        assert!(denied("PLAIN", b"no zeroes").contains("NUL, user name, NUL, SAS token"));
        assert!(denied("PLAIN", b"\0pump-0042\0x").contains("<idScope>/registrations/"));
        assert!(denied("PLAIN", b"\0pump@sas.root.hub\0x").contains("one of a hub"));

        let of_mqtt = format!("\0{USER}/api-version=2019-03-31\0token");
        let denied = Mechanism::Plain.take(of_mqtt.as_bytes()).unwrap_err();
        assert!(denied.reason.contains("a property of the links"), "{}", denied.reason);
        assert_eq!(denied.who.unwrap().to_string(), USER);
    }

    proptest! {
        #[test]
        fn no_response_makes_it_panic(response in proptest::collection::vec(any::<u8>(), 0..80)) {
            for mechanism in Mechanism::ALL {
                let _ = mechanism.take(&response);
            }
        }
    }
}
