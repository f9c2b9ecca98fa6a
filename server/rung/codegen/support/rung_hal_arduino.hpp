// A board by the functions of its Arduino core: clock, serial port, and on AVRs the watchdog, which cores of other chips have each their own
// way to and which is not used there.
//
// Included at file scope, after rung_link.hpp.
#ifndef RUNG_HAL_ARDUINO_HPP
#define RUNG_HAL_ARDUINO_HPP

#include <Arduino.h>

#ifdef __AVR__
#include <avr/pgmspace.h>
#include <avr/wdt.h>
#include <util/crc16.h>
#endif
#if defined(__AVR__) && defined(WDTCSR) && defined(WDIE)
#define RUNG_WATCHDOG
#endif

namespace board {

const uint8_t PATIENCE_TO_SEND_MS = 100;
static uint32_t sending_since;

static inline uint32_t clock_us() { return micros(); }

static inline void start_watchdog() {
#ifdef RUNG_WATCHDOG
  // 2 s; a first time-out interrupts, a second one resets.
  noInterrupts();
  wdt_reset();
  WDTCSR = _BV(WDCE) | _BV(WDE);
  WDTCSR = _BV(WDIE) | _BV(WDE) | _BV(WDP2) | _BV(WDP1) | _BV(WDP0);
  interrupts();
#endif
}

static inline void feed_watchdog() {
#ifdef RUNG_WATCHDOG
  // A core that is asked for its bootloader over USB sets a shorter time and waits for it: that must not be fed.
  if ((WDTCSR & (_BV(WDP2) | _BV(WDP1) | _BV(WDP0))) == (_BV(WDP2) | _BV(WDP1) | _BV(WDP0))) wdt_reset();
#endif
}

static inline void start() {
  RUNG_SERIAL.begin(RUNG_BAUD);
  start_watchdog();
}

// Some ports of some cores cannot say how much would not block: they have only what Print has, which is always 0.
template <class P>
struct Says {
  static const bool room = true;
};
template <>
struct Says<Print> {
  static const bool room = false;
};
template <class P>
constexpr bool is_print(int (P::*)()) {
  return !Says<P>::room;
}
template <class S>
static inline auto never_says_room(S &, int) -> decltype(is_print(&S::availableForWrite)) {
  return is_print(&S::availableForWrite);
}
template <class S>
static inline bool never_says_room(S &, long) {
  return false;
}

static inline void move_bytes() {
  // No more at a time than a frame has, so that a master that never stops cannot keep a scan from its turn.
  for (uint8_t n = RUNG_FRAME; n != 0 && RUNG_SERIAL.available() > 0; --n) take_byte(uint8_t(RUNG_SERIAL.read()), false);
  if (!our_turn || sent == to_send) return;
#ifdef ARDUINO_ARCH_MBED
  const bool silent = true;
#else
  const bool silent = never_says_room(RUNG_SERIAL, 0);
#endif
  if (silent) {
    RUNG_SERIAL.write(frame, to_send);
    sent = to_send;
    listen();
    return;
  }
  const int room = RUNG_SERIAL.availableForWrite();
  if (room > 0) {
    const uint8_t rest = uint8_t(to_send - sent), part = room < rest ? uint8_t(room) : rest;
    RUNG_SERIAL.write(frame + sent, part);
    sent = uint8_t(sent + part);
    sending_since = millis();
  } else if (millis() - sending_since > PATIENCE_TO_SEND_MS) {
    sent = to_send;  // nobody is there to take it
  }
  if (sent == to_send) listen();
}

static inline void send(uint8_t length) {
  sent = 0;
  to_send = length;
  sending_since = millis();
  move_bytes();
}

}  // namespace board

#ifdef RUNG_WATCHDOG
// A bootloader may leave the watchdog on, with a time shorter than the start takes.
extern "C" __attribute__((naked, used, section(".init3"))) void rung_watchdog_off() {
  MCUSR = 0;
  wdt_disable();
}
#endif

#endif
