"""Whole ranges at once: what goes into text, BCD or a calendar date comes out of it again."""

from __future__ import annotations

from pathlib import Path

from codegen.support.standard_driver import compile_and_run, write_main

# Visits bit patterns all over a type's range, the same ones every time.
_PATTERNS = (
    "uint64_t x = 88172645463325252ull; for (int i = 0; i < 100000; ++i) { x ^= x << 13; x ^= x >> 7; x ^= x << 17;"
)


def _failures(folder: Path, loop: str) -> str:
    program = write_main(["long failures = 0, tried = 0;", loop, 'printf("%ld of %d\\n", failures, tried > 90000);'])
    (line,) = compile_and_run(program, folder, "-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    return line


def test_every_real_reads_back_from_its_text(tmp_path: Path) -> None:
    loop = f"""{_PATTERNS}
        float value; const uint32_t bits = uint32_t(x); __builtin_memcpy(&value, &bits, 4);
        if (!__builtin_isfinite(value)) continue;
        ++tried; failures += float(rung::to_real(rung::real_to_string(value))) != value; }}"""
    assert _failures(tmp_path, loop) == "0 of 1"


def test_every_lreal_of_ordinary_size_reads_back_from_its_text(tmp_path: Path) -> None:
    loop = f"""{_PATTERNS}
        const double value = double(int64_t(x)) / double(1ull << (i % 60));
        ++tried; failures += rung::to_real(rung::real_to_string(value)) != value; }}"""
    assert _failures(tmp_path, loop) == "0 of 1"


def test_every_integer_reads_back_from_its_text(tmp_path: Path) -> None:
    loop = f"""{_PATTERNS}
        const int64_t value = int64_t(x) >> (i % 64);
        ++tried; failures += rung::to_integer<int64_t>(rung::signed_to_string(value)) != value; }}"""
    assert _failures(tmp_path, loop) == "0 of 1"


def test_every_duration_and_every_point_in_time_reads_back_from_its_text(tmp_path: Path) -> None:
    loop = f"""const rung::StringView t = {{"T#", 2}}, dt = {{"DT#", 3}}; {_PATTERNS}
        const int64_t value = int64_t(x) / 2 >> (i % 60);
        ++tried;
        failures += rung::to_duration(rung::duration_to_string(value, t)) != value;
        failures += rung::to_date_and_time(rung::date_and_time_to_string(value, dt)) != value; }}"""
    assert _failures(tmp_path, loop) == "0 of 1"


def test_every_day_from_1678_to_2261_is_one_calendar_date(tmp_path: Path) -> None:
    loop = """rung::CalendarDate last = {1677, 12, 31};
        for (int64_t day = rung::days_since_1970(1678, 1, 1); day <= rung::days_since_1970(2261, 12, 31); ++day, ++tried) {
          const rung::CalendarDate date = rung::calendar(day * rung::TICKS_PER_DAY + (day & 65535));
          const bool next = (date.day == last.day + 1 && date.month == last.month) ||
                            (date.day == 1 && date.month == last.month % 12 + 1);
          failures += !next || rung::concat_date(date.year, date.month, date.day) != day * rung::TICKS_PER_DAY;
          last = date; }"""
    assert _failures(tmp_path, loop) == "0 of 1"


def test_every_four_digits_survive_bcd(tmp_path: Path) -> None:
    loop = """for (int round = 0; round < 10; ++round) for (uint16_t value = 0; value < 10000; ++value, ++tried)
        failures += rung::from_bcd<uint16_t>(rung::to_bcd<uint16_t, uint16_t>(value)) != value;"""
    assert _failures(tmp_path, loop) == "0 of 1"
