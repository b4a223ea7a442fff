"""What the comparison prints; its last line counts the records."""

from collections import Counter, defaultdict

KINDS = ("matched", "explained", "differs", "not covered")


def write(outcomes, runs, long=False):
    table(outcomes)
    listing("explained", "Explained", outcomes, long)
    listing("not covered", "Not covered", outcomes, long)
    unreported(outcomes)
    differing(outcomes)
    counts = Counter(outcome.kind for outcome in outcomes)
    print(f"\n{len(outcomes)} records, {runs} runs of assay")
    matched, explained, differ, uncovered = (counts[kind] for kind in KINDS)
    print(f"{matched} matched, {explained} explained, {differ} differ, {uncovered} not covered", flush=True)


def table(outcomes):
    """Per measure and peer; what is not covered at all stands in the list of reasons."""
    counts = defaultdict(Counter)
    for outcome in outcomes:
        counts[outcome.record.metric, outcome.record.peer][outcome.kind] += 1
    shown = {key: found for key, found in counts.items() if set(found) != {"not covered"}}
    wide = max((len(metric) for metric, _ in shown), default=7)
    broad = max((len(peer) for _, peer in shown), default=4)
    print(f"{'measure':<{wide}}  {'peer':<{broad}}  {'matched':>8} {'explained':>10} {'differ':>7} {'not covered':>12}")
    for (metric, peer), found in sorted(shown.items()):
        cells = [found[kind] or "" for kind in KINDS]
        print(f"{metric:<{wide}}  {peer:<{broad}}  {cells[0]:>8} {cells[1]:>10} {cells[2]:>7} {cells[3]:>12}")


def listing(kind, title, outcomes, long):
    """Reasons with how many records each holds for."""
    reasons = defaultdict(list)
    for outcome in outcomes:
        if outcome.kind == kind:
            for reason in outcome.reasons:
                reasons[reason].append(outcome.record)
    if reasons:
        print(f"\n{title}")
    for reason, found in sorted(reasons.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        measures = sorted({record.metric for record in found})
        named = ", ".join(measures[:4]) + (f" and {len(measures) - 4} more" if len(measures) > 4 else "")
        print(f"{len(found):>6}  {reason}  [{named}]")
        for record in found if long else ():
            print(f"          {record}")


def unreported(outcomes):
    """Numbers beside a compared figure for which Assay has no counterpart."""
    names = defaultdict(list)
    for outcome in outcomes:
        for name in {name.partition("[")[0] for name in outcome.unreported}:
            names[name].append(outcome.record.metric)
    if names:
        print("\nNumbers beside compared figures that Assay does not report")
    for name, measures in sorted(names.items()):
        print(f"{len(measures):>6}  {name}  [{', '.join(sorted(set(measures)))}]")


def differing(outcomes):
    found = [outcome for outcome in outcomes if outcome.kind == "differs"]
    if found:
        print("\nDiffer")
    for outcome in found:
        print(f"  {outcome.record}")
        for difference in outcome.reasons[:8]:
            print(f"      {difference}")
        if len(outcome.reasons) > 8:
            print(f"      … and {len(outcome.reasons) - 8} more")
