// Times and dates (ed. 3 tables 35 and 36): the calendar, arithmetic, and their literals as text.
#ifndef RUNG_DATETIME_HPP
#define RUNG_DATETIME_HPP

#include "rung_convert.hpp"

namespace rung {

// Sums and differences wrap like every integer.
inline Moment plus(Moment left, Moment right) { return Moment(MomentBits(left) + MomentBits(right)); }
inline Moment minus(Moment left, Moment right) { return Moment(MomentBits(left) - MomentBits(right)); }

// How long it is from `second` to `first`, and a number of milliseconds as TIME. On boards TIME ends before what can be asked for; then it
// counts a fault and gives its end, because with another sign a timer would be over at once.
#ifdef RUNG_BOARD
inline Duration fitting(int64_t ticks) {
  const int64_t fits = at_most(ticks, highest<Duration>());
  if (fits != ticks) fault();
  return Duration(fits);
}

inline Duration between(Moment first, Moment second) { return fitting(minus(first, second)); }

template <class N>
inline Duration milliseconds(N value) {
  return sizeof(N) < sizeof(Duration) || (sizeof(N) == sizeof(Duration) && N(-1) < N(1)) ? Duration(value) : fitting(within_long(value));
}
#else
inline Duration between(Moment first, Moment second) { return minus(first, second); }

template <class N>
inline Duration milliseconds(N value) {
  return Duration(DurationBits(value) * DurationBits(TICKS_PER_MS));
}
#endif

// The part of a point in time, or of a duration, since the midnight before it.
template <class T>
inline Clock time_of_day(T time) {
  const T rest = time % T(TICKS_PER_DAY);
  return Clock(rest < T(0) ? rest + T(TICKS_PER_DAY) : rest);
}

inline Moment date_of(Moment time) { return minus(time, time_of_day(time)); }

// A clock that runs over midnight begins anew.
inline Clock clock_plus(Clock clock, Duration time) { return time_of_day<Clock>(time_of_day(clock) + time_of_day(time)); }
inline Clock clock_minus(Clock clock, Duration time) { return time_of_day<Clock>(time_of_day(clock) - time_of_day(time)); }

#if __DBL_MANT_DIG__ < 53
// float is too short for a Duration, so the product is computed from the factor's digits: factor = digits * 2^exponent.
inline int64_t digits_of(float factor, int& exponent) {
  uint32_t bits;
  __builtin_memcpy(&bits, &factor, sizeof bits);
  exponent = int(bits >> 23 & 255);
  const int32_t digits = int32_t(bits & 0x7FFFFF) + (exponent != 0 ? 0x800000 : 0);
  exponent = (exponent != 0 ? exponent : 1) - 150;
  return bits >> 31 ? -digits : digits;
}

// The integer nearest to value * 2^exponent, ties to even, as far as a Duration goes. |value| is below 2^62.
inline Duration nearest_duration(int64_t value, int exponent) {
  const bool negative = value < 0;
  uint64_t size = negative ? uint64_t(0) - uint64_t(value) : uint64_t(value);
  for (; exponent > 0 && size >> 32 == 0 && size != 0; --exponent) size <<= 1;
  bool below = false, half = false;  // what was shifted out: less than a half, and the half itself
  for (; exponent < 0 && size != 0; ++exponent, size >>= 1) {
    below = below || half;
    half = size & 1;
  }
  if (exponent < 0) half = false;
  if (half && (below || (size & 1))) ++size;
  const uint64_t limit = uint64_t(highest<Duration>()) + negative;
  if (size > limit) {
    fault();
    size = limit;
  }
  return Duration(negative ? DurationBits(0) - DurationBits(size) : DurationBits(size));
}

inline Duration multiplied(Duration time, float factor) {
  if (!__builtin_isfinite(factor)) return rounded<Duration>(float(time) * factor);
  int exponent;
  const int64_t digits = digits_of(factor, exponent);
  return nearest_duration(time * digits, exponent);
}

inline Duration divided(Duration time, float divisor) {
  if (divisor == 0.0f) {
    fault();
    return 0;
  }
  if (!__builtin_isfinite(divisor)) return rounded<Duration>(float(time) / divisor);
  int exponent;
  const int64_t digits = digits_of(divisor, exponent), wide = int64_t(time) * (int64_t(1) << 30);
  // A bit below says whether something was cut off.
  return nearest_duration(wide / digits * 2 + (wide % digits == 0 ? 0 : (wide < 0) == (digits < 0) ? 1 : -1), -31 - exponent);
}
#else
inline Duration multiplied(Duration time, double factor) { return rounded<Duration>(double(time) * factor); }
inline Duration divided(Duration time, double divisor) {
  if (divisor == 0.0) {
    fault();
    return 0;
  }
  return rounded<Duration>(double(time) / divisor);
}
#endif

struct CalendarDate {
  int year, month, day;
};

// The Gregorian calendar, in years that begin in March, so that a leap day is a year's last.
inline CalendarDate calendar(Moment date) {
  const int32_t days = int32_t((date - time_of_day(date)) / TICKS_PER_DAY) + 719468;  // since 0000-03-01
  const int32_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int32_t day_of_era = days - era * 146097;
  const int32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int32_t month = (5 * day_of_year + 2) / 153;
  CalendarDate result;
  result.day = int(day_of_year - (153 * month + 2) / 5 + 1);
  result.month = int(month < 10 ? month + 3 : month - 9);
  result.year = int(year_of_era + era * 400 + (result.month <= 2 ? 1 : 0));
  return result;
}

inline int32_t days_since_1970(int32_t year, int32_t month, int32_t day) {
  if (month <= 2) --year;
  const int32_t era = (year >= 0 ? year : year - 399) / 400;
  const int32_t year_of_era = year - era * 400;
  const int32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

// A date that does not exist, or that nanoseconds since 1970 in 64 bits cannot tell, counts a fault and gives 1970-01-01.
inline Moment concat_date(Count year, Count month, Count day) {
  if (year >= 1678 && year <= 2261 && month >= 1 && month <= 12 && day >= 1 && day <= 31) {
    const Moment date = days_since_1970(int32_t(year), int32_t(month), int32_t(day)) * Moment(TICKS_PER_DAY);
    if (calendar(date).day == int(day)) return date;
  }
  fault();
  return 0;
}

// A time that no clock shows counts a fault and gives midnight.
inline Clock concat_tod(Count hour, Count minute, Count second, Count millisecond) {
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || millisecond < 0 || millisecond > 999) {
    fault();
    return 0;
  }
  return Clock((hour * 60 + minute) * 60 + second) * TICKS_PER_S + Clock(millisecond) * TICKS_PER_MS;
}

inline Moment concat_dt(Count year, Count month, Count day, Count hour, Count minute, Count second, Count millisecond) {
  return concat_date(year, month, day) + concat_tod(hour, minute, second, millisecond);
}

inline Moment concat_date_tod(Moment date, Clock clock) { return plus(date_of(date), time_of_day(clock)); }

// 0 is Sunday.
inline int day_of_week(Moment date) {
  const int day = int((int32_t(date_of(date) / TICKS_PER_DAY) + 4) % 7);
  return day < 0 ? day + 7 : day;
}

inline void split_date(Moment date, int16_t& year, int16_t& month, int16_t& day) {
  const CalendarDate parts = calendar(date);
  year = int16_t(parts.year);
  month = int16_t(parts.month);
  day = int16_t(parts.day);
}

template <class T>
inline void split_tod(T clock, int16_t& hour, int16_t& minute, int16_t& second, int16_t& millisecond) {
  const int32_t in_ms = int32_t(time_of_day(clock) / TICKS_PER_MS);
  hour = int16_t(in_ms / 3600000);
  minute = int16_t(in_ms / 60000 % 60);
  second = int16_t(in_ms / 1000 % 60);
  millisecond = int16_t(in_ms % 1000);
}

inline void split_dt(Moment time, int16_t& year, int16_t& month, int16_t& day, int16_t& hour, int16_t& minute, int16_t& second,
                     int16_t& millisecond) {
  split_date(time, year, month, day);
  split_tod(time, hour, minute, second, millisecond);
}

// Text. The prefix is the literal's: T#, LTIME#, D#, TOD#, DT#, ...

struct DurationUnit {
  const char* name;
  uint64_t ns;
};

inline const DurationUnit* duration_units() {
  static const DurationUnit units[] = {{"D", 86400000000000u}, {"H", 3600000000000u}, {"MS", 1000000u}, {"M", 60000000000u},
                                       {"S", 1000000000u},     {"US", 1000u},         {"NS", 1u},       {"", 0u}};
  return units;
}

// T#1d2h3m4s5ms6us7ns, parts that are zero left out.
inline LongString duration_to_string(Duration time, StringView prefix) {
  static const uint8_t order[] = {0, 1, 3, 4, 2, 5, 6};
  LongString text(prefix);
  if (time == 0) {
    append(text, StringView{"0ms", 3});
    return text;
  }
  if (time < 0) append_character(text, '-');
  DurationBits rest = time < 0 ? DurationBits(0) - DurationBits(time) : DurationBits(time);
  for (unsigned i = 0; i < sizeof(order); ++i) {
    const DurationUnit& unit = duration_units()[order[i]];
    const DurationBits ticks = DurationBits(unit.ns / NS_PER_TICK);
    if (ticks == 0) break;
    const DurationBits count = rest / ticks;
    rest %= ticks;
    if (count == 0) continue;
    append_number(text, count);
    for (const char* letter = unit.name; *letter != '\0'; ++letter) append_character(text, char(*letter - 'A' + 'a'));
  }
  return text;
}

inline void append_date(LongString& text, Moment date) {
  const CalendarDate parts = calendar(date);
  append_number(text, uint32_t(parts.year), 4);
  append_character(text, '-');
  append_number(text, uint32_t(parts.month), 2);
  append_character(text, '-');
  append_number(text, uint32_t(parts.day), 2);
}

// hh:mm:ss, then milli-, micro- or nanoseconds where they are not zero.
inline void append_clock(LongString& text, Clock clock) {
  const uint32_t seconds = uint32_t(clock / TICKS_PER_S), ns = uint32_t(clock % TICKS_PER_S) * uint32_t(NS_PER_TICK);
  append_number(text, seconds / 3600, 2);
  append_character(text, ':');
  append_number(text, seconds / 60 % 60, 2);
  append_character(text, ':');
  append_number(text, seconds % 60, 2);
  if (ns == 0) return;
  append_character(text, '.');
  if (ns % 1000000 == 0)
    append_number(text, ns / 1000000, 3);
  else if (ns % 1000 == 0)
    append_number(text, ns / 1000, 6);
  else
    append_number(text, ns, 9);
}

inline LongString date_to_string(Moment date, StringView prefix) {
  LongString text(prefix);
  append_date(text, date);
  return text;
}

inline LongString clock_to_string(Clock clock, StringView prefix) {
  LongString text(prefix);
  append_clock(text, time_of_day(clock));
  return text;
}

inline LongString date_and_time_to_string(Moment time, StringView prefix) {
  LongString text(prefix);
  append_date(text, time);
  append_character(text, '-');
  append_clock(text, time_of_day(time));
  return text;
}

// Text that is no such literal counts a fault and gives 0. The prefix may be missing.

inline Reader after_prefix(StringView text) {
  Reader reader = {text, 0};
  for (int i = 0; i < text.length; ++i)
    if (text.text[i] == '#') reader.at = i + 1;
  reader.skip_blanks();
  return reader;
}

// A number with a fraction, in units of `unit`; `digits` is what stood before the point.
inline uint64_t with_fraction(Reader& reader, uint64_t digits, uint64_t unit, bool& overflow) {
#if __DBL_MANT_DIG__ < 53
  uint64_t fraction = 0, place = unit;  // float is too short; what is lost here is less than a nanosecond a digit
  if (reader.take('.'))
    for (; reader.next() >= '0' && reader.next() <= '9'; ++reader.at) fraction += uint64_t(reader.next() - '0') * (place /= 10);
#else
  double part = 0.0, place = 1.0;
  if (reader.take('.'))
    for (; reader.next() >= '0' && reader.next() <= '9'; ++reader.at) part += (reader.next() - '0') * (place /= 10.0);
  const uint64_t fraction = uint64_t(part * double(unit) + 0.5);
#endif
  overflow = overflow || digits > uint64_t(highest<int64_t>()) / unit;
  return digits * unit + fraction;
}

inline Duration to_duration(StringView text) {
  Reader reader = after_prefix(text);
  const bool negative = reader.negative();
  uint64_t sum = 0;
  bool overflow = false, valid = false;
  while (!reader.finished()) {
    uint64_t digits = 0;
    valid = reader.digits(10, digits, overflow) > 0;
    const int point = reader.at;
    if (reader.take('.'))
      while (reader.next() >= '0' && reader.next() <= '9') ++reader.at;
    const DurationUnit* unit = duration_units();
    while (unit->ns != 0 && !reader.take_word(unit->name)) ++unit;
    valid = valid && unit->ns != 0;
    if (!valid) break;
    Reader again = {text, point};
    sum += with_fraction(again, digits, unit->ns, overflow);
    overflow = overflow || sum > uint64_t(highest<int64_t>());
    reader.take('_');
  }
  if (!valid || overflow || nearest_ticks(int64_t(sum)) > int64_t(highest<Duration>())) {
    fault();
    return 0;
  }
  return duration(negative ? -int64_t(sum) : int64_t(sum));
}

inline bool read_part(Reader& reader, char separator, uint64_t& value) {
  bool overflow = false;
  return (separator == '\0' || reader.take(separator)) && reader.digits(10, value, overflow) > 0 && !overflow && value < 10000;
}

inline bool read_date(Reader& reader, Moment& date) {
  uint64_t year = 0, month = 0, day = 0;
  if (!read_part(reader, '\0', year) || !read_part(reader, '-', month) || !read_part(reader, '-', day)) return false;
  date = concat_date(Count(year), Count(month), Count(day));
  return true;
}

inline bool read_clock(Reader& reader, Clock& clock) {
  uint64_t hour = 0, minute = 0, second = 0;
  if (!read_part(reader, '\0', hour) || !read_part(reader, ':', minute)) return false;
  bool overflow = false;
  if (reader.next() == ':' && !read_part(reader, ':', second)) return false;
  clock = concat_tod(Count(hour), Count(minute), Count(second), 0);
  clock += clock_time(int64_t(with_fraction(reader, 0, 1000000000u, overflow)));
  return true;
}

template <class T>
inline T checked(bool valid, T time) {
  if (valid) return time;
  fault();
  return 0;
}

inline Moment to_date(StringView text) {
  Reader reader = after_prefix(text);
  Moment date = 0;
  const bool valid = read_date(reader, date);
  return checked(valid && reader.finished(), date);
}

inline Clock to_clock(StringView text) {
  Reader reader = after_prefix(text);
  Clock clock = 0;
  const bool valid = read_clock(reader, clock);
  return checked(valid && reader.finished(), clock);
}

// Date and clock with a hyphen between them, as in the literal, or a blank or a T, as elsewhere.
inline Moment to_date_and_time(StringView text) {
  Reader reader = after_prefix(text);
  Moment date = 0;
  Clock clock = 0;
  const bool valid = read_date(reader, date) && (reader.take('-') || reader.take(' ') || reader.take('T')) && read_clock(reader, clock);
  return checked<Moment>(valid && reader.finished(), plus(date, clock));
}

}  // namespace rung

#endif
