// What the bodies of a program stand on: arrays whose accesses stay inside, references, limits, and forced variables.
//
// No access leaves the memory it names: one beyond an array's bounds, or through a reference to nothing, counts a fault and
// goes to the scan's spare memory, where reading gives zeros.
//
// Builds as gnu++11 and later, without exceptions, heap and library headers.
#ifndef RUNG_SCAN_HPP
#define RUNG_SCAN_HPP

#include "rung_numeric.hpp"

namespace rung {

// Of an element in its array, from 0, row by row. No array has more elements than memory has bytes.
#if __SIZEOF_POINTER__ == 2
typedef uint16_t Position;
#else
typedef uint32_t Position;
#endif
const Position NOWHERE = Position(~Position(0));

template <class T, Position N>
struct Array {
  T e[N];
};

// A table of initial values. A chip that runs its program from flash memory keeps it there.
#ifdef __AVR__
#define RUNG_FLASH __attribute__((progmem))
#ifdef __AVR_HAVE_ELPM__
// All tables together may be larger than the 64 KiB that a pointer reaches: the address has 24 bits here.
extern "C" void *memcpy_PF(void *, uint32_t, __SIZE_TYPE__);

#define copy_table(to, table)                                                                  \
  do {                                                                                         \
    uint32_t far_;                                                                             \
    __asm__("ldi %A0, lo8(%1)\n\tldi %B0, hi8(%1)\n\tldi %C0, hh8(%1)\n\tclr %D0" : "=d"(far_) : "p"(&table)); \
    memcpy_PF(to, far_, sizeof table);                                                         \
  } while (0)
#else
extern "C" void *memcpy_P(void *, const void *, __SIZE_TYPE__);

template <class T, Position N, Position M>
inline void copy_table(T (&to)[N], const T (&table)[M]) {
  memcpy_P(to, table, sizeof table);
}
#endif
#else
#define RUNG_FLASH
template <class T, Position N, Position M>
inline void copy_table(T (&to)[N], const T (&table)[M]) {
  for (Position i = 0; i < M; ++i) to[i] = table[i];
}
#endif

// An ARRAY[*] parameter: an array of any bounds with D dimensions.
template <class T, int D>
struct OpenArray {
  T *e;
  int32_t low[D];
  Position count[D];
};

struct Forces;

// One task's scan. Each task has its own, because tasks may run in threads.
struct Scan {
  void *spare;           // as large as the largest thing that may be accessed wrongly
  const Forces *forces;  // read by force-aware bodies only
};

template <class T>
__attribute__((noinline, cold)) static T &elsewhere(const Scan &t) {
  fault();
  __builtin_memset(t.spare, 0, sizeof(T));
  return *static_cast<T *>(t.spare);
}

// The position `index - low` in a dimension of `count` elements: for index types within DINT, within LINT, and for ULINT.
template <class I>
inline Position position(I index, int32_t low, Position count) {
#if __SIZEOF_INT__ == 2
  // In 16 bits where all bounds are known to lie within them.
  if (sizeof(I) <= 2 && __builtin_constant_p(low) && __builtin_constant_p(count)) {
    const bool is_unsigned = sizeof(I) == 2 && I(-1) > I(0);
    if (low >= (is_unsigned ? 0 : -32768) && low + int32_t(count) <= (is_unsigned ? 65536 : 32768)) {
      const uint16_t at = uint16_t(index) - uint16_t(low);
      return at < count ? at : NOWHERE;
    }
  }
#endif
  const uint32_t at = uint32_t(int32_t(index)) - uint32_t(low);
  return at < count ? Position(at) : NOWHERE;
}

inline Position long_position(int64_t index, int64_t low, Position count) {
  const uint64_t at = uint64_t(index) - uint64_t(low);
  return at < count ? Position(at) : NOWHERE;
}

inline Position unsigned_position(uint64_t index, int64_t low, Position count) {
  return index >> 63 ? NOWHERE : long_position(int64_t(index), low, count);
}

// The position in the next dimension, which has `count` elements.
inline Position row(Position outer, Position inner, Position count) {
  return outer == NOWHERE || inner == NOWHERE ? NOWHERE : outer * count + inner;
}

template <class T, Position N>
inline T &element(const Scan &t, Array<T, N> &array, Position at) {
  return __builtin_expect(at < N, 1) ? array.e[at] : elsewhere<T>(t);
}

template <class T, int D>
inline T &element(const Scan &t, const OpenArray<T, D> &array, Position at) {
  return at != NOWHERE ? array.e[at] : elsewhere<T>(t);
}

// Where single values are only read, or only written, the compiler may know that the rare case touches nothing else, so that the
// loop around keeps its variables in registers. That one fault is then sometimes counted for two accesses is no harm.
template <class T>
__attribute__((noinline, cold, const)) static T nothing() {
  fault();
  return T();
}

template <class T>
struct Exactly {
  typedef T type;
};

#ifdef RUNG_BOARD
inline void miss(const Scan &) { fault(); }
#else
struct Nowhere {
  int written;
};

__attribute__((noinline, cold, const, unused)) static Nowhere *nowhere(void *spare) {
  fault();
  return static_cast<Nowhere *>(spare);
}

inline void miss(const Scan &t) { nowhere(t.spare)->written = 1; }
#endif

template <class T, Position N>
inline T value_at(const Array<T, N> &array, Position at) {
  return __builtin_expect(at < N, 1) ? array.e[at] : nothing<T>();
}

template <class T, int D>
inline T value_at(const OpenArray<T, D> &array, Position at) {
  return at != NOWHERE ? array.e[at] : nothing<T>();
}

template <class T, Position N>
inline void put(const Scan &t, Array<T, N> &array, Position at, typename Exactly<T>::type value) {
  if (__builtin_expect(at < N, 1))
    array.e[at] = value;
  else
    miss(t);
}

template <class T, int D>
inline void put(const Scan &t, const OpenArray<T, D> &array, Position at, typename Exactly<T>::type value) {
  if (at != NOWHERE)
    array.e[at] = value;
  else
    miss(t);
}

// LOWER_BOUND and UPPER_BOUND. A dimension that does not exist counts a fault and gives 0.
template <class T, int D>
inline int32_t lower_bound(const OpenArray<T, D> &array, Count dimension) {
  if (dimension >= 1 && dimension <= D) return array.low[int(dimension) - 1];
  fault();
  return 0;
}

template <class T, int D>
inline int32_t upper_bound(const OpenArray<T, D> &array, Count dimension) {
  if (dimension >= 1 && dimension <= D)
    return int32_t(array.low[int(dimension) - 1] + int32_t(array.count[int(dimension) - 1]) - 1);
  fault();
  return 0;
}

template <class T>
inline T &target(const Scan &t, T *reference) {
  return reference ? *reference : elsewhere<T>(t);
}

// What a subrange variable takes: a value beyond its limits counts a fault and gives the nearest limit.
template <class T>
inline T within(T value, T low, T high) {
  if (value >= low && value <= high) return value;
  fault();
  return value < low ? low : high;
}

// How many variables can be forced at a time, and how long they are at most.
#ifdef RUNG_BOARD
#define RUNG_DEFAULT_FORCES 8
#define RUNG_DEFAULT_FORCED_BYTES 8
#else
#define RUNG_DEFAULT_FORCES 64
#define RUNG_DEFAULT_FORCED_BYTES 512
#endif
#ifndef RUNG_MAX_FORCES
#define RUNG_MAX_FORCES RUNG_DEFAULT_FORCES
#endif
#ifndef RUNG_FORCED_BYTES
#define RUNG_FORCED_BYTES RUNG_DEFAULT_FORCED_BYTES
#endif

// What every POU does when it begins. A target may have something to do.
#define ENTER() ((void)0)

// What counts a FOR loop of the type T. Where wide numbers are cheap it has room for the step past the type's end, so that compilers see
// a plain loop; else the loop asks before each step.
#ifdef RUNG_BOARD
template <class T>
struct Counter {
  typedef T type;
};

template <class T>
inline bool is_last(T counter, int64_t step) {
  return step > 0 ? counter > T(highest<T>() - T(step)) : counter < T(lowest<T>() - T(step));
}
#else
template <class T, bool is_long = (sizeof(T) > 2)>
struct Counter {
  typedef int32_t type;
};
template <class T>
struct Counter<T, true> {
  typedef int64_t type;
};

template <class T>
constexpr bool is_last(typename Counter<T>::type, int64_t) {
  return false;
}
#endif

// A forced variable: its place, and the bytes that it keeps.

struct Force {
  uint8_t *at;
  uint16_t size;
  uint8_t value[RUNG_FORCED_BYTES];
};

struct Forces {
  uint16_t count;
  Force list[RUNG_MAX_FORCES];
};

// Gives every forced variable among the `size` bytes at `from` its forced value again, after something has written there.
__attribute__((noinline, unused)) static void pin(const Scan &t, const void *from, __SIZE_TYPE__ size) {
  const uint8_t *const first = static_cast<const uint8_t *>(from);
  for (uint16_t i = 0; i < t.forces->count; ++i) {
    const Force &force = t.forces->list[i];
    if (force.at >= first && force.at < first + size) __builtin_memcpy(force.at, force.value, force.size);
  }
}

}  // namespace rung

#endif
