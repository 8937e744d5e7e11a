"""Runs steps of a composite action as GitHub's runner does: the same files, environment and shell options.

It knows what this project's action uses: `run` steps, their `env`, inputs, and outputs of steps before.
"""

import os
import re
import signal
import subprocess
from pathlib import Path

import yaml

EXPRESSION = re.compile(r"\$\{\{ *([a-z_.-]+) *\}\}")
# What a runner has in its environment, of all that this machine may have.
OF_THE_SYSTEM = ("PATH", "LANG")


class Job:
    """A job on a runner of its own."""

    def __init__(self, folder: Path) -> None:
        self.temporary = folder / "temp"
        self.home = folder / "home"
        self.commands = folder / "commands"
        for made in (self.temporary, self.home, self.commands):
            made.mkdir()
        self.environment = {name: os.environ[name] for name in OF_THE_SYSTEM if name in os.environ}
        self.environment.update(HOME=str(self.home), RUNNER_TEMP=str(self.temporary), GITHUB_ACTIONS="true", CI="true")
        self.summary = folder / "summary.md"
        self.printed = ""

    def uses(self, action: Path, **given):
        """A step with `uses:`: the outputs, or the exit code of the step that failed."""
        described = yaml.safe_load((action / "action.yml").read_text())
        inputs = {name: about["default"] for name, about in described["inputs"].items()}
        unknown = set(given) - set(inputs)
        assert not unknown, f"no inputs of the action: {unknown}"
        inputs.update(given)
        known = {"github.action_path": str(action)}
        known.update({f"inputs.{name}": value for name, value in inputs.items()})
        for step in described["runs"]["steps"]:
            assert step["shell"] == "bash", step
            env = {name: filled(value, known) for name, value in step["env"].items()}
            code, outputs = self.run(step["run"], env)
            if code != 0:
                return code
            known.update({f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()})
        return {name: filled(about["value"], known) for name, about in described["outputs"].items()}

    def run(self, script: str, env=None):
        """A step with `run:`: its exit code and its outputs."""
        files = {name: self.commands / name for name in ("OUTPUT", "ENV", "PATH")}
        for file in files.values():
            file.write_text("")
        environment = {**self.environment, **(env or {}), "GITHUB_STEP_SUMMARY": str(self.summary)}
        environment.update({f"GITHUB_{name}": str(file) for name, file in files.items()})
        (self.commands / "step.sh").write_text(script)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(self.commands / "step.sh")]
        # A file and no pipe: what a step leaves running keeps its output open.
        with (self.commands / "printed").open("w+") as printed:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                                  check=False, timeout=120, cwd=self.home)
            printed.seek(0)
            self.printed = printed.read()
        self.environment.update(pairs(files["ENV"]))
        for folder in files["PATH"].read_text().splitlines():
            self.environment["PATH"] = f"{folder}:{self.environment['PATH']}"
        return done.returncode, pairs(files["OUTPUT"])

    def end(self) -> None:
        """What the runner does at last: nothing that was started goes on."""
        pid = self.temporary / "provision-sim/service/pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)


def pairs(file: Path) -> dict:
    """The lines `name=value` of a file that a step wrote."""
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def filled(text: str, known: dict) -> str:
    """`text` with its expressions replaced; one that is not known is empty, as on GitHub."""
    return EXPRESSION.sub(lambda found: known.get(found[1], ""), text)
