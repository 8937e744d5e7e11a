"""The table of docs/conformance.md: how the unmodified SDKs and the program's own device do.

Plays all cases with each of the clients, and compares what came out with the page; `--renew` writes it there.
What differs is played again by itself first: the limits of some cases are fractions of a second, and
a busy machine is slow.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
WORK = ROOT / "target" / "interop"
PAGE = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->"
BINARY = os.environ.get("PROVISION_SIM") or str(ROOT / "target" / "debug" / "provision-sim")

OWN = [BINARY, "register", "--ca-file", "{ca-file}", "--id-scope", "{id-scope}"]
OWN += ["--reg-id", "{registration-id}", "--device-key", "{device-key}"]
NODE = ["env", f"NODE_PATH={WORK}/node/node_modules", "NODE_EXTRA_CA_CERTS={ca-file}"]
CLIENTS = {
    "Python": [f"{WORK}/venv/bin/python", f"{HERE}/client.py"],
    "Node": [*NODE, "node", f"{HERE}/client.js"],
    "Node, AMQP": [*NODE, "node", f"{HERE}/client.js", "amqp"],
    "own, MQTT": [*OWN, "--host", "{mqtt}"],
    "own, MQTT over WebSocket": [*OWN, "--host", "{https}", "--transport", "mqtt-ws"],
    "own, HTTPS": [*OWN, "--host", "{https}", "--transport", "https"],
    "own, AMQP": [*OWN, "--host", "{amqp}", "--transport", "amqp"],
    "own, AMQP over WebSocket": [*OWN, "--host", "{https}", "--transport", "amqp-ws"],
}
WORDS = {"passed": "pass", "warned": "warn", "failed": "**fail**", "notObserved": "–"}
RENEW = "`tests/interop/run --renew` writes what was seen into docs/conformance.md"


def play(client, only=()):
    """The outcome of each case, and why, with one client."""
    command = [BINARY, "conformance", "--jobs", "12", "-o", "json", *(f"--only={case}" for case in only)]
    ended = subprocess.run([*command, "--", *CLIENTS[client]], capture_output=True, text=True, timeout=600)
    if ended.returncode not in (0, 5):
        raise SystemExit(f"{client}: conformance ended with {ended.returncode}\n{ended.stderr}")
    return {case["name"]: verdict(case) for case in json.loads(ended.stdout)["cases"]}


def verdict(case):
    # A case that could not be played at all has no word of ours: it differs from every page.
    return WORDS.get(case["outcome"], case["outcome"]), case.get("reasons", [])


def table(results):
    rows = [["case", *CLIENTS], ["---"] * (1 + len(CLIENTS))]
    for case in next(iter(results.values())):
        rows.append([f"`{case}`", *(results[client][case][0] for client in CLIENTS)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def recorded(page):
    """What the page says of each client and case."""
    rows = [[cell.strip() for cell in row.strip("|\n").split("|")] for row in page.splitlines() if row.startswith("|")]
    return {(client, row[0].strip("`")): cell for row in rows[2:] for client, cell in zip(rows[0][1:], row[1:])}


def main():
    with concurrent.futures.ThreadPoolExecutor() as threads:
        results = dict(zip(CLIENTS, threads.map(play, CLIENTS)))
    before, made, after = re.split(f"{BEGIN}|{END}", PAGE.read_text())
    if "--renew" in sys.argv:
        PAGE.write_text(before + BEGIN + table(results) + END + after)
        return 0

    page = recorded(made)
    played = {(client, case) for client in CLIENTS for case in results[client]}
    differences = [f"{client}: {case}: on one side alone" for client, case in sorted(played ^ set(page))]
    for client in CLIENTS:
        doubted = [case for case, (was, _) in results[client].items() if page.get((client, case), was) != was]
        for case, (outcome, reasons) in (play(client, doubted) if doubted else {}).items():
            if outcome != page[client, case]:
                why = "; ".join(reasons)
                differences.append(f"{client}: {case}: {outcome}, and the page has {page[client, case]}: {why}")
    for difference in differences:
        print(f"FAIL conformance: {difference}")
    print(f"conformance: {len(played)} verdicts, {len(differences)} differ from the page")
    if differences:
        print(RENEW)
    return 1 if differences or not played else 0


if __name__ == "__main__":
    sys.exit(main())
