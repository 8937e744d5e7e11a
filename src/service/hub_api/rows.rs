//! The rows of a query, page after page. A page begins behind the device of the last row of the one
//! before, so no twin is looked at twice, and none that is made or deleted meanwhile disturbs.

use std::sync::Arc;

use super::query::Query;
use super::show;
use super::site::Site;
use crate::service::record::{HubDevice, HubKey};
use crate::wire::{Members, Payload};

/// Twins that are had from the store at once.
const BATCH: usize = 128;

/// A place among the rows: what a continuation token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// How many rows there are up to here: a query with `TOP` ends at some number.
    given: usize,
    /// The device of the last of them.
    device: HubKey,
}

impl Place {
    /// As a text.
    pub(super) fn token(&self) -> String {
        format!("{}\0{}\0{}", self.given, self.device.hub(), self.device.device_id())
    }

    /// From one; none if it is no such text.
    pub(super) fn read(token: &str) -> Option<Self> {
        let mut parts = token.splitn(3, '\0');
        let given = parts.next()?.parse().ok()?;
        let (hub, id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { given, device: HubKey::new(&hub, &id) })
    }
}

/// The devices behind one, each had when it is its turn.
pub(super) fn devices<'a>(
    site: &'a Site<'a>,
    after: Option<HubKey>,
) -> impl Iterator<Item = Arc<HubDevice>> + 'a {
    let mut after = after;
    let mut batch = Vec::new().into_iter();
    std::iter::from_fn(move || {
        let next = batch.next().or_else(|| {
            batch = site.devices(after.as_ref(), BATCH).into_iter();
            batch.next()
        });
        after = next.as_ref().map(|device: &Arc<HubDevice>| device.key()).or(after.take());
        next
    })
}

/// A device's twin as queries see it.
pub(super) fn twin(site: &Site<'_>, device: &HubDevice) -> Members {
    show::twin(device, site.presence(device))
}

/// The rows of a query behind a place, each with its own.
pub(super) fn rows<'a>(
    site: &'a Site<'a>,
    query: &'a Query,
    begin: Option<Place>,
) -> impl Iterator<Item = (Place, Payload)> + 'a {
    let before = begin.as_ref().map_or(0, |place| place.given);
    let rows = devices(site, begin.map(|place| place.device)).filter_map(|device| {
        let row = query.row(&twin(site, &device))?;
        Some((device.key(), row))
    });
    let left = query.limit().saturating_sub(before);
    rows.take(left).zip(before + 1..).map(|((device, row), given)| (Place { given, device }, row))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{device, hubs};
    use super::*;

    #[tokio::test]
    async fn j_27_pages_of_a_query_fit_together_whatever_happens_between_them() {
        let hubs = hubs(["a", "b", "c", "d", "e"].map(|id| device("west.net", id))).await;
        let site = Site::of(&hubs, "localhost");
        let query =
            Query::read("SELECT TOP 3 deviceId FROM devices WHERE deviceId != 'b'").unwrap();
        let ids = |begin: Option<Place>, length: usize| -> Vec<(String, Place)> {
            let rows = rows(&site, &query, begin).take(length);
            let id =
                |row: &Payload| row.as_json().replace("{\"deviceId\":\"", "").replace("\"}", "");
            rows.map(|(place, row)| (id(&row), place)).collect()
        };

        let first = ids(None, 2);
        let place = Place::read(&first[1].1.token()).unwrap();
        hubs.remove(&place.device, |_| Ok(())).await.unwrap();
        let second = ids(Some(place), 2);

        let names =
            |rows: &[(String, Place)]| rows.iter().map(|row| row.0.clone()).collect::<String>();
        assert_eq!((names(&first), names(&second)), ("ac".to_owned(), "d".to_owned()), "TOP 3");
        assert_eq!(Place::read("x"), None);
    }
}
