"""Shows the claims of README and documentation again, one after another, and notes what came out in docs/evidence.md.

    python -m tests.evidence                 # those that are not shown yet at this commit's version of the page
    python -m tests.evidence --only digits   # those whose name contains the text, again

Minutes are said beforehand. A run that is cut off goes on where it was: each claim is noted as soon as it is shown.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tests.benchmarks.machine import cores, cpu_name
from tests.evidence.claims import CLAIMS, DATA_FOLDER, Claim, missing
from tests.evidence.page import PAGE, Entry, read, write
from tests.shared_data import DATA

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 3600.0


def shown(claim: Claim) -> Entry:
    """Run the command, and see what it says."""
    command = [part.replace(DATA_FOLDER, str(DATA.resolve())) for part in shlex.split(claim.command)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True,
        timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if re.search(claim.figure, line)]
    figures = [float(found) for line in lines for found in re.findall(claim.figure, line)]
    if lines:
        print(*lines, sep="\n", flush=True)
    if not figures:
        print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
    verdict = "holds" if claim.holds(figures) else "does not hold" if figures else "no figure"
    figure = f"{claim.worst(figures):g}" if figures else ""
    return Entry(claim.name, figure, verdict, f"{cpu_name()}, {cores()} cores", date.today().isoformat())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.evidence", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="claims whose name contains this text, shown before or not")
    options = parser.parse_args(arguments)
    entries = read(PAGE)
    wanted = [claim for claim in CLAIMS if (options.only in claim.name if options.only else claim.name not in entries)]
    if not wanted:
        print(f"nothing to show: {'no claim has that name' if options.only else 'all claims have an entry'}")
        return int(bool(options.only))
    print(f"{len(wanted)} claims, about {sum(claim.minutes for claim in wanted):g} minutes", flush=True)
    failed = 0
    for claim in wanted:
        if absent := missing(claim, DATA):
            print(f"{claim.name}: skipped, {', '.join(absent)} is not in {DATA}", flush=True)
            continue
        print(f"{claim.name}: {claim.command} (about {claim.minutes:g} minutes)", flush=True)
        entry = shown(claim)
        print(f"    {entry.figure} {entry.verdict}", flush=True)
        entries = read(PAGE) | {claim.name: entry}
        write(PAGE, entries)
        failed += entry.verdict != "holds"
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
