"""Usage: gitlab.py OUT: the template for GitLab, whose lines are run as its runner does."""

import os
import sys
from pathlib import Path

import yaml

import support
from release import releases
from reproducible import version

TEMPLATE = support.ROOT / "packaging/gitlab/provision-sim.yml"

# As in a `script:` of somebody who extends the job.
SCRIPT = """
device() {
    provision-sim register --ca-file "$DPS_CA_FILE" --id-scope "$DPS_ID_SCOPE" --reg-id "$1" \\
        --device-key "$(provision-sim derive-key --local --reg-id "$1")" "${@:2}" && code=0 || code=$?
    echo "exit code $code"
}
device contoso-toaster-007 --host "localhost:${DPS_MQTT##*:}"
device contoso-heatpump-088 --host "localhost:${DPS_MQTT##*:}"
echo "by Azure's names:"
device contoso-toaster-007 --host global.azure-devices-provisioning.net --proxy "http://$DPS_GATEWAY" | tail -n 1
kill "$service"
wait "$service"
echo "stopped"
false
echo "went on"
"""


def job(folder: Path, described: dict, script: str, **variables: str):
    """Before-script and script in one shell, as the runner joins them."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(folder)}
    environment.update({name: str(value) for name, value in described["variables"].items()})
    environment.update(variables)
    text = "\n".join(["set -eo pipefail", *described["before_script"], script])
    return support.run(["bash", "-c", text], env=environment, cwd=folder)


def main(out: str) -> None:
    checks = support.Checks("gitlab")
    template = yaml.safe_load(TEMPLATE.read_text())
    in_job, beside = template[".provision-sim"], template[".provision-sim-service"]
    checks.that(in_job["variables"]["PROVISION_SIM_VERSION"] == version(), "the version is Cargo.toml's")
    with support.empty_folder() as folder, releases(folder, Path(out)) as (release, address):
        done = job(folder, in_job, SCRIPT, PROVISION_SIM_RELEASES=address)
        said = done.stdout + done.stderr
        checks.that("contoso-toasters-hub-1098" in said and "exit code 0\n" in said, "a job's toaster is accepted", said)
        checks.that("exit code 5\n" in said, "its heat pump is rejected", said)
        checks.that("by Azure's names:\nexit code 0" in said, "Azure's names lead here", said)
        checks.that("stopped\n" in said, "the service ends with exit code 0", said)
        checks.that(done.returncode == 1 and "went on" not in said, "a line that fails still ends the job", said)

        done = job(folder, in_job, "echo went on", PROVISION_SIM_RELEASES=address, PROVISION_SIM_FLAGS="--no-such")
        told = "went on" not in done.stdout and "--no-such" in done.stderr
        checks.that(done.returncode == 1 and told, "a flag that is not known ends the job", done.stderr)
        done = job(folder, in_job, "echo went on")
        told = done.returncode == 1 and "PROVISION_SIM_RELEASES" in done.stderr
        checks.that(told, "without an address it says what to set", done.stderr)
        archive = support.only(release, "*.tar.gz")
        archive.write_bytes(archive.read_bytes() + b"?")
        done = job(folder, in_job, "echo went on", PROVISION_SIM_RELEASES=address)
        told = done.returncode != 0 and "went on" not in done.stdout and "FAILED" in done.stdout + done.stderr
        checks.that(told, "a file with another sum ends the job", done.stdout, done.stderr)

    # The service beside the job has the image's command, and a name of its own.
    sys.path.insert(0, str(support.ROOT / "packaging/image"))
    import layout

    command = beside["services"][0]["command"]
    checks.that(command[: len(layout.container()["Cmd"])] == layout.container()["Cmd"], "it begins as the image does")
    alias = beside["services"][0]["alias"]
    named = all(beside["variables"][name].split(":")[0] == alias for name in ("DPS_MQTT", "DPS_HTTPS", "DPS_AMQP"))
    checks.that(named and command[-2:] == ["--host-name", alias], "its certificate has the service's alias")
    print("        the service beside the job needs GitLab's runner: the image's own check runs what it starts")
    checks.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
