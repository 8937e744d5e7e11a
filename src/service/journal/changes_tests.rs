use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::handle::first_revision;
use super::ring::Limits;
use super::tests::{assigned, recording};
use super::{Changes, EntryStatus, Journal, JournalFilter, Recording};

fn all() -> JournalFilter {
    JournalFilter::default()
}

fn sequences(changes: &Changes) -> Vec<u64> {
    changes.entries.iter().map(|entry| entry.sequence).collect()
}

#[test]
fn j_197_what_is_new_comes_once_as_it_is_now_in_the_order_of_the_last_changes() {
    let journal = Journal::new(Default::default());
    let start = journal.revision();
    let [first, _second, third] = ["5.0", "5.1", "5.2"].map(|id| recording(&journal, id, None));

    let changes = journal.changes(start, &all());
    assert_eq!((sequences(&changes), changes.reset, changes.oldest), (vec![1, 2, 3], false, 1));
    assert_eq!(changes.revision, journal.revision());

    first.reason("a");
    third.reason("b");
    first.finish(&assigned(), None, Duration::ZERO);
    let changes = journal.changes(changes.revision, &all());
    assert_eq!(sequences(&changes), [3, 1]);
    assert_eq!(changes.entries[1].status, EntryStatus::Assigned);

    assert!(journal.changes(changes.revision, &all()).entries.is_empty());
    let from_nothing = journal.changes(0, &all());
    assert_eq!((sequences(&from_nothing), from_nothing.reset), (vec![2, 3, 1], false));
}

#[test]
fn j_197_with_a_limit_the_rest_comes_behind_and_a_filter_passes_by_what_is_not_wanted() {
    let journal = Journal::new(Default::default());
    let recordings: Vec<Recording> =
        (0..5).map(|n| recording(&journal, &format!("5.{n}"), None)).collect();
    recordings[0].finish(&assigned(), None, Duration::ZERO);
    recordings[2].finish(&assigned(), None, Duration::ZERO);

    let two = JournalFilter { limit: Some(2), ..all() };
    let changes = journal.changes(0, &two);
    assert_eq!(sequences(&changes), [2, 4]);
    let changes = journal.changes(changes.revision, &two);
    assert_eq!(sequences(&changes), [5, 1]);
    let changes = journal.changes(changes.revision, &two);
    assert_eq!((sequences(&changes), changes.revision), (vec![3], journal.revision()));

    let status = Some(EntryStatus::Assigned);
    let one = JournalFilter { status, limit: Some(1), ..all() };
    let changes = journal.changes(0, &one);
    assert_eq!(sequences(&changes), [1]);
    assert_eq!(sequences(&journal.changes(changes.revision, &one)), [3]);
    let gone = JournalFilter { status: Some(EntryStatus::Failed), ..all() };
    assert_eq!(
        journal.changes(0, &gone).revision,
        journal.revision(),
        "nothing is looked at twice"
    );
}

#[test]
fn j_197_who_comes_from_before_a_clearing_or_from_another_service_begins_again() {
    let journal = Journal::new(Default::default());
    let before = recording(&journal, "5.0", None);
    let known = journal.revision();
    journal.clear();
    assert_eq!(journal.changes(known, &all()).oldest, 2, "the first is forgotten");

    recording(&journal, "5.1", None);
    before.reason("late");
    let changes = journal.changes(known, &all());
    assert_eq!((sequences(&changes), changes.reset), (vec![2], true));
    assert!(!journal.changes(changes.revision, &all()).reset);

    assert!(journal.changes(journal.revision() + 1, &all()).reset, "a revision of the future");
    assert!(journal.changes(1, &all()).reset, "a service that ran before");
}

#[test]
fn j_197_a_service_that_is_started_later_begins_with_greater_revisions() {
    let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);

    assert_eq!(first_revision(start), 1_800_000_000_000_000);
    assert_eq!(first_revision(start + Duration::from_secs(1)), 1_800_000_001_000_000);
    assert_eq!(first_revision(UNIX_EPOCH - Duration::from_secs(1)), 1, "0 is before everything");
}

#[test]
fn j_197_what_made_room_is_below_the_oldest() {
    let journal = Journal::with_limits(Limits { entries: 2, bytes: 1 << 20 }, Default::default());
    let forgotten = recording(&journal, "5.0", None);
    (1..4).for_each(|n| drop(recording(&journal, &format!("5.{n}"), None)));
    forgotten.reason("late");

    let changes = journal.changes(0, &all());
    assert_eq!((sequences(&changes), changes.oldest, changes.reset), (vec![3, 4], 3, false));
}

#[tokio::test]
async fn who_waits_for_a_change_is_woken_by_one_and_at_once_when_it_has_been() {
    let journal = Journal::new(Default::default());
    let start = journal.revision();
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move { journal.changed(start).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());

    recording(&journal, "5.0", None);

    assert_eq!(waiting.await.unwrap(), journal.revision());
    assert_eq!(journal.changed(start).await, journal.revision());
    let now = journal.revision();
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move { journal.changed(now).await }
    });
    tokio::task::yield_now().await;
    journal.clear();
    assert!(waiting.await.unwrap() > now, "a clearing is a change");
}

/// What happens to a journal and to a reader of it.
#[derive(Debug, Clone)]
enum Step {
    Begin,
    Change(prop::sample::Index),
    Clear,
    Read(Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        6 => any::<prop::sample::Index>().prop_map(Step::Change),
        1 => Just(Step::Clear),
        3 => prop::option::of(1..4_usize).prop_map(Step::Read),
    ]
}

proptest! {
    #[test]
    fn j_197_a_reader_that_looks_now_and_then_knows_the_journal_in_the_end(
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let journal = Journal::with_limits(Limits { entries: 5, bytes: 1 << 20 }, Default::default());
        let mut recordings = Vec::new();
        let (mut known, mut revision) = (BTreeMap::new(), 0);
        let mut read = |limit: Option<usize>| {
            let changes = journal.changes(revision, &JournalFilter { limit, ..all() });
            assert!(changes.entries.len() <= limit.unwrap_or(usize::MAX));
            assert!(changes.reset || changes.revision >= revision);
            if changes.reset {
                known.clear();
            }
            let news = changes.entries.into_iter().map(|entry| (entry.sequence, entry));
            known.extend(news);
            known.retain(|sequence, _| *sequence >= changes.oldest);
            revision = changes.revision;
            (known.values().cloned().collect::<Vec<_>>(), revision)
        };

        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Begin => recordings.push(recording(&journal, &format!("5.{n}"), None)),
                Step::Change(which) if !recordings.is_empty() => {
                    which.get(&recordings).reason(&n.to_string());
                }
                Step::Change(_) => {}
                Step::Clear => journal.clear(),
                Step::Read(limit) => drop(read(limit)),
            }
        }

        let (known, revision) = read(None);
        let there = journal.entries();
        prop_assert_eq!(revision, journal.revision());
        prop_assert_eq!(known.len(), there.len());
        for (known, there) in known.iter().zip(&there) {
            prop_assert!(Arc::ptr_eq(known, there), "{:?} is not {:?}", known, there);
        }
        journal.ring().sizes();
    }
}
