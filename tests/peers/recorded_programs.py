"""The programs that the recorded requests upload, and the archives that are none."""

from __future__ import annotations

import zipfile

from simulator import matiec_program
from simulator.matiec_program import MatiecProgram, Row
from simulator.minimal_program import Program, Task, Variable, crashing, looping, make_zip

BLINK = Program(
    "6efe4824341ba1e0224107ed5262b452",
    arrays=(
        (Variable("DINT", counts=True),),
        (
            Variable("BOOL", address=(1, 0, 0, 0)),
            Variable("BOOL"),
            Variable("INT", counts=True),
            Variable("INT"),
            Variable("INT"),
            Variable("INT", counts=True),
            Variable("REAL", initial=b"\x00\x00\xc0\x3f"),
            Variable("STRING", initial=b"\x05hello"),
            *[Variable("INT")] * 5,
            Variable("TIME", initial=(500_000_000).to_bytes(8, "little")),
            Variable("BOOL"),
            Variable("TIME", counts=True),
            Variable("BOOL"),
        ),
    ),
    tasks=(Task(array=1, name="TASK0", body="if (!arrays[0][0].forced) V(int32_t, 0, 0) += 1;"),),
)
GOOD = Program("900d2233445566778899aabbccddeeff")
CRASHING = crashing(2, "c4a52233445566778899aabbccddeeff")
LOOPING = looping(2, "10092233445566778899aabbccddeeff")
BROKEN = Program(files={"program.cpp": "int broken( {\n"})
ZEROS = bytes(9 * 1024 * 1024)

UPLOADS: dict[str, bytes] = {
    "blink.zip": BLINK.zip(),
    "minimal.zip": Program().zip(),
    "bad.zip": b"this is not a zip",
    "traversal.zip": make_zip({"../evil.cpp": ""}),
    "ext.zip": make_zip({"generated.hpp": "", "page.js": ""}),
    "bomb.zip": make_zip({"generated.hpp": ZEROS}),
    "matiec.zip": make_zip({"Config0.c": "", "Res0.c": "", "glueVars.c": "", "debug.c": ""}),
    "incomplete.zip": make_zip({"generated.hpp": "", "defines.h": ""}),
    "empty.zip": make_zip({}),
    "big.zip": make_zip({"big.bin": bytes(11 * 1024 * 1024)}, zipfile.ZIP_STORED),
    "total.zip": make_zip({f"{n}.bin": ZEROS for n in range(6)}, zipfile.ZIP_STORED),
}
TWO_VARIABLES = MatiecProgram("ffeeddccbbaa99887766554433221100")
UPLOADS_V4_0: dict[str, bytes] = {
    "gen1.zip": TWO_VARIABLES.zip(),
    "bad.zip": UPLOADS["bad.zip"],
    "strucpp.zip": Program().zip(),
}
PROGRAMS_V4_0 = {
    "good": MatiecProgram("1" * 32),
    "other": MatiecProgram("2" * 32),
    "counting": MatiecProgram("3" * 32, rows=(Row("UINT", counts=True), Row("BOOL"))),
    "broken": MatiecProgram(files={"c_blocks_code.cpp": "this does not compile;\n"}),
    "incomplete": MatiecProgram(files={"Res0.c": None}),
    "unloadable": MatiecProgram(files={"c_blocks_code.cpp": 'extern "C" int x(); int (*keep)() = x;\n'}),
    "crashing": matiec_program.crashing(10, "4" * 32),
    "looping": matiec_program.looping(10, "5" * 32),
    "slow": MatiecProgram("6" * 32, period_ns=900_000_000),
}
PROGRAMS = {"minimal": Program(), "good": GOOD, "crashing": CRASHING, "looping": LOOPING, "broken": BROKEN}
