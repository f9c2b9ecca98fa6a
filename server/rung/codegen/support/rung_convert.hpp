// Numbers to strings and back, STRING to WSTRING and back (ed. 3 tables 22 and 23).
//
// A number becomes the literal that stands for it: 42, -7, TRUE, 0.1, 1.5E20. From a string any integer literal is read, with
// blanks around it, `_` between digits, and a base (16#1F). Text that is not a number counts a fault and gives the number that
// it begins with, else 0; one out of range counts a fault and gives the nearest end of the range.
#ifndef RUNG_CONVERT_HPP
#define RUNG_CONVERT_HPP

#include "rung_numeric.hpp"
#include "rung_strings.hpp"

namespace rung {

typedef String<MAX_LENGTH> LongString;
typedef WString<MAX_LENGTH> LongWString;

inline void append_character(LongString& text, char character) { append(text, StringView{&character, 1}); }

// `value` in decimal with at least `digits` digits.
inline void append_number(LongString& text, uint64_t value, int digits = 1) {
  char reversed[20];
  int count = 0;
  for (; value != 0 || count < digits; value /= 10) reversed[count++] = char('0' + value % 10);
  while (count > 0) append_character(text, reversed[--count]);
}

inline LongString empty_string() {
  LongString text;
  text.length = 0;
  return text;
}

inline LongString unsigned_to_string(uint64_t value) {
  LongString text = empty_string();
  append_number(text, value);
  return text;
}

inline LongString signed_to_string(int64_t value) {
  LongString text = empty_string();
  if (value < 0) append_character(text, '-');
  append_number(text, value < 0 ? uint64_t(0) - uint64_t(value) : uint64_t(value));
  return text;
}

inline LongString bool_to_string(bool value) {
  return value ? LongString(StringView{"TRUE", 4}) : LongString(StringView{"FALSE", 5});
}

inline LongString character_to_string(char value) { return LongString(StringView{&value, 1}); }
inline LongWString character_to_string(char16_t value) { return LongWString(WStringView{&value, 1}); }

// STRING holds ISO 8859-1, so its characters have the same codes in WSTRING.
inline LongWString widened(StringView from) {
  LongWString text;
  text.length = from.length;
  for (int i = 0; i < from.length; ++i) text.text[i] = char16_t(uint8_t(from.text[i]));
  return text;
}

// A character that STRING does not have becomes a question mark.
inline LongString narrowed(WStringView from) {
  LongString text;
  text.length = from.length;
  for (int i = 0; i < from.length; ++i) text.text[i] = from.text[i] < 256 ? char(from.text[i]) : '?';
  return text;
}

// value * 10^exponent, for |exponent| < 512.
inline long double scaled(long double value, int exponent) {
  long double power = 10;
  for (int rest = exponent < 0 ? -exponent : exponent; rest != 0; rest >>= 1, power *= power)
    if (rest & 1) value = exponent < 0 ? value / power : value * power;
  return value;
}

// digits * 10^exponent
struct Decimal {
  uint64_t digits;
  int exponent;
};

// The fewest digits, at most `most`, that read back as the same value (which is finite and above zero).
template <class T>
inline Decimal shortest(T value, int most) {
  int first = 0;
  for (long double rest = value; rest >= 10; rest /= 10) ++first;
  for (long double rest = value; rest < 1; rest *= 10) --first;
  Decimal result = {0, 0};
  for (int count = 1; count <= most; ++count) {
    result.exponent = first - count + 1;
    result.digits = uint64_t(scaled(value, -result.exponent) + 0.5L);
    if (T(scaled(result.digits, result.exponent)) == value) break;
  }
  for (; result.digits % 10 == 0; result.digits /= 10) ++result.exponent;
  return result;
}

inline void append_zeros(LongString& text, int count) {
  while (count-- > 0) append_character(text, '0');
}

inline LongString decimal_to_string(Decimal value, bool negative) {
  LongString text = empty_string();
  const LongString digits = unsigned_to_string(value.digits);
  const int point = digits.length + value.exponent;  // this many digits stand before the decimal point
  if (negative) append_character(text, '-');
  if (point <= -5 || point > 15) {
    append(text, piece<char>(digits, 0, 1));
    append_character(text, '.');
    append(text, digits.length > 1 ? piece<char>(digits, 1, MAX_LENGTH) : StringView{"0", 1});
    append_character(text, 'E');
    append<char>(text, signed_to_string(point - 1));
    return text;
  }
  if (point <= 0) append_character(text, '0');
  append(text, piece<char>(digits, 0, point));
  append_zeros(text, value.exponent);
  append_character(text, '.');
  append_zeros(text, -point);
  append(text, value.exponent < 0 ? piece<char>(digits, point, MAX_LENGTH) : StringView{"0", 1});
  return text;
}

template <class T>
inline LongString floating_to_string(T value, int most) {
  if (value != value) return LongString(StringView{"NaN", 3});
  const bool negative = value < 0;
  if (negative) value = -value;
  if (value == 0) return LongString(StringView{"0.0", 3});
  if (!__builtin_isfinite(value)) return negative ? LongString(StringView{"-Inf", 4}) : LongString(StringView{"Inf", 3});
  return decimal_to_string(shortest<T>(value, most), negative);
}

inline LongString real_to_string(float value) { return floating_to_string<float>(value, 9); }
inline LongString real_to_string(double value) { return floating_to_string<double>(value, 17); }

// Reads text from the left; whoever reads a whole value asks `finished` at the end.
struct Reader {
  StringView text;
  int at;

  char next() const { return at < text.length ? text.text[at] : '\0'; }

  char next_upper() const {
    const char character = next();
    return character >= 'a' && character <= 'z' ? char(character - 'a' + 'A') : character;
  }

  bool take(char character) {
    if (next_upper() != character || at >= text.length) return false;
    ++at;
    return true;
  }

  // Takes `word`, in upper or lower case, wholly or not at all.
  bool take_word(const char* word) {
    const int before = at;
    for (; *word != '\0'; ++word) {
      if (!take(*word)) {
        at = before;
        return false;
      }
    }
    return true;
  }

  void skip_blanks() {
    while (next() == ' ' || next() == '\t') ++at;
  }

  // Takes a sign.
  bool negative() {
    if (take('-')) return true;
    take('+');
    return false;
  }

  // Takes digits, with `_` between them; gives how many. Digits that no longer fit into `value` set `overflow` instead.
  int digits(unsigned base, uint64_t& value, bool& overflow) {
    int count = 0;
    for (; at < text.length; ++at) {
      const char character = next_upper();
      if (character == '_' && count > 0) continue;
      const unsigned digit = character >= '0' && character <= '9'   ? unsigned(character - '0')
                             : character >= 'A' && character <= 'F' ? unsigned(character - 'A') + 10
                                                                    : 99;
      if (digit >= base) break;
      if (value > (~uint64_t(0) - digit) / base)
        overflow = true;
      else
        value = value * base + digit;
      ++count;
    }
    return count;
  }

  // Whether nothing but blanks is left.
  bool finished() {
    skip_blanks();
    return at >= text.length;
  }
};

struct Magnitude {
  uint64_t value;
  bool negative, valid;
};

inline Magnitude read_integer(StringView text) {
  Reader reader = {text, 0};
  Magnitude result = {0, false, false};
  bool overflow = false;
  reader.skip_blanks();
  result.negative = reader.negative();
  int count = reader.digits(10, result.value, overflow);
  if (reader.next() == '#' && (result.value == 2 || result.value == 8 || result.value == 16)) {
    const unsigned base = unsigned(result.value);
    ++reader.at;
    result.value = 0;
    count = reader.digits(base, result.value, overflow);
  }
  result.valid = count > 0 && !overflow && reader.finished();
  if (overflow) result.value = ~uint64_t(0);
  return result;
}

template <class T>
inline T to_integer(StringView text) {
  const Magnitude read = read_integer(text);
  const uint64_t limit = read.negative ? uint64_t(0) - uint64_t(lowest<T>()) : uint64_t(highest<T>());
  if (!read.valid || read.value > limit) fault();
  if (read.value > limit) return read.negative ? lowest<T>() : highest<T>();
  return T(read.negative ? uint64_t(0) - read.value : read.value);
}

inline bool to_bool(StringView text) {
  Reader reader = {text, 0};
  reader.skip_blanks();
  const bool is_true = reader.take_word("TRUE"), is_word = is_true || reader.take_word("FALSE");
  if (!is_word) return to_integer<int64_t>(text) != 0;
  if (!reader.finished()) fault();
  return is_true;
}

inline double to_real(StringView text) {
  Reader reader = {text, 0};
  reader.skip_blanks();
  const bool negative = reader.negative();
  uint64_t digits = 0;
  int count = 0, exponent = 0;
  bool fraction = false;
  for (; reader.at < text.length; ++reader.at) {
    const char character = reader.next();
    if (character == '_' && count > 0) continue;
    if (character == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (character < '0' || character > '9') break;
    ++count;
    if (digits < 1000000000000000000u) {
      digits = digits * 10 + uint64_t(character - '0');
      exponent -= fraction;
    } else {
      exponent += !fraction;
    }
  }
  bool valid = count > 0;
  if (valid && reader.take('E')) {
    const bool small = reader.negative();
    uint64_t power = 0;
    bool overflow = false;
    valid = reader.digits(10, power, overflow) > 0;
    const int shift = overflow || power > 1000 ? 1000 : int(power);
    exponent += small ? -shift : shift;
  }
  if (!valid || !reader.finished()) fault();
  if (digits == 0) return 0.0;
  // 19 digits and an exponent beyond these are past both ends of LREAL.
  const int limit = 400;
  const double value = double(scaled(digits, exponent > limit ? limit : exponent < -limit ? -limit : exponent));
  return negative ? -value : value;
}

}  // namespace rung

#endif
