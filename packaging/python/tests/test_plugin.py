"""The pytest plugin, as a user's run of pytest has it."""

import pathlib
import re
import socket
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]

TOASTER = """
def test_toaster(dps):
    client = dps.provisioning_client("contoso-toaster-007")
    assert client.register().status == "assigned"
"""
REGISTERS = """
import subprocess
from provision_sim import find_binary

def register(dps, registration_id):
    key = dps.device_key(registration_id)
    command = [find_binary(), "register", "--host", dps.mqtt, "--ca-file", dps.ca_file, "--id-scope", dps.id_scope]
    command += ["--reg-id", registration_id, "--device-key", key]
    return subprocess.run(command, env={}, stdin=subprocess.DEVNULL).returncode
"""


@pytest.fixture
def run(pytester):
    """Runs pytest on a file, in a process of its own, and returns what it printed."""

    def run(text, *arguments):
        pytester.makepyfile(test_it=text)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=120)

    return run


def test_a_failed_test_shows_the_conversation(run):
    ran = run(
        REGISTERS
        + """
def test_heat_pump(dps):
    register(dps, "contoso-toaster-1")
    assert register(dps, "contoso-heatpump-088") == 0

def test_good(dps):
    assert register(dps, "contoso-toaster-1") == 0
"""
    )

    ran.assert_outcomes(failed=1, passed=1)
    ran.stdout.fnmatch_lines(
        [
            "*provision-sim: conversation*",
            "The service saw 2 registrations:",
            "  #1 contoso-toaster-1 * assigned to contoso-toasters-hub-1098.azure-devices.net as contoso-toaster-1 *",
            "  #2 contoso-heatpump-088 * failed with 400207: Custom allocation failed with status code: 400 *",
            "   ! * ms  webhook  answers 400 after *: Unrecognized device registration.",
            "Its log:",
            "*contoso-heatpump-088: failed with 400207*",
        ]
    )
    assert ran.stdout.str().count("provision-sim: conversation") == 1


def test_a_session_has_one_service_and_each_failure_its_own_conversation(run):
    ran = run(
        REGISTERS
        + """
def test_first(dps_session):
    assert register(dps_session, "contoso-heatpump-1") == 0

def test_second(dps_session):
    assert register(dps_session, "contoso-heatpump-2") == 0

def test_third(dps_session):
    assert len(dps_session.journal()) == 2
"""
    )

    ran.assert_outcomes(failed=2, passed=1)
    first, second = ran.stdout.str().split("provision-sim: conversation")[1:]
    first = first.split("_ test_second _")[0]
    assert "#1 contoso-heatpump-1" in first and "contoso-heatpump-2" not in first
    second = second.split("short test summary")[0]
    assert "#2 contoso-heatpump-2" in second and "contoso-heatpump-1" not in second


def test_what_a_function_raises_fails_the_test(run):
    ran = run(
        REGISTERS
        + """
def test_refused(dps):
    @dps.allocation
    def broken(request):
        assert request["deviceRuntimeContext"]["payload"] == 1

    assert register(dps, "pump-1") == 5
"""
    )

    ran.assert_outcomes(failed=1)
    ran.stdout.fnmatch_lines(["*AllocationError: an allocation function raised KeyError('payload')*"])
    assert "#1 pump-1" in ran.stdout.str()


def test_a_service_of_the_tests_own_says_the_same(run):
    ran = run(
        REGISTERS
        + """
from provision_sim import Dps

def test_with():
    with Dps() as dps:
        assert register(dps, "contoso-heatpump-1") == 0
"""
    )

    ran.assert_outcomes(failed=1)
    assert "provision-sim: conversation" in ran.stdout.str() and "#1 contoso-heatpump-1" in ran.stdout.str()


def test_configurations_by_marker_ini_file_and_option(run, pytester):
    group = '[[enrollmentGroups]]\nenrollmentGroupId = "g"\nattestation.type = "symmetricKey"\n'
    for name in ("ini", "option", "marker"):
        folder = pytester.mkdir(name)
        (folder / "dps.toml").write_text(f'idScope = "0ne{name}"\nlinkedHubs = ["h.azure-devices.net"]\n{group}')
    pytester.makeini("[pytest]\ndps_config = ini/dps.toml\n")
    text = """
import pytest
pytestmark = pytest.mark.dps(assigning_polls=1)

def test_configured(dps, dps_session):
    assert (dps.id_scope, dps_session.id_scope) == ("0ne{0}", "0ne{0}")

@pytest.mark.dps("marker/dps.toml")
def test_marker(dps):
    assert dps.id_scope == "0nemarker"

@pytest.mark.dps(hubs=["west.azure-devices.net"], id_scope="0neHubs")
def test_hubs(dps):
    assert dps.id_scope == "0neHubs"
"""
    run(text.format("ini")).assert_outcomes(passed=3)
    run(text.format("option"), "--dps-config", "option/dps.toml").assert_outcomes(passed=3)


def test_markers_and_fixtures_are_documented(run):
    assert "@pytest.mark.dps(config=None, *, hubs=None" in run("", "--markers").stdout.str()
    assert re.search(
        r"^dps .*\n +A Device Provisioning Service of the test's own", run("", "--fixtures").stdout.str(), re.M
    )
    ran = run("import pytest\n@pytest.mark.dps(hub=[])\ndef test_it(dps):\n    pass\n")
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines(["*unexpected keyword argument 'hub'*"])


def test_two_workers_at_once_have_a_service_each(run, monkeypatch):
    """Both are known to run at the same time: each waits, in the middle of its test, until the other is there."""
    pytest.importorskip("xdist")
    meeting = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("MEETING", str(meeting.getsockname()[1]))
    met = []

    def host():
        guests = [meeting.accept()[0] for _ in range(2)]
        met.extend(guest.makefile().readline().split() for guest in guests)
        for guest in guests:
            guest.sendall(b"both are here\n")

    threading.Thread(target=host, daemon=True).start()
    ran = run(
        """
import os, socket
import pytest

@pytest.mark.parametrize("name", ["contoso-toaster-1", "contoso-toaster-2"])
def test_device(dps, name, worker_id):
    with socket.create_connection(("127.0.0.1", int(os.environ["MEETING"])), timeout=60) as meeting:
        meeting.sendall(f"{worker_id} {dps.gateway}\\n".encode())
        assert meeting.recv(100)
    state = dps.provisioning_client(name).register().registration_state
    client = dps.hub_client(name)
    client.patch_twin_reported_properties({"worker": worker_id})
    client.shutdown()
    assert dps.twin(name, state.assigned_hub).reported == {"worker": worker_id}
    assert [entry.registration_id for entry in dps.journal()] == [name]
""",
        "-n",
        "2",
    )

    ran.assert_outcomes(passed=2)
    assert sorted(worker for worker, _ in met) == ["gw0", "gw1"]
    assert len({gateway for _, gateway in met}) == 2


@pytest.mark.parametrize("page", ["python.md", "ci.md"])
def test_the_programs_of_the_documentation_run(run, page):
    """Each block of Python on the pages is a file of tests."""
    page = (ROOT / "docs" / page).read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    assert programs
    for program in programs:
        ran = run(program, "-p", "no:warnings")
        assert ran.ret == 0, program
