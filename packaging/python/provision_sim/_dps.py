"""A Device Provisioning Service for a test."""

from __future__ import annotations

import os
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Type, TypeVar, Union
from urllib.parse import quote

from . import _sdk
from ._allocation import AllocationFunction, FunctionServer
from ._binary import find_binary
from ._config import OWN_GROUP, Config, as_toml, own_world
from ._conversation import conversation, result
from ._enrollment import GROUP, INDIVIDUAL, Enrollment, path
from ._errors import AllocationError, DpsError, WaitError
from ._http import Management, ServiceApi
from ._intercept import Interception
from ._keys import new_key
from ._model import JournalEntry, Moment, Registration, Twin, entries
from ._process import Process

if TYPE_CHECKING:
    from azure.iot.device import ProxyOptions

HOST = "global.azure-devices-provisioning.net"
"""The production host name of DPS; behind the gateway it is the service's."""

# The default world, as `provision-sim serve --help` describes it.
_TUTORIAL_GROUP = "contoso-custom-allocated-devices"
_TUTORIAL_DEVICES = ("contoso-toaster", "contoso-heatpump")
_SIMULATED_GROUP = "simulated-devices"

_EVERY_ENTRY = 10_000
_TIMELINES = 50
"""How many of the newest registrations a conversation tells moment by moment."""
_API_VERSION_OF_FUNCTIONS = "2021-10-01"

Path = Union[str, "os.PathLike[str]"]
_Function = TypeVar("_Function", bound=AllocationFunction)


running: weakref.WeakSet[Dps] = weakref.WeakSet()
"""All services of this process."""


class Position(NamedTuple):
    """How far the conversation of a service has come."""

    sequence: int
    """The newest entry of the journal."""
    log: int
    """Characters of the log."""
    errors: int
    """Errors of allocation functions."""


class Dps:
    """A local Device Provisioning Service with its hubs, on free ports, for as long as it is open.

        with Dps() as dps:
            client = dps.provisioning_client("contoso-toaster-007")
            assert client.register().status == "assigned"

    Any number of them run side by side. Without `config` and `hubs` it serves the world of Microsoft's
    tutorial: group `contoso-custom-allocated-devices`, whose function accepts toasters and refuses heat
    pumps, and group `simulated-devices`, which takes any device.

    Args:
        config: a configuration of `provision-sim serve`: the path of a TOML file, the TOML text itself,
            or a mapping with its members.
        hubs: the linked hubs of a service without `config`, which then has one enrollment group,
            `local-devices`, that takes every device. An empty list stands for one hub.
        allocation: a function that decides for every enrollment group; see `allocation()`.
        retry_after: seconds that devices are told to wait between polls. Azure says 3.
        assigning_polls: how many polls at least are answered `assigning`.
        id_scope: the ID scope of a service that is given no `config`.
        quotas: limits, such as `{"registrations": "10/1s"}`, or `"azure"`.
        verified_ca: files with CA certificates that are uploaded to the service, as verified.
        allow_unverified_ca: lets X.509 groups take devices whose chain reaches no verified CA
            certificate, which Azure does not.
        arguments: more arguments of `provision-sim serve`.
        environment: variables for the service, which sees none of this process's own.
        name: what `--local=NAME` would call it.
        binary: the program, in place of the one that was installed with this package.
        start_timeout: seconds until it must be ready.
    """

    def __init__(
        self,
        config: Optional[Config] = None,
        *,
        hubs: Optional[Sequence[str]] = None,
        allocation: Optional[AllocationFunction] = None,
        retry_after: float = 0,
        assigning_polls: int = 0,
        id_scope: Optional[str] = None,
        quotas: Union[None, str, Mapping[str, str]] = None,
        verified_ca: Sequence[Path] = (),
        allow_unverified_ca: bool = False,
        arguments: Sequence[str] = (),
        environment: Optional[Mapping[str, str]] = None,
        name: Optional[str] = None,
        binary: Optional[Path] = None,
        start_timeout: float = 30,
    ) -> None:
        if config is not None and (hubs is not None or id_scope is not None):
            raise TypeError("hubs and id_scope stand in the configuration: give either config or these")
        if isinstance(hubs, str):
            raise TypeError(f"hubs is a list of names: [{hubs!r}]")
        if retry_after < 0:
            raise ValueError("retry_after is a number of seconds, from 0 on")
        self._has_own_world = hubs is not None or id_scope is not None
        if self._has_own_world:
            config = own_world(hubs or (), new_key(), id_scope)
        self._config = config
        self._function = allocation
        self._arguments = [
            *("serve", "-o", "jsonl", "-v", "--until-eof", "--name", name or f"python-{os.getpid()}"),
            *("--mqtt-port", "0", "--https-port", "0", "--gateway-port", "0", "--admin-port", "0"),
            *("--retry-after", f"{round(retry_after * 1000)}ms", "--assigning-polls", str(assigning_polls)),
        ]
        if isinstance(quotas, str):
            self._arguments += ["--quotas", quotas]
        elif quotas:
            for limit, value in quotas.items():
                self._arguments += ["--quota", f"{limit}={value}"]
        for file in verified_ca:
            self._arguments += ["--verified-ca", os.fspath(file)]
        if allow_unverified_ca:
            self._arguments.append("--allow-unverified-ca")
        self._arguments += arguments
        self._environment = dict(environment or {})
        self._binary = binary
        self._start_timeout = start_timeout
        self._process: Optional[Process] = None
        self._is_running = False
        self._functions: Optional[FunctionServer] = None
        self._interception: Optional[Interception] = None
        self._told_errors = 0
        self._at_the_end: List[JournalEntry] = []
        self._told_at_the_end: Dict[int, List[Moment]] = {}

    # How long it lives

    def start(self) -> Dps:
        """Starts it, as `with` does.

        Raises:
            StartError: if it does not come up; with what it printed.
        """
        if self._process is not None:
            raise DpsError("this service was started already: make another one")
        binary = os.fspath(self._binary) if self._binary is not None else find_binary()
        arguments = list(self._arguments)
        text = as_toml(self._config) if self._config is not None else None
        if text is None and self._config is not None:
            arguments += ["--config", os.fspath(self._config)]  # type: ignore[arg-type]
        self._process = Process(binary, arguments, text, self._environment, self._start_timeout)
        self._is_running = True
        running.add(self)
        ready = self._process.ready
        with open(ready["caFile"], encoding="ascii") as file:
            self._ca_pem = file.read()
        self._management = Management(ready["admin"], self._process.raise_if_ended)
        self._api = ServiceApi(
            ready["https"], ready["serviceConnectionString"], self._ca_pem, self._process.raise_if_ended
        )
        try:
            if self._function is not None:
                self.allocation(self._function)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops it, and removes what it has made. Journal and log can still be read."""
        if self._process is None or not self._is_running:
            return
        try:
            self._at_the_end = self.journal()
            self._told_at_the_end = self._timelines(self._at_the_end)
        except DpsError:
            pass  # it has ended by itself: what it logged says why
        self._is_running = False
        running.discard(self)
        if self._interception is not None:
            self._interception.lift()
        self._process.stop()
        if self._functions is not None:
            self._functions.close()

    def __enter__(self) -> Dps:
        return self.start()

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()
        if error is None:
            self.raise_allocation_errors()
        elif not isinstance(error, DpsError) and hasattr(error, "add_note"):
            # Python 3.11: under the error, wherever that is shown.
            error.add_note(f"provision-sim: conversation\n{self.conversation()}")

    def _running(self) -> Process:
        if self._process is None or not self._is_running:
            raise DpsError("the service does not run" + (" any more" if self._process else ": use it in a `with`"))
        return self._process

    def _ready(self, name: str) -> Any:
        return self._running().ready[name]

    # How it is reached

    @property
    def host(self) -> str:
        """The production host name of DPS, for clients that go through the gateway."""
        return HOST

    @property
    def id_scope(self) -> str:
        """The ID scope that devices must name."""
        return str(self._ready("idScope"))

    @property
    def ca_file(self) -> str:
        """The file with the CA that clients must trust (PEM)."""
        return str(self._ready("caFile"))

    @property
    def ca_pem(self) -> str:
        """The same as text: the SDK's `server_verification_cert`."""
        self._running()
        return self._ca_pem

    @property
    def mqtt(self) -> str:
        """`HOST:PORT` of MQTT over TLS."""
        return str(self._ready("mqtt"))

    @property
    def https(self) -> str:
        """`HOST:PORT` of HTTPS and of MQTT over WebSocket."""
        return str(self._ready("https"))

    @property
    def amqp(self) -> Optional[str]:
        """`HOST:PORT` of AMQP; None if it is not served."""
        address = self._running().ready.get("amqp")
        return None if address is None else str(address)

    @property
    def hubs(self) -> List[str]:
        """The names of the linked hubs."""
        return list(self._running().described()["hubConnectionStrings"])

    @property
    def gateway(self) -> str:
        """`HOST:PORT` of the gateway: an HTTP and SOCKS5 proxy behind which the production names of DPS
        and of the linked hubs lead to this service."""
        return str(self._ready("gateway"))

    @property
    def admin(self) -> str:
        """`HOST:PORT` of the management listener (plain HTTP)."""
        return str(self._ready("admin"))

    @property
    def service_connection_string(self) -> str:
        """The connection string of the service API, of the hubs too."""
        return str(self._ready("serviceConnectionString"))

    def hub_connection_string(self, hub: Optional[str] = None) -> str:
        """The connection string of a hub in its own name, of its policy `iothubowner`: for back ends that
        `intercept()` leads there.

        Args:
            hub: the hub; by default the first.
        """
        strings = self._running().described()["hubConnectionStrings"]
        hub = self.hubs[0] if hub is None else hub
        if hub not in strings:
            raise DpsError(f"{hub} is no linked hub: there are {', '.join(strings)}")
        return str(strings[hub])

    @property
    def env(self) -> Dict[str, str]:
        """Variables for other programs, such as `az`, a device in a subprocess, or one in Node: the
        gateway as their proxy, the CA as what they trust, and host and ID scope by the names that
        Microsoft's samples read. Add them to your own: `{**os.environ, **dps.env}`."""
        proxy = f"http://{self.gateway}"
        trust = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        return {
            "HTTPS_PROXY": proxy,
            "https_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
            **{name: self.ca_file for name in trust},
            "IOTHUB_DEVICE_DPS_ENDPOINT": self.host,
            "IOTHUB_DEVICE_DPS_ID_SCOPE": self.id_scope,
        }

    def intercept(self) -> None:
        """Leads whatever this process connects to by the names of Azure IoT to this service, and lets it
        trust the CA there, until the service stops: for programs that have no option for that. Other
        connections stay as they are, and a name that the service does not have is not found.

        Only for what is written in Python, and for one service at a time in a process.

        Raises:
            DpsError: if another service does it already.
        """
        if self._interception is None:
            ports = {8883: self.mqtt, 443: self.https, 5671: self.amqp}
            served = {port: address for port, address in ports.items() if address is not None}
            self._interception = Interception([self.host, *self.hubs], served, self.ca_pem)

    # The SDK's clients

    def proxy_options(self) -> ProxyOptions:
        """The SDK's `ProxyOptions` that lead through the gateway."""
        return _sdk.proxy_options(self.gateway)

    def provisioning_client(
        self,
        registration_id: str,
        *,
        payload: Any = None,
        key: Optional[str] = None,
        group: Optional[str] = None,
        x509: Optional[_sdk.Certificate] = None,
        websockets: bool = False,
        aio: bool = False,
        **options: Any,
    ) -> Any:
        """A `ProvisioningDeviceClient` of `azure-iot-device`, ready to `register()`.

        Args:
            registration_id: the device.
            payload: what it has to say to the allocation function: any JSON value.
            key: its key; by default the one that lets it in, see `device_key`.
            group: the group whose key it has.
            x509: a certificate in place of a key: the SDK's `X509`, or the paths of certificate and key.
            websockets: MQTT over WebSocket.
            aio: the client of `azure.iot.device.aio`.
            options: more options of the SDK.
        """
        made = _sdk.provisioning_client(aio)
        identity = {"provisioning_host": self.host, "registration_id": registration_id, "id_scope": self.id_scope}
        options = {**self._way(websockets), **identity, **options}
        if x509 is not None:
            client = made.create_from_x509_certificate(x509=_sdk.x509(x509), **options)
        else:
            key = key if key is not None else self.device_key(registration_id, group)
            client = made.create_from_symmetric_key(symmetric_key=key, **options)
        if payload is not None:
            client.provisioning_payload = payload
        return client

    def hub_client(
        self,
        registration_id: str,
        *,
        key: Optional[str] = None,
        x509: Optional[_sdk.Certificate] = None,
        websockets: bool = False,
        aio: bool = False,
        **options: Any,
    ) -> Any:
        """An `IoTHubDeviceClient` of `azure-iot-device` for the hub that the device was assigned to; not
        connected yet. The arguments are those of `provisioning_client`; by default it has the key of the
        enrollment that let it in.

        Raises:
            WaitError: if the device has no hub; with the whole conversation.
        """
        record = self.registration(registration_id)
        if record is None or record.assigned_hub is None:
            raise WaitError(f"{registration_id} has no hub\n\n{self.conversation()}")
        made = _sdk.hub_client(aio)
        options = {**self._way(websockets), **options}
        identity = {"hostname": record.assigned_hub, "device_id": record.device_id}
        if x509 is not None:
            return made.create_from_x509_certificate(x509=_sdk.x509(x509), **identity, **options)
        if key is None:
            # Its hub has the keys of the enrollment that it came by.
            kind = INDIVIDUAL if record.raw["enrollment"]["kind"] == "individual" else GROUP
            key = Enrollment(self._api, kind, record.enrollment).device_key(registration_id)
        return made.create_from_symmetric_key(symmetric_key=key, **identity, **options)

    def _way(self, websockets: bool) -> Dict[str, Any]:
        return {
            "server_verification_cert": self.ca_pem,
            "proxy_options": self.proxy_options(),
            "websockets": websockets,
        }

    # Enrollments

    @property
    def group_key(self) -> str:
        """The primary key of the group that takes any device: `local-devices`, in the tutorial's world
        `simulated-devices`, or the only group of the configuration."""
        return self._group_of(None).primary_key

    def device_key(self, registration_id: str, group: Optional[str] = None) -> str:
        """The key that lets a device in: that of its individual enrollment, or one derived from a group's.

        Args:
            registration_id: the device.
            group: the group, where there are several. In the tutorial's world its toasters and heat
                pumps have their own.
        """
        if group is not None:
            return self.group(group).device_key(registration_id)
        # Listed, not asked for by name: the service's log would have an error for most devices.
        for record in self._service_api().query("/enrollments"):
            if str(record["registrationId"]).lower() == registration_id.lower():
                return Enrollment(self._api, INDIVIDUAL, record["registrationId"]).primary_key
        return self._group_of(registration_id).device_key(registration_id)

    def group(self, group_id: str) -> Enrollment:
        """An enrollment group.

        Raises:
            ApiError: if there is none of that name.
        """
        return self._existing(GROUP, group_id)

    def enrollment(self, registration_id: str) -> Enrollment:
        """An individual enrollment."""
        return self._existing(INDIVIDUAL, registration_id)

    def enroll(
        self,
        registration_id: Optional[str] = None,
        *,
        group: Optional[str] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        certificate: Optional[Path] = None,
        hub: Optional[str] = None,
        hubs: Optional[Sequence[str]] = None,
        allocation: Union[None, str, AllocationFunction] = None,
        twin: Optional[Mapping[str, Any]] = None,
        device_id: Optional[str] = None,
        disabled: bool = False,
        members: Optional[Mapping[str, Any]] = None,
    ) -> Enrollment:
        """Enrolls a device, or with `group` a group of devices.

        Args:
            registration_id: the device; either this or `group`.
            group: the new group's ID.
            primary_key: Base64; the service makes keys that are not given.
            secondary_key: Base64.
            certificate: X.509 in place of keys: the device's certificate, or the one that a group's
                devices are certified by; PEM text or the path of a file.
            hub: the hub that the devices get, always.
            hubs: the hubs that may be chosen from; by default all.
            allocation: decides which: a function, see `allocation()`, the address of a webhook, or a
                policy of DPS (`hashed`, `geoLatency`, `static`).
            twin: the first twin: `{"tags": …, "properties": {"desired": …}}`.
            device_id: the ID at the hub, of an individual enrollment.
            disabled: whether to refuse the devices for now.
            members: more members of the record, by the names of the REST API.

        Raises:
            ApiError: if the service refuses it, for example because the ID is taken.
        """
        if (registration_id is None) == (group is None):
            raise TypeError("enroll takes either a registration ID or group=")
        if hub is not None and (hubs is not None or allocation is not None):
            raise TypeError("hub is the one that devices always get; it goes with neither hubs nor allocation")
        kind, name = (INDIVIDUAL, registration_id) if group is None else (GROUP, group)
        record: Dict[str, Any] = {
            "registrationId" if group is None else "enrollmentGroupId": name,
            "attestation": _attestation(kind, primary_key, secondary_key, certificate),
            "provisioningStatus": "disabled" if disabled else "enabled",
            "initialTwin": twin,
            "deviceId": device_id,
            "iotHubs": [hub] if hub is not None else list(hubs) if hubs is not None else None,
            **({"allocationPolicy": "static"} if hub is not None else {}),
            **(self._policy(allocation) if allocation is not None else {}),
            **(members or {}),
        }
        assert name is not None
        body = {member: value for member, value in record.items() if value is not None}
        self._service_api().call("PUT", path(kind, name), body)
        return Enrollment(self._api, kind, name)

    def allocation(self, function: _Function, group: Optional[str] = None) -> _Function:
        """Lets a function decide which hub a device gets; also a decorator.

            @dps.allocation
            def toasters_only(request):
                if "toaster" in request["deviceRuntimeContext"]["registrationId"]:
                    return request["linkedHubs"][0]
                return Refuse("toasters only")

        It is called on a thread of its own. What it raises, other than `Refuse`, refuses the device and
        fails the test: see `raise_allocation_errors`.

        Args:
            function: takes the request as DPS sends it; returns the name of a hub, an `Allocation`,
                `Refuse`, or a mapping that is sent as it is.
            group: the group that it decides for; by default every one.
        """
        policy = self._policy(function)
        for name in [group] if group is not None else self._group_ids():
            self.group(name).update(policy)
        return function

    def _policy(self, allocation: Union[str, AllocationFunction]) -> Dict[str, Any]:
        if isinstance(allocation, str):
            if "://" not in allocation:
                return {"allocationPolicy": allocation}
            url = allocation
        else:
            if self._functions is None:
                self._functions = FunctionServer()
            url = self._functions.url(allocation)
        webhook = {"webhookUrl": url, "apiVersion": _API_VERSION_OF_FUNCTIONS}
        return {"allocationPolicy": "custom", "customAllocationDefinition": webhook}

    def raise_allocation_errors(self) -> None:
        """Raises the first thing that an allocation function has raised and nobody was told of.

        The end of a `with` does it, and the fixture `dps` at the end of a test.

        Raises:
            AllocationError: with the function's own exception as its cause.
        """
        errors = self._allocation_errors()
        told, self._told_errors = self._told_errors, len(errors)
        if len(errors) > told:
            error = errors[told]
            raise AllocationError(f"an allocation function raised {error!r}\n\n{self.conversation()}") from error

    def _allocation_errors(self) -> List[BaseException]:
        return list(self._functions.errors) if self._functions is not None else []

    def _group_ids(self) -> List[str]:
        return [str(record["enrollmentGroupId"]) for record in self._service_api().query("/enrollmentGroups")]

    def _group_of(self, registration_id: Optional[str]) -> Enrollment:
        """The group whose key a device has of which nothing else is said."""
        if self._config is None:
            is_of_tutorial = registration_id is not None and registration_id.lower().startswith(_TUTORIAL_DEVICES)
            return self.group(_TUTORIAL_GROUP if is_of_tutorial else _SIMULATED_GROUP)
        if self._has_own_world:
            return self.group(OWN_GROUP)
        groups = self._group_ids()
        if len(groups) != 1:
            known = ", ".join(groups) or "none"
            raise DpsError(f"say whose key: the enrollment groups of the service are {known} (group=NAME)")
        return self.group(groups[0])

    def _existing(self, kind: str, name: str) -> Enrollment:
        self._service_api().get(path(kind, name))
        return Enrollment(self._api, kind, name)

    def _service_api(self) -> ServiceApi:
        self._running()
        return self._api

    # What happened

    def journal(
        self, registration_id: Optional[str] = None, *, status: Optional[str] = None, after: int = 0
    ) -> List[JournalEntry]:
        """The registrations that the service saw, oldest first: those in progress and refused ones too.

        Args:
            registration_id: only of this device.
            status: only with this status, such as `failed`.
            after: only those behind this `sequence`.
        """
        if self._process is not None and not self._is_running:
            wanted = (registration_id or "").lower()
            return [
                entry
                for entry in self._at_the_end
                if entry.sequence > after
                and (status is None or entry.status == status)
                and (registration_id is None or entry.registration_id.lower() == wanted)
            ]
        self._running()
        query = {"registrationId": registration_id, "status": status, "after": after, "limit": _EVERY_ENTRY}
        return entries(self._management.get("/journal", query))

    def timeline(self, entry: JournalEntry) -> List[Moment]:
        """Who did what when in a registration, in order: how the device connected, what was checked, what the
        allocation function was asked and said, what the device was told, and what it did at its hub."""
        self._running()
        return [Moment.read(each) for each in self._management.get(f"/journal/{entry.sequence}")["timeline"]]

    def registration(self, registration_id: str) -> Optional[Registration]:
        """The record of a device; None if it never registered, or was refused each time."""
        self._running()
        found = self._management.get("/registrations", {"registrationId": registration_id})
        return Registration.read(found[0]) if found else None

    def wait_for_registration(
        self, registration_id: str, timeout: float = 10, *, status: Optional[str] = None, after: int = 0
    ) -> JournalEntry:
        """Waits until a registration of this device has ended, well or not, and returns the first that
        did; at once if there is one.

        Args:
            registration_id: the device.
            timeout: seconds.
            status: how it must have ended, such as `assigned`.
            after: only registrations behind this `sequence`: that of the entry before, for a device that
                registers again.

        Raises:
            WaitError: if none ends in time; with the whole conversation.
        """
        process = self._running()
        deadline = time.monotonic() + timeout
        while True:
            # Counted before the look, so that what happens in between is not waited for in vain.
            seen = process.events()
            found = [entry for entry in self.journal(registration_id, status=status, after=after) if entry.ended]
            if found:
                return found[0]
            if not process.wait_for_event(seen, deadline - time.monotonic()):
                break
        wanted = f"no registration of {registration_id} has ended" + (f" as {status}" if status else "")
        others = self.journal(registration_id, after=after)
        stands = "".join(f"\n  #{entry.sequence} {result(entry)}" for entry in others)
        raise WaitError(f"{wanted} within {timeout:g} s{stands}\n\n{self.conversation()}")

    def twin(self, device_id: str, hub: Optional[str] = None) -> Optional[Twin]:
        """A device on its hub: tags, desired and reported properties, whether it is connected. None if no
        hub knows it."""
        self._running()
        found = self._management.get("/twins", {"deviceId": device_id, "hub": hub, "limit": 1})
        return Twin.read(found[0]) if found else None

    def set_desired(self, device_id: str, properties: Mapping[str, Any]) -> Twin:
        """Changes desired properties, as a back end does; a device that is connected is told. A value of
        None removes its property. Returns the new twin.

        Raises:
            ApiError: if no hub knows the device.
        """
        body = {"properties": {"desired": dict(properties)}}
        self._service_api().call("PATCH", f"/twins/{quote(device_id, safe='')}", body)
        twin = self.twin(device_id)
        if twin is None:
            raise DpsError(f"{device_id} was removed from its hub meanwhile")
        return twin

    def reset(self) -> None:
        """Forgets devices, hubs' twins and the journal; the enrollments are again those of the beginning."""
        self._running()
        self._management.post("/reset")
        self._told_errors = len(self._allocation_errors())
        if self._function is not None:
            self.allocation(self._function)

    @property
    def log(self) -> str:
        """What the service has logged, line by line as it happened."""
        return self._process.log if self._process is not None else ""

    def position(self) -> Position:
        """Where the conversation stands, for `conversation(since=…)`."""
        newest = self._management.get("/journal", {"limit": 1}) if self._is_running else []
        sequence = newest[0]["sequence"] if newest else 0
        return Position(sequence, len(self.log), len(self._allocation_errors()))

    def conversation(self, since: Optional[Position] = None) -> str:
        """What the service and its devices said to each other, for people: each registration with the
        check that failed, what the allocation function was asked and said, and the log."""
        since = since or Position(0, 0, 0)
        try:
            seen = self.journal(after=since.sequence)
            told = self._timelines(seen) if self._is_running else self._told_at_the_end
        except DpsError:
            seen, told = [], {}  # it does not run: there is the log
        return conversation(seen, told, self.log[since.log :], self._allocation_errors()[since.errors :])

    def _timelines(self, seen: List[JournalEntry]) -> Dict[int, List[Moment]]:
        return {entry.sequence: self.timeline(entry) for entry in seen[-_TIMELINES:]}


def _attestation(
    kind: str, primary_key: Optional[str], secondary_key: Optional[str], certificate: Optional[Path]
) -> Dict[str, Any]:
    if certificate is None:
        keys = {"primaryKey": primary_key, "secondaryKey": secondary_key}
        known = {name: key for name, key in keys.items() if key is not None}
        return {"type": "symmetricKey", **({"symmetricKey": known} if known else {})}
    if primary_key is not None or secondary_key is not None:
        raise TypeError("enroll takes either keys or a certificate")
    pem = os.fspath(certificate)
    if "-----BEGIN" not in pem:
        with open(pem, encoding="ascii") as file:
            pem = file.read()
    which = "clientCertificates" if kind == INDIVIDUAL else "signingCertificates"
    return {"type": "x509", "x509": {which: {"primary": {"certificate": pem}}}}
