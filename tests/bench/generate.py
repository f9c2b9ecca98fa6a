"""A program of any size for the benchmarks: function blocks, functions, structures and a configuration, all different, all correct."""

from __future__ import annotations

from pathlib import Path

LINES_PER_BLOCK = 50

_BLOCK = """
FUNCTION_BLOCK Station{n}
    VAR_INPUT
        Enable, Reset : BOOL;
        Setpoint : REAL := {n}.5;
        Limit : INT := {limit};
    END_VAR
    VAR_OUTPUT
        Busy, Done : BOOL;
        Level : REAL;
    END_VAR
    VAR
        State : Phase{group};
        Timer : TON;
        Count : CTU;
        Samples : ARRAY[0..9] OF REAL;
        Index, Sum : INT;
        Last : Record{group};
    END_VAR

    Timer(IN := Enable AND NOT Done, PT := T#{n}ms);
    Count(CU := Timer.Q, R := Reset, PV := Limit);
    CASE State OF
        Idle{group}:
            IF Enable THEN
                State := Active{group};
                Busy := TRUE;
            END_IF;
        Active{group}:
            Level := Level + (Setpoint - Level) * 0.1;
            IF ABS(Setpoint - Level) < 0.5 OR Count.Q THEN
                State := Finished{group};
            END_IF;
        Finished{group}:
            Busy := FALSE;
            Done := TRUE;
    END_CASE;

    Sum := 0;
    FOR Index := 0 TO 9 DO
        Samples[Index] := Samples[Index] + INT_TO_REAL(Index) * Level;
        Sum := Sum + Index * {n} MOD 7;
    END_FOR;
    Last.Value := Samples[Sum MOD 10];
    Last.Valid := Sum > Limit AND NOT Reset;  (* kept for the report *)
    IF Reset THEN
        State := Idle{group};
        Done := FALSE;
    END_IF;
END_FUNCTION_BLOCK
"""

_TYPES = """
TYPE
    Phase{n} : (Idle{n}, Active{n}, Finished{n});
    Record{n} : STRUCT
        Value : REAL;
        Valid : BOOL;
    END_STRUCT;
END_TYPE
"""


def program(lines: int) -> str:
    """Return a program of about so many lines."""
    blocks = max(1, lines // LINES_PER_BLOCK)
    groups = blocks // 10 + 1
    parts = [_TYPES.format(n=group) for group in range(groups)]
    parts += [_BLOCK.format(n=number, limit=number % 100, group=number % groups) for number in range(blocks)]
    stations = "\n".join(f"        S{number} : Station{number};" for number in range(blocks))
    calls = "\n".join(f"    S{number}(Enable := Run, Reset := NOT Run);" for number in range(blocks))
    parts.append(
        f"\nPROGRAM Plant\n    VAR\n        Run AT %IX0.0 : BOOL;\n{stations}\n    END_VAR\n{calls}\nEND_PROGRAM\n"
    )
    return "".join(parts)


def write_project(folder: Path, lines: int, files: int = 10) -> int:
    """Write such a program in several files and return the number of lines."""
    text = program(lines)
    pieces = text.split("\nFUNCTION_BLOCK ")
    size = len(pieces) // files + 1
    for number in range(0, len(pieces), size):
        body = "\nFUNCTION_BLOCK ".join(pieces[number : number + size])
        if number:
            body = "\nFUNCTION_BLOCK " + body
        (folder / f"part{number // size:02}.st").write_text(body, encoding="utf-8")
    return text.count("\n")
