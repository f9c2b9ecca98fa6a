// The tables of a board's program: they stay in flash, which AVRs read in a way of its own.
//
// Included inside a namespace, after the platform's headers.
#ifndef RUNG_BOARD_TABLES_HPP
#define RUNG_BOARD_TABLES_HPP

#if defined(__AVR_HAVE_ELPM__)
// The linker puts what its compiler's own tables are called first, and these must lie within the 64 KiB that a pointer reaches; a program's tables of
// initial values need not.
#define RUNG_TABLE __attribute__((section(".progmem.gcc_rung")))
#elif defined(__AVR__)
#define RUNG_TABLE PROGMEM
#else
#define RUNG_TABLE
#endif

// Variables of one type that stand side by side; those of the next row have the next numbers.
struct Row {
  void *at;
  uint16_t first;  // number of the first
  uint8_t kind;
};

// Addresses of the Modbus map. Of `count` that there are, those from 0 to below `used` have a place in modbus_cells, from `first` on, some of them none.
struct Area {
  uint16_t first;
  uint8_t used, count;
};

// `at` is in a table.
template <class T>
static inline T table_value(const T &at) {
#ifdef __AVR__
  T value;
  if (sizeof(T) == 1) {
    const uint8_t bits = pgm_read_byte(&at);
    __builtin_memcpy(&value, &bits, 1);
  } else if (sizeof(T) == 2) {
    const uint16_t bits = pgm_read_word(&at);
    __builtin_memcpy(&value, &bits, 2);
  } else {
    memcpy_P(&value, &at, sizeof(T));
  }
  return value;
#else
  return at;
#endif
}

// The same pointer, of which the compiler does not know what it points to: on AVRs an access to a known address takes twice the flash.
template <class T>
static inline T *by_pointer(T *p) {
#ifdef __AVR__
  __asm__("" : "+r"(p));
#endif
  return p;
}

// An analog value of N bits (8 to 16) as one of 16, full scale as full scale, by repeating its bits; and its first N bits.
template <int N>
static inline uint16_t widened(uint16_t value) {
  return uint16_t(value << (16 - N) | value >> (2 * N - 16));
}

template <int N>
static inline uint16_t narrowed(uint16_t value) {
  return uint16_t(value >> (16 - N));
}

#endif
