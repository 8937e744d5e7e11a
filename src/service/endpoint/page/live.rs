//! What a page is told while it is open: the frame of every such stream, and a part of a page that is told
//! anew as a whole whenever it looks different (J-250).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use tokio::time::sleep;

use super::site::Site;

/// A page is told at most so often what is new: eyes are not faster.
pub(super) const PAUSE: Duration = Duration::from_millis(250);
/// A line is sent after so long a silence, so that both ends know of the other.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A stream of events for the script: first which service it is (J-226), then `told`.
pub(super) fn stream(
    site: &Site,
    told: impl Stream<Item = Event> + Send + 'static,
) -> Response<Body> {
    let hello = Event::default().event("hello").data(site.token.mark());
    let all = stream::iter([hello]).chain(told).map(Ok::<_, Infallible>);
    Sse::new(all).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response()
}

/// Tells what `render` makes, at once and whenever that has become something else: after a change of
/// devices, of registrations, or of faults. Where it makes nothing, the part stays as it is.
pub(super) fn told(
    site: Arc<Site>,
    render: impl Fn(&Site) -> Option<String> + Send + 'static,
) -> Response<Body> {
    let told_by = Arc::clone(&site);
    let devices = site.registrar.hubs().changes();
    let revision = site.registrar.journal.revision();
    let faults = site.registrar.faults.changes();
    let start = (site, (devices, faults), revision, String::new());
    let updates = stream::unfold(
        (start, render),
        |((site, (mut devices, mut faults), seen, last), render)| async move {
            let mut revision = seen;
            loop {
                devices.borrow_and_update();
                faults.borrow_and_update();
                revision = site.registrar.journal.revision().max(revision);
                if let Some(html) = render(&site).filter(|html| *html != last) {
                    let update = serde_json::json!({ "html": html }).to_string();
                    let event =
                        Event::default().event("update").id(revision.to_string()).data(update);
                    return Some((event, ((site, (devices, faults), revision, html), render)));
                }
                let journal = &site.registrar.journal;
                tokio::select! {
                    // The hubs live as long as the service, and this ends with it.
                    changed = devices.changed() => changed.ok()?,
                    changed = faults.changed() => changed.ok()?,
                    _ = journal.changed(revision) => {}
                }
                sleep(PAUSE).await;
            }
        },
    );
    stream(&told_by, updates)
}
