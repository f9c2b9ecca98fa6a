"""What Rung builds for a v3 is taken by the simulated v3: compiled, run, and read over its own debug block."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

from peers.v3_device import V3Client, modbus, v3
from rung.ide.build import build
from rung.project.snapshot import EMPTY

SOURCE = """\
FUNCTION_BLOCK Counter
  VAR_INPUT step : INT; END_VAR
  VAR_OUTPUT total : DINT; END_VAR
  total := total + step;   // an implicit conversion
END_FUNCTION_BLOCK

PROGRAM Plant
  VAR
    lamp AT %QX0.1 : BOOL := TRUE;
    counter : Counter;
    grid : ARRAY[1..2, 0..1] OF INT := [1, 2, 3, 4];
    span : TIME := T#1s500ms;
    name : STRING := 'pump';
    delay : TON;
  END_VAR
  counter(step := 2);
  delay(IN := TRUE, PT := T#40ms);
END_PROGRAM
"""


async def test_rungs_own_text_runs_and_every_variable_is_read_by_its_index(
    tmp_path: Path, certificate_folder: Path
) -> None:
    built = build(EMPTY.with_text(Path("/plant.st"), SOURCE), "openplc-v3")
    artefact = built.artefact
    assert artefact is not None, built
    index = {leaf.path.split(".", 1)[1]: leaf.element for leaf in artefact.leaves}
    async with v3(tmp_path, certificate_folder) as device:
        client = V3Client(device.address)
        await client.log_in()
        log = await client.deploy(artefact.data.decode())
        assert log["status"] == "SUCCESS", log
        await client.start_plc()
        async with modbus(device) as plc:
            assert (await plc.ask("45 ad de 00 00"))[2:] == artefact.md5.encode()
            assert await plc.ask("41") == b"\x41" + len(artefact.leaves).to_bytes(2, "big")
            for leaf in artefact.leaves:
                assert len(await plc.values([leaf.element])) == leaf.size, leaf
            first = struct.unpack("<i", await plc.values([index["COUNTER.TOTAL"]]))[0]
            assert await plc.values([index["LAMP"]]) == b"\1"
            assert struct.unpack("<hh", await plc.values([index["GRID[1,1]"], index["GRID[2,1]"]])) == (2, 4)
            assert struct.unpack("<ii", await plc.values([index["SPAN"]])) == (1, 500_000_000)
            assert (await plc.values([index["NAME"]]))[:5] == b"\4pump"
            held = index["GRID[1,0]"].to_bytes(2, "big").hex()
            assert await plc.ask(f"42 {held} 01 00 02 63 00") == bytes.fromhex("42 7e")
            assert struct.unpack("<h", await plc.values([index["GRID[1,0]"]])) == (1,), (
                "a part of an array cannot be held"
            )
            await asyncio.sleep(0.1)
            assert struct.unpack("<i", await plc.values([index["COUNTER.TOTAL"]]))[0] > first
        await client.close()
