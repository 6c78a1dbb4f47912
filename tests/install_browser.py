"""Have Chromium for the visualiser's test, where it can be had; where not, say so, and the test is skipped."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's Chromium as root, or else the one that Playwright brings."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        commands = [["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", "-y", "chromium"]]
    else:
        commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    for command in commands:
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        )


if __name__ == "__main__":
    if not find_browser():
        print("Installing Chromium for the visualiser's test ...", flush=True)
        try:
            install()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"Chromium cannot be installed here ({error}): the visualiser's test will be skipped.")
