"""`conformance` with the SDK for Node as a client that has a TPM: its challenge is no refusal that is not heeded.

One client at a time, for all of them keep what they are given at one place in the TPM.
"""

import json
import os
import pathlib
import subprocess
import sys

FACTS = json.loads(os.environ["INTEROP"])
BINARY = os.environ["PROVISION_SIM"]
CLIENT = pathlib.Path(__file__).with_name("client.js")

PASSED = ["assigned", "polls-to-the-end", "registers-again", "401-not-repeated", "disabled", "failed"]
PASSED += ["token-refused-by-clock", "token-resource", "token-lifetime", "token-key-name", "no-payload-unasked"]
# The SDK does not try again over HTTPS, and over AMQP takes its time.
WARNED = ["503-backs-off"] if sys.argv[1] == "https" else []


def told(*command):
    ended = subprocess.run([BINARY, *command], capture_output=True, text=True, timeout=50)
    if ended.returncode:
        raise SystemExit(f"{command[0]} ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
    return json.loads(ended.stdout)


tpm = FACTS["tpm"]
key = told("tpm", "show", "--tpm", f"127.0.0.1:{tpm['raw']}", "-o", "json")["endorsementKey"]
node = ["env", f"NODE_PATH={os.environ['NODE_PATH']}", "NODE_EXTRA_CA_CERTS={ca-file}", "node", str(CLIENT)]
wanted = dict.fromkeys(PASSED, "passed") | dict.fromkeys(WARNED, "warned")
judged = told(
    *("conformance", "--jobs", "1", "--endorsement-key", key, "-o", "json", f"--only={','.join(wanted)}", "--"),
    *(*node, sys.argv[1], f"tpm={tpm['simulator']}"),
)["cases"]
wrong = [case for case in judged if case["outcome"] != wanted[case["name"]]]
if wrong or len(judged) != len(wanted):
    raise SystemExit(json.dumps(wrong, indent=2))
print(f"{len(judged)} cases, judged as those of other clients are")
