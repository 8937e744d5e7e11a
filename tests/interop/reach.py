"""What docs/reach.md says to type, typed: each client through the gateway, and on to its hub.

The page is made from the recipes that the start screen and the management page show too. Only the port and
the CA file are not those of the page.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parent / "python"))
import witness  # noqa: E402
from witness import FACTS, HUB  # noqa: E402

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reach.md"
# By what the last block of a recipe is run.
RUN = {"Python": [sys.executable, "-"], "Node": ["node", "-"], "Java": ["bash", "-eu"], "curl": ["bash", "-eu"]}
# Where the program stands that the page begins in the middle of.
JAVA = """
import com.microsoft.azure.sdk.iot.device.*;
import com.microsoft.azure.sdk.iot.provisioning.device.*;
import com.microsoft.azure.sdk.iot.provisioning.security.*;

public class Device {
    public static void main(String[] arguments) throws Exception {
BODY
        System.exit(0); // the SDK's threads go on
    }
}
"""
LIBRARIES = pathlib.Path(__file__).resolve().parents[2] / "target" / "interop" / "java" / "lib"


def recipe(title):
    """The blocks of the section with this title, as they are for this service."""
    made = re.search("<!-- recipes: begin -->(.*)<!-- recipes: end -->", PAGE.read_text(), re.DOTALL)[1]
    section = re.search(rf"^### {title}\n(.*?)(?=^### |\Z)", made, re.DOTALL | re.MULTILINE)[1]
    blocks = re.findall(r"^```\w+\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    port = FACTS["gateway"].rpartition(":")[2]
    if not any("1080" in block for block in blocks):
        raise AssertionError(f"no gateway in the recipe:\n{section}")
    return [block.replace("1080", port).replace("ca/ca.pem", FACTS["caFile"]) for block in blocks]


def typed(title, *wanted):
    blocks = recipe(title)
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.environ["PROVISION_SIM"], os.path.join(folder, "provision-sim"))
        if title == "Java":
            (pathlib.Path(folder) / "Device.java").write_text(JAVA.replace("BODY", blocks[0]))
            blocks[-1] = blocks[-1].replace("-jar device.jar", f"-cp '{LIBRARIES}/*' Device.java")
        environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
        ended = subprocess.run(
            RUN[title], input=blocks[-1], env=environment, cwd=folder, capture_output=True, text=True, timeout=40
        )
    if ended.returncode != 0 or not all(text in ended.stdout for text in wanted):
        raise AssertionError(f"exit {ended.returncode}, and not {wanted} in:\n{ended.stdout}\n{ended.stderr}")
    return f"as docs/reach.md has it: {wanted[0]}"


if __name__ == "__main__":
    witness.main(
        {
            "python": lambda: typed("Python", f"assigned {HUB}", "'desired': {"),
            "node": lambda: typed("Node", HUB, '"desired":{'),
            "java": lambda: typed("Java", HUB),
            "curl": lambda: typed("curl", '"status":"assign'),
        }
    )
