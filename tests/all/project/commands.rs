//! Every command in the README and in `docs/` is run, or says why it cannot be run here.
//!
//! A block in `sh` is commands; one in `console` is commands behind `$ ` and what they print, where
//! `…` stands for anything. A command ends with exit code 0, unless the line says `# exit code N`.
//! Each page is one session, from its beginning to its end. Three things differ from what a reader
//! types: ports are free ones, the service lets devices poll at once, and fleets are small. Of a
//! command that is not run, or only named in a sentence, it is checked that its flags exist.

use super::document::{Block, Mark, Page, Part, named_commands, pages, parts};
use super::session::Session;
use super::typed::{transcript, typed};

/// What blocks without commands are written in.
const NO_COMMANDS: [&str; 10] =
    ["c", "csharp", "java", "js", "json", "python", "toml", "rust", "text", "yaml"];

#[test]
fn every_command_of_the_documents_does_what_they_say() {
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            pages().into_iter().map(|page| scope.spawn(move || run(&page).err())).collect();
        runs.into_iter().filter_map(|run| run.join().unwrap()).collect()
    });

    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs the commands of a page, until one fails.
fn run(page: &Page) -> Result<(), String> {
    let name = page.path.display();
    let mut session = Session::new();
    for part in parts(&page.text).map_err(|reason| format!("{name}: {reason}"))? {
        let (line, result) = match &part {
            Part::Setup(text) => (0, setup(&mut session, text)),
            Part::Block(block) => (block.line, run_block(&mut session, block)),
        };
        result.map_err(|reason| format!("{name}, block in line {line}: {reason}"))?;
    }
    for command in named_commands(&page.text) {
        session.check_flags(&command).map_err(|reason| format!("{name}: {reason}"))?;
    }
    session.end().map_err(|reason| format!("{name}: {reason}"))
}

fn setup(session: &mut Session, text: &str) -> Result<(), String> {
    typed(text).iter().try_for_each(|typed| session.run(typed, false))
}

fn run_block(session: &mut Session, block: &Block) -> Result<(), String> {
    for mark in &block.marks {
        match mark {
            Mark::SaveAs(name) => session.save(name, &block.text),
            Mark::WithFunction => session.start_function(),
            Mark::NotRun | Mark::AgainstAzure => {}
        }
    }
    let commands = match block.language.as_str() {
        "sh" => typed(&block.text),
        "console" => transcript(&block.text),
        other if NO_COMMANDS.contains(&other) => return Ok(()),
        other => {
            return Err(format!("`{other}` is none of sh, console, {}", NO_COMMANDS.join(", ")));
        }
    };
    if commands.is_empty() {
        return Err("it has no command".to_owned());
    }
    let is_run = !block.marks.contains(&Mark::NotRun);
    let on_azure = block.marks.contains(&Mark::AgainstAzure);
    commands.iter().try_for_each(|typed| match is_run {
        true => session.run(typed, on_azure),
        false => session.check_flags(&typed.command),
    })
}
