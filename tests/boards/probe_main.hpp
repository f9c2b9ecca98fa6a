// What is around a program's scans: its tasks, and then every variable's memory in hexadecimal digits, over a chip's serial port, or here.
#ifndef PROBE_MAIN_HPP
#define PROBE_MAIN_HPP

#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#else
#include <stdio.h>
#define PROGMEM
#define pgm_read_ptr(place) (*(place))
#define pgm_read_word(place) (*(place))
#endif

namespace probe {

struct Row {
  const void *at;
  uint16_t size;
};

struct Task {
  int32_t interval;  // in milliseconds, 0: in every scan
  const bool *event;
  bool interval_given;
  void (*run)();
  int32_t next;
  bool level;
};

#ifdef __AVR__
inline void open_port() {
  UCSR0A = _BV(U2X0);
  UBRR0 = 0;
  UCSR0B = _BV(TXEN0);
}

inline void print(char character) {
  while (!(UCSR0A & _BV(UDRE0))) {
  }
  UDR0 = uint8_t(character);
}

// The emulator ends when the chip sleeps and nothing can wake it.
inline void sleep_for_good() {
  while (!(UCSR0A & _BV(TXC0))) {
  }
  cli();
  sleep_enable();
  for (;;) sleep_cpu();
}
#else
inline void open_port() {}
inline void print(char character) { putchar(character); }
inline void sleep_for_good() {}
#endif

inline void print(const void *at, uint16_t size) {
  const uint8_t *const bytes = static_cast<const uint8_t *>(at);
  for (uint16_t i = 0; i < size; ++i) {
    print("0123456789abcdef"[bytes[i] >> 4]);
    print("0123456789abcdef"[bytes[i] & 15]);
    if (i % 32 == 31) print('\n');
  }
  print('\n');
}

// Whether the task runs in the scan at `time`, and when next.
inline bool due(Task &task, int32_t time) {
  if (task.event) {
    const bool rises = *task.event && !task.level;
    task.level = *task.event;
    if (rises || task.level || !task.interval_given) return rises;
  }
  if (task.interval <= 0) return true;
  if (time < task.next) return false;
  task.next = (time / task.interval + 1) * task.interval;
  return true;
}

inline void finish(const Row *rows, uint16_t count) {
  open_port();
  print(&rung::faults, sizeof rung::faults);
  for (uint16_t i = 0; i < count; ++i)
    print(static_cast<const void *>(pgm_read_ptr(&rows[i].at)), pgm_read_word(&rows[i].size));
  print('.');
  print('\n');
  sleep_for_good();
}

}  // namespace probe

#endif
