// The frame that comes in on the serial line, and the one that goes out: one buffer, because a Modbus slave speaks only when asked.
//
// Bytes arrive and leave in interrupts on some boards. While it is our turn, whatever arrives is dropped, so that the frame that is being
// answered cannot change. Silence ends a frame; one of which bytes are still missing, by what it says itself, gets more patience, because USB
// hands bytes over in packets. No byte is ever written behind the buffer: a frame that is too long, or with a byte that was received wrongly, is
// dropped at the silence.
//
// Included at file scope. The including file defines RUNG_FRAME, the buffer's bytes (128 to 255), and RUNG_BAUD.
#ifndef RUNG_LINK_HPP
#define RUNG_LINK_HPP

namespace board {

// One and a half characters of 11 bits; above 19200 baud the standard has a fixed time. Silence is counted in units of 256 us: 16 bits of them
// are longer than any scan lasts.
const uint8_t UNIT_BITS = 8;
const uint16_t UNIT_US = 1 << UNIT_BITS;
const uint16_t SILENCE = (RUNG_BAUD > 19200 ? 750 : 16500000UL / RUNG_BAUD) / UNIT_US + 2;  // no less, wherever in a unit it begins
const uint16_t PATIENCE = SILENCE + 10000 / UNIT_US;
const uint8_t SHORTEST_FRAME = 4;

static uint8_t frame[RUNG_FRAME];
static volatile uint8_t received;  // bytes in `frame`
static volatile uint8_t arrivals;  // counts all bytes
static volatile bool spoilt;
static volatile bool our_turn;
static volatile uint8_t sent, to_send;

static inline void take_byte(uint8_t byte, bool wrong) {
  ++arrivals;
  if (our_turn) return;
  const uint8_t at = received;
  if (wrong || at == RUNG_FRAME) {
    spoilt = true;
  } else {
    frame[at] = byte;
    received = uint8_t(at + 1);
  }
}

static inline void listen() {
  received = 0;
  spoilt = false;
  our_turn = false;
}

// How many bytes a frame has that begins like this one; of some only once enough of it has arrived, and until then more than have.
static inline uint16_t length_of_frame(const uint8_t *f, uint8_t count) {
  switch (f[1]) {
    case 0x0F:
    case 0x10:
      return count < 7 ? 9 : 9 + f[6];
    case 0x41:
    case 0x45:
      return 6;
    case 0x42:
      return count < 7 ? 9 : f[5] != 0 ? 0xFFFF : 9 + f[6];
    case 0x44:
      return count < 4 ? 6 : f[2] != 0 || f[3] > 120 ? 6 : 6 + 2 * f[3];
    case 0x43:
      return 8;
    default:
      return f[1] <= 6 ? 8 : SHORTEST_FRAME;
  }
}

// Whether a frame has come to its end at `now` (in units). If so, it is our turn, until `listen`. The frame then
// has at least the bytes that it says it has.
static bool frame_ended(uint16_t now) {
  static uint8_t seen;
  static uint16_t last;
  if (our_turn) return false;
  const uint8_t count = received, all = arrivals;
  if (all != seen) {
    seen = all;
    last = now;
    return false;
  }
  if (count == 0 && !spoilt) return false;
  const uint16_t quiet = uint16_t(now - last);
  if (quiet < SILENCE) return false;
  if (!spoilt) {
    if (count >= SHORTEST_FRAME && count >= length_of_frame(frame, count)) {
      our_turn = true;
      return true;
    }
    if (quiet < PATIENCE) return false;
  }
  listen();
  return false;
}

}  // namespace board

#endif
