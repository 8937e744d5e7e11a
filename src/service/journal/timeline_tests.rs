//! What the stories of real registrations do not show, letter by letter as these are, in
//! `tests/all/service/timeline.rs`.

use std::time::Duration;

use super::tests::recording;
use super::timeline::presence;
use super::{Actor, AnswerKind, EntryAnswer, Journal, JournalEntry, MomentOutcome, timeline};

fn entry() -> JournalEntry {
    let journal = Journal::new(Default::default());
    recording(&journal, "5.a", None);
    (*journal.entries()[0]).clone()
}

fn poll(at: u64, status: u16) -> EntryAnswer {
    let (at, kind) = (Duration::from_millis(at), AnswerKind::Poll);
    EntryAnswer { at, kind, status, retry_after: None, body: None, count: 1, last_at: at }
}

#[test]
fn j_218_answers_are_bounded_and_the_last_one_is_always_there() {
    let mut entry = entry();

    for n in 0..100 {
        entry.answer(poll(n, if n % 2 == 0 { 202 } else { 429 }));
    }
    entry.answer(poll(100, 200));
    entry.answer(poll(101, 200));

    assert_eq!(entry.answers.len(), 32);
    let last = entry.answers.last().unwrap();
    assert_eq!((last.status, last.count), (200, 2));
    let kept: u64 = entry.answers.iter().map(|answer| answer.count).sum();
    assert_eq!(kept + entry.answers_left_out, 102, "none is lost");
    let moments = timeline(&entry);
    let [.., left_out, said] = &moments[..] else { panic!("{moments:?}") };
    assert_eq!(left_out.title, "gave 69 more answers, which are not kept");
    assert_eq!(said.title, "answers the poll with 200 (2 times, until 101 ms)");
}

#[test]
fn j_219_a_sign_in_belongs_to_the_story_if_it_came_after_the_registration() {
    let mut entry = entry();
    let later = entry.time + Duration::from_secs(2);
    assert_eq!(presence(&entry, true, later), None, "it has no device yet");

    entry.device_id = Some("p".into());

    assert_eq!(presence(&entry, true, entry.time - Duration::from_secs(1)), None);
    let moment = presence(&entry, true, later).unwrap();
    assert_eq!(
        (moment.at, moment.actor, &*moment.title, moment.outcome),
        (Duration::from_secs(2), Actor::Hub, "has p signed in", MomentOutcome::Good)
    );
    assert_eq!(presence(&entry, false, later).unwrap().outcome, MomentOutcome::Neutral);
}
