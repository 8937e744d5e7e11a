//! TPMs in software for the devices of a fleet: made before anything begins, on all processors, and enrolled.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::show::CountLine;
use crate::attestation::SoftwareTpm;
use crate::cli::args::tpm::open_or_make;
use crate::cli::input::plain;
use crate::cli::private_file;
use crate::cli::report::Report;
use crate::fleet::report::grouped;
use crate::fleet::{FilePattern, Member, Members};
use crate::text::spoken;
use crate::wire::RegistrationId;

const FLAG: &str = "--tpm-state";

/// A device, and what its TPM is known by.
pub(super) struct Endorsed {
    pub(super) id: RegistrationId,
    /// Its endorsement key, as enrollments have it.
    pub(super) key: String,
}

/// All TPMs of a fleet.
pub(super) struct Tpms {
    pub(super) all: Vec<Endorsed>,
    /// How many of them were made now.
    made: u64,
    took: Duration,
}

impl Tpms {
    /// What was made, in words; nothing if all were there.
    pub(super) fn note(&self) -> Option<String> {
        let (made, took) = (grouped(self.made), spoken(self.took));
        (self.made > 0).then(|| format!("TPMs made, before the fleet begins: {made}, in {took}"))
    }
}

/// The TPMs of the devices that have no proof of their own: each is read, or made and written where there is none.
pub(super) fn read_or_make(
    file: &FilePattern,
    members: Members,
    total: Option<u64>,
    is_quiet: bool,
) -> Result<Tpms, Report> {
    let members = Mutex::new(members);
    let (sender, ready) = channel();
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..processors {
            let (members, sender) = (&members, sender.clone());
            scope.spawn(move || work(file, members, &sender));
        }
        drop(sender);
        gather(&ready, CountLine::new(total, "TPMs", is_quiet))
    })
}

/// Takes devices, one after the other, until there are none left or nobody wants them.
fn work(file: &FilePattern, members: &Mutex<Members>, ready: &Sender<Result<Ready, Report>>) {
    loop {
        let next = members.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
        let made = match next {
            None => return,
            Some(Err(fault)) => Err(Report::usage(format!("--reg-ids: {fault}"))),
            Some(Ok(member)) if member.credential.is_some() => continue,
            Some(Ok(member)) => one(file, &member),
        };
        let is_wrong = made.is_err();
        if ready.send(made).is_err() || is_wrong {
            return;
        }
    }
}

/// A TPM that is there.
struct Ready {
    of: Endorsed,
    is_new: bool,
}

fn one(file: &FilePattern, member: &Member) -> Result<Ready, Report> {
    let id = member.registration_id.clone();
    let path = file.path(&id, member.number);
    private_file::make_folder(&path).map_err(|error| {
        Report::usage(format!("{FLAG}: cannot write {}: {}", path.display(), plain(&error)))
    })?;
    let tpm = open_or_make(&path, SoftwareTpm::with_one_pair)?;
    let key = tpm.as_software().endorsement_key().to_base64();
    Ok(Ready { of: Endorsed { id, key }, is_new: tpm.is_new() })
}

/// All that are made, in the order in which they are.
fn gather(ready: &Receiver<Result<Ready, Report>>, mut line: CountLine) -> Result<Tpms, Report> {
    /// How often the line is drawn.
    const EVERY: Duration = Duration::from_millis(200);
    let (began, mut all, mut made) = (Instant::now(), Vec::new(), 0_u64);
    let mut next = EVERY;
    loop {
        match ready.recv_timeout(EVERY) {
            Ok(Ok(Ready { of, is_new })) => {
                made += u64::from(is_new);
                all.push(of);
            }
            Ok(Err(report)) => {
                line.clear();
                return Err(report);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if began.elapsed() >= next {
            next = began.elapsed() + EVERY;
            line.draw(began.elapsed(), all.len() as u64);
        }
    }
    line.clear();
    Ok(Tpms { all, made, took: began.elapsed() })
}
