"""What came of the look-ups in the cache."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from shared.telemetry import metrics


@contextmanager
def metered() -> Iterator[Counter[str]]:
    """Filled when the block ends: hit and miss, as far as there were any."""
    reads: Counter[str] = Counter()
    before = _reads()
    yield reads
    reads.update({result: int(count - before[result]) for result, count in _reads().items() if count > before[result]})


def _reads() -> dict[str, float]:
    return {
        result: metrics.REGISTRY.get_sample_value("wadi_cache_reads_total", {"result": result}) or 0.0
        for result in ("hit", "miss")
    }
