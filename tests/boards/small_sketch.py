"""A program for a board that is small enough to read: it answers to the question for its MD5, blinks, and has one line of Structured Text.

It has the form of what Rung generates (a zip with `rung/rung.ino` and `rung/program.cpp`, for a core or, with RUNG_BARE, without), so that what
toolchains and uploaders do can be shown without the code generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from rung.codegen.archive import pack
from rung.codegen.artefact import Artefact, Leaf

SOURCE = "/plant/main.st"
"""Where the user's program stands; its line 7 is the one statement."""
STATEMENT = "main_instance.table[main_instance.seen++ % sizeof main_instance.table]++;"

_PROGRAM = """
#include <stdint.h>
#ifdef RUNG_BARE
#include <avr/io.h>
#if defined(__AVR_ATmega2560__)
#define LED_DDR DDRB
#define LED_PIN PINB
#define LED 7
#else
#define LED_DDR DDRB
#define LED_PIN PINB
#define LED 5
#endif
#else
#include <Arduino.h>
#endif
#include "rung_small.hpp"

static Main main_instance;
static const char md5[] = "MD5_TEXT";
static uint8_t frame[64];
static uint8_t count;
static uint16_t silence;

static void scan() {
#line 7 "main.st"
  STATEMENT
#line 28 "program.cpp"
}

#ifdef RUNG_BARE
static bool heard() { return UCSR0A & (1 << RXC0); }
static uint8_t take() { return UDR0; }
static void send(uint8_t byte) { while (!(UCSR0A & (1 << UDRE0))) {} UDR0 = byte; }
#else
static bool heard() { return Serial.available() > 0; }
static uint8_t take() { return Serial.read(); }
static void send(uint8_t byte) { Serial.write(byte); }
#endif

static uint16_t crc = 0xFFFF;
static void say(uint8_t byte) {
  crc ^= byte;
  for (uint8_t bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xA001 : crc >> 1;
  send(byte);
}

static void serve() {
  if (heard()) {
    if (count < sizeof frame) frame[count++] = take(); else take();
    silence = 0;
  } else if (count && ++silence > 2000) {
    if (count >= 6 && frame[1] == 0x45) {
      crc = 0xFFFF;
      say(frame[0]); say(0x45); say(0x7E);
      for (uint8_t n = 0; n < 32; n++) say(md5[n]);
      uint16_t sum = crc;
      send(sum & 0xFF); send(sum >> 8);
    }
    count = 0;
  }
}

static uint16_t blink;
#ifdef RUNG_BARE
int main() {
  MCUSR = 0;
  LED_DDR |= 1 << LED;
  UBRR0 = 16; UCSR0A = 1 << U2X0; UCSR0B = 1 << RXEN0 | 1 << TXEN0; UCSR0C = 3 << UCSZ00;
  for (;;) { scan(); serve(); if (!(++blink & 0xFFF)) LED_PIN = 1 << LED; }
}
#else
void setup() { pinMode(13, OUTPUT); Serial.begin(115200); }
void loop() { scan(); serve(); if (!(++blink & 0xFFF)) digitalWrite(13, !digitalRead(13)); }
#endif
"""
_HEADER = "#pragma once\nstruct Main { uint8_t seen; uint8_t table[TABLE]; };\n"


def sketch(
    board: str = "uno",
    *,
    statement: str = STATEMENT,
    table: int = 40,
    leaves: Sequence[Leaf] = (),
    answers: str | None = None,
    more: Mapping[str, str] | None = None,
    program: str = _PROGRAM,
) -> Artefact:
    """The program for a board.

    Args:
        board: its name.
        statement: what stands on line 7 of the user's program, in C++.
        table: bytes of its variable MAIN.TABLE.
        leaves: its variables as the artefact tells them.
        answers: the MD5 that the firmware answers with; None: the artefact's.
        more: files beside.
        program: `program.cpp`.
    """
    md5 = hashlib.md5(repr((board, statement, table, more)).encode()).hexdigest()
    files = {
        "rung/rung.ino": "// The program is in program.cpp.\n",
        "rung/program.cpp": program.replace("MD5_TEXT", answers or md5).replace("STATEMENT", statement),
        "rung/rung_small.hpp": _HEADER.replace("TABLE", str(table)),
        **(more or {}),
    }
    data = pack({name: text.encode() for name, text in files.items()})
    return Artefact(board, "small.zip", data, md5, tuple(leaves), {"main.st": SOURCE})


def table_leaves(size: int) -> list[Leaf]:
    """The variables of a program MAIN with a table of so many bytes, and a few beside it."""
    names = [
        ("MAIN.SEEN", "USINT", 1),
        *((f"MAIN.TABLE[{n}]", "USINT", 1) for n in range(size)),
        ("RECIPE.NAME", "STRING", 31),
    ]
    return [Leaf(0, n, path, kind, bytes_) for n, (path, kind, bytes_) in enumerate(names)]
