"""A load on the processors beside a measurement, for scripts that show what noise does."""

import subprocess
import sys
from contextlib import contextmanager

# A burner that nobody ends goes by itself.
LONGEST = 600
BURN = f"import time\nend = time.monotonic() + {LONGEST}\nwhile time.monotonic() < end: pass"


@contextmanager
def burners(count):
    """So many processes that use all the CPU time they get."""
    running = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def table(heading, rows):
    """A table in Markdown."""
    if not rows:
        return []
    lines = [heading, ["---"] * len(heading), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
