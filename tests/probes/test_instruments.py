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

    def environment(self) -> Mapping[str, str]:
        return {"THERMOMETER": "on"}

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
        return ()

    def read(self) -> Mapping[str, Number | None]:
        return {"hour": sum(range(20_000)) and 12}


def test_each_probe_is_read_and_its_cost_is_a_reading_too() -> None:
    instruments = Instruments([Thermometer(), Clock()])
    assert instruments.environment() == {"THERMOMETER": "on"}
    instruments.begin(lambda: ())
    names = [quantity.name for quantity in instruments.quantities()]
    assert names == ["temperature", "probe.thermometer.cost_ns", "probe.clock.cost_ns"]
    first, second = instruments.read(), instruments.read()
    assert first["temperature"] == 21
    assert 0 < first["probe.clock.cost_ns"] < second["probe.clock.cost_ns"]


def test_two_probes_of_one_name_share_their_cost() -> None:
    instruments = Instruments([Clock(), Clock()])
    names = [quantity.name for quantity in instruments.quantities()]
    assert names == ["probe.clock.cost_ns"]
    assert (instruments.read()["probe.clock.cost_ns"] or 0) > 0


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
