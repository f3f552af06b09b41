"""Duels: a planted slowdown is found on a quiet machine, and noise is never equality."""

import json

from load_beside import burners, table as markdown

TITLE = "Duels"
HOW = """`jwtbench duel core:ring core:ring --algorithm ES256 --plant 10%`, each with a seed of its own:
A is kept busy after each operation for a tenth of the time it took. *Burner*: beside a process that
burns a CPU."""

QUIET, BURNED = 20, 40
TRIALS = [f"quiet {seed}" for seed in range(1, QUIET + 1)]
TRIALS += [f"burner {seed}" for seed in range(1, BURNED + 1)]


def run(bench, trial):
    kind, seed = trial.split()
    arguments = ["duel", "core:ring", "core:ring", "--algorithm", "ES256", "--seed", seed,
                 "--plant", "10%", "--json"]
    with burners(1 if kind == "burner" else 0):
        code, text = bench.exit(*arguments)
    duel = json.loads(text)
    primary = next((metric for metric in duel["metrics"] if metric["metric"] == "p50"), None)
    return {"verdict": duel["verdict"], "exit": code, "p50": (duel["ratio"] or {}).get("p50"),
            "floor": primary and primary["floor"]}


def claims(rows):
    quiet = [row for trial, row in rows.items() if trial.startswith("quiet")]
    burned = [row for trial, row in rows.items() if trial.startswith("burner")]
    found = sum(row["verdict"] == "REGRESSED" for row in quiet)
    equal = sum(row["verdict"] == "EQUIVALENT" for row in burned)
    yield found == len(quiet), f"a planted 10 % on a quiet machine, REGRESSED in {found} of {len(quiet)}"
    yield equal == 0, f"the same beside a burner, EQUIVALENT in {equal} of {len(burned)}"


def table(rows):
    def line(trial, row):
        ratio, floor = row["p50"], row["floor"]
        shown = f"{ratio['estimate']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})" if ratio else "–"
        return [trial, row["verdict"], row["exit"], shown, "–" if floor is None else f"{floor:.1%}"]
    heading = ["Duel", "Verdict", "Exit", "p50 A/B (95 %)", "Floor"]
    return markdown(heading, [line(*item) for item in rows.items()])
