//! A process with all that it has started: a group of its own, so that nothing of it is left behind.

use std::io;

use tokio::process::{Child, Command};

/// The group that a process leads.
#[derive(Debug)]
pub(super) struct Group {
    #[cfg_attr(not(any(unix, windows)), expect(dead_code))]
    leader: u32,
}

impl Group {
    /// Starts a process as the leader of a new group.
    pub(super) fn start(mut command: Command) -> io::Result<(Child, Self)> {
        #[cfg(unix)]
        command.process_group(0);
        let child = command.kill_on_drop(true).spawn()?;
        let leader = child.id().ok_or_else(|| io::Error::other("the process has no number"))?;
        Ok((child, Self { leader }))
    }

    /// Ends all that is left of it, at once. Nothing is left most of the time, and then nothing happens.
    #[cfg(unix)]
    pub(super) fn kill(&self) {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;

        if let Ok(leader) = i32::try_from(self.leader) {
            let _ = killpg(Pid::from_raw(leader), Signal::SIGKILL);
        }
    }

    /// Windows has no groups, but knows who has started whom.
    #[cfg(windows)]
    pub(super) fn kill(&self) {
        use std::process::Stdio;

        let leader = self.leader.to_string();
        let mut taskkill = std::process::Command::new("taskkill");
        taskkill.args(["/T", "/F", "/PID", &leader]).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = taskkill.status();
    }

    /// Elsewhere the process alone ends, when it is dropped.
    #[cfg(not(any(unix, windows)))]
    pub(super) fn kill(&self) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
