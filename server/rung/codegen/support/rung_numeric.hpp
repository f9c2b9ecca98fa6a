// Numbers and bit strings: division, shifting, selection, comparison in chains, rounding, BCD, byte order.
//
// Integers wrap at their width: all of it is computed unsigned, so nothing here is undefined. Sums, products, and bit
// operations are written out by the code generator and need no function.
#ifndef RUNG_NUMERIC_HPP
#define RUNG_NUMERIC_HPP

#include "rung_types.hpp"

namespace rung {

template <class T> struct Unsigned { typedef T type; };
template <> struct Unsigned<int8_t> { typedef uint8_t type; };
template <> struct Unsigned<int16_t> { typedef uint16_t type; };
template <> struct Unsigned<int32_t> { typedef uint32_t type; };
template <> struct Unsigned<int64_t> { typedef uint64_t type; };

// An unsigned type to count digits in: of 32 bits where that is enough, because wider ones are slow on small chips.
template <class T, bool long_ = (sizeof(T) > 4)> struct Wider { typedef uint32_t type; };
template <class T> struct Wider<T, true> { typedef uint64_t type; };

template <class T>
constexpr T lowest() {
  return T(-1) < T(1) ? T(typename Unsigned<T>::type(1) << (sizeof(T) * 8 - 1)) : T(0);
}

template <class T>
constexpr T highest() {
  return T(~lowest<T>());
}

// In bits; BOOL has one, and is the type in which 2 and 1 are the same.
template <class T>
constexpr unsigned width() {
  return T(2) == T(1) ? 1 : sizeof(T) * 8;
}

template <class T>
inline T negated(T value) {
  typedef typename Unsigned<T>::type Bits;
  return T(Bits(Bits(0) - Bits(value)));
}

// Truncates towards zero. x / 0 is 0 and counts a fault; the lowest value / -1 wraps to itself.
template <class T>
inline T divide(T dividend, T divisor) {
  if (divisor == T(0)) {
    fault();
    return T(0);
  }
  if (T(-1) < T(1) && divisor == T(-1)) return negated(dividend);
  return T(dividend / divisor);
}

// Has the dividend's sign. x MOD 0 is 0, as ed. 2 table 24 defines it.
template <class T>
inline T modulo(T dividend, T divisor) {
  if (divisor == T(0) || (T(-1) < T(1) && divisor == T(-1))) return T(0);
  return T(dividend % divisor);
}

template <class T>
inline T absolute(T value) {
  return value < T(0) ? negated(value) : value;
}
inline float absolute(float value) { return __builtin_fabsf(value); }
inline double absolute(double value) { return __builtin_fabs(value); }

// What counts and positions in strings are taken as; too large stays too large, and too small too small.
#ifdef RUNG_BOARD
typedef int32_t Count;
#else
typedef int64_t Count;
#endif

template <class N>
inline Count count(N value) {
  if (value > N(0)) return uint64_t(value) > uint64_t(highest<Count>()) ? highest<Count>() : Count(value);
  return int64_t(value) < int64_t(lowest<Count>()) ? lowest<Count>() : Count(value);
}

// An integer as a LINT: what is too large stays as large as can be.
template <class N>
inline int64_t within_long(N value) {
  return value > N(0) && uint64_t(value) > uint64_t(highest<int64_t>()) ? highest<int64_t>() : int64_t(value);
}

// A negative count shifts by nothing; one of the type's width or more leaves 0.
template <class T, class N>
inline T shift_left(T value, N count) {
  if (count <= N(0)) return value;
  return count >= N(width<T>()) ? T(0) : T((value + 0u) << unsigned(count));
}

template <class T, class N>
inline T shift_right(T value, N count) {
  if (count <= N(0)) return value;
  return count >= N(width<T>()) ? T(0) : T((value + 0u) >> unsigned(count));
}

// The count is taken modulo the width, a power of two; a negative one rotates by nothing.
template <class T, class N>
inline T rotate_left(T value, N count) {
  const unsigned by = count <= N(0) ? 0u : unsigned(count) % width<T>();
  return by == 0 ? value : T(((value + 0u) << by) | ((value + 0u) >> (width<T>() - by)));
}

template <class T, class N>
inline T rotate_right(T value, N count) {
  const unsigned by = count <= N(0) ? 0u : unsigned(count) % width<T>();
  return by == 0 ? value : T(((value + 0u) >> by) | ((value + 0u) << (width<T>() - by)));
}

template <class T>
inline T select(bool second, T first_input, T second_input) {
  return second ? second_input : first_input;
}

template <class T>
inline T larger(T left, T right) {
  return left < right ? right : left;
}

template <class T>
inline T smaller(T left, T right) {
  return right < left ? right : left;
}

template <class T>
inline T limited(T low, T value, T high) {
  return smaller<T>(larger<T>(value, low), high);
}

#ifdef RUNG_BOARD
// Input number `index` of those that are left; inputs are never an array, which would take memory where that is short.
template <class T, class I>
inline T chosen(I, T only) {
  return only;
}
template <class T, class I, class... More>
inline T chosen(I index, T first, More... more) {
  return index == I(0) ? first : chosen<T, I>(I(index - I(1)), more...);
}
#endif

// An index outside of the inputs counts a fault and takes the nearest input: the first or the last.
template <class T, class I, class... More>
inline T multiplexed(I index, T first, More... more) {
  const I last = sizeof...(More) > uint64_t(highest<I>()) ? highest<I>() : I(sizeof...(More));
  if (index < I(0) || index > last) {
    fault();
    index = index < I(0) ? I(0) : last;
  }
#ifdef RUNG_BOARD
  return chosen<T, I>(index, first, T(more)...);
#else
  const T inputs[] = {first, T(more)...};
  return inputs[unsigned(index)];
#endif
}

// Chains: `increasing(a, b, c)` is a < b AND b < c. Every input is evaluated.
template <class T> inline bool equal(T left, T right) { return left == right; }
template <class T> inline bool increasing(T left, T right) { return left < right; }
template <class T> inline bool decreasing(T left, T right) { return right < left; }
template <class T> inline bool not_increasing(T left, T right) { return left >= right; }
template <class T> inline bool not_decreasing(T left, T right) { return left <= right; }

template <class T, class... More>
inline bool equal(T left, T right, More... more) {
  return bool(int(left == right) & int(equal<T>(right, more...)));
}
template <class T, class... More>
inline bool increasing(T left, T right, More... more) {
  return bool(int(left < right) & int(increasing<T>(right, more...)));
}
template <class T, class... More>
inline bool decreasing(T left, T right, More... more) {
  return bool(int(right < left) & int(decreasing<T>(right, more...)));
}
template <class T, class... More>
inline bool not_increasing(T left, T right, More... more) {
  return bool(int(left >= right) & int(not_increasing<T>(right, more...)));
}
template <class T, class... More>
inline bool not_decreasing(T left, T right, More... more) {
  return bool(int(left <= right) & int(not_decreasing<T>(right, more...)));
}

// The nearest integer, ties to the even one. Out of range gives the nearest end of the range, not a number gives 0, and both
// count a fault: a setpoint that is too large must not come out with the other sign.
template <class T>
inline T saturated(double whole) {
  if (whole >= double(lowest<T>()) && whole < double(highest<T>()) + 1.0) return T(whole);
  fault();
  return whole > 0.0 ? highest<T>() : whole < 0.0 ? lowest<T>() : T(0);
}

#ifdef __AVR__
// double is float there, and its library knows no names of its own for float, and no rint.
#define RUNG_SINGLE(function) __builtin_##function
inline float cut(float value) { return __builtin_trunc(value); }

inline float nearest(float value) {
  const float size = __builtin_fabs(value);
  if (!(size < 8388608.0f)) return value;  // whole already, or not a number
  const int32_t whole = int32_t(size);
  const float rest = size - float(whole);
  const float result = float(rest > 0.5f || (rest == 0.5f && (whole & 1)) ? whole + 1 : whole);
  return __builtin_copysign(result, value);
}

// To a whole exponent; products keep more digits than logarithms do in so short a type.
template <class N>
inline float power(float base, N exponent) {
  typedef typename Unsigned<N>::type Size;
  float result = 1.0f;
  for (Size rest = Size(absolute<N>(exponent)); rest != 0; rest = Size(rest >> 1), base *= base)
    if (rest & 1) result *= base;
  return exponent < N(0) ? 1.0f / result : result;
}

inline float power(float base, float exponent) {
  const bool fits = exponent > -32768.0f && exponent < 32768.0f;
  const int16_t whole = fits ? int16_t(exponent) : int16_t(0);
  return fits && float(whole) == exponent ? power<int16_t>(base, whole) : float(__builtin_pow(base, exponent));
}
#else
#define RUNG_SINGLE(function) __builtin_##function##f
inline float cut(float value) { return __builtin_truncf(value); }
inline double cut(double value) { return __builtin_trunc(value); }
inline float nearest(float value) { return __builtin_rintf(value); }
inline double nearest(double value) { return __builtin_rint(value); }
inline double power(double base, double exponent) { return __builtin_pow(base, exponent); }
#endif

template <class T>
inline T rounded(double value) {
  return saturated<T>(nearest(value));
}

template <class T>
inline T truncated(double value) {
  return saturated<T>(cut(value));
}

template <class From>
inline bool is_bcd(From digits) {
  for (; digits != 0; digits = From(digits >> 4))
    if ((digits & 15) > 9) return false;
  return true;
}

// A digit above 9 counts a fault and the whole gives 0.
template <class T, class From>
inline T from_bcd(From digits) {
  if (!is_bcd(digits)) {
    fault();
    return T(0);
  }
  typename Wider<T>::type value = 0, place = 1;
  for (; digits != 0; digits = From(digits >> 4), place *= 10) value += typename Wider<T>::type(digits & 15) * place;
  return T(value);
}

// A negative value counts a fault and gives 0; one with too many digits counts a fault and keeps the low digits.
template <class T, class From>
inline T to_bcd(From value) {
  if (value < From(0)) {
    fault();
    return T(0);
  }
  typename Wider<From>::type rest = typename Wider<From>::type(value);
  T digits = 0;
  for (unsigned shift = 0; shift < sizeof(T) * 8; shift += 4, rest /= 10) digits = T(digits | T(T(rest % 10) << shift));
  if (rest != 0) fault();
  return digits;
}

// The same value with its bytes in the other order.
template <class T>
inline T byte_swapped(T value) {
  uint8_t bytes[sizeof(T)], turned[sizeof(T)];
  __builtin_memcpy(bytes, &value, sizeof(T));
  for (unsigned i = 0; i < sizeof(T); ++i) turned[i] = bytes[sizeof(T) - 1 - i];
  __builtin_memcpy(&value, turned, sizeof(T));
  return value;
}

template <class T>
inline T big_endian(T value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return value;
#else
  return byte_swapped(value);
#endif
}

template <class T>
inline T little_endian(T value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return byte_swapped(value);
#else
  return value;
#endif
}

inline bool is_finite(double value) { return __builtin_isfinite(value); }

}  // namespace rung

#endif
