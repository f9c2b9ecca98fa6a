// REAL and LREAL as decimal digits and back.
//
// All is done by integers, so that every machine, also one without a long floating type, writes and reads the same digits. The functions
// are long for a small chip, so none is compiled in twice, and none where no text is made of a number or read as one.
#ifndef RUNG_DECIMAL_HPP
#define RUNG_DECIMAL_HPP

#include "rung_numeric.hpp"

namespace rung {

// digits * 2^exponent; the highest bit of `digits` is set, unless all are zero.
struct Extended {
  uint64_t digits;
  int exponent;
};

const uint64_t HIGHEST_BIT = uint64_t(1) << 63;

__attribute__((noinline, unused)) static Extended extended(uint64_t digits, int exponent = 0) {
  for (; digits != 0 && digits < HIGHEST_BIT; digits <<= 1) --exponent;
  return Extended{digits, exponent};
}

// Rounds up where `rest`, in units of 2^-64 of the last digit, is more than a half, or a half and the last digit is odd.
__attribute__((noinline, unused)) static Extended rounded_by(Extended value, uint64_t rest) {
  if (rest > HIGHEST_BIT || (rest == HIGHEST_BIT && (value.digits & 1))) {
    ++value.digits;
    if (value.digits == 0) return Extended{HIGHEST_BIT, value.exponent + 1};
  }
  return value;
}

__attribute__((noinline, unused)) static Extended product(Extended left, Extended right) {
  const uint32_t high = uint32_t(left.digits >> 32), low = uint32_t(left.digits);
  const uint32_t other_high = uint32_t(right.digits >> 32), other_low = uint32_t(right.digits);
  const uint64_t lowest = uint64_t(low) * other_low;
  const uint64_t middle = uint64_t(high) * other_low + (lowest >> 32);
  const uint64_t other = uint64_t(low) * other_high + uint32_t(middle);
  Extended result = {uint64_t(high) * other_high + (middle >> 32) + (other >> 32), left.exponent + right.exponent + 64};
  uint64_t rest = other << 32 | uint32_t(lowest);
  if (result.digits < HIGHEST_BIT) {
    result.digits = result.digits << 1 | rest >> 63;
    rest <<= 1;
    --result.exponent;
  }
  return rounded_by(result, rest);
}

__attribute__((noinline, unused)) static Extended quotient(Extended left, Extended right) {
  Extended result = {0, left.exponent - right.exponent - 63};
  uint64_t rest = left.digits;
  bool carry = false;
  if (rest < right.digits) {
    carry = true;
    rest <<= 1;
    --result.exponent;
  }
  for (uint8_t bit = 0; bit < 64; ++bit) {
    result.digits <<= 1;
    if (carry || rest >= right.digits) {
      rest -= right.digits;
      result.digits |= 1;
    }
    carry = rest >> 63;
    rest <<= 1;
  }
  const bool above = carry || rest > right.digits, half = !carry && rest == right.digits;
  return rounded_by(result, above ? ~uint64_t(0) : half ? HIGHEST_BIT : 0);
}

// value * 10^exponent, for |exponent| < 512.
__attribute__((noinline, unused)) static Extended scaled(Extended value, int exponent) {
  Extended power = extended(10);
  for (int rest = exponent < 0 ? -exponent : exponent; rest != 0; rest >>= 1) {
    if (rest & 1) value = exponent < 0 ? quotient(value, power) : product(value, power);
    if (rest > 1) power = product(power, power);
  }
  return value;
}

// The value with `drop` digits fewer, ties to even; they may be all.
inline uint64_t shortened(uint64_t digits, int drop) {
  if (drop > 64) return 0;
  const uint64_t rest = digits << (64 - drop), kept = drop == 64 ? 0 : digits >> drop;
  return drop == 64 ? digits > HIGHEST_BIT : rounded_by(Extended{kept, 0}, rest).digits;
}

// How float and double are laid out.
template <class T, bool is_long = (sizeof(T) > 4)> struct Layout {
  typedef uint32_t Bits;
  static const int DIGITS = 24, LOWEST = -149;
};
template <class T> struct Layout<T, true> {
  typedef uint64_t Bits;
  static const int DIGITS = 53, LOWEST = -1074;
};

// A finite value above zero.
template <class T>
__attribute__((noinline, unused)) static Extended unpacked(T value) {
  typedef typename Layout<T>::Bits Bits;
  Bits bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  const int place = int(bits >> (Layout<T>::DIGITS - 1));
  const Bits hidden = Bits(1) << (Layout<T>::DIGITS - 1);
  return extended((bits & (hidden - 1)) | (place > 0 ? hidden : 0), (place > 0 ? place - 1 : 0) + Layout<T>::LOWEST);
}

// The nearest value that T has, ties to even.
template <class T>
inline T packed(Extended value) {
  typedef typename Layout<T>::Bits Bits;
  const int whole = 64 - Layout<T>::DIGITS, below = Layout<T>::LOWEST - value.exponent;
  const int drop = below > whole ? below : whole;
  // The digit that the layout leaves out adds one to the exponent before it, and so does one that comes of rounding.
  Bits bits = Bits(shortened(value.digits, drop));
  const int place = value.exponent + drop - Layout<T>::LOWEST;
  const int highest_place = Layout<T>::DIGITS == 24 ? 254 : 2046;
  if (place >= highest_place)
    bits = Bits(highest_place + 1) << (Layout<T>::DIGITS - 1);
  else if (bits != 0)
    bits += Bits(place) << (Layout<T>::DIGITS - 1);
  if (bits > Bits(highest_place + 1) << (Layout<T>::DIGITS - 1)) bits = Bits(highest_place + 1) << (Layout<T>::DIGITS - 1);
  T result;
  __builtin_memcpy(&result, &bits, sizeof result);
  return result;
}

// digits * 10^exponent
template <class N>
struct Decimal {
  N digits;
  int exponent;
};

// The exponent of the first decimal digit, or one less, from that of the first binary one.
inline int first_digit(Extended value) { return int((int32_t(value.exponent + 63) * 1233) >> 12); }

// The fewest digits that read back as the same value (which is finite and above zero).
__attribute__((noinline, unused)) static Decimal<uint64_t> shortest(double value) {
  const Extended exact = unpacked(value);
  int first = first_digit(exact);
  const Extended next = scaled(extended(1), first + 1);
  if (exact.exponent > next.exponent || (exact.exponent == next.exponent && exact.digits >= next.digits)) ++first;
  Decimal<uint64_t> result = {0, 0};
  for (int count = 1; count <= 17; ++count) {
    result.exponent = first - count + 1;
    const Extended digits = scaled(exact, -result.exponent);
    result.digits = ((digits.digits >> (-digits.exponent - 1)) + 1) >> 1;
    if (packed<double>(scaled(extended(result.digits), result.exponent)) == value) break;
  }
  for (; result.digits % 10 == 0; result.digits /= 10) ++result.exponent;
  return result;
}

// The same with fewer steps, for the small chips that have no more than this: what reads back lies at most half a binary digit away. All is
// counted in units of 2^-34 of the ninth decimal digit.
__attribute__((noinline, unused)) static Decimal<uint32_t> shortest(float value) {
  const Extended exact = unpacked(value);
  Decimal<uint32_t> result = {0, first_digit(exact) - 8};
  Extended nine = scaled(exact, -result.exponent);
  if (nine.exponent > -34 || nine.digits >> (-34 - nine.exponent) >= uint64_t(1000000000) << 34)
    nine = scaled(exact, -++result.exponent);
  const uint64_t whole = nine.digits >> (-34 - nine.exponent);
  int below = exact.exponent + 40 < -149 ? -149 - exact.exponent : 40;  // so many bits does float cut off
  const bool even = !(exact.digits >> below & 1), lowest = exact.digits == HIGHEST_BIT && below == 40 && exact.exponent > -189;
  const Extended scale = quotient(nine, exact);
  const uint64_t half = scale.digits >> (-33 - scale.exponent - exact.exponent - below);
  uint32_t unit = 100000000;
  for (;; unit /= 10) {
    const uint32_t digits = uint32_t(whole >> 34);
    result.digits = unit > 1 ? (digits + unit / 2) / unit : digits + uint32_t(whole >> 33 & 1);
    const uint64_t read = uint64_t(result.digits * unit) << 34;
    const uint64_t away = read < whole ? whole - read : read - whole, limit = read < whole && lowest ? half / 2 : half;
    // A few units are lost in scaling; what is that near to the middle between two values is the middle, which goes to the even one.
    if (unit == 1 || away + 8 < limit || (away <= limit + 8 && even)) break;
  }
  for (; unit > 1; unit /= 10) ++result.exponent;
  for (; result.digits % 10 == 0; result.digits /= 10) ++result.exponent;
  return result;
}

}  // namespace rung

#endif
