//! A machine with a service that issues certificates.

use provision_sim::attestation::DeviceCertificate;

use super::cli::{HUB, Machine, Ran, Serve, TUTORIAL_KEY};

/// A device of the group that a [`Desk`] has.
pub const ID: &str = "pump-0042";

/// What says of an enrollment who issues certificates to its devices.
pub const ISSUED: &str = "namespaceName = \"fleet\"\ncertificateAuthorityName = \"line-1\"";

/// A machine with a service whose group `pumps` may be issued certificates.
pub struct Desk {
    pub machine: Machine,
    _serve: Serve,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(ISSUED, &[])
    }

    /// The group has these members, and whatever comes after it; the service is given these flags.
    pub fn with(members: &str, serve: &[&str]) -> Self {
        let machine = Machine::new();
        let world = format!(
            r#"
                idScope = "0ne00002193"
                linkedHubs = ["{HUB}"]
                [[certificateAuthorities]]
                namespaceName = "fleet"
                name = "line-1"
                policies = [{{ name = "short", validity = "1h" }}]
                [[enrollmentGroups]]
                enrollmentGroupId = "pumps"
                attestation = {{ type = "symmetricKey", symmetricKey = {{ primaryKey = "{TUTORIAL_KEY}" }} }}
                {members}
            "#
        );
        let config = machine.file("dps.toml", &world);
        let base = ["--config", config.to_str().unwrap(), "--retry-after", "0s"];
        let _serve = machine.serve(&[&base[..], serve].concat());
        Self { machine, _serve }
    }

    pub fn path(&self, name: &str) -> String {
        self.machine.path(name).to_str().unwrap().to_owned()
    }

    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.machine.path(name)).unwrap()
    }

    pub fn register(&self, more: &[&str]) -> Ran {
        let base = ["register", "--local", "--reg-id", ID, "--group-key", TUTORIAL_KEY];
        self.machine.run(&[&base[..], more].concat())
    }

    /// The certificate in a file, which fits the key in another.
    pub fn issued(&self, cert: &str, key: &str) -> DeviceCertificate {
        let (cert, key) = (self.text(cert), self.text(key));
        DeviceCertificate::read(cert.as_bytes(), Some(key.as_bytes()), None).unwrap()
    }
}
