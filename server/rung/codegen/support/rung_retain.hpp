// Packs the RETAIN variables into one block and takes them back. Included after the debug channel's tables.
//
// The block: magic, format, hash of the variables' names and types, check sum of the values, then the values as on the debug channel.
#ifndef RUNG_RETAIN_HPP
#define RUNG_RETAIN_HPP

namespace strucpp {
namespace retain {

const uint32_t MAGIC = 0x474E5552, FORMAT = 1;
const size_t HEAD = 16;

static uint32_t check_sum(const uint8_t *data, size_t length) {
  uint32_t sum = 0xFFFFFFFF;
  for (size_t i = 0; i < length; ++i) {
    sum ^= data[i];
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (sum & 1 ? 0xEDB88320 : 0);
  }
  return ~sum;
}

static uint32_t word(const uint8_t *from) {
  uint32_t value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

size_t blob_size(SizeOf size) {
  size_t length = 0;
  for (const RetainRange *range = retained; range->count; ++range)
    for (uint16_t i = 0; i < range->count; ++i) length += size(range->array, uint16_t(range->first + i));
  return length ? HEAD + length : 0;
}

size_t pack(uint8_t *to, size_t room, Read read, SizeOf size) {
  const size_t length = blob_size(size);
  if (length == 0 || length > room) return 0;
  uint8_t *at = to + HEAD;
  for (const RetainRange *range = retained; range->count; ++range)
    for (uint16_t i = 0; i < range->count; ++i) at += read(range->array, uint16_t(range->first + i), at);
  const uint32_t head[] = {MAGIC, FORMAT, debug::retain_layout_hash, check_sum(to + HEAD, size_t(at - to) - HEAD)};
  __builtin_memcpy(to, head, HEAD);
  return size_t(at - to);
}

// Nothing is written unless everything fits.
LoadResult unpack(const uint8_t *from, size_t length, Write write, SizeOf size) {
  if (length == 0) return LoadResult::Empty;
  if (length < HEAD) return LoadResult::Truncated;
  if (word(from) != MAGIC) return LoadResult::BadMagic;
  if (word(from + 4) != FORMAT) return LoadResult::BadFormat;
  if (word(from + 8) != debug::retain_layout_hash) return LoadResult::StaleLayout;
  if (length != blob_size(size)) return LoadResult::Truncated;
  if (word(from + 12) != check_sum(from + HEAD, length - HEAD)) return LoadResult::BadCrc;
  const uint8_t *at = from + HEAD;
  for (const RetainRange *range = retained; range->count; ++range)
    for (uint16_t i = 0; i < range->count; ++i) {
      const uint16_t element = uint16_t(range->first + i), bytes = size(range->array, element);
      // The image belongs to the runtime, which has to be told; all other variables are ours, and no task runs yet.
      if (!restore(range->array, element, at)) write(range->array, element, at, bytes);
      at += bytes;
    }
  return LoadResult::Ok;
}

}  // namespace retain
}  // namespace strucpp

#endif
