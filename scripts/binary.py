"""The jwtbench binary that a script calls."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build():
    """The path of the release binary, built, unless JWTBENCH names one."""
    if "JWTBENCH" in os.environ:
        return Path(os.environ["JWTBENCH"]).resolve()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--bin", "jwtbench"], cwd=ROOT, check=True)
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Path(json.loads(metadata.stdout)["target_directory"]) / "release/jwtbench"


def call(binary, *arguments, may_exit=(0,)):
    """What the binary prints. Ends all if its exit code is another than those in `may_exit`."""
    command = [str(binary), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in may_exit:
        sys.exit(f"exit code {done.returncode}: jwtbench {' '.join(command[1:])}\n{done.stderr}")
    return done.stdout
