"""The pytest plugin: a service for each test, and the whole conversation under each that fails.

| name | what |
|---|---|
| fixture `dps` | a service of the test's own |
| fixture `dps_session` | one service for all tests of the run (of each worker, with pytest-xdist) |
| marker `dps` | arguments of `Dps` for the test's own service: `@pytest.mark.dps(hubs=[…])` |
| `dps_config` in the ini file, `--dps-config` | the configuration of services whose test names none |
"""

from __future__ import annotations

from typing import Any, Dict, Generator, List, Tuple

import pytest

from ._dps import Dps, running
from ._errors import AllocationError, WaitError
from ._observed import Position

_SECTION = "provision-sim: conversation"
_BEFORE = pytest.StashKey[Dict[Dps, Position]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "configuration (TOML) of the services of the fixtures dps and dps_session"
    parser.addini("dps_config", text + ", relative to the ini file")
    parser.getgroup("provision-sim").addoption("--dps-config", metavar="FILE", default=None, help=text)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "dps(config=None, *, hubs=None, retry_after=0, …): how the fixture `dps` starts its service"
    )


@pytest.fixture
def dps(request: pytest.FixtureRequest) -> Generator[Dps, None, None]:
    """A Device Provisioning Service of the test's own, on free ports; see `provision_sim.Dps`."""
    positional: Tuple[Any, ...] = ()
    named: Dict[str, Any] = {}
    # From the module's or the class's marker to the test's own, which goes before them.
    for marker in reversed(list(request.node.iter_markers("dps"))):
        positional = marker.args or positional
        named.update(marker.kwargs)
    if not positional and not {"config", "hubs", "id_scope"} & named.keys():
        named["config"] = _configured(request.config)
    yield from _running(Dps(*positional, **named))


@pytest.fixture(scope="session")
def dps_session(request: pytest.FixtureRequest) -> Generator[Dps, None, None]:
    """One Device Provisioning Service for all tests of the run; `reset()` makes it forget."""
    yield from _running(Dps(_configured(request.config)))


def _running(dps: Dps) -> Generator[Dps, None, None]:
    dps.start()
    try:
        yield dps
    finally:
        dps.stop()


def _configured(config: pytest.Config) -> Any:
    named = config.getoption("--dps-config") or ""
    if named:
        return str(config.invocation_params.dir / named)
    written = config.getini("dps_config")
    return str((config.inipath.parent if config.inipath else config.rootpath) / written) if written else None


def _services(item: pytest.Item) -> List[Dps]:
    """The services that a test has been given, by whatever fixture."""
    given = getattr(item, "funcargs", None) or {}
    found: List[Dps] = []
    for value in given.values():
        if isinstance(value, Dps) and value not in found:
            found.append(value)
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """An allocation function that raised fails its test, whatever the device made of it."""
    outcome = yield
    if outcome.excinfo is None:
        for service in _services(item):
            try:
                service.raise_allocation_errors()
            except Exception as error:
                outcome.force_exception(error)
                return


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, None]:
    """Notes how far the services have come that are older than the test."""
    item.stash[_BEFORE] = {service: service.position() for service in running}
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, None]:
    """The conversation becomes a section of a failed test's report."""
    outcome = yield
    report = outcome.get_result()
    # These have it in their text.
    has_it = call.excinfo is not None and isinstance(call.excinfo.value, (WaitError, AllocationError))
    if not report.failed or call.when == "teardown" or has_it:
        return
    before = item.stash.get(_BEFORE, {})
    for service in _services(item):
        report.sections.append((_SECTION, service.conversation(before.get(service))))
