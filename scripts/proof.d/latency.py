"""Latencies on every machine: given, right beside a planted fault, and marked where noise made them."""

from statistics import median

from load_beside import burners, table as markdown

TITLE = "Latencies"
HOW = """*canonical*: `jwtbench run` on the machine alone; *burner*: the same beside two processes that
burn CPU. *stall*: one operation of an open loop of 2000 a second takes 50 ms longer
(`--plant stall=50ms@2s`). *starve*: the generator comes 1 ms late to every operation
(`--plant starve`), held against the same open loop without a fault: the medians of five runs each, in
turns, since one such run of two seconds has shown a p50 a sixth above the rest."""

LOAD = ["scripts/proof.d/load.toml", "--algorithm", "ES256", "--contender", "core:ring"]
LIMIT_S = 90
PAIRS = 5
TRIALS = [f"{kind} {index}" for index in (1, 2, 3) for kind in ("canonical", "stall", "starve")]
TRIALS += ["burner 1"]


def phases(result):
    """Dynamic phases in which something ended: whether each has a response, and has a mark."""
    dynamic = {record["name"] for record in result["scenarios"] if record["dynamic"]}
    for measurement in result["measurements"]:
        for phase in measurement["phases"]:
            if measurement["scenario"] in dynamic and phase["outcomes"]:
                has = any(outcome.get("response", {}).get("count") for outcome in phase["outcomes"])
                yield has, bool(phase.get("disturbed") or measurement["noisy"])


def latency(result):
    phase = result["measurements"][0]["phases"][0]
    outcome = max(phase["outcomes"], key=lambda outcome: outcome["count"])
    return outcome["response"], phase


def run(bench, trial):
    kind = trial.split()[0]
    if kind in ("canonical", "burner"):
        with burners(2 if kind == "burner" else 0):
            result = bench.result(kind)
        seen = list(phases(result))
        stolen = (result["machine"]["steal"] or 0) * result["elapsed_s"]
        rounds = [round for one in result["measurements"] for round in one["rounds"]]
        marked = sum(bool(round.get("disturbed")) for round in rounds)
        return {"phases": len(seen), "with_response": sum(has for has, _ in seen),
                "unmarked": sum(not marked for _, marked in seen), "rounds": len(rounds),
                "rounds_marked": marked, "seconds": result["elapsed_s"], "stolen_s": stolen}
    if kind == "stall":
        response, _ = latency(bench.result("fault", *LOAD, "--plant", "stall=50ms@2s"))
        return {"p50_ns": response["p50_ns"], "p999_ns": response["p999_ns"]}
    return starved(bench)


def starved(bench):
    clean, late, lateness = [], [], []
    for _ in range(PAIRS):
        clean.append(latency(bench.result("clean", *LOAD, "--duration", "2s"))[0]["p50_ns"])
        response, phase = latency(bench.result("fault", *LOAD, "--duration", "2s", "--plant", "starve"))
        late.append(response["p50_ns"])
        lateness.append(phase["lateness"]["p50_ns"])
    return {"p50_ns": median(late), "clean_p50_ns": median(clean), "lateness_p50_ns": min(lateness)}


def of(rows, kind):
    return [row for trial, row in rows.items() if trial.split()[0] == kind]


def claims(rows):
    canonical = of(rows, "canonical")
    if canonical:
        share = min(row["with_response"] / max(row["phases"], 1) for row in canonical)
        longest = max(row["seconds"] - row["stolen_s"] for row in canonical)
        yield share >= 0.95, f"a response figure in {share:.0%} of dynamic phases (95 % are asked)"
        yield longest <= LIMIT_S, f"the canonical run takes {longest:.0f} s at most ({LIMIT_S} s)"
    for row in of(rows, "burner"):
        yield (row["unmarked"] == 0, f"beside burners, {row['unmarked']} of {row['phases']} dynamic "
               f"phases without a mark; {row['rounds_marked']} of {row['rounds']} rounds marked")
    if stall := of(rows, "stall"):
        least = min(row["p999_ns"] for row in stall) / 1e6
        yield least >= 40, f"a stall of 50 ms: response p99.9 of {least:.1f} ms at least (40 ms)"
    if starved := of(rows, "starve"):
        moved = max(abs(row["p50_ns"] / row["clean_p50_ns"] - 1) for row in starved)
        late = min(row["lateness_p50_ns"] for row in starved) / 1e6
        yield moved < 0.1, f"a starved generator moves response p50 by {moved:.1%} at most (10 %)"
        yield late >= 1, f"and shows a lateness p50 of {late:.2f} ms at least (1 ms)"


def table(rows):
    def figures(row):
        return ", ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                         for name, value in row.items() if name not in ("trial", "machine"))
    return markdown(["Trial", "Figures"], [[trial, figures(row)] for trial, row in rows.items()])
