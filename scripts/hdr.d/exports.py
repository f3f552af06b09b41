"""Reads OpenTelemetry lines and Prometheus text with libraries of those projects, and holds their
histograms against a .hlog and their trials against a CSV."""

import json
import sys
from collections import defaultdict

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families

from hdr import COLUMNS, NAMES, log, parts, recorded, rows

NS_PER_S = 1e9
PERCENTILES = [0.1, 0.5, 0.9, 0.99, 0.999, 1.0]
LABELS = ["cache_policy" if name == "cache" else name for name in NAMES]


def recorded_values(path):
    """Highest value in nanoseconds and count of every step, by what a histogram is about. Older
    logs have several of one kind, which are one in the forms."""
    found = defaultdict(lambda: defaultdict(int))
    for tag, histogram in log(path):
        about = parts(tag)
        key = tuple(about[name] for name in NAMES) + (about["kind"],)
        for ns, (below, total) in recorded(histogram).items():
            found[key][ns] += total - below
    return {key: sorted(values.items()) for key, values in found.items()}


def bucket_faults(buckets, zeros, values):
    """What is wrong with exponential buckets: counts add up, and each percentile's value lies in
    the bucket that the cumulated counts lead to. Buckets are (low, high, count)."""
    count = sum(of for _, of in values)
    if zeros + sum(of for _, _, of in buckets) != count:
        yield f"{zeros} and {sum(of for _, _, of in buckets)} of {count} values"
        return
    for percentile in PERCENTILES:
        rank = max(1, round(percentile * count + 0.5 - 1e-9))
        rank = min(rank, count)
        up_to = 0
        for ns, of in values:
            up_to += of
            if rank <= up_to:
                break
        value, up_to = ns / NS_PER_S, zeros
        if rank <= up_to:
            if value != 0:
                yield f"{percentile}: {value}, and zero is due"
            continue
        for low, high, of in buckets:
            up_to += of
            if rank <= up_to:
                break
        if not low * (1 - 1e-9) < value <= high * (1 + 1e-9):
            yield f"{percentile}: {value} is not in {low} to {high}"


def end_faults(buckets, point):
    """What is wrong with the lowest and the highest value: each lies in the bucket at its end."""
    if not buckets:
        return
    ends = [("max", point.max, buckets[-1])]
    if point.zero_count == 0:
        ends.append(("min", point.min, buckets[0]))
    for name, value, (low, high, _) in ends:
        if not low * (1 - 1e-9) < value <= high * (1 + 1e-9):
            yield f"{name}: {value} is not in {low} to {high}"


def opentelemetry(path, known):
    """Faults of the lines, and how many histograms they hold, by trial."""
    faults, seen = [], {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            request = json_format.Parse(line, ExportMetricsServiceRequest())
            # What a parser may take is not yet what the encoding says: 64-bit integers are text.
            if any(isinstance(of, int) for of in integers(json.loads(line))):
                faults.append(f"line {number}: a 64-bit integer that is no text")
            for metric in request.resource_metrics[0].scope_metrics[0].metrics:
                if metric.WhichOneof("data") != "exponential_histogram":
                    continue
                kind = metric.name.split(".")[1]
                for point in metric.exponential_histogram.data_points:
                    names = {of.key: of.value.string_value for of in point.attributes}
                    key = tuple(names[f"jwtbench.{name}"] for name in LABELS) + (kind,)
                    if key in seen:
                        faults.append(f"line {number}, {metric.name}: {key} comes twice")
                    seen[key] = point.count
                    base = 2 ** (2**-point.scale)
                    first = point.positive.offset
                    counts = enumerate(point.positive.bucket_counts, first)
                    buckets = [(base**at, base ** (at + 1), of) for at, of in counts]
                    of = bucket_faults(buckets, point.zero_count, known[key])
                    faults.extend(f"line {number}, {metric.name}: {fault}" for fault in of)
                    of = end_faults(buckets, point)
                    faults.extend(f"line {number}, {metric.name}: {fault}" for fault in of)
    return faults, seen


def integers(value, name=""):
    """The values of members that are 64-bit integers in the protocol."""
    if isinstance(value, dict):
        for key, of in value.items():
            yield from integers(of, key)
    elif isinstance(value, list):
        for of in value:
            yield from integers(of, name)
    elif name in ("count", "zeroCount", "bucketCounts", "intValue") or name.endswith("UnixNano"):
        yield value


def prometheus(path, known):
    """Faults of the text, and how many histograms it holds, by trial."""
    faults, seen = [], {}
    with open(path, encoding="utf-8") as file:
        families = list(text_string_to_metric_families(file.read()))
    for family in families:
        if family.type != "histogram":
            continue
        kind = family.name.split("_")[1]
        buckets = defaultdict(dict)
        for sample in family.samples:
            key = tuple(sample.labels[name] for name in LABELS) + (kind,)
            if sample.name.endswith("_bucket"):
                if float(sample.labels["le"]) in buckets[key]:
                    faults.append(f"{key} comes twice")
                buckets[key][float(sample.labels["le"])] = sample.value
            elif sample.name.endswith("_count"):
                seen[key] = sample.value
        for key, ends in buckets.items():
            for end, up_to in ends.items():
                due = sum(of for ns, of in known[key] if ns <= round(end * NS_PER_S, 3))
                if up_to != due:
                    faults.append(f"{key} up to {end}: {up_to}, and {due} are due")
            if ends[float("inf")] != seen[key]:
                faults.append(f"{key}: another count than its last bucket")
    return faults, seen


def main(stem):
    known = recorded_values(stem + ".hlog")
    faults, shown = [], []
    for name, read, end in [
        ("OpenTelemetry", opentelemetry, ".jsonl"),
        ("Prometheus", prometheus, ".prom"),
    ]:
        found, seen = read(stem + end, known)
        faults.extend(f"{name}: {fault}" for fault in found)
        shown.append(f"{len(seen)} histograms in {name}")
        # What the host disturbed or a wrong verdict spoilt is in neither, the rest in both.
        for key, of in rows(stem + ".csv").items():
            stands = not any(row["disturbed"] or row["fault"] for row in of)
            for kind in ("response", "service", "lateness"):
                is_there = key + (kind,) in seen
                is_due = stands and key + (kind,) in known
                if is_there != is_due:
                    faults.append(f"{name}: {key} {kind} is {'' if is_there else 'not '}there")
    for fault in faults[:20]:
        print(f"exports: {fault}")
    print(f"exports: {'; '.join(shown)}; {len(faults)} faults")
    if not known:
        print("exports: an empty log")
    return 1 if faults or not known else 0


if __name__ == "__main__":
    assert COLUMNS == LABELS
    sys.exit(main(sys.argv[1]))
