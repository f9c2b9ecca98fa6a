// The debug channel's way into a program: the C functions that the runtime calls, all defined in program.cpp.
//
// Addresses are (array, element): array 0 holds the configuration's globals, then each program instance has its own.
#ifndef RUNG_DEBUG_DISPATCH_HPP
#define RUNG_DEBUG_DISPATCH_HPP

#include <stddef.h>
#include <stdint.h>

extern "C" {
uint8_t strucpp_debug_array_count(void);
uint16_t strucpp_debug_elem_count(uint8_t array);
uint16_t strucpp_debug_size(uint8_t array, uint16_t element);
uint16_t strucpp_debug_read(uint8_t array, uint16_t element, uint8_t *to);
uint8_t strucpp_debug_set(uint8_t array, uint16_t element, bool forcing, const uint8_t *value, uint16_t length);
uint8_t strucpp_debug_write(uint8_t array, uint16_t element, const uint8_t *value, uint16_t length);
}

namespace strucpp {
namespace debug {

// Runtimes from 4.2 on look variables up through these.
struct Entry {
  void *ptr;
  uint8_t tag;
};
Entry read_entry(uint8_t array, uint16_t element);
inline uint16_t handle_size(uint8_t array, uint16_t element) { return strucpp_debug_size(array, element); }
inline uint16_t handle_read(uint8_t array, uint16_t element, uint8_t *to) { return strucpp_debug_read(array, element, to); }

}  // namespace debug
}  // namespace strucpp

#endif
