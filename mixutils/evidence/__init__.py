"""Evidence: from records to words (SPEC 9). It knows no paper; a paper's claims are written with it.

    from mixutils.evidence import Evidence, best, curves, frame, mean, printed

    e = Evidence(frame(plan, store), printed("some-paper"), margin=0.5)
    e.claim("X1", "A beats every other row on every data set", e.diff("2", "A", best("B", "C")), kind="every", own="8 of 8")
    e.table()

Differences are in points, paired by seed, and a − b > 0 is always the claim; ``-units`` turns one round.
"""

from .best import best, mean
from .best import rows as rows_of
from .claims import Evidence
from .frame import curves, frame, printed, read_as
from .shuffle import shuffled
from .unit import Unit, Units
from .verdict import Verdict

__all__ = [
    "Evidence",
    "Unit",
    "Units",
    "Verdict",
    "best",
    "curves",
    "frame",
    "mean",
    "printed",
    "read_as",
    "rows_of",
    "shuffled",
]
