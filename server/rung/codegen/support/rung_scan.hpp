// What the bodies of a program stand on: arrays whose accesses stay inside, references, limits, and forced variables.
//
// No access leaves the memory it names: one beyond an array's bounds, or through a reference to nothing, counts a fault and
// goes to the scan's spare memory, where reading gives zeros.
//
// Builds as gnu++11 and later, without exceptions, heap and library headers.
#ifndef RUNG_SCAN_HPP
#define RUNG_SCAN_HPP

#include "rung_types.hpp"

namespace rung {

typedef uint32_t Position;  // of an element in its array, from 0, row by row
const Position NOWHERE = 0xFFFFFFFFu;

template <class T, Position N>
struct Array {
  T e[N];
};

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
inline Position position(int32_t index, int32_t low, Position count) {
  const Position at = Position(index) - Position(low);
  return at < count ? at : NOWHERE;
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

struct Nowhere {
  int written;
};

__attribute__((noinline, cold, const, unused)) static Nowhere *nowhere(void *spare) {
  fault();
  return static_cast<Nowhere *>(spare);
}

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
    nowhere(t.spare)->written = 1;
}

template <class T, int D>
inline void put(const Scan &t, const OpenArray<T, D> &array, Position at, typename Exactly<T>::type value) {
  if (at != NOWHERE)
    array.e[at] = value;
  else
    nowhere(t.spare)->written = 1;
}

// LOWER_BOUND and UPPER_BOUND. A dimension that does not exist counts a fault and gives 0.
template <class T, int D>
inline int32_t lower_bound(const OpenArray<T, D> &array, int64_t dimension) {
  if (dimension >= 1 && dimension <= D) return array.low[dimension - 1];
  fault();
  return 0;
}

template <class T, int D>
inline int32_t upper_bound(const OpenArray<T, D> &array, int64_t dimension) {
  if (dimension >= 1 && dimension <= D) return int32_t(array.low[dimension - 1] + array.count[dimension - 1] - 1);
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

// A forced variable: its place, and the bytes that it keeps.
struct Force {
  uint8_t *at;
  uint16_t size;
  uint8_t value[512];
};

#ifndef RUNG_MAX_FORCES
#define RUNG_MAX_FORCES 64
#endif

struct Forces {
  uint16_t count;
  Force list[RUNG_MAX_FORCES];
};

// Gives every forced variable among the `size` bytes at `from` its forced value again, after something has written there.
__attribute__((noinline, unused)) static void pin(const Scan &t, const void *from, uint32_t size) {
  const uint8_t *const first = static_cast<const uint8_t *>(from);
  for (uint16_t i = 0; i < t.forces->count; ++i) {
    const Force &force = t.forces->list[i];
    if (force.at >= first && force.at < first + size) __builtin_memcpy(force.at, force.value, force.size);
  }
}

}  // namespace rung

#endif
