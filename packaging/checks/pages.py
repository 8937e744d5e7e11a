"""Usage: pages.py OUT: the pages on CI and containers, whose YAML is run as it stands there."""

import re
import shutil
import signal
import sys
import tarfile
from pathlib import Path

import yaml

import gitlab
import image
import support
import workflow
from release import releases


def blocks(page: str, language: str):
    """The blocks of a page that are in a language."""
    text = (support.ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def github(checks, folder: Path, address: str, block: str) -> None:
    """The steps of the job, by what stands for GitHub's runner."""
    (job_of_the_page,) = yaml.safe_load(block)["jobs"].values()
    place = folder / "github"
    place.mkdir()
    job = workflow.Job(place)
    try:
        steps(checks, job, job_of_the_page["steps"], address)
    finally:
        job.end()


def steps(checks, job, described, address: str) -> None:
    """Each of them, with the outputs of the first."""
    known = {}
    for step in described:
        if "uses" in step:
            checks.that(step["uses"].startswith("OWNER/provision-sim@"), "the page's job uses the action")
            outputs = job.uses(support.ROOT, releases=address)
            checks.that(isinstance(outputs, dict), "it starts", job.printed)
            known = {f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()}
        else:
            code, _ = job.run(workflow.filled(step["run"], known))
            checks.that(code == 0, f"the page's step `{step['run']}`", job.printed)


def on_gitlab(checks, folder: Path, address: str, block: str) -> None:
    """The job, by what stands for GitLab's runner."""
    described = yaml.safe_load(block)["devices"]
    template = yaml.safe_load(gitlab.TEMPLATE.read_text())[described["extends"]]
    script = "\n".join([*described["script"], 'kill "$service"; wait "$service"; echo "to the end"'])
    variables = {**described["variables"], "PROVISION_SIM_RELEASES": address}
    done = gitlab.job(folder, template, script, **variables)
    said = done.stdout + done.stderr
    checks.that(done.returncode == 0 and "to the end" in said, "the page's job on GitLab", said)


def gitlab_results(checks, folder: Path, address: str, block: str) -> None:
    """The job that shows cases by themselves: what it names as its results is there."""
    described = yaml.safe_load(block)["scenarios"]
    template = yaml.safe_load(gitlab.TEMPLATE.read_text())[".provision-sim"]
    place = folder / "results"
    scenarios = place / "scenarios"
    scenarios.mkdir(parents=True)
    shutil.copy(support.ROOT / "fixtures/contoso/scenario.toml", scenarios)
    done = gitlab.job(place, template, described["script"], PROVISION_SIM_RELEASES=address)
    said = done.stdout + done.stderr
    checks.that(done.returncode == 0, "the page's job of scenarios on GitLab", said)
    results = place / described["artifacts"]["reports"]["junit"]
    told = results.is_file() and "contoso-heatpump-088" in results.read_text(encoding="utf-8")
    checks.that(told, "its report has the cases", said)


def compose(checks, out: Path, root: Path, block: str) -> None:
    """The containers of the compose file, on one network, with the names that it gives them."""
    services = yaml.safe_load(block)["services"]
    config, contents = image.read(checks, out / "image", image.NATIVE)
    said = config["config"]
    root.mkdir(mode=0o755)
    for content in contents:
        with tarfile.open(fileobj=image.io.BytesIO(content)) as archive:
            archive.extractall(root)
    environment = dict(variable.split("=", 1) for variable in said["Env"])
    user, program = int(said["User"].split(":")[0]), said["Entrypoint"][0]
    service = services["dps"]
    names = ["dps", *service["networks"]["default"]["aliases"]]
    dps = support.Container(root, user, environment, names)
    device = services["device"]
    in_device = support.Container(root, user, {**environment, **device["environment"]}, names)
    waits = device["depends_on"]["dps"]["condition"]
    checks.that(waits == "service_healthy", "the device waits for the service's health")
    with dps.serving(program, *service["command"]) as running:
        done = in_device.run(program, *device["command"], beside=running)
        told = "contoso-toasters-hub-1098.azure-devices.net" in done.stdout and done.returncode == 0
        checks.that(told, "the page's device finds service and hub by Azure's names", done.stdout, done.stderr)
        running.send_signal(signal.SIGTERM)
        checks.that(running.wait(support.PATIENCE) == 0, "the page's service ends with exit code 0")


def main(out: str) -> None:
    checks = support.Checks("pages")
    out = Path(out)
    results, job, template = blocks("ci.md", "yaml")
    (file,) = blocks("containers.md", "yaml")
    with support.empty_folder() as folder:
        folder.chmod(0o755)
        with releases(folder, out) as (_, address):
            github(checks, folder, address, job)
            on_gitlab(checks, folder, address, template)
            gitlab_results(checks, folder, address, results)
        with checks.unless_skipped("the page's compose file"):
            compose(checks, out, folder / "root", file)
    checks.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
