"""What `run` and `schema` write, read by those who know the formats: libxml2 holds JUnit files against a strict
schema, and the reference validator of JSON schemas reads ours and holds the fixtures against it.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

import jsonschema
from lxml import etree

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "fixtures"
TUTORIAL = FIXTURES / "contoso" / "scenario.toml"


def provision_sim(*arguments, exit_code=0):
    told = subprocess.run([os.environ["PROVISION_SIM"], *arguments], capture_output=True, text=True, timeout=50)
    assert told.returncode == exit_code, f"{arguments} ended with {told.returncode}: {told.stdout}{told.stderr}"
    return told.stdout


def junit():
    schema = etree.XMLSchema(etree.parse(ROOT / "tests" / "data" / "junit.xsd"))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # One of each: passed, failed with a text that XML must not have as it is, and not to be read.
        wrong = folder / "wrong.toml"
        message = 'errorMessage = "\\\\u0001 <]]>&\\\\"\\\\n"'
        wrong.write_text(re.sub('errorMessage = ".*?"', message, TUTORIAL.read_text()))
        broken = folder / "broken.toml"
        broken.write_text("[[device]]\nregistrationID = 1\n")
        steps = FIXTURES / "scenarios" / "disabled-in-the-middle.toml"
        file = folder / "results.xml"
        files = [str(it) for it in (TUTORIAL, wrong, broken, steps)]
        provision_sim("run", *files, "--jobs", "2", "--junit", str(file), exit_code=5)
        results = etree.parse(file)
    schema.assertValid(results)
    kinds = {kind: len(results.findall(f"//{kind}")) for kind in ("testsuite", "failure", "error")}
    assert kinds == {"testsuite": 4, "failure": 1, "error": 1}, kinds
    # And the schema is one that refuses.
    for element, attribute in (("testcase", "file"), ("testsuite", "url"), ("testsuites", "name")):
        other = etree.fromstring(etree.tostring(results))
        next(other.iter(element)).set(attribute, "x")
        assert not schema.validate(other), f"{attribute} of {element}"
    return f"{len(results.findall('//testcase'))} cases"


def schema():
    scenario, config = (json.loads(provision_sim("schema", of)) for of in ("scenario", "config"))
    for one in (scenario, config):
        jsonschema.Draft7Validator.check_schema(one)
    scenario, config = jsonschema.Draft7Validator(scenario), jsonschema.Draft7Validator(config)
    files = [TUTORIAL, *sorted((FIXTURES / "scenarios").glob("*.toml"))]
    for file in files:
        scenario.validate(tomllib.loads(file.read_text()))
    config.validate(tomllib.loads((FIXTURES / "contoso" / "world.toml").read_text()))
    for text in ("zzz = 1", '[[device]]\ntransport = "mqt"', '[[step]]\nregister = "a"\nservice = "stop"'):
        assert not scenario.is_valid(tomllib.loads(text)), text
    assert not config.is_valid({})
    return f"{len(files)} scenarios"


print({"junit": junit, "schema": schema}[sys.argv[1]]())
