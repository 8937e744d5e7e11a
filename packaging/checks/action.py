"""Usage: action.py OUT: the GitHub Action, step by step as a runner does it, from a release on loopback."""

import re
import sys
from pathlib import Path

import support
import workflow
from release import releases

REGISTER = (
    'provision-sim register --host "localhost:$PORT" --ca-file "$DPS_CA_FILE" --id-scope "$DPS_ID_SCOPE"'
    ' --reg-id "$DEVICE" --device-key "$(provision-sim derive-key --local --reg-id "$DEVICE")"'
)


def installs_and_serves(checks, job, address: str) -> None:
    """What a workflow does with it, from `uses:` to the last step."""
    outputs = job.uses(support.ROOT, releases=address, args="--retry-after 0s --name 'a.job'")
    checks.that(isinstance(outputs, dict), "it installs a release and serves", outputs, job.printed)
    empty = [name for name, value in outputs.items() if not value]
    checks.that(not empty, f"all {len(outputs)} outputs are said", *empty)
    secret = outputs["service-connection-string"]
    masked = f"::add-mask::{secret}\n" in job.printed and secret.count("SharedAccessKey=") == 1
    unmasked = re.sub(r"^::add-mask::.*$", "", job.printed, flags=re.MULTILINE)
    key = secret.rsplit("SharedAccessKey=", 1)[1]
    checks.that(masked and key not in unmasked, "the connection string is masked, and printed nowhere else")

    port = {"PORT": outputs["mqtt-port"]}
    code, _ = job.run(REGISTER, {"DEVICE": "contoso-toaster-007", **port})
    checks.that(code == 0 and "contoso-toasters-hub-1098" in job.printed, "the next step's toaster is accepted", job.printed)
    code, _ = job.run(REGISTER, {"DEVICE": "contoso-heatpump-088", **port})
    checks.that(code == 5, "its heat pump is rejected", job.printed)
    production = "provision-sim register --host global.azure-devices-provisioning.net --proxy \"http://$DPS_GATEWAY\""
    rest = REGISTER.split('"localhost:$PORT"')[1]
    code, _ = job.run(production + rest, {"DEVICE": "contoso-toaster-008"})
    checks.that(code == 0, "a device that knows Azure's names only is led here", job.printed)
    code, _ = job.run('curl -fsS "http://$ADMIN/journal" | grep -q contoso-toaster-007', {"ADMIN": outputs["admin"]})
    checks.that(code == 0, "the journal can be asked", job.printed)

    code, _ = job.run(f"\"{outputs['stop']}\"")
    checks.that(code == 0, "the last step stops it", job.printed)
    told = job.summary.read_text()
    came_in = all(name in told for name in ("contoso-toaster-007", "contoso-heatpump-088"))
    checks.that(came_in, "the job's summary says what came in", told)
    gone = not (job.temporary / "provision-sim/service").exists()
    checks.that(gone, "nothing is left behind")
    code, _ = job.run(f"\"{outputs['stop']}\"")
    checks.that(code == 1 and "::error" in job.printed, "stopping twice is told", job.printed)


def refuses(checks, folder, release, address: str) -> None:
    """What must not go on in silence."""

    def job(name: str):
        place = folder / name
        place.mkdir()
        return workflow.Job(place)

    fresh = job("version")
    code = fresh.uses(support.ROOT, releases=address, version="9.9.9")
    checks.that(code == 1 and "cannot be downloaded" in fresh.printed, "a version that is not there is told", fresh.printed)
    fresh = job("path")
    code = fresh.uses(support.ROOT, path="/nowhere/provision-sim")
    checks.that(code == 1 and "is no program" in fresh.printed, "a path to nothing is told", fresh.printed)
    fresh = job("address")
    code = fresh.uses(support.ROOT)
    checks.that(code == 1 and "set `releases`" in fresh.printed, "outside GitHub it says what to set", fresh.printed)

    binary = support.only(folder / "job/temp/provision-sim/install", "*/provision-sim")
    fresh = job("config")
    code = fresh.uses(support.ROOT, path=str(binary), config="no-such.toml")
    told = "::error title=provision-sim::the service did not start" in fresh.printed and "no-such.toml" in fresh.printed
    checks.that(code == 1 and told, "a service that does not start fails the step", fresh.printed)
    fresh = job("flag")
    code = fresh.uses(support.ROOT, path=str(binary), args="--no-such-flag")
    checks.that(code == 1 and "--no-such-flag" in fresh.printed, "a flag that is not known is told", fresh.printed)

    archive = support.only(release, "*.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-1] + b"?")
    fresh = job("sum")
    code = fresh.uses(support.ROOT, releases=address)
    checks.that(code == 1 and "is not used" in fresh.printed, "a file with another sum is not used", fresh.printed)


def main(out: str) -> None:
    checks = support.Checks("action")
    with support.empty_folder() as folder:
        with releases(folder, Path(out)) as (release, address):
            (folder / "job").mkdir()
            job = workflow.Job(folder / "job")
            try:
                installs_and_serves(checks, job, address)
            finally:
                job.end()
            refuses(checks, folder, release, address)
    checks.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
