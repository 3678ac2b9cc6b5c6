"""Probes are asked one after another; what each costs is in the record."""

from __future__ import annotations

from collections.abc import Mapping

from zcbench.probes.instruments import Instruments
from zcbench.probes.probe import Notice, Number, Processes
from zcbench.quantities.quantity import Kind, Origin, Quantity
from zcbench.quantities.units import unit_of


class Thermometer:
    """A probe of one quantity, which fails while it is broken."""

    name = "thermometer"
    background_ns = 0
    broken = False

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        return {"THERMOMETER": given.get("THERMOMETER", "") + "on"}

    def begin(self, processes: Processes) -> None:
        self.begun_with = processes()

    def quantities(self) -> tuple[Quantity, ...]:
        return (Quantity("temperature", unit_of("degrees"), Kind.GAUGE, Origin.PROCESS, "how warm it is"),)

    def read(self) -> Mapping[str, Number | None]:
        if self.broken:
            raise OSError("no mercury")
        return {"temperature": 21}

    def notices(self) -> tuple[Notice, ...]:
        return ()

    def close(self) -> None:
        self.begun_with = None


class Clock(Thermometer):
    name = "clock"

    def quantities(self) -> tuple[Quantity, ...]:
        return (Quantity("hour", unit_of("hours"), Kind.GAUGE, Origin.PROCESS, "the hour of the day"),)

    def read(self) -> Mapping[str, Number | None]:
        return {"hour": sum(range(20_000)) and 12}


def test_each_probe_is_read_and_its_cost_is_a_reading_too() -> None:
    instruments = Instruments([Thermometer(), Clock()])
    # The second extends what the first has set, and what is the subject's own stays.
    assert instruments.environment({"TZ": "UTC"}) == {"TZ": "UTC", "THERMOMETER": "onon"}
    instruments.begin(lambda: ())
    names = [quantity.name for quantity in instruments.quantities()]
    assert names == ["temperature", "hour", "probe.thermometer.cost_ns", "probe.clock.cost_ns"]
    first, second = instruments.read(), instruments.read()
    assert first["temperature"] == 21
    assert 0 < first["probe.clock.cost_ns"] < second["probe.clock.cost_ns"]


def test_two_probes_of_one_name_share_their_cost() -> None:
    instruments = Instruments([Clock(), Clock()])
    names = [quantity.name for quantity in instruments.quantities()]
    assert names == ["hour", "hour", "probe.clock.cost_ns"]
    assert (instruments.read()["probe.clock.cost_ns"] or 0) > 0


class Sundial(Thermometer):
    name = "sundial"

    def quantities(self) -> tuple[Quantity, ...]:
        return ()

    def read(self) -> Mapping[str, Number | None]:
        return {}


def test_a_probe_that_finds_nothing_to_read_has_no_cost_in_the_record() -> None:
    instruments = Instruments([Sundial(), Clock()])
    assert list(instruments.read()) == ["hour", "probe.clock.cost_ns"]
    assert [quantity.name for quantity in instruments.quantities()] == ["hour", "probe.clock.cost_ns"]


def test_a_probe_that_fails_is_told_of_once_and_the_others_are_read() -> None:
    broken = Thermometer()
    instruments = Instruments([broken, Clock()])
    instruments.begin(lambda: ())
    broken.broken = True
    for _ in range(3):
        row = instruments.read()
        assert "temperature" not in row
        assert row["hour"] == 12
    messages = [notice.message for notice in instruments.notices()]
    assert messages == ["the probe thermometer failed, its readings are missing: OSError('no mercury')"]
    assert instruments.notices() == ()
    broken.broken = False
    assert instruments.read()["temperature"] == 21
