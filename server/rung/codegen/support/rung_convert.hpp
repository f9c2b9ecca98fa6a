// Numbers to strings and back, STRING to WSTRING and back (ed. 3 tables 22 and 23).
//
// A number becomes the literal that stands for it: 42, -7, TRUE, 0.1, 1.5E20. From a string any integer literal is read, with
// blanks around it, `_` between digits, and a base (16#1F). Text that is not a number counts a fault and gives the number that
// it begins with, else 0; one out of range counts a fault and gives the nearest end of the range.
#ifndef RUNG_CONVERT_HPP
#define RUNG_CONVERT_HPP

#include "rung_decimal.hpp"
#include "rung_strings.hpp"

namespace rung {

typedef String<MAX_LENGTH> LongString;
typedef WString<MAX_LENGTH> LongWString;

inline void append_character(LongString& text, char character) { append(text, StringView{&character, 1}); }

// `value` in decimal with at least `digits` digits.
template <class N>
inline void append_number(LongString& text, N value, int digits = 1) {
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

template <class N>
inline LongString unsigned_to_string(N value) {
  LongString text = empty_string();
  append_number<typename Wider<N>::type>(text, value);
  return text;
}

template <class N>
inline LongString signed_to_string(N value) {
  typedef typename Wider<N>::type Size;
  LongString text = empty_string();
  if (value < 0) append_character(text, '-');
  append_number<Size>(text, value < 0 ? Size(0) - Size(value) : Size(value));
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

inline void append_zeros(LongString& text, int count) {
  while (count-- > 0) append_character(text, '0');
}

template <class N>
__attribute__((noinline, unused)) static LongString decimal_to_string(Decimal<N> value, bool negative) {
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
__attribute__((noinline, unused)) static LongString real_to_string(T value) {
  if (value != value) return LongString(StringView{"NaN", 3});
  const bool negative = value < 0;
  if (negative) value = -value;
  if (value == 0) return LongString(StringView{"0.0", 3});
  if (!__builtin_isfinite(value)) return negative ? LongString(StringView{"-Inf", 4}) : LongString(StringView{"Inf", 3});
  return decimal_to_string(shortest(value), negative);
}

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
  template <class N>
  int digits(unsigned base, N& value, bool& overflow) {
    int count = 0;
    for (; at < text.length; ++at) {
      const char character = next_upper();
      if (character == '_' && count > 0) continue;
      const unsigned digit = character >= '0' && character <= '9'   ? unsigned(character - '0')
                             : character >= 'A' && character <= 'F' ? unsigned(character - 'A') + 10
                                                                    : 99;
      if (digit >= base) break;
      if (value > N(~N(0) - digit) / base)
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

template <class N>
struct Magnitude {
  N value;
  bool negative, valid;
};

template <class N>
inline Magnitude<N> read_integer(StringView text) {
  Reader reader = {text, 0};
  Magnitude<N> result = {0, false, false};
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
  if (overflow) result.value = N(~N(0));
  return result;
}

template <class T>
inline T to_integer(StringView text) {
  typedef typename Wider<T>::type Size;
  const Magnitude<Size> read = read_integer<Size>(text);
  const Size limit = read.negative ? Size(0) - Size(lowest<T>()) : Size(highest<T>());
  if (!read.valid || read.value > limit) fault();
  if (read.value > limit) return read.negative ? lowest<T>() : highest<T>();
  return T(read.negative ? Size(0) - read.value : read.value);
}

inline bool to_bool(StringView text) {
  Reader reader = {text, 0};
  reader.skip_blanks();
  const bool is_true = reader.take_word("TRUE"), is_word = is_true || reader.take_word("FALSE");
  if (!is_word) return to_integer<int64_t>(text) != 0;
  if (!reader.finished()) fault();
  return is_true;
}

__attribute__((noinline, unused)) static double to_real(StringView text) {
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
    uint32_t power = 0;
    bool overflow = false;
    valid = reader.digits(10, power, overflow) > 0;
    const int shift = overflow || power > 1000 ? 1000 : int(power);
    exponent += small ? -shift : shift;
  }
  if (!valid || !reader.finished()) fault();
  if (digits == 0) return 0.0;
  // 19 digits and an exponent beyond these are past both ends of LREAL.
  const int limit = 400;
  Extended value = scaled(extended(digits), exponent > limit ? limit : exponent < -limit ? -limit : exponent);
  // Where double is float, the value is LREAL first all the same, as everywhere else.
  if (sizeof(double) < 8) value = extended(shortened(value.digits, 11), value.exponent + 11);
  const double result = packed<double>(value);
  return negative ? -result : result;
}

}  // namespace rung

#endif
