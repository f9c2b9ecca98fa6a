// What a board's tables point to: what the firmware tells of itself, and the variables that are forced.
//
// Included inside a namespace, before the program's bodies, and before any header of the platform, whose macros would get in their way.
#ifndef RUNG_BOARD_STATE_HPP
#define RUNG_BOARD_STATE_HPP

// Times in microseconds. `due` is when the next scan begins, `lost` what an overrun took and the program's time has not gone on by yet.
struct Course {
  uint32_t scans, scan_us, scan_max_us, overruns, due;
  uint16_t lost;
};
static Course course;
static bool halted;

// Values may be wrong soon, or are already: no more scans, outputs off.
#ifdef RUNG_STACK_WATCHED
static void halt() __attribute__((noinline, noreturn, used));
__attribute__((noinline)) static void watch_stack() {
  if (board::stack_is_short()) halt();
}
#undef ENTER
#define ENTER() watch_stack()
#endif

// A variable that is forced; where `size` is 0, none.
struct Forced {
  uint8_t *at;
  uint8_t size;
  uint8_t value[RUNG_FORCED_BYTES];
};
static Forced forced[RUNG_MAX_FORCES];

// Bodies ask after every assignment. An AVR tests a bit of this register, which has no other use, in one instruction.
#if defined(__AVR_ATmega328P__) || defined(__AVR_ATmega2560__) || defined(__AVR_ATmega32U4__)
static inline volatile uint8_t &forcing_register() { return *reinterpret_cast<volatile uint8_t *>(0x3E); }  // GPIOR0
__attribute__((always_inline)) static inline bool forcing() { return (forcing_register() & 1) != 0; }
static inline void set_forcing(bool on) { forcing_register() = on; }
#else
static bool forcing_flag;
__attribute__((always_inline)) static inline bool forcing() { return forcing_flag; }
static inline void set_forcing(bool on) { forcing_flag = on; }
#endif

static Forced *forced_at(const void *at) {
  for (Forced *one = forced; one != forced + RUNG_MAX_FORCES; ++one)
    if (one->at == at) return one;
  return nullptr;
}

// Give forced variables their values again, after something has been written: to the one at a place, to all among the bytes there, to all.
__attribute__((noinline)) static void keep_forced_at(const void *at) {
  const Forced *const one = forced_at(at);
  if (one) __builtin_memcpy(one->at, one->value, one->size);
}

__attribute__((noinline)) static void keep_forced_among(const void *from, uintptr_t size) {
  for (const Forced *one = forced; one != forced + RUNG_MAX_FORCES; ++one)
    if (one->at && uintptr_t(one->at) - uintptr_t(from) < size) __builtin_memcpy(one->at, one->value, one->size);
}

static inline void keep_all_forced() { keep_forced_among(nullptr, UINTPTR_MAX); }

template <class T>
static inline void keep_forced(T &place) {
  if (__is_class(T))
    keep_forced_among(&place, sizeof place);
  else
    keep_forced_at(&place);
}

// False when as many variables as there is room for are forced already.
static bool force(uint8_t *at, const uint8_t *value, uint8_t size) {
  Forced *one = forced_at(at);
  if (!one) one = forced_at(nullptr);
  if (!one) return false;
  one->at = at;
  one->size = size;
  __builtin_memcpy(one->value, value, size);
  __builtin_memcpy(at, value, size);
  set_forcing(true);
  return true;
}

static void release(const uint8_t *at) {
  Forced *const one = forced_at(at);
  if (!one) return;
  one->at = nullptr;
  one->size = 0;
  bool any = false;
  for (const Forced *other = forced; other != forced + RUNG_MAX_FORCES; ++other) any |= other->size != 0;
  set_forcing(any);
}

// A variable that VAR_CONFIG located gives its cell what the scan has changed, for others may have the same cell; what is forced goes there after
// all others.
static inline void give_back(void *cell, const void *mine, const void *before, uint8_t size) {
  if (__builtin_memcmp(mine, before, size) != 0) __builtin_memcpy(cell, mine, size);
}

static inline void give_forced(void *cell, const void *mine, uint8_t size) {
  if (forced_at(mine)) __builtin_memcpy(cell, mine, size);
}

#endif
