// The debug codes 0x41 to 0x45 of OpenPLC's firmware: variables by one number, read, forced and released; the program's identity.
//
// Numbers of the protocol are big endian, values as the chip has them in memory; times are seconds and nanoseconds of 4 bytes each, with the
// value's sign. Scans and answers take turns, so a value is never seen half written.
//
// Included inside a namespace, after rung_modbus_rtu.hpp. The including file declares before: rows, ROWS, VARIABLES, OWN_VARIABLES, HAS_TIMES,
// HAS_DATES, HAS_TEXTS, program_md5.
#ifndef RUNG_BOARD_DEBUG_HPP
#define RUNG_BOARD_DEBUG_HPP

enum : uint8_t { DEBUG_INFO = 0x41, DEBUG_SET, DEBUG_RANGE, DEBUG_LIST, DEBUG_MD5 };
enum Status : uint8_t { DEBUG_OK = 0x7E, DEBUG_NO_SUCH = 0x81, DEBUG_TOO_LARGE = 0x82 };
// What a variable is. The low half of a kind below KIND_TEXT is the bytes in memory; a text's is KIND_TEXT and the characters that are shown.
enum Kind : uint8_t { KIND_BOOL = 0x11, KIND_TIME = 0x24, KIND_DATE = 0x28, KIND_TEXT = 0x40 };

const uint8_t MOST_LISTED = 20, VALUES_AT = 11, MD5_CHARACTERS = 32;

struct Found {
  uint8_t *at;
  uint8_t kind;
};

static inline uint8_t bytes_in_memory(uint8_t kind) {
  return HAS_TEXTS && kind >= KIND_TEXT ? uint8_t(kind - KIND_TEXT + 1) : uint8_t(kind & 0x0F);
}

static inline uint8_t bytes_shown(uint8_t kind) {
  return kind == KIND_TIME ? 8 : bytes_in_memory(kind);
}

// `number` is less than VARIABLES.
__attribute__((noinline)) static Found find(uint16_t number) {
  uint16_t at = 0;
  for (uint16_t step = ROWS_POWER; step != 0; step >>= 1)
    if (step < ROWS - at && table_value(rows[at + step].first) <= number) at += step;
  const Row &row = rows[at];
  const uint8_t kind = table_value(row.kind);
  const uintptr_t offset = uintptr_t(number - table_value(row.first)) * bytes_in_memory(kind);
  const Found found = {static_cast<uint8_t *>(table_value(row.at)) + offset, kind};
  return found;
}

static void show_pair(uint8_t *to, int32_t seconds, int32_t milliseconds) {
  const int32_t pair[2] = {seconds, milliseconds * 1000000};
  __builtin_memcpy(to, pair, sizeof pair);
}

static inline void show(const Found &found, uint8_t *to) {
  if (HAS_TIMES && found.kind == KIND_TIME) {
    int32_t value;
    __builtin_memcpy(&value, found.at, sizeof value);
    const int32_t seconds = value / 1000;
    show_pair(to, seconds, value - seconds * 1000);
  } else if (HAS_DATES && found.kind == KIND_DATE) {
    int64_t value;
    __builtin_memcpy(&value, found.at, sizeof value);
    const int64_t seconds = value / 1000;
    show_pair(to, seconds > INT32_MAX ? INT32_MAX : seconds < INT32_MIN ? INT32_MIN : int32_t(seconds), int32_t(value - seconds * 1000));
  } else {
    __builtin_memcpy(to, found.at, bytes_in_memory(found.kind));
    if (HAS_TEXTS && found.kind >= KIND_TEXT && *to > found.kind - KIND_TEXT) *to = uint8_t(found.kind - KIND_TEXT);
  }
}

static uint8_t status(uint8_t *f, Status value) {
  f[2] = value;
  return 3;
}

__attribute__((noinline)) static uint8_t set_variable(uint8_t *f) {
  const uint16_t number = number_at(f + 2);
  if (number >= VARIABLES) return status(f, DEBUG_NO_SUCH);
  const Found found = find(number);
  if (f[4] == 0) {
    release(found.at);
    return status(f, DEBUG_OK);
  }
  const uint8_t size = bytes_shown(found.kind);
  uint8_t *const value = f + 7;
  if (found.kind >= KIND_TEXT || number >= VARIABLES - OWN_VARIABLES || f[6] != size) return status(f, DEBUG_TOO_LARGE);
  if (found.kind == KIND_BOOL) {
    *value = *value != 0;
  } else if ((HAS_TIMES && found.kind == KIND_TIME) || (HAS_DATES && found.kind == KIND_DATE)) {
    int32_t pair[2];
    __builtin_memcpy(pair, value, sizeof pair);
    pair[1] /= 1000000;
    if (HAS_TIMES && found.kind == KIND_TIME) {
      const int32_t most = INT32_MAX / 1000 - 3;  // three seconds for what the other half may be
      const int32_t time = pair[0] > most ? INT32_MAX : pair[0] < -most ? INT32_MIN : pair[0] * 1000 + pair[1];
      __builtin_memcpy(value, &time, sizeof time);
    } else {
      const int64_t date = int64_t(pair[0]) * 1000 + pair[1];
      __builtin_memcpy(value, &date, sizeof date);
    }
  }
  return status(f, force(found.at, value, bytes_in_memory(found.kind)) ? DEBUG_OK : DEBUG_TOO_LARGE);
}

// Variables of a list, or from one to another. It ends early when the frame is full; the answer says which was the last.
__attribute__((noinline)) static uint8_t show_variables(uint8_t *f) {
  uint8_t list[2 * MOST_LISTED];
  const bool listed = f[1] == DEBUG_LIST;
  uint16_t number = number_at(f + 2), left = number;
  if (listed) {
    if (left > MOST_LISTED) return status(f, DEBUG_TOO_LARGE);
    __builtin_memcpy(list, f + 4, sizeof list);
  } else {
    const uint16_t end = number_at(f + 4);
    if (end >= VARIABLES || number > end) return status(f, DEBUG_NO_SUCH);
    left = uint16_t(end - number + 1);
  }
  uint8_t *to = f + VALUES_AT;
  uint16_t last = 0;
  for (const uint8_t *next = list; left != 0; --left, ++number, next += 2) {
    if (listed) number = number_at(next);
    if (number >= VARIABLES) return status(f, DEBUG_NO_SUCH);
    const Found found = find(number);
    const uint8_t size = bytes_shown(found.kind);
    if (size > f + RUNG_FRAME - 2 - to) break;
    show(found, to);
    to += size;
    last = number;
  }
  f[2] = DEBUG_OK;
  put_number(f + 3, last);
  put_number(f + 5, uint16_t(course.scans >> 16));
  put_number(f + 7, uint16_t(course.scans));
  put_number(f + 9, uint16_t(to - f - VALUES_AT));
  return uint8_t(to - f);
}

// Answers a frame in its place. Returns the answer's bytes, without a checksum; 0 when it is no debug code.
static uint8_t answer_debug(uint8_t *f) {
  switch (f[1]) {
    case DEBUG_INFO:
      put_number(f + 2, VARIABLES);
      return 4;
    case DEBUG_SET:
      return set_variable(f);
    case DEBUG_RANGE:
    case DEBUG_LIST:
      return show_variables(f);
    case DEBUG_MD5:
      f[2] = DEBUG_OK;
      for (uint8_t i = 0; i < MD5_CHARACTERS; ++i) f[3 + i] = uint8_t(table_value(program_md5[i]));
      return 3 + MD5_CHARACTERS;
    default:
      return 0;
  }
}

#endif
