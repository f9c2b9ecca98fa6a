// The RETAIN variables as one block of bytes, which runtimes from 4.2 on keep while the power is off. Its form is ours alone.
#ifndef RUNG_IEC_RETAIN_HPP
#define RUNG_IEC_RETAIN_HPP

#include <stddef.h>
#include <stdint.h>

#include "debug_table.hpp"

namespace strucpp {
namespace retain {

enum class LoadResult : uint8_t { Ok, Empty, BadMagic, BadFormat, BadCrc, StaleLayout, Truncated };

typedef uint16_t (*SizeOf)(uint8_t array, uint16_t element);
typedef uint16_t (*Read)(uint8_t array, uint16_t element, uint8_t *to);
typedef uint8_t (*Write)(uint8_t array, uint16_t element, const uint8_t *value, uint16_t length);

size_t blob_size(SizeOf size);
size_t pack(uint8_t *to, size_t room, Read read, SizeOf size);
LoadResult unpack(const uint8_t *from, size_t length, Write write, SizeOf size);

}  // namespace retain
}  // namespace strucpp

#endif
