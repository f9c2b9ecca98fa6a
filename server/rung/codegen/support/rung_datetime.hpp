// Times and dates (ed. 3 tables 35 and 36): the calendar, arithmetic, and their literals as text.
#ifndef RUNG_DATETIME_HPP
#define RUNG_DATETIME_HPP

#include "rung_convert.hpp"

namespace rung {

const int64_t NS_PER_MS = 1000000;
const int64_t NS_PER_S = 1000000000;
const int64_t NS_PER_DAY = 86400 * NS_PER_S;

// Sums and differences wrap like every integer.
inline int64_t plus(int64_t left, int64_t right) { return int64_t(uint64_t(left) + uint64_t(right)); }
inline int64_t minus(int64_t left, int64_t right) { return int64_t(uint64_t(left) - uint64_t(right)); }

// The part of a point in time, or of a duration, since the midnight before it.
inline int64_t time_of_day(int64_t time) {
  const int64_t rest = time % NS_PER_DAY;
  return rest < 0 ? rest + NS_PER_DAY : rest;
}

inline int64_t date_of(int64_t time) { return minus(time, time_of_day(time)); }

// A clock that runs over midnight begins anew.
inline int64_t clock_plus(int64_t clock, int64_t time) { return time_of_day(plus(time_of_day(clock), time_of_day(time))); }
inline int64_t clock_minus(int64_t clock, int64_t time) { return time_of_day(minus(time_of_day(clock), time_of_day(time))); }

inline int64_t multiplied(int64_t time, double factor) { return rounded<int64_t>(double(time) * factor); }
inline int64_t divided(int64_t time, double divisor) {
  if (divisor == 0.0) {
    fault();
    return 0;
  }
  return rounded<int64_t>(double(time) / divisor);
}

struct CalendarDate {
  int year, month, day;
};

// The Gregorian calendar, in years that begin in March, so that a leap day is a year's last.
inline CalendarDate calendar(int64_t date) {
  const int32_t days = int32_t((date - time_of_day(date)) / NS_PER_DAY) + 719468;  // since 0000-03-01
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
inline int64_t concat_date(int64_t year, int64_t month, int64_t day) {
  if (year >= 1678 && year <= 2261 && month >= 1 && month <= 12 && day >= 1 && day <= 31) {
    const int64_t date = days_since_1970(int32_t(year), int32_t(month), int32_t(day)) * NS_PER_DAY;
    if (calendar(date).day == int(day)) return date;
  }
  fault();
  return 0;
}

// A time that no clock shows counts a fault and gives midnight.
inline int64_t concat_tod(int64_t hour, int64_t minute, int64_t second, int64_t millisecond) {
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || millisecond < 0 || millisecond > 999) {
    fault();
    return 0;
  }
  return ((hour * 60 + minute) * 60 + second) * NS_PER_S + millisecond * NS_PER_MS;
}

inline int64_t concat_dt(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second, int64_t millisecond) {
  return concat_date(year, month, day) + concat_tod(hour, minute, second, millisecond);
}

inline int64_t concat_date_tod(int64_t date, int64_t clock) { return plus(date_of(date), time_of_day(clock)); }

// 0 is Sunday.
inline int day_of_week(int64_t date) {
  const int day = int((date_of(date) / NS_PER_DAY + 4) % 7);
  return day < 0 ? day + 7 : day;
}

inline void split_date(int64_t date, int16_t& year, int16_t& month, int16_t& day) {
  const CalendarDate parts = calendar(date);
  year = int16_t(parts.year);
  month = int16_t(parts.month);
  day = int16_t(parts.day);
}

inline void split_tod(int64_t clock, int16_t& hour, int16_t& minute, int16_t& second, int16_t& millisecond) {
  const int32_t in_ms = int32_t(time_of_day(clock) / NS_PER_MS);
  hour = int16_t(in_ms / 3600000);
  minute = int16_t(in_ms / 60000 % 60);
  second = int16_t(in_ms / 1000 % 60);
  millisecond = int16_t(in_ms % 1000);
}

inline void split_dt(int64_t time, int16_t& year, int16_t& month, int16_t& day, int16_t& hour, int16_t& minute, int16_t& second,
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
inline LongString duration_to_string(int64_t time, StringView prefix) {
  static const uint8_t order[] = {0, 1, 3, 4, 2, 5, 6};
  LongString text(prefix);
  if (time == 0) {
    append(text, StringView{"0ms", 3});
    return text;
  }
  if (time < 0) append_character(text, '-');
  uint64_t rest = time < 0 ? uint64_t(0) - uint64_t(time) : uint64_t(time);
  for (unsigned i = 0; i < sizeof(order); ++i) {
    const DurationUnit& unit = duration_units()[order[i]];
    const uint64_t count = rest / unit.ns;
    rest %= unit.ns;
    if (count == 0) continue;
    append_number(text, count);
    for (const char* letter = unit.name; *letter != '\0'; ++letter) append_character(text, char(*letter - 'A' + 'a'));
  }
  return text;
}

inline void append_date(LongString& text, int64_t date) {
  const CalendarDate parts = calendar(date);
  append_number(text, uint64_t(parts.year), 4);
  append_character(text, '-');
  append_number(text, uint64_t(parts.month), 2);
  append_character(text, '-');
  append_number(text, uint64_t(parts.day), 2);
}

// hh:mm:ss, then milli-, micro- or nanoseconds where they are not zero.
inline void append_clock(LongString& text, int64_t time) {
  const int64_t clock = time_of_day(time);
  const uint32_t seconds = uint32_t(clock / NS_PER_S), ns = uint32_t(clock % NS_PER_S);
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

inline LongString date_to_string(int64_t date, StringView prefix) {
  LongString text(prefix);
  append_date(text, date);
  return text;
}

inline LongString clock_to_string(int64_t clock, StringView prefix) {
  LongString text(prefix);
  append_clock(text, clock);
  return text;
}

inline LongString date_and_time_to_string(int64_t time, StringView prefix) {
  LongString text(prefix);
  append_date(text, time);
  append_character(text, '-');
  append_clock(text, time);
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
  double fraction = 0.0, place = 1.0;
  if (reader.take('.'))
    for (; reader.next() >= '0' && reader.next() <= '9'; ++reader.at) fraction += (reader.next() - '0') * (place /= 10.0);
  overflow = overflow || digits > uint64_t(highest<int64_t>()) / unit;
  return digits * unit + uint64_t(fraction * double(unit) + 0.5);
}

inline int64_t to_duration(StringView text) {
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
  if (!valid || overflow) {
    fault();
    return 0;
  }
  return negative ? -int64_t(sum) : int64_t(sum);
}

inline bool read_part(Reader& reader, char separator, uint64_t& value) {
  bool overflow = false;
  return (separator == '\0' || reader.take(separator)) && reader.digits(10, value, overflow) > 0 && !overflow && value < 10000;
}

inline bool read_date(Reader& reader, int64_t& date) {
  uint64_t year = 0, month = 0, day = 0;
  if (!read_part(reader, '\0', year) || !read_part(reader, '-', month) || !read_part(reader, '-', day)) return false;
  date = concat_date(int64_t(year), int64_t(month), int64_t(day));
  return true;
}

inline bool read_clock(Reader& reader, int64_t& clock) {
  uint64_t hour = 0, minute = 0, second = 0;
  if (!read_part(reader, '\0', hour) || !read_part(reader, ':', minute)) return false;
  bool overflow = false;
  if (reader.next() == ':' && !read_part(reader, ':', second)) return false;
  clock = plus(concat_tod(int64_t(hour), int64_t(minute), int64_t(second), 0), int64_t(with_fraction(reader, 0, NS_PER_S, overflow)));
  return true;
}

inline int64_t checked(bool valid, int64_t time) {
  if (valid) return time;
  fault();
  return 0;
}

inline int64_t to_date(StringView text) {
  Reader reader = after_prefix(text);
  int64_t date = 0;
  const bool valid = read_date(reader, date);
  return checked(valid && reader.finished(), date);
}

inline int64_t to_clock(StringView text) {
  Reader reader = after_prefix(text);
  int64_t clock = 0;
  const bool valid = read_clock(reader, clock);
  return checked(valid && reader.finished(), clock);
}

// Date and clock with a hyphen between them, as in the literal, or a blank or a T, as elsewhere.
inline int64_t to_date_and_time(StringView text) {
  Reader reader = after_prefix(text);
  int64_t date = 0, clock = 0;
  const bool valid = read_date(reader, date) && (reader.take('-') || reader.take(' ') || reader.take('T')) && read_clock(reader, clock);
  return checked(valid && reader.finished(), plus(date, clock));
}

}  // namespace rung

#endif
