// The character string functions (ed. 3 table 34) and the order of strings, for STRING (C = char) and WSTRING (C = char16_t).
//
// Positions count from 1. A position or length that does not fit the string counts a fault and does what is left of the
// request: a negative length is 0, a piece that reaches past the end stops there. Results end at 254 characters.
#ifndef RUNG_STRINGS_HPP
#define RUNG_STRINGS_HPP

#include "rung_numeric.hpp"

namespace rung {

// Builds a string piece by piece; what does not fit is cut off.
template <class C>
inline void append(Text<C, MAX_LENGTH>& text, View<C> piece) {
  const int room = MAX_LENGTH - text.length, count = piece.length < room ? piece.length : room;
  __builtin_memcpy(text.text + text.length, piece.text, unsigned(count) * sizeof(C));
  text.length = uint8_t(text.length + count);
}

// The characters from `start` (0 is the first) on, at most `count`; both may be anything.
template <class C>
inline View<C> piece(View<C> text, Count start, Count count) {
  if (start < 0) start = 0;
  if (start > text.length) start = text.length;
  if (count < 0) count = 0;
  if (count > text.length - start) count = text.length - start;
  return View<C>{text.text + start, uint8_t(count)};
}

inline void fault_unless(bool fits) {
  if (!fits) fault();
}

template <class C>
inline Text<C, MAX_LENGTH> left(View<C> text, Count count) {
  fault_unless(count >= 0);
  return Text<C, MAX_LENGTH>(piece(text, 0, count));
}

template <class C>
inline Text<C, MAX_LENGTH> right(View<C> text, Count count) {
  fault_unless(count >= 0);
  if (count < 0) count = 0;
  return Text<C, MAX_LENGTH>(piece(text, text.length - (count < text.length ? count : text.length), count));
}

template <class C>
inline Text<C, MAX_LENGTH> mid(View<C> text, Count count, Count position) {
  fault_unless(count >= 0 && position >= 1);
  return Text<C, MAX_LENGTH>(position < 1 ? piece(text, 0, 0) : piece(text, position - 1, count));
}

template <class C>
inline Text<C, MAX_LENGTH> concat(View<C> first, View<C> second) {
  Text<C, MAX_LENGTH> result(first);
  append(result, second);
  return result;
}

// `position` characters of `text`, then `inserted`, then the rest.
template <class C>
inline Text<C, MAX_LENGTH> insert(View<C> text, View<C> inserted, Count position) {
  fault_unless(position >= 0 && position <= text.length);
  Text<C, MAX_LENGTH> result(piece(text, 0, position));
  append(result, inserted);
  append(result, piece(text, position, MAX_LENGTH));
  return result;
}

// `count` characters from `position` on give way to `by`. A position outside of the string leaves it as it is.
template <class C>
inline Text<C, MAX_LENGTH> replace(View<C> text, View<C> by, Count count, Count position) {
  fault_unless(count >= 0 && position >= 1 && position <= text.length);
  if (position < 1 || position > text.length) return Text<C, MAX_LENGTH>(text);
  const View<C> head = piece(text, 0, position - 1), gone = piece(text, position - 1, count);
  Text<C, MAX_LENGTH> result(head);
  append(result, by);
  append(result, piece(text, head.length + gone.length, MAX_LENGTH));
  return result;
}

template <class C>
inline Text<C, MAX_LENGTH> erase(View<C> text, Count count, Count position) {
  return replace<C>(text, View<C>{text.text, 0}, count, position);
}

// Where `sought` first begins, 0 if nowhere. Nothing is found in nothing, and the empty string nowhere.
template <class C>
inline int find(View<C> text, View<C> sought) {
  if (sought.length == 0) return 0;
  for (int start = 0; start + sought.length <= text.length; ++start)
    if (__builtin_memcmp(text.text + start, sought.text, sought.length * sizeof(C)) == 0) return start + 1;
  return 0;
}

template <class C>
inline int length(View<C> text) {
  return text.length;
}

// Negative, zero, or positive, by the characters' codes from the left; a beginning comes before the whole.
template <class C>
inline int compare(View<C> left, View<C> right) {
  typedef typename Code<C>::type Number;
  for (int i = 0; i < left.length && i < right.length; ++i) {
    const Number one = Number(left.text[i]), other = Number(right.text[i]);
    if (one != other) return one < other ? -1 : 1;
  }
  return int(left.length) - int(right.length);
}

inline bool operator==(StringView left, StringView right) { return compare(left, right) == 0; }
inline bool operator!=(StringView left, StringView right) { return compare(left, right) != 0; }
inline bool operator<(StringView left, StringView right) { return compare(left, right) < 0; }
inline bool operator>(StringView left, StringView right) { return compare(left, right) > 0; }
inline bool operator<=(StringView left, StringView right) { return compare(left, right) <= 0; }
inline bool operator>=(StringView left, StringView right) { return compare(left, right) >= 0; }
inline bool operator==(WStringView left, WStringView right) { return compare(left, right) == 0; }
inline bool operator!=(WStringView left, WStringView right) { return compare(left, right) != 0; }
inline bool operator<(WStringView left, WStringView right) { return compare(left, right) < 0; }
inline bool operator>(WStringView left, WStringView right) { return compare(left, right) > 0; }
inline bool operator<=(WStringView left, WStringView right) { return compare(left, right) <= 0; }
inline bool operator>=(WStringView left, WStringView right) { return compare(left, right) >= 0; }

}  // namespace rung

#endif
