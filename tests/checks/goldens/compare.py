"""One number of a record beside Assay's."""

import math
from dataclasses import dataclass

CLOSED_FORM = 1e-9
# Where a figure is 0, or as good as that, there is nothing to be relative to.
SMALLEST = 1e-12


@dataclass(frozen=True)
class Exactly:
    """Counts."""

    def holds(self, theirs, ours):
        return theirs == ours


@dataclass(frozen=True)
class Relative:
    """Closed forms."""

    tolerance: float = CLOSED_FORM

    def holds(self, theirs, ours):
        return abs(ours - theirs) <= max(self.tolerance * abs(theirs), SMALLEST)


@dataclass(frozen=True)
class Printed:
    """A figure that was rounded before it was printed: ours rounds to it, or lies on the border of two roundings."""

    decimals: int

    def holds(self, theirs, ours):
        return abs(ours - theirs) <= 0.5 * 10.0**-self.decimals * (1 + CLOSED_FORM) + SMALLEST


@dataclass(frozen=True)
class Within:
    """Figures that rest on random draws: the record says how far they may lie apart."""

    distance: float

    def holds(self, theirs, ours):
        return abs(ours - theirs) <= self.distance


@dataclass
class Part:
    """A number of the record. `ours` is a number, None where Assay says that it is undefined, or MISSING where Assay does not report it."""

    name: str
    theirs: object
    ours: object
    tolerance: object = Relative()
    # Assay's whole figure, for what it says beside the value.
    figure: dict | None = None

    @property
    def missing(self):
        return self.ours is MISSING

    def matches(self):
        if self.theirs is None or self.ours is None:
            return self.theirs is self.ours
        return math.isfinite(self.ours) and self.tolerance.holds(self.theirs, self.ours)

    def __str__(self):
        reason = f" ({self.figure['undefined_reason']})" if self.ours is None and self.figure and self.figure.get("undefined_reason") else ""
        return f"{self.name}: {self.theirs!r}, Assay {self.ours!r}{reason}"


class Missing:
    def __repr__(self):
        return "not reported"


MISSING = Missing()


def printed(number):
    """As many decimals as a figure was printed with."""
    text = repr(number)
    return Printed(len(text.partition(".")[2]) if "e" not in text else 12)


def value(figure):
    return MISSING if figure is None else figure["value"]


def detail(figure, name):
    """A number that Assay reports beside a value."""
    return ((figure or {}).get("detail") or {}).get(name, MISSING)


def value_part(theirs, figure, tolerance=None, name="value"):
    return Part(name, theirs, value(figure), tolerance or Relative(), figure)


def interval_parts(theirs, figure, tolerance=None, name="ci"):
    """Both ends of an interval."""
    if not theirs:
        return []
    tolerance = tolerance or Relative()
    ends = zip(("low", "high"), theirs, strict=True)
    return [Part(f"{name} {end}", number, MISSING if figure is None else figure[f"ci_{end}"], tolerance, figure) for end, number in ends]
