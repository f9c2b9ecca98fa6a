"""The examples are programs of real size: they check without a finding, build, and behave as their comments say."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from command import rung

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())


def run(example: str, cycles: int, *settings: str) -> dict[str, Any]:
    """The variables after so many scans."""
    words = [word for setting in settings for word in ("--set", setting)]
    ran = rung("run", EXAMPLES / example, "--cycles", cycles, "--json", *words)
    assert ran.json["error"] is None
    assert ran.json["cycles"] == cycles
    variables: dict[str, Any] = ran.json["variables"]
    return variables


def test_there_are_five() -> None:
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_no_finding_at_all(name: str) -> None:
    ran = rung("check", "--format", "json", EXAMPLES / name)
    assert ran.code == 0
    assert [item for item in ran.json["diagnostics"] if item["severity"] != "info"] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_example_builds_the_same_bytes_twice(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    for output in (first, second):
        assert rung("build", EXAMPLES / name, "--target", "openplc-v4", "-o", output).code == 0
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) < 32_000
    with zipfile.ZipFile(io.BytesIO(first.read_bytes())) as archive:
        names = archive.namelist()
        assert {"generated.hpp", "defines.h", "debug-map.json"} <= set(names)
        assert any(item.startswith("strucpp_runtime/include/") for item in names)
        leaves = json.loads(archive.read("debug-map.json"))["leaves"]
        assert len({leaf["path"] for leaf in leaves}) == len(leaves) > 10


@pytest.mark.parametrize(
    ("cycles", "state", "lamps"),
    [
        (100, "CarsGreen", {"CARGREEN", "WALKSTOP"}),
        (230, "CarsAmber", {"CARAMBER", "WALKSTOP"}),
        (265, "AllRed", {"CARRED", "WALKSTOP"}),
        (320, "Walk", {"CARRED", "WALKGO"}),
        (560, "CarsRedAmber", {"CARRED", "CARAMBER", "WALKSTOP"}),
        (600, "CarsGreen", {"CARGREEN", "WALKSTOP"}),
    ],
)
def test_traffic_light_lets_people_cross_once_after_the_button(cycles: int, state: str, lamps: set[str]) -> None:
    found = run("traffic_light", cycles, "%IX0.0=TRUE@10", "%IX0.0=FALSE@15")
    names = ("CARRED", "CARAMBER", "CARGREEN", "WALKSTOP", "WALKGO")
    assert found["TRAFFICLIGHT.STATE"] == state
    assert {name for name in names if found[f"TRAFFICLIGHT.{name}"]} == lamps
    assert found["TRAFFICLIGHT.CROSSINGS"] == (1 if cycles >= 320 else 0)


def test_traffic_light_stays_green_for_cars_when_nobody_waits() -> None:
    assert run("traffic_light", 1000)["TRAFFICLIGHT.STATE"] == "CarsGreen"


def test_tank_level_settles_at_its_setpoint() -> None:
    found = run("tank_level", 2000, "%IX0.0=TRUE", "%IX0.0=FALSE@2")
    assert found["TANK.LEVEL"] == pytest.approx(60.0, abs=0.01)
    # the valve then lets in just what flows out: 1.5 % a second, at 4 % a second for 100 %
    assert found["TANK.CONTROLLER.OUTPUT"] == pytest.approx(37.5, abs=0.05)
    assert found["TANK.VALVERAW"] == pytest.approx(0.375 * 27648, abs=10)
    assert (found["TANK.PUMP"], found["TANK.HORN"]) == (True, False)


def test_tank_level_sounds_the_horn_two_seconds_after_the_sensor_fails() -> None:
    broken = ("TANK.SIMULATE=FALSE", "%IW0=-1000", "%IX0.0=TRUE")
    early, late = run("tank_level", 20, *broken), run("tank_level", 22, *broken)
    assert (early["TANK.STATE"], early["TANK.PUMP"], early["TANK.HORN"]) == ("SensorLow", False, False)
    assert late["TANK.HORN"] is True


def parcels(*scans: int) -> list[str]:
    """The light barrier's signal for parcels that take so many scans of 10 ms to pass, half a second apart."""
    signal, at = [], 10
    for length in scans:
        signal += [f"%IX0.0=TRUE@{at}", f"%IX0.0=FALSE@{at + length}"]
        at += length + 50
    return signal


def test_conveyor_measures_sorts_and_counts() -> None:
    # at 500 mm/s: 150, 300, 500 and 150 mm
    found = run("conveyor", 430, *parcels(30, 60, 100, 30))
    assert [found[f"LINE.PERCLASS[{index}]"] for index in range(3)] == [2, 1, 1]
    assert (found["LINE.TOTAL"], found["LINE.SHIFT.CV"]) == (4, 4)
    assert found["LINE.GAUGE.LENGTH"] == 150.0
    # three make a batch, the fourth begins the next
    assert found["LINE.BATCH.CV"] == 1


def test_conveyor_pushes_only_long_parcels_for_300_ms() -> None:
    assert run("conveyor", 115, *parcels(100))["LINE.PUSHER"] is True
    assert run("conveyor", 145, *parcels(100))["LINE.PUSHER"] is False
    assert run("conveyor", 45, *parcels(30))["LINE.PUSHER"] is False


def test_conveyor_stops_at_a_jam_until_reset() -> None:
    jam = "%IX0.0=TRUE@10"
    assert run("conveyor", 500, jam)["LINE.MOTOR"] is True
    assert run("conveyor", 520, jam)["LINE.MOTOR"] is False
    found = run("conveyor", 560, jam, "%IX0.0=FALSE@530", "%IX0.1=TRUE@540")
    assert (found["LINE.MOTOR"], found["LINE.JAMLAMP"]) == (True, False)


HEALTHY = [f"%IX0.{bit}=TRUE" for bit in (2, 3, 4, 5, 6)]
START = ["%IX0.0=TRUE@5", "%IX0.0=FALSE@10"]


@pytest.mark.parametrize(
    ("cycles", "closed"),
    [
        (20, {"MAIN1", "STAR1"}),
        (258, {"MAIN1"}),
        (262, {"MAIN1", "DELTA1"}),
        (330, {"MAIN1", "DELTA1", "MAIN2", "STAR2"}),
        (600, {"MAIN1", "DELTA1", "MAIN2", "DELTA2"}),
    ],
)
def test_star_delta_changes_over_and_starts_one_motor_after_the_other(cycles: int, closed: set[str]) -> None:
    assert run("star_delta", 4, *HEALTHY)["PUMPS.MAIN1"] is False
    found = run("star_delta", cycles, *HEALTHY, *START)
    names = ("MAIN1", "STAR1", "DELTA1", "MAIN2", "STAR2", "DELTA2")
    assert {name for name in names if found[f"PUMPS.{name}"]} == closed
    assert found["PUMPS.FAULTLAMP"] is False


@pytest.mark.parametrize("failure", ["%IX0.2=FALSE@320", "%IX0.3=FALSE@320", "%IX0.5=FALSE@290"])
def test_star_delta_trips_on_emergency_stop_thermal_relay_and_missing_feedback(failure: str) -> None:
    found = run("star_delta", 330, *HEALTHY, *START, failure)
    assert found["PUMPS.MOTOR1.STATE"] == "Tripped"
    assert not any(found[f"PUMPS.{name}"] for name in ("MAIN1", "STAR1", "DELTA1"))
    assert found["PUMPS.FAULTLAMP"] is True


def test_batch_runs_its_recipe_and_keeps_a_journal() -> None:
    start = ["%IX0.0=TRUE@2", "%IX0.0=FALSE@4"]
    filling, stirring, done = (run("batch", cycles, *start) for cycles in (30, 100, 300))
    assert (filling["PLANT.ACTIVE.KIND"], filling["PLANT.REACTOR.VOLUME"]) == ("Fill", 14.5)
    assert (stirring["PLANT.ACTIVE.KIND"], stirring["PLANT.STIRRER"]) == ("Stir", True)
    assert stirring["PLANT.REACTOR.TEMPERATURE"] == pytest.approx(30.0, abs=0.001)
    assert (done["PLANT.CURRENT"], done["PLANT.BATCHES"], done["PLANT.REACTOR.VOLUME"]) == (0, 1, 0.0)
    assert [done[f"PLANT.JOURNAL[{number}]"] for number in (1, 4)] == ["Syrup: step 1", "Syrup: step 4"]


def test_batch_holds_where_it_is() -> None:
    start = ["%IX0.0=TRUE@2", "%IX0.0=FALSE@4", "%IX0.1=TRUE@20"]
    early, late = run("batch", 21, *start), run("batch", 200, *start)
    assert early["PLANT.REACTOR.VOLUME"] == late["PLANT.REACTOR.VOLUME"] > 0
    assert late["PLANT.INLETVALVE"] is False


@pytest.mark.parametrize(
    ("cycles", "held", "step"), [(5, False, 0), (15, False, 1), (48, False, 0), (15, True, 3), (26, True, 2)]
)
def test_the_lights_of_an_uno_climb_and_fall_while_the_button_is_held(cycles: int, held: bool, step: int) -> None:
    found = run("uno_lights", cycles, f"%IX0.0={str(held).upper()}", "%IW0=0")
    assert found["MAIN.RUN.STEP"] == step
    assert [found[f"MAIN.LIGHT{light}"] for light in range(4)] == [light == step for light in range(4)]


def test_the_lights_fit_an_uno(tmp_path: Path) -> None:
    ran = rung("build", EXAMPLES / "uno_lights", "-o", tmp_path / "lights.hex")
    assert ran.code == 0
    assert (tmp_path / "lights.hex").read_text().startswith(":")
    assert "of 32256 bytes" in ran.out
