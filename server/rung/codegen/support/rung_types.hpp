// The values of IEC 61131-3 in C++. Everything else in this folder builds on this header.
//
//   BOOL                       bool, 1 byte
//   SINT INT DINT LINT         int8_t int16_t int32_t int64_t
//   USINT UINT UDINT ULINT     uint8_t uint16_t uint32_t uint64_t
//   BYTE WORD DWORD LWORD      uint8_t uint16_t uint32_t uint64_t
//   REAL LREAL                 float double
//   TIME LTIME                 rung::Duration
//   TOD LTOD                   rung::Clock, since midnight, 0 <= x < 24 h
//   DATE LDATE                 rung::Moment, since 1970-01-01, always a whole day
//   DT LDT                     rung::Moment, since 1970-01-01 00:00:00
//   CHAR WCHAR                 char char16_t
//   STRING[n] WSTRING[n]       rung::String<n> rung::WString<n>
//   enumeration, subrange      their base type
//   function block TON         rung::TON, and so on, in rung_blocks.hpp
//
// Times count ticks, in 64 bits, of a nanosecond. With RUNG_BOARD defined, for microcontrollers, a tick is a millisecond, and Duration
// and Clock have 32 bits.
//
// A string is { uint8_t length; char text[n]; }; what stands behind `length` has no meaning. Functions take strings as
// rung::StringView (rung::WStringView), which every String<n> converts to and which a literal is written as:
// rung::StringView{"abc", 3}, rung::WStringView{u"abc", 3}. They return String<254> (WString<254>) by value. Assigning to a
// String<n> cuts at n characters; String<n>(x) makes one from any string.
//
// The program that includes this defines `rung::now` and `rung::faults`, each once.
//
// Builds as gnu++11 and later, without exceptions, heap and library headers; <stdint.h> is the only include.
#ifndef RUNG_TYPES_HPP
#define RUNG_TYPES_HPP

#include <stdint.h>

namespace rung {

#ifdef RUNG_BOARD
typedef int32_t Duration;
typedef int32_t Clock;
typedef uint32_t DurationBits;
const int32_t NS_PER_TICK = 1000000;
#else
typedef int64_t Duration;
typedef int64_t Clock;
typedef uint64_t DurationBits;
const int32_t NS_PER_TICK = 1;
#endif
typedef int64_t Moment;
typedef uint64_t MomentBits;
const Duration TICKS_PER_MS = 1000000 / NS_PER_TICK;
const Duration TICKS_PER_S = 1000 * TICKS_PER_MS;
const Duration TICKS_PER_DAY = 86400 * TICKS_PER_S;

// What a literal's nanoseconds are in ticks. A duration is the nearest one that there is; a clock shows the tick that has begun.
constexpr int64_t whole_ticks(int64_t ns) { return ns / NS_PER_TICK - (ns % NS_PER_TICK < 0); }
constexpr int64_t nearest_ticks(int64_t ns) {
  return ns / NS_PER_TICK + (ns % NS_PER_TICK * 2 >= NS_PER_TICK) - (ns % NS_PER_TICK * 2 <= -NS_PER_TICK);
}
constexpr int64_t at_most(int64_t value, int64_t limit) { return value > limit ? limit : value < -limit - 1 ? -limit - 1 : value; }
constexpr Duration duration(int64_t ns) {
  return Duration(at_most(nearest_ticks(ns), int64_t(~DurationBits(0) >> 1)));
}
constexpr Clock clock_time(int64_t ns) { return Clock(whole_ticks(ns)); }
constexpr Moment moment(int64_t ns) { return whole_ticks(ns); }

// The time of the current scan; the same value all through a scan. Timers and RTC read it. On boards it wraps, and only differences have
// a meaning. A program may have declared it inline before this header.
Duration now();

// Counts the errors that IEC 61131-3 leaves to the implementer and that this library survives with a defined value: integer
// division by zero, REAL to integer out of range, MUX without such an input, a position outside of a string, text or BCD that is
// not a number, a date that does not exist. A function's ENO is "no fault was added".
extern uint32_t faults;

#ifdef RUNG_BOARD
// There is one thread.
__attribute__((noinline, cold, unused)) static void fault() { ++faults; }
#else
// Tasks run in threads of their own.
__attribute__((noinline, cold, unused)) static void fault() { __atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED); }
#endif

const int MAX_LENGTH = 254;

// The number that stands for a character.
template <class C> struct Code { typedef C type; };
template <> struct Code<char> { typedef uint8_t type; };
template <> struct Code<char16_t> { typedef uint16_t type; };

// Characters that somebody else holds, valid as long as they are.
template <class C>
struct View {
  const C* text;
  uint8_t length;
};

template <class C, int N>
struct Text {
  uint8_t length;
  C text[N];

  Text() = default;
  Text(View<C> from) { assign(from); }

  Text& operator=(View<C> from) {
    assign(from);
    return *this;
  }

  operator View<C>() const { return View<C>{text, length}; }

 private:
  // `from` may lie inside this very string.
  void assign(View<C> from) {
    length = from.length < N ? from.length : static_cast<uint8_t>(N);
    __builtin_memmove(text, from.text, length * sizeof(C));
  }
};

// The first character, or the one with code 0 where there is none.
template <class C>
inline C first_character(View<C> text) {
  return text.length > 0 ? text.text[0] : C(0);
}

template <int N>
using String = Text<char, N>;
template <int N>
using WString = Text<char16_t, N>;
typedef View<char> StringView;
typedef View<char16_t> WStringView;

}  // namespace rung

#endif
