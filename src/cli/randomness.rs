//! Whether the system gives random numbers: keys, IDs and TLS need them, and libraries that get none
//! end the process without a word that helps.

use super::report::Report;
use crate::sources::Chance;

/// Asks for one byte.
///
/// # Errors
///
/// If there is none to be had: mostly a root without `/dev`, from which a static binary reads.
pub(crate) fn check() -> Result<(), Report> {
    check_with(|_| Chance::check_system())
}

fn check_with<E: ToString>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<(), Report> {
    fill(&mut [0]).map_err(|error| {
        Report::usage(format!("this system gives no random numbers: {}", error.to_string()))
            .cause("in a container, a chroot or a sandbox there is no /dev/urandom, or it cannot be read")
            .remedy("mount /dev there, as container engines do by themselves: `mount --bind /dev ROOT/dev`")
            .remedy(
                "or make the devices alone: `mknod -m 444 ROOT/dev/random c 1 8` and `mknod -m 444 ROOT/dev/urandom c 1 9`",
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn without_random_numbers_it_says_what_to_do() {
        assert!(check().is_ok());

        let report = check_with(|_| Err(getrandom::Error::UNSUPPORTED)).unwrap_err();

        assert_eq!(report.exit, Exit::Usage);
        assert!(report.message.contains("no random numbers"), "{report:?}");
        assert!(report.remedies[0].contains("mount /dev"), "{report:?}");
        assert!(report.remedies[1].contains("ROOT/dev/urandom c 1 9"), "{report:?}");
    }
}
