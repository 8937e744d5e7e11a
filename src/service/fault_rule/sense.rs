//! What can never happen, and why (J-261): such a rule is refused, for a test that relies on it would
//! test nothing.

use super::place::FaultPlace;
use super::rule::FaultRule;
use super::what::{Deed, RetryAfter};
use super::word::{DEEDS, FaultWord};

/// Judges a rule that has these words, and finds where it can strike. An error says why it never can.
pub(super) fn judge(rule: &mut FaultRule, words: &[&'static FaultWord]) -> Result<(), String> {
    let place = rule.place;
    for word in words {
        if !word.places.contains(&place) {
            return Err(misplaced(word, place));
        }
    }
    if !words.iter().any(|word| word.is_deed()) {
        let possible = DEEDS.iter().filter(|word| word.places.contains(&place));
        let possible: Vec<_> = possible.map(FaultWord::form).collect();
        return Err(format!(
            "it does not say what happens; at {place} it may be {}",
            possible.join(", ")
        ));
    }
    when(rule)?;
    what(rule)?;
    rule.transports = FaultRule::transports_of(place, words);
    if let Some(wanted) = rule.transport {
        if !place.transports().contains(&wanted) {
            return Err(format!("it can never strike: nothing asks for a {place} over {wanted}"));
        }
        if !rule.transports.contains(&wanted) {
            let word = words.iter().find(|word| !word.transports.contains(&wanted));
            let name = word.map(|word| word.name).unwrap_or_default();
            return Err(format!(
                "it can never strike over {wanted}: {name} is for {}",
                listed(&rule.transports)
            ));
        }
        rule.transports = vec![wanted];
    }
    if rule.transports.is_empty() {
        return Err(format!("it can never strike: no transport of a {place} has all of it"));
    }
    Ok(())
}

fn misplaced(word: &FaultWord, place: FaultPlace) -> String {
    let FaultWord { name, places, .. } = word;
    format!("{name} can never strike at {place}; it is for {}", listed(places))
}

fn listed(words: &[impl ToString]) -> String {
    let words: Vec<_> = words.iter().map(ToString::to_string).collect();
    match words.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

fn when(rule: &FaultRule) -> Result<(), String> {
    let when = &rule.when;
    let others = [("from", when.from), ("every", when.every), ("times", when.times)];
    if when.nth.is_some()
        && let Some((other, _)) = others.iter().find(|(_, value)| value.is_some())
    {
        return Err(format!(
            "nth is one request alone, so {other} has nothing to count; use from and times"
        ));
    }
    if when.seed.is_some() && when.probability.is_none() {
        return Err("seed decides nothing without probability".to_owned());
    }
    Ok(())
}

fn what(rule: &FaultRule) -> Result<(), String> {
    let what = &rule.what;
    let only_with_error = [("code", what.code.is_some()), ("message", what.message.is_some())];
    let is_error = what.status.is_some_and(|it| it >= 400) || what.code.is_some();
    if let Some((name, _)) = only_with_error.iter().find(|(_, is_there)| *is_there) {
        if let Some(status) = what.status.filter(|status| *status < 400) {
            return Err(format!("{name} is told with an error only, and {status} is none"));
        }
        if !is_error {
            let missing = match rule.place {
                FaultPlace::Grant => "code",
                _ => "status from 400 on",
            };
            return Err(format!("{name} is told with an error only; add a {missing}"));
        }
    }
    let tells_wait = what.retry_after.is_some() && !is_error;
    let place = rule.place;
    if tells_wait && matches!(place, FaultPlace::Lookup | FaultPlace::Renew | FaultPlace::Issue) {
        return Err(format!(
            "retry-after can never strike at {place}, which is never told to wait; add a status from 400 on"
        ));
    }
    if is_error && what.retry_after == Some(RetryAfter::Absent) {
        return Err("retry-after=none leaves out nothing here: such an error is told without one"
            .to_owned());
    }
    let Some(deed) = what.deed else { return Ok(()) };
    let changes_answer = what.status.is_some() || what.code.is_some() || what.retry_after.is_some();
    match deed {
        Deed::LoseAnswer | Deed::BrokenJson | Deed::UnknownHub
            if rule.place == FaultPlace::Webhook && what.status.is_some() =>
        {
            Err(format!(
                "with a status the webhook is not called, and {deed} has no answer; write a rule for each"
            ))
        }
        Deed::Silence | Deed::LoseAnswer if what.delay.is_some() => {
            Err(format!("nothing is said with {deed}, so there is nothing to delay"))
        }
        Deed::Late if what.delay.is_some() => {
            Err("late waits for the next request, and delay for a time; take one of them"
                .to_owned())
        }
        Deed::Silence | Deed::Close | Deed::Reset | Deed::LoseAnswer if changes_answer => {
            Err(format!(
                "with {deed} there is no answer that could have a status; write a rule for each"
            ))
        }
        Deed::Assigning(_) if rule.when.times.is_some() || rule.when.nth.is_some() => {
            Err("assigning=N says already how many polls; leave out times and nth".to_owned())
        }
        Deed::Assigning(_) if rule.when.scope.is_some() => {
            Err("assigning=N counts the polls of each operation; leave out scope".to_owned())
        }
        Deed::Assigning(_) | Deed::ForgetOperation | Deed::Clock(_) if changes_answer => {
            Err(format!("{deed} decides what is answered; leave out status and retry-after"))
        }
        Deed::NoOperationId
        | Deed::UnknownStatus
        | Deed::UnknownHub
        | Deed::ConnectionProfile(_)
        | Deed::ChainEncoding(_)
        | Deed::ChainLength(_)
        | Deed::IssuedValidity(_)
            if is_error =>
        {
            Err(format!("an error has nothing for {deed} to change; write a rule for each"))
        }
        _ => Ok(()),
    }
}
