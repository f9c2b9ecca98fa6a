// Compiles if and only if a program's headers offer all that the entry of a Runtime v4.2 needs to keep retained values.
#include <cstddef>
#include <cstdint>

#include "debug_table.hpp"
#include "iec_retain.hpp"

static uint16_t size_of_leaf(uint8_t, uint16_t) { return 0; }
static uint16_t read_leaf(uint8_t, uint16_t, uint8_t*) { return 0; }
static uint8_t write_leaf(uint8_t, uint16_t, const uint8_t*, uint16_t) { return 0; }

size_t all_that_is_needed(uint8_t* to, size_t room, const uint8_t* from, size_t size) {
    const auto result = static_cast<uint8_t>(strucpp::retain::unpack(from, size, write_leaf, size_of_leaf));
    return strucpp::retain::blob_size(size_of_leaf) + strucpp::retain::pack(to, room, read_leaf, size_of_leaf) + result +
           strucpp::debug::retain_layout_hash;
}
