// An AVR without the Arduino core: its clock, serial port, converter and watchdog, by registers (ATmega328P and ATmega2560).
//
// Timer 0 runs as the Arduino core has it, so that PWM on its pins is as there. Bytes go out in interrupts: an answer never holds up a scan.
//
// Included at file scope, after rung_link.hpp.
#ifndef RUNG_HAL_AVR_HPP
#define RUNG_HAL_AVR_HPP

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/wdt.h>
#include <util/crc16.h>

#ifndef F_CPU
#define F_CPU 16000000UL
#endif

#ifdef USART0_RX_vect
#define RUNG_RECEIVED_vect USART0_RX_vect
#define RUNG_SENDABLE_vect USART0_UDRE_vect
#else
#define RUNG_RECEIVED_vect USART_RX_vect
#define RUNG_SENDABLE_vect USART_UDRE_vect
#endif

#define RUNG_WATCHDOG

namespace board {

const uint8_t US_PER_COUNT = 64 * 1000000UL / F_CPU;
static_assert(US_PER_COUNT * (F_CPU / 64) == 1000000UL, "the clock must give whole microseconds");

// With 24 bits the time wraps where its 32 bits do, or not before (up to 16 MHz).
static volatile __uint24 overflows;

static uint32_t clock_us() {
  const uint8_t status = SREG;
  cli();
  __uint24 high = overflows;
  const uint8_t low = TCNT0;
  if ((TIFR0 & _BV(TOV0)) && low < 255) ++high;
  SREG = status;
  return ((uint32_t(high) << 8) | low) * US_PER_COUNT;
}

static inline void start_watchdog() {
  // 2 s; a first time-out interrupts, a second one resets.
  cli();
  wdt_reset();
  WDTCSR = _BV(WDCE) | _BV(WDE);
  WDTCSR = _BV(WDIE) | _BV(WDE) | _BV(WDP2) | _BV(WDP1) | _BV(WDP0);
}

static inline void feed_watchdog() { wdt_reset(); }

static inline void start() {
  TCCR0A = _BV(WGM01) | _BV(WGM00);
  TCCR0B = _BV(CS01) | _BV(CS00);
  TIMSK0 = _BV(TOIE0);
  const uint16_t divisor = (F_CPU / 4 / RUNG_BAUD - 1) / 2;
  UCSR0A = _BV(U2X0);
  UBRR0H = divisor >> 8;
  UBRR0L = divisor & 0xFF;
  UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
  UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
  start_watchdog();
  sei();
}

static inline void start_adc() { ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0); }

// 10 bits against the supply voltage, in about 110 us.
__attribute__((noinline, unused)) static uint16_t read_adc(uint8_t channel) {
#ifdef MUX5
  ADCSRB = channel & 8 ? _BV(MUX5) : 0;
#endif
  ADMUX = _BV(REFS0) | (channel & 7);
  ADCSRA |= _BV(ADSC);
  while (ADCSRA & _BV(ADSC)) {
  }
  return ADC;
}

static inline void move_bytes() {}  // interrupts do

static inline void send(uint8_t length) {
  sent = 0;
  to_send = length;
  UCSR0B |= _BV(UDRIE0);
}

}  // namespace board

ISR(TIMER0_OVF_vect) { board::overflows = board::overflows + 1; }

ISR(RUNG_RECEIVED_vect) {
  const bool wrong = (UCSR0A & (_BV(FE0) | _BV(DOR0))) != 0;
  board::take_byte(UDR0, wrong);
}

ISR(RUNG_SENDABLE_vect) {
  const uint8_t at = board::sent;
  UDR0 = board::frame[at];
  board::sent = uint8_t(at + 1);
  if (board::sent == board::to_send) {
    UCSR0B &= uint8_t(~_BV(UDRIE0));
    board::listen();
  }
}

// A bootloader may leave the watchdog on, with a time shorter than the start takes.
extern "C" __attribute__((naked, used, section(".init3"))) void rung_watchdog_off() {
  MCUSR = 0;
  wdt_disable();
}

#endif
