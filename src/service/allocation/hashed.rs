//! The `hashed` policy, "evenly weighted distribution" (F.5).
//!
//! Azure's function is not published. Ours is a weighted rendezvous hash (J-16): each hub scores
//! `-weight / ln(h)`, where `h` in (0, 1) is made of the first eight bytes of
//! SHA-256(registration ID in lower case, NUL, hub), and the highest score wins. The choice is the
//! same on every machine, and a hub that comes or goes moves only its own share of devices.

use sha2::{Digest, Sha256};

use crate::service::instance::LinkedHub;

/// The hub of a device, `None` only without candidates.
pub fn hashed<'a>(
    folded_registration_id: &str,
    candidates: &[&'a LinkedHub],
) -> Option<&'a LinkedHub> {
    let score = |hub: &LinkedHub| {
        -f64::from(hub.allocation_weight) / uniform(folded_registration_id, hub).ln()
    };
    candidates.iter().copied().max_by(|a, b| score(a).total_cmp(&score(b)))
}

/// A number in (0, 1) that depends on device and hub alone.
fn uniform(folded_registration_id: &str, hub: &LinkedHub) -> f64 {
    let digest = Sha256::new()
        .chain_update(folded_registration_id)
        .chain_update([0])
        .chain_update(hub.host_name.as_str().to_ascii_lowercase())
        .finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    // 53 bits are what an f64 holds exactly; the half keeps clear of 0 and 1.
    ((u64::from_be_bytes(first) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(name: &str, allocation_weight: u16) -> LinkedHub {
        LinkedHub {
            host_name: name.parse().unwrap(),
            allocation_weight,
            apply_allocation_policy: true,
            latency: None,
            connection_profile: None,
        }
    }

    fn share(hubs: &[&LinkedHub], name: &str) -> f64 {
        let is_hit = |n: &u32| hashed(&format!("sim-{n}"), hubs).unwrap().host_name == name;
        f64::from((0..4000).filter(is_hit).count() as u32) / 4000.0
    }

    #[test]
    fn j_16_the_choice_is_stable() {
        let (west, east) = (hub("west", 1), hub("east", 1));

        let chosen = hashed("contoso-toaster-007", &[&west, &east]).unwrap();

        assert_eq!(Some(chosen), hashed("contoso-toaster-007", &[&east, &west]));
        assert_eq!(hashed("x", &[]), None);
    }

    #[test]
    fn j_16_shares_follow_the_weights() {
        let (west, east) = (hub("west", 3), hub("east", 1));

        let share = share(&[&west, &east], "west");

        assert!((0.72..0.78).contains(&share), "{share}");
    }

    #[test]
    fn j_16_a_new_hub_only_takes_over_its_own_share() {
        let (west, east, north) = (hub("west", 1), hub("east", 1), hub("north", 1));

        for n in 0..1000 {
            let id = format!("sim-{n}");
            let before = hashed(&id, &[&west, &east]).unwrap();
            let after = hashed(&id, &[&west, &east, &north]).unwrap();
            assert!(after == before || after.host_name == "north");
        }
    }
}
