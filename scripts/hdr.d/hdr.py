"""Reads a .hlog with the HdrHistogram library for Python and holds it against CSV and .hgrm."""

import csv
import json
import sys
from collections import defaultdict
from urllib.parse import unquote

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

NS_PER_US = 1000
NAMES = ["scenario", "contender", "algorithm", "cache", "phase", "stream", "class", "code"]
COLUMNS = ["cache_policy" if name == "cache" else name for name in NAMES]
PERCENTILES = [(50, "p50_ns"), (90, "p90_ns"), (99, "p99_ns"), (99.9, "p999_ns")]


def log(path):
    """Tag and histogram of every interval, in order."""
    reader = HistogramLogReader(path, HdrHistogram(1, 2**62, 3))
    while (histogram := reader.get_next_interval_histogram()) is not None:
        yield histogram.get_tag(), histogram


def parts(tag):
    return {name: unquote(value) for name, value in (p.split("=", 1) for p in tag.split(";"))}


def rows(path):
    """Rows by what they are about; a trial made twice has several."""
    found = defaultdict(list)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[tuple(row[column] for column in COLUMNS)].append(row)
    return found


def dropped(path):
    """Trials with a dropped round: its operations are counted, and its times are withheld."""
    with open(path, encoding="utf-8") as file:
        trials = json.load(file)["measurements"]
    names = COLUMNS[:4]
    return {
        tuple(trial[name] for name in names)
        for trial in trials
        if any(of.get("dropped") for of in trial["rounds"])
    }


def tables(path):
    """Tag and lines of every percentile table, in order."""
    found = []
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("#[Tag: "):
                found.append((line[len("#[Tag: ") : -1], []))
            elif line and not line.startswith("#"):
                found[-1][1].append(line)
    return found


def recorded(histogram):
    """Every value that was recorded, with the operations below it and up to it."""
    found, below = {}, 0
    for step in histogram.get_recorded_iterator():
        total = step.total_count_to_this_value
        found[step.value_iterated_to] = (below, total)
        below = total
    return found


def table_faults(table, histogram):
    """What is wrong with a table: every line's value is the first whose operations up to it reach
    the line's percentile, and its total count is exact."""
    values, count, last = recorded(histogram), histogram.get_total_count(), 0.0
    for line in table[1:]:
        value, percentile, total = (float(word) for word in line.split()[:3])
        below, up_to = values.get(round(value * NS_PER_US), (None, None))
        if up_to != int(total):
            yield f"`{line}`: {up_to} operations up to that value"
        elif not below / count - 1e-9 <= percentile <= up_to / count + 1e-9 and percentile < 1:
            yield f"`{line}`: the value of {below / count} to {up_to / count}"
        elif percentile < last:
            yield f"`{line}`: goes back"
        last = percentile
    if last != 1.0 or int(total) != count:
        yield f"ends at {last} with {total} of {count}"


def near(histogram, percentile):
    """The values that the ranks around a percentile have: libraries round the rank differently."""
    count = histogram.get_total_count()
    ranks = [percentile * count / 100 + step for step in (-1, 0, 1)]
    return {histogram.get_value_at_percentile(100 * rank / count) for rank in ranks}


def main(stem):
    faults, exact, figures = [], 0, 0
    known, seen = rows(stem + ".csv"), defaultdict(int)
    short = dropped(stem + ".json")
    intervals = list(log(stem + ".hlog"))
    for tag, histogram in intervals:
        about = parts(tag)
        key = tuple(about[name] for name in NAMES)
        place = seen[key, about["kind"]]
        seen[key, about["kind"]] += 1
        if place >= len(known[key]):
            faults.append(f"{tag}: no such row in the CSV")
            continue
        row = known[key][place]
        withheld = int(row["count"]) - histogram.get_total_count()
        if withheld < 0 or (withheld > 0 and key[:4] not in short):
            faults.append(f"{tag}: {histogram.get_total_count()} values, CSV {row['count']}")
        if row["fault"]:
            continue
        for percentile, column in PERCENTILES + [(100, "max_ns")]:
            ours = int(row[f"{about['kind']}_{column}"])
            theirs = histogram.get_value_at_percentile(percentile)
            figures += 1
            exact += ours == theirs
            if ours != theirs and ours not in near(histogram, percentile):
                faults.append(f"{tag}: {column} is {theirs}, CSV {ours}")
    if len(seen) == 0:
        faults.append("an empty log")

    lines, by_tag = 0, defaultdict(list)
    for tag, histogram in intervals:
        by_tag[tag].append(histogram)
    ours = tables(stem + ".hgrm")
    for tag, table in ours:
        histogram = by_tag[tag].pop(0)
        lines += len(table)
        faults.extend(f"{tag}: {fault}" for fault in table_faults(table, histogram))

    for fault in faults[:20]:
        print(f"hdr: {fault}")
    print(
        f"hdr: {len(intervals)} histograms; {figures} figures of the CSV, {exact} equal and"
        f" {figures - exact} a rank apart; {len(ours)} tables of {lines} lines;"
        f" {len(faults)} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
