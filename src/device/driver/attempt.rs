//! One attempt to open a connection: each of its steps has its time, and all together have what is left.
//!
//! A driver makes a [`Progress`](super::progress::Progress), which begins step after step, and waits by
//! [`attempt`] for what comes of it.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout_at;

use super::clock::{Clock, ConnectLimit};
use super::progress::UnderWay;
use crate::device::exchange::ConnectFailure;
use crate::device::registration::PATIENCE;

/// What comes of `opening`, whose steps `under_way` tells. Given up where one of them takes longer than
/// [`PATIENCE`] (J-374), and at `limit`.
pub(super) async fn attempt<T>(
    clock: &Clock,
    limit: ConnectLimit,
    under_way: &UnderWay,
    opening: impl Future<Output = Result<T, ConnectFailure>>,
) -> Result<T, ConnectFailure> {
    patient(PATIENCE, clock, limit, under_way, opening).await
}

async fn patient<T>(
    patience: Duration,
    clock: &Clock,
    limit: ConnectLimit,
    under_way: &UnderWay,
    opening: impl Future<Output = Result<T, ConnectFailure>>,
) -> Result<T, ConnectFailure> {
    let mut opening = pin!(opening);
    loop {
        let step = under_way.step();
        let until = limit.until.min(step.since + patience);
        // Who is waited for is at the other end of a socket, so it is in earnest by any clock.
        if let Ok(done) = timeout_at(clock.real(until), &mut opening).await {
            return done;
        }
        let reached = under_way.step();
        let failure = match until == limit.until {
            true => limit.failure(reached.phase),
            false if reached == step => ConnectFailure::TimedOut(step.phase),
            // Another step has begun meanwhile, and has its own time.
            false => continue,
        };
        clock.reach(until);
        return Err(failure);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::yield_now;

    use super::*;
    use crate::attestation::DeviceKey;
    use crate::device::driver::progress::Progress;
    use crate::device::error::NetworkError;
    use crate::device::phase::ConnectPhase;
    use crate::device::{Credential, Settings};
    use crate::net::{Trust, client_config};
    use crate::pki::TestCertificate;

    const HOUR: Duration = Duration::from_secs(3600);

    fn settings() -> Settings {
        let trusted = TestCertificate::self_signed("unused").unwrap();
        let key: DeviceKey = "NXZgydIn9ntUpXfBsWFfaxJqAYVfgGQsshvA5GboGJI=".parse().unwrap();
        Settings::new(
            "localhost".parse().unwrap(),
            "0ne00002193".parse().unwrap(),
            "pump-0042".parse().unwrap(),
            Credential::SymmetricKey(key),
            client_config(&Trust::Pem(trusted.pem().to_owned())).unwrap(),
        )
    }

    /// TCP, which takes as long as the device is patient, and then TLS.
    async fn opened(
        patience: Duration,
        connect_timeout: Option<Duration>,
        handshake: impl Future<Output = ()>,
    ) -> Result<(), ConnectFailure> {
        let settings = settings();
        let mut clock = Clock::start(&settings, HOUR).with_connect_timeout(connect_timeout);
        let limit = clock.connect_limit();
        let mut notify = |_| {};
        let mut progress = Progress::new(&mut notify, &settings.sources.clock);
        let under_way = progress.under_way();
        let opening = async {
            progress.begin(ConnectPhase::Tcp);
            yield_now().await;
            progress.begin(ConnectPhase::Tls);
            handshake.await;
            Ok(())
        };
        patient(patience, &clock, limit, &under_way, opening).await
    }

    #[tokio::test]
    async fn j_374_each_step_of_a_connection_has_its_own_time() {
        let slow = opened(Duration::ZERO, None, yield_now()).await;
        let silent = opened(Duration::ZERO, None, pending()).await.unwrap_err();

        assert!(slow.is_ok(), "{slow:?}");
        assert!(
            matches!(silent, ConnectFailure::TimedOut(ConnectPhase::Tls)),
            "the step that hangs, and not the one that was slow: {silent:?}"
        );
    }

    #[tokio::test]
    async fn j_374_where_other_transports_are_still_to_be_tried_their_share_is_what_counts() {
        let failed = opened(HOUR, Some(Duration::ZERO), pending()).await.unwrap_err();

        assert!(
            matches!(failed, ConnectFailure::Network(NetworkError::NoAnswer { .. })),
            "{failed:?}"
        );
    }
}
