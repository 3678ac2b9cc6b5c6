"""The expectation language: what it understands, and what it says of what it does not."""

from __future__ import annotations

import pytest

from zcbench.expectations.language import ExpectationError, parse
from zcbench.quantities.registry import STANDARD


@pytest.mark.parametrize(
    ("text", "name", "statistic", "limit", "unit"),
    [
        ("pool.hit_rate >= 90%", "pool.hit_rate", None, 0.9, "ratio"),
        ("hit_rate>=0.9", "pool.hit_rate", None, 0.9, "ratio"),
        ("rss.slope < 1 MiB/h", "rss_bytes", "slope", 2**20 / 3600, "bytes/s"),
        ("latency.p99.9 < 20ms", "delivery", "p99.9", 0.02, "s"),
        ("p99.9(latency) < 20ms", "delivery", "p99.9", 0.02, "s"),
        ("gaps == 0", "consumer.gaps", None, 0.0, "gaps"),
        ("engine.delivered >= 30,000", "engine.delivered", None, 30_000.0, "packets"),
        ("drops.rate <= 0.5/s", "engine.drops", "rate", 0.5, "per_s"),
        ("gc.pause_ns.delta < 1s", "gc.pause_ns", "delta", 1.0, "s"),
        # seconds in a second are a share of the time
        ("gc.pause.rate < 1%", "gc.pause_ns", "rate", 0.01, "ratio"),
        ("engine.captured_bytes.rate < 1 MiB/s", "engine.captured_bytes", "rate", 2**20, "bytes/s"),
        ("max(rss) < 1GB", "rss_bytes", "max", 1e9, "bytes"),
        ("missing <= 3", "missing", None, 3.0, "packets"),
        ("cpu < 50%", "cpu", None, 0.5, "ratio"),
    ],
)
def test_a_comparison_is_understood(
    text: str, name: str, statistic: str | None, limit: float, unit: str
) -> None:
    found = parse(text)
    assert (found.quantity.name, found.statistic, found.unit.name) == (name, statistic, unit)
    assert found.limit == pytest.approx(limit)


def test_windows_and_duration_are_read() -> None:
    found = parse("max(rss, from=10s, to=2m) < 1 GiB")
    assert (found.from_s, found.to_s) == (10.0, 120.0)
    assert parse("p99(latency, last=5m) < 20ms").last_s == 300.0
    assert parse("rss < 1 GiB for=30s").for_s == 30.0
    assert parse("rss < 1 GiB  for = 30s").for_s == 30.0
    # without a function too
    found = parse("latency.p99, last=5m < 20ms")
    assert (found.statistic, found.last_s) == ("p99", 300.0)


def test_every_metric_of_the_registry_can_be_named() -> None:
    for one in (*STANDARD.sampled, *STANDARD.histograms):
        statistic = ".p99" if one in STANDARD.histograms else ""
        assert parse(f"{one.name}{statistic} > 1").quantity is one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gaps", ("no comparison",)),
        ("gap == 0", ("no metric 'gap'", "did you mean gaps")),
        ("pool.hits.rat > 1/s", ("has no 'rat'", "did you mean 'rate'")),
        ("latency < 5ms", ("which value", ".p99")),
        ("rss < 5s", ("'5s' cannot be compared", "write 64 MiB")),
        ("pool.hit_rate >= 120%", ("at most 100%",)),
        ("gaps < 0", ("never below 0", "== 0")),
        ("gaps >= 0", ("always holds",)),
        ("gaps == nan", ("finite",)),
        ("p99.9(latency, last=1m) < 3ms", ("only p50, p99 and max",)),
        ("max(rss, since=1m) < 3MiB", ("no window", "last=5m")),
        ("max(rss, last=soon) < 3MiB", ("last=",)),
        ("rss.slope < 1 MiB/h for=3s", ("for=",)),
        ("threads.slope < 3", ("has no 'slope'",)),
        ("pool.oldest_lease.slope < 1s", ("has no 'slope'",)),
        ("gc.pause.rate < 1/s", ("cannot be compared", "write 90%")),
        ("pool.hit_rate > 100%", ("at most 100%",)),
        ("pool.hit_rate <= 100%", ("at most 100%",)),
        ("gaps == 0.5", ("whole number",)),
        # a window that is given twice, or has no inside
        ("max(rss, last=1m, last=2m) < 3MiB", ("last= is there twice",)),
        ("max(rss, last=1m, first=1m) < 3MiB", ("one window",)),
        ("max(rss, from=20s, to=10s) < 3MiB", ("to= must be after from=",)),
        ("max(rss, to=0s) < 3MiB", ("to= must be after from=",)),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(ExpectationError) as error:
        parse(text)
    assert text in str(error.value)
    for word in words:
        assert word in str(error.value)
