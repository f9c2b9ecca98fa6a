// How near the stack has come to the program's data, which nothing on an AVR keeps it from. Every POU asks when it begins, its own variables and
// texts being on the stack then; what it calls of ours takes less than STACK_MARGIN, an interrupt with it.
//
// Included at file scope.
#ifndef RUNG_STACK_HPP
#define RUNG_STACK_HPP

#if defined(__AVR_ATmega328P__) || defined(__AVR_ATmega2560__) || defined(__AVR_ATmega32U4__)
#define RUNG_STACK_WATCHED

extern "C" uint8_t __heap_start;  // the linker's: the first byte behind all data; there is no heap

namespace board {

const uint8_t STACK_MARGIN = 96;

static inline bool stack_is_short() {
  return *reinterpret_cast<volatile uint16_t *>(0x5D) < uint16_t(reinterpret_cast<uintptr_t>(&__heap_start)) + STACK_MARGIN;  // SP
}

}  // namespace board

#endif

#endif
