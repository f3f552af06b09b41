"""The outcome under every preset: one scenario of each family is run under its own cache policy,
then replayed under each preset."""

import json

from pathlib import Path

TITLE = "The outcome under every preset"
HOW = """Each scenario is run once under its own cache policy (`--contender core:ring --algorithm ES256`)
and replayed under every preset (`replay RUN --cache-policy PRESET`); *itself* is a replay that
changes nothing. Exit code 3: worse than the highest of 16 seeds of the run's own scenario and
policy; 5: an expectation newly missed. Any other code but 0 is a fault of ours. Where the host
disturbed a side, both are made again, twice at the most; `attempts` in a row says how often."""

SCENARIOS = (
    "rotation/emergency-withdrawal",
    "outage/garbage",
    "unknown-kid/flood-with-rotation",
    "oversized/beside-good-traffic",
    "revocation/revoke-users",
    "verdict-cache/withdrawal",
)
ITSELF = "itself"
FOLDER = Path(__file__).resolve().parents[2] / "scenarios/cache-policies"
PRESETS = sorted(path.stem for path in FOLDER.glob("*.toml"))
TRIALS = [f"{scenario} {preset}" for scenario in SCENARIOS for preset in (ITSELF, *PRESETS)]
ALLOWED = (0, 3, 5)

# A preset that takes more stolen tokens: it looks for no new set before its ttl is over.
THIEVES = f"{SCENARIOS[0]} mod-auth-openidc-like"

# How often a pair is made that the host disturbs.
ATTEMPTS = 3

bases = {}


def run(bench, trial):
    for attempt in range(1, ATTEMPTS + 1):
        row = replayed(bench, trial)
        if not any("host disturbed" in reason for reason in row["not_gated"]):
            break
        bases.pop(trial.split()[0])
    return {**row, "attempts": attempt}


def replayed(bench, trial):
    scenario, preset = trial.split()
    name = scenario.replace("/", "-")
    if scenario not in bases:
        bases[scenario] = bench.run(name, scenario, "--contender", "core:ring", "--algorithm", "ES256")
    policy = () if preset == ITSELF else ("--cache-policy", preset)
    code, text = bench.exit("replay", bases[scenario], *policy, "--json", "--quiet",
                            "--out", bench.folder / f"{name}-{preset}")
    # Where it ends with 1 or 2 there is no comparison.
    comparison = json.loads(text) if text.startswith("{") else {"outcome": [], "trials": []}
    outcomes, trials = comparison["outcome"], comparison["trials"]
    return {"verdict": outcomes[0]["verdict"] if outcomes else "no outcome", "exit": code,
            "worse": said(outcomes, "WORSE"), "better": said(outcomes, "BETTER"),
            "not_gated": [one["not_gated"]["reason"] for one in outcomes if one["not_gated"]],
            "missed": [missed["key"] for one in trials for missed in one["newly_missed"]]}


def said(outcomes, verdict):
    """The sentences of this verdict."""
    sentences = (sentence for one in outcomes for sentence in one["sentences"])
    return [sentence["text"] for sentence in sentences if sentence["verdict"] == verdict]


def claims(rows):
    codes = [row["exit"] for row in rows.values()]
    others = sorted(trial for trial, row in rows.items() if row["exit"] not in ALLOWED)
    yield (not others,
           f"{len(codes)} replays end with 0 ({codes.count(0)}), 3 ({codes.count(3)}) or 5 "
           f"({codes.count(5)}); with another code: {', '.join(others) or 'none'}")
    itself = {trial: row for trial, row in rows.items() if trial.endswith(f" {ITSELF}")}
    false = sorted(trial for trial, row in itself.items() if row["exit"] != 0)
    yield (not false,
           f"{len(itself)} replays that change nothing, worse or missed: {', '.join(false) or 'none'}")
    gaps = sorted(trial for trial, row in rows.items() if row["exit"] in ALLOWED and row["not_gated"])
    yield not gaps, f"not gated, or not whole: {', '.join(gaps) or 'none'}"
    row = rows.get(THIEVES)
    if row:
        sentence = (row["worse"] or ["nothing is said"])[0]
        found = row["exit"] == 3 and sentence.startswith("a stolen key is accepted")
        yield found, f"a preset that takes more stolen tokens is found: {sentence}"


def table(rows):
    """Every replay that is worse, better, missed or faulty; those without a change are counted."""
    told = {trial: row for trial, row in rows.items()
            if row["exit"] or row["worse"] or row["better"] or row["not_gated"]}
    lines = [["Scenario", "Under", "Exit", "What changed"], ["---"] * 4]
    for trial, row in told.items():
        scenario, preset = trial.split()
        changes = [f"**{text}**" for text in row["worse"]] + [f"better: {text}" for text in row["better"]]
        changes += [f"not gated: {reason}" for reason in row["not_gated"]]
        changes += [f"newly missed: `{key}`" for key in row["missed"]]
        lines.append([f"`{scenario}`", f"`{preset}`", row["exit"], "; ".join(changes) or "–"])
    text = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    return [*text, "", f"{len(rows) - len(told)} replays more changed nothing."]
