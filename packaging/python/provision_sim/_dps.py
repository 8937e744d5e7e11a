"""A Device Provisioning Service for a test."""

from __future__ import annotations

import os
import weakref
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from . import _sdk
from ._allocation import AllocationFunction, FunctionServer
from ._binary import find_binary
from ._config import OWN_GROUP, Config, as_toml, own_world
from ._enrollment import GROUP, INDIVIDUAL, Enrollment, path
from ._errors import AllocationError, DpsError, WaitError
from ._keys import new_key
from ._observed import Observed
from ._process import Process

# The default world, as `provision-sim serve --help` describes it.
_TUTORIAL_GROUP = "contoso-custom-allocated-devices"
_TUTORIAL_DEVICES = ("contoso-toaster", "contoso-heatpump")
_SIMULATED_GROUP = "simulated-devices"

_API_VERSION_OF_FUNCTIONS = "2021-10-01"

Path = Union[str, "os.PathLike[str]"]
_Function = TypeVar("_Function", bound=AllocationFunction)


running: weakref.WeakSet[Dps] = weakref.WeakSet()
"""All services of this process."""


class Dps(Observed):
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
        super().__init__()
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
            *("--mqtt-port", "0", "--https-port", "0", "--amqp-port", "0", "--gateway-port", "0", "--admin-port", "0"),
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
        self._told_errors = 0

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
        self._begin(Process(binary, arguments, text, self._environment, self._start_timeout))
        running.add(self)
        try:
            if self._function is not None:
                self.allocation(self._function)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stops it, and removes what it has made. Journal and log can still be read."""
        if not self._is_running:
            return
        running.discard(self)
        self._end()
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

    # The SDK's clients

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
        endorsement_key: Optional[str] = None,
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
            endorsement_key: that of the device's TPM, in Base64, in place of keys.
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
            "attestation": _attestation(kind, primary_key, secondary_key, certificate, endorsement_key),
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

    def reset(self) -> None:
        """Forgets devices, hubs' twins and the journal; the enrollments are again those of the beginning."""
        self._running()
        self._management.post("/reset")
        self._told_errors = len(self._allocation_errors())
        if self._function is not None:
            self.allocation(self._function)


def _attestation(
    kind: str,
    primary_key: Optional[str],
    secondary_key: Optional[str],
    certificate: Optional[Path],
    endorsement_key: Optional[str],
) -> Dict[str, Any]:
    has_keys = primary_key is not None or secondary_key is not None
    if has_keys + (certificate is not None) + (endorsement_key is not None) > 1:
        raise TypeError("enroll takes either keys, a certificate, or an endorsement key")
    if endorsement_key is not None:
        return {"type": "tpm", "tpm": {"endorsementKey": endorsement_key}}
    if certificate is None:
        keys = {"primaryKey": primary_key, "secondaryKey": secondary_key}
        known = {name: key for name, key in keys.items() if key is not None}
        return {"type": "symmetricKey", **({"symmetricKey": known} if known else {})}
    pem = os.fspath(certificate)
    if "-----BEGIN" not in pem:
        with open(pem, encoding="ascii") as file:
            pem = file.read()
    which = "clientCertificates" if kind == INDIVIDUAL else "signingCertificates"
    return {"type": "x509", "x509": {which: {"primary": {"certificate": pem}}}}
