"""The statistics of jwtbench beside those of SciPy, NumPy and statsmodels on the same random samples,
and what its duels say of a difference that is known. Shares no code with jwtbench, which answers
through its hidden verb `statistics`. Exit code 1: something does not hold."""

import argparse
import json
import math
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests

# Resamples of jwtbench, of SciPy, and patterns of signs that jwtbench draws.
OURS, THEIRS, PATTERNS = 10_000, 20_000, 99_999
# Standard errors that two draws of the same may lie apart: one pair in two million.
ERRORS = 5
# What two ways to add up the same numbers may differ by.
ROUNDING = 1e-9


class Jwtbench:
    """Answers questions, many at a time."""

    def __init__(self, binary):
        self.binary = binary

    def ask(self, questions):
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        done = subprocess.run([self.binary, "statistics"], input=lines, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"statistics: jwtbench: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def values(rng, size, ties=False):
    """A random sample: of another shape and width each time; `ties` makes eighths of it, whose sums
    are exact."""
    shape = rng.integers(4)
    centre, width = rng.normal(0, 0.5), 10 ** rng.uniform(-2, 0)
    drawn = [rng.normal(0, 1, size), rng.standard_t(2, size), rng.exponential(1, size) - 1,
             rng.uniform(-1, 1, size)][shape]
    if ties:
        return np.round(np.clip(centre + drawn, -8, 8) * 8) / 8
    return centre * width + drawn * width


def pair(rng, least, most, ties=False):
    """Two samples of like shape, the second shifted."""
    sizes = [int(rng.integers(least, most + 1)) for _ in range(2)]
    both = values(rng, sum(sizes), ties)
    base, candidate = both[:sizes[0]], both[sizes[0]:]
    shift = rng.choice([0, 0, 0.5, 1]) * np.std(both)
    return base, candidate + (np.round(shift * 8) / 8 if ties else shift)


def largest(ours, theirs):
    return max(abs(one - other) for one, other in zip(ours, theirs, strict=True))


def sign_flip_exact(jwtbench, rng, count):
    samples = [values(rng, int(rng.integers(2, 17)), ties=bool(at % 3 == 0)) for at in range(count)]
    ours = jwtbench.ask({"sign-flip": {"differences": list(x), "seed": 1}} for x in samples)

    def p(x):
        return stats.permutation_test((x,), np.sum, permutation_type="samples", n_resamples=np.inf,
                                      vectorized=True, batch=20_000).pvalue

    assert all(answer["exact"] for answer in ours)
    worst = largest((answer["p"] for answer in ours), map(p, samples))
    return worst <= ROUNDING, worst


def sign_flip_sampled(jwtbench, rng, count):
    samples = [values(rng, int(rng.integers(17, 41)), ties=True) for _ in range(count)]
    ours = jwtbench.ask({"sign-flip": {"differences": list(x), "seed": 1}} for x in samples)

    def p(x):
        """Exact: the number of ways to each sum, by convolution."""
        ways = np.ones(1)
        for step in np.abs(np.rint(x * 8)).astype(int):
            one = np.zeros(2 * step + 1)
            one[0] += 0.5
            one[-1] += 0.5
            ways = np.convolve(ways, one)
        sums = np.abs(np.arange(len(ways)) - len(ways) // 2)
        return ways[sums >= abs(round(float(np.sum(x)) * 8))].sum()

    assert not any(answer["exact"] for answer in ours)
    worst = 0
    for answer, exact in zip(ours, map(p, samples), strict=True):
        error = math.sqrt(exact * (1 - exact) / PATTERNS) + 1 / PATTERNS
        worst = max(worst, abs(answer["p"] - exact) / error)
    return worst <= ERRORS, worst


def ranks_asked(jwtbench, pairs):
    asked = ({"mann-whitney": {"base": list(x), "candidate": list(y)}} for x, y in pairs)
    return [answer["p"] for answer in jwtbench.ask(asked)]


def ranks_exact(jwtbench, rng, count):
    pairs = [pair(rng, 1, 30) for _ in range(count)]
    theirs = (stats.mannwhitneyu(x, y, method="exact").pvalue for x, y in pairs)
    worst = largest(ranks_asked(jwtbench, pairs), theirs)
    return worst <= ROUNDING, worst


def rank_sums(x, y, **options):
    """The permutation test of the distance of a rank sum from its mean."""
    ranks = stats.rankdata(np.concatenate([x, y]))
    middle = len(x) * (len(ranks) + 1) / 2

    def far(x, y, axis):
        del y
        return np.abs(np.sum(x, axis=axis) - middle)

    return stats.permutation_test((ranks[:len(x)], ranks[len(x):]), far, vectorized=True,
                                  permutation_type="independent", alternative="greater", **options)


def ranks_tied(jwtbench, rng, count):
    pairs = [pair(rng, 2, 6, ties=True) for _ in range(count)]
    theirs = (rank_sums(x, y, n_resamples=np.inf).pvalue for x, y in pairs)
    worst = largest(ranks_asked(jwtbench, pairs), theirs)
    return worst <= ROUNDING, worst


def ranks_tied_large(jwtbench, rng, count):
    pairs = [pair(rng, 10, 30, ties=True) for _ in range(count)]
    ours, worst = ranks_asked(jwtbench, pairs), 0
    for p, (x, y) in zip(ours, pairs, strict=True):
        theirs = rank_sums(x, y, n_resamples=OURS - 1, rng=rng).pvalue
        error = math.sqrt(p * (1 - p) / OURS) + 1 / OURS
        worst = max(worst, abs(p - theirs) / error)
    return worst <= ERRORS, worst


def ranks_normal(jwtbench, rng, count):
    pairs = [pair(rng, 31, 120, ties=bool(at % 2)) for at in range(count)]
    theirs = (stats.mannwhitneyu(x, y, method="asymptotic").pvalue for x, y in pairs)
    worst = largest(ranks_asked(jwtbench, pairs), theirs)
    return worst <= ROUNDING, worst


def holm(jwtbench, rng, count):
    rows = [rng.uniform(0, 1, int(rng.integers(1, 41))) ** rng.integers(1, 6) for _ in range(count)]
    rows = [np.round(p, 2) if at % 3 == 0 else p for at, p in enumerate(rows)]
    ours = jwtbench.ask({"holm": {"p": list(p)}} for p in rows)
    worst = max(largest(answer["p"], multipletests(p, method="holm")[1])
                for answer, p in zip(ours, rows, strict=True))
    return worst <= ROUNDING, worst


def ends(answers, distributions, levels):
    """The farthest that an end of ours lies from the tail it should cut off, in standard errors of two
    draws: its place in SciPy's resamples, where values that come often have room."""
    worst = 0
    for answer, drawn, level in zip(answers, distributions, levels, strict=True):
        drawn, tail = np.sort(drawn), (1 - level) / 2
        for end, share in (("low", tail), ("high", 1 - tail)):
            value = math.log(answer[end])
            below = np.searchsorted(drawn, value - ROUNDING, "left") / len(drawn)
            upto = np.searchsorted(drawn, value + ROUNDING, "right") / len(drawn)
            error = math.sqrt(share * (1 - share) * (1 / OURS + 1 / len(drawn)))
            worst = max(worst, (below - share) / error, (share - upto) / error)
    return worst <= ERRORS, worst


def resamples(rng, samples, statistic):
    return stats.bootstrap(samples, statistic, n_resamples=THEIRS, method="percentile", vectorized=True,
                           rng=rng).bootstrap_distribution


def intervals(jwtbench, rng, count):
    samples = [values(rng, int(rng.integers(6, 41)), ties=bool(at % 3 == 0)) for at in range(count)]
    levels = [(0.95, 0.90)[at % 2] for at in range(count)]
    ours = jwtbench.ask({"bootstrap": {"differences": list(x), "level": level, "seed": at}}
                        for at, (x, level) in enumerate(zip(samples, levels)))
    return ends(ours, (resamples(rng, (x,), np.median) for x in samples), levels)


def unpaired_intervals(jwtbench, rng, count):
    pairs = [pair(rng, 3, 30, ties=bool(at % 3 == 0)) for at in range(count)]
    levels = [(0.95, 0.90)[at % 2] for at in range(count)]
    ours = jwtbench.ask({"unpaired": {"base": list(x), "candidate": list(y), "level": level, "seed": at}}
                        for at, ((x, y), level) in enumerate(zip(pairs, levels)))

    def difference(x, y, axis=-1):
        return np.median(y, axis=axis) - np.median(x, axis=axis)

    return ends(ours, (resamples(rng, pair, difference) for pair in pairs), levels)


DISTANCE, STEPS = "{:.1e}", "{:.1f} standard errors"
PROCEDURES = [
    ("sign-flip test, 2 to 16 blocks (exact)", sign_flip_exact, DISTANCE,
     "`scipy.stats.permutation_test`, every pattern"),
    ("sign-flip test, 17 to 40 blocks (sampled)", sign_flip_sampled, STEPS,
     "the exact p, by `numpy.convolve`"),
    ("rank test, without ties (exact)", ranks_exact, DISTANCE,
     "`scipy.stats.mannwhitneyu`, exact"),
    ("rank test, ties, up to 12 values (exact)", ranks_tied, DISTANCE,
     "`scipy.stats.permutation_test`, every choice"),
    ("rank test, ties, 20 to 60 values (exact)", ranks_tied_large, STEPS,
     "`scipy.stats.permutation_test`, 9,999 choices"),
    ("rank test, over 60 values (normal, half of them with ties)", ranks_normal, DISTANCE,
     "`scipy.stats.mannwhitneyu`, asymptotic"),
    ("Holm's correction, 1 to 40 tests", holm, DISTANCE,
     "`statsmodels.stats.multitest.multipletests`"),
    ("interval of a median over 6 to 40 blocks, 90 and 95 %", intervals, STEPS,
     "`scipy.stats.bootstrap`, percentile, 20,000 resamples"),
    ("interval of two medians of 3 to 30 rounds, 90 and 95 %", unpaired_intervals, STEPS,
     "`scipy.stats.bootstrap`, percentile, 20,000 resamples"),
]

ARMS = ("candidate", "base", "again", "again", "base", "candidate")
CHANGES = ("REGRESSED", "IMPROVED")
# True ratio, noise of a round, whether one round in ten takes twice as long; the verdicts that a
# claim bounds, and their bounds as shares.
DUELS = [
    (1.10, 0.15, False, ("EQUIVALENT",), (0, 0.05)),
    (1.10, 0.15, True, ("EQUIVALENT",), (0, 0.05)),
    (0.90, 0.15, False, ("EQUIVALENT",), (0, 0.05)),
    (1.05, 0.05, False, ("EQUIVALENT",), (0, 0.05)),
    (1.00, 0.15, False, CHANGES, (0, 0.05)),
    (1.00, 0.15, True, CHANGES, (0, 0.05)),
    (1.00, 0.05, False, CHANGES, (0, 0.05)),
    (1.00, 0.01, False, CHANGES, (0, 0.05)),
    (1.00, 0.01, False, ("EQUIVALENT",), (0.90, 1)),
    (1.10, 0.01, False, ("REGRESSED",), (0.95, 1)),
    (0.90, 0.01, False, ("IMPROVED",), (0.95, 1)),
]
BLOCKS, THRESHOLD = 16, 0.03


def duel(rng, ratio, noise, spikes, seed):
    samples = []
    for block in range(BLOCKS):
        for slot, arm in enumerate(ARMS):
            cost = 1e6 * (ratio if arm == "candidate" else 1) * math.exp(rng.normal(0, noise))
            cost *= 2 if spikes and rng.random() < 0.1 else 1
            samples.append({"block": block, "slot": slot, "arm": arm, "done": 1000,
                            "p50_ns": round(cost), "p99_ns": round(cost), "throughput_per_s": 1e9 / cost,
                            "cpu_ns_per_op": None, "control_ns": 1_000_000})
    return {"duel": {"samples": samples, "gates": ["p50"], "threshold": THRESHOLD, "seed": seed}}


def verdicts(jwtbench, rng, count):
    """How often each verdict came, by what was true."""
    found = {}
    for ratio, noise, spikes, _, _ in DUELS:
        if (ratio, noise, spikes) not in found:
            asked = (duel(rng, ratio, noise, spikes, seed) for seed in range(count))
            counted = Counter(answer["verdict"] for answer in jwtbench.ask(asked))
            found[ratio, noise, spikes] = counted
    return found


def table(heading, rows):
    lines = [heading, ["---"] * len(heading), *rows]
    return ["", *("| " + " | ".join(map(str, line)) + " |" for line in lines), ""]


def share(count, of):
    return f"{100 * count / of:.1f} %"


def duels(jwtbench, rng, count):
    """Whether all claims hold, and the table."""
    found, rows, holds = verdicts(jwtbench, rng, count), [], True
    for ratio, noise, spikes, bound, (least, most) in DUELS:
        counted = found[ratio, noise, spikes]
        hits = sum(counted[verdict] for verdict in bound)
        is_held = least * count <= hits <= most * count
        holds &= is_held
        claim = f"{' or '.join(bound)} in at {'least' if least else 'most'} {share(least or most, 1)}"
        mark = f"{'holds' if is_held else '**fails**'}: {share(hits, count)}"
        shown = ("REGRESSED", "IMPROVED", "EQUIVALENT", "INCONCLUSIVE", "INVALID")
        rows.append([f"{ratio:.2f}", f"{100 * noise:.0f} %{', spikes' if spikes else ''}",
                     *(share(counted[verdict], count) for verdict in shown), claim, mark])
        print(f"{ratio:.2f}, noise {noise:.0%}{', spikes' if spikes else ''}: {claim}: {mark}",
              file=sys.stderr)
    heading = ["True ratio", "Noise of a round", "REGRESSED", "IMPROVED", "EQUIVALENT", "INCONCLUSIVE",
               "INVALID", "Claim", "Result"]
    return holds, table(heading, rows)


def procedures(jwtbench, rng, count):
    """Whether all agree, and the table."""
    rows, holds = [], True
    for name, procedure, form, reference in PROCEDURES:
        is_held, worst = procedure(jwtbench, rng, count)
        holds &= bool(is_held)
        limit = "1e-09" if form == DISTANCE else f"{ERRORS} standard errors"
        said = form.format(worst)
        rows.append([name, reference, f"{count:,}", said, limit, "holds" if is_held else "**fails**"])
        print(f"{name}: {said}, at most {limit}: {'holds' if is_held else 'FAILS'}", file=sys.stderr)
    heading = ["Procedure", "Held against", "Samples", "Farthest apart", "At most", "Result"]
    return holds, table(heading, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="jwtbench")
    parser.add_argument("--samples", type=int, default=1000, help="samples of each procedure [1000]")
    parser.add_argument("--duels", type=int, default=1000, help="duels of each kind [1000]")
    parser.add_argument("--seed", type=int, default=1, help="[1]")
    parser.add_argument("--out", type=Path, help="the page [none is written]")
    options = parser.parse_args()
    warnings.simplefilter("error")
    jwtbench, rng = Jwtbench(options.binary), np.random.default_rng(options.seed)
    agree, agreement = procedures(jwtbench, rng, options.samples)
    decided, decisions = duels(jwtbench, rng, options.duels)
    if options.out:
        versions = f"NumPy {np.__version__}, SciPy {scipy.__version__}, statsmodels {statsmodels.__version__}"
        options.out.write_text("\n".join([
            "# The statistics, held against an independent writing", "",
            f"Written by `scripts/statistics` ({versions}, seed {options.seed}). jwtbench answers "
            "through its hidden verb `statistics`; samples are normal, heavy-tailed, skewed and flat, "
            "a third to all of them with ties where that is said. Where both sides calculate, they "
            "differ by rounding; where one of them draws, the distance is in standard errors of the "
            "draws.", *agreement,
            "## What a duel says of a difference that is known", "",
            f"{options.duels:,} duels a row, {BLOCKS} blocks, gated by p50 at a threshold of "
            f"{THRESHOLD:.0%}. A round's time is log-normal about its true value with this noise; with "
            "spikes, one round in ten takes twice as long. Noise above the threshold gives "
            "INCONCLUSIVE, never EQUIVALENT.", *decisions]))
        print(f"written: {options.out}")
    sys.exit(0 if agree and decided else 1)


if __name__ == "__main__":
    main()
