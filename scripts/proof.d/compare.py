"""Two stored runs: what is planted is found, what is the same is not called a change."""

import json
from collections import Counter

from load_beside import burners, table as markdown

TITLE = "Two stored runs"
HOW = """A default `jwtbench compare` of default runs, `jwtbench run`. *same 3-1*: the third run of a build
held against its first. The others are held against runs of that build with a fault: every operation
of `core:*` and libraries, never of a bound, takes longer (`--plant drag=100%`, `900%`, `10%`), or a
process beside the run burns a CPU. The runs of all kinds took turns, and each is used in several
compares (ten of the build, five of each fault), so that those which share a run are not independent.
*Found* are the trials of hot-path/accept whose primary metric REGRESSED."""

# Runs of the build, runs of each fault, and with how many of the former each of the latter is held.
RUNS, FAULTS, BASES = 10, 5, 4
PLANTS = {"2x": "100%", "10x": "900%", "10%": "10%"}
GATED = "hot-path/accept"


def trials():
    """In such an order that runs of all kinds are made in turns, as they are first needed."""
    for index in range(1, RUNS + 1):
        for base in range(1, index):
            yield f"same {index}-{base}"
        for kind in (*PLANTS, "burner"):
            for fault in range(max(index - BASES + 1, 1), min(index, FAULTS) + 1):
                yield f"{kind} {fault}-{index}"


TRIALS = list(trials())


def run(bench, trial):
    kind, indices = trial.split()
    index, base = indices.split("-")
    before = bench.kept(f"same-{base}")
    name = f"{kind.replace('%', '')}-{index}"
    plant = ("--plant", f"drag={PLANTS[kind]}") if kind in PLANTS else ()
    with burners(1 if kind == "burner" and not bench.has(name) else 0):
        candidate = bench.kept(name, *plant)
    code, text = bench.exit("compare", before, candidate, "--json")
    comparison = json.loads(text)
    gated = [one for one in comparison["trials"]
             if any(figure["gate"] == "primary" for figure in one["figures"])]
    accept = [one for one in gated if one["scenario"] == GATED]
    changes = Counter(one["decision"] or "not gated" for one in comparison["trials"])
    ratios = [figure["ratio"]["estimate"] for one in accept for figure in one["figures"]
              if figure["gate"] == "primary"]
    found = sum(one["decision"] == "REGRESSED" for one in accept)
    unmarked = sum(not one["invalid"] and not one["marks"] for one in gated)
    return {"verdict": comparison["verdict"], "exit": code, "decisions": changes, "found": found,
            "gated": len(gated), "accept": len(accept), "unmarked": unmarked,
            "lowest": min(ratios, default=None), "highest": max(ratios, default=None)}


def of(rows, kind):
    return [row for trial, row in rows.items() if trial.split()[0] == kind]


def claims(rows):
    same, burned = of(rows, "same"), of(rows, "burner")
    changes = ("IMPROVED", "REGRESSED")
    count = Counter(row["verdict"] for row in same)
    false = sum(count[change] for change in changes)
    yield false == 0, f"{len(same)} compares of a build with itself, {false} false changes"
    # The share that is asked of all of them, of those that were made.
    yield (count["EQUIVALENT"] >= len(same) * 30 / 40,
           f"{count['EQUIVALENT']} of them EQUIVALENT (at least 30 of 40 are asked)")
    yield (count["INVALID"] <= max(len(same), 1) * 4 / 40,
           f"{count['INVALID']} of them INVALID (at most 4 of 40)")
    for kind in ("2x", "10x"):
        mine = of(rows, kind)
        found = sum(row["verdict"] == "REGRESSED" for row in mine)
        yield found == len(mine), f"a planted {kind}: REGRESSED in {found} of {len(mine)}"
    mine = of(rows, "10%")
    found = sum(2 * row["found"] > row["accept"] for row in mine)
    yield (found >= len(mine) * 18 / 20,
           f"a planted 10 %: found in the primary metric of most trials of {GATED} in {found} of "
           f"{len(mine)} (at least 18 of 20)")
    wrong = sum(row["verdict"] in changes for row in burned)
    unmarked = sum(row["unmarked"] for row in burned)
    yield wrong == 0, f"{len(burned)} compares with a CPU burner beside one side, {wrong} changes"
    yield unmarked == 0, f"{unmarked} gated trials of those without a mark"


def table_rows(rows):
    for trial, row in rows.items():
        decisions = ", ".join(f"{n} {name}" for name, n in sorted(row["decisions"].items()))
        span = "–" if row["lowest"] is None else f"{row['lowest']:.3f} to {row['highest']:.3f}"
        yield [trial, row["verdict"] or "not gated", row["exit"], f"{row['found']} of {row['accept']}",
               span, decisions]


def table(rows):
    heading = ["Trial", "Verdict", "Exit", "Found", f"Ratios of {GATED}", "Decisions"]
    return markdown(heading, list(table_rows(rows)))
