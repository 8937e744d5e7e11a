"""Azure's Device Provisioning Service on your own machine, for Python tests.

    from provision_sim import Dps

    def test_a_toaster_is_accepted():
        with Dps() as dps:
            client = dps.provisioning_client("contoso-toaster-007")
            assert client.register().status == "assigned"

With pytest, the fixtures `dps` and `dps_session` do the same; `docs/python.md` of the project has all of it.
"""

from ._allocation import Allocation, AllocationFunction, Refuse
from ._binary import find_binary
from ._config import Config
from ._dps import Dps
from ._enrollment import Enrollment
from ._errors import AllocationError, ApiError, DpsError, StartError, WaitError
from ._fault import Fault
from ._keys import derive_device_key
from ._model import JournalEntry, Moment, Registration, Twin, WebhookAttempt
from ._service import HOST

__all__ = [
    "HOST",
    "Allocation",
    "AllocationError",
    "AllocationFunction",
    "ApiError",
    "Config",
    "Dps",
    "DpsError",
    "Enrollment",
    "Fault",
    "JournalEntry",
    "Moment",
    "Refuse",
    "Registration",
    "StartError",
    "Twin",
    "WaitError",
    "WebhookAttempt",
    "derive_device_key",
    "find_binary",
]
