// Modbus RTU, the standard function codes 1, 2, 3, 4, 5, 6, 15 and 16 (Modbus application protocol 1.1b3).
//
// Coils are %QX, discrete inputs %IX, input registers %IW, holding registers %QW and then %MW. Addresses of the map that the program does not
// use read as 0 and take writes without effect. A master's write shows at once; where the program writes the same output, its value wins in the next scan.
//
// A frame is untrusted. That it is as long as it says has been made sure of before.
//
// Included inside a namespace, after the platform's headers. The including file declares before: modbus_cells, modbus_areas.
#ifndef RUNG_MODBUS_RTU_HPP
#define RUNG_MODBUS_RTU_HPP

enum Refusal : uint8_t { NO_SUCH_FUNCTION = 1, NO_SUCH_ADDRESS = 2, NO_SUCH_VALUE = 3 };
enum : uint8_t { COILS, CONTACTS, HOLDING_REGISTERS, INPUT_REGISTERS };

static inline uint16_t number_at(const uint8_t *p) { return uint16_t(p[0] << 8 | p[1]); }

static inline void put_number(uint8_t *p, uint16_t value) {
  p[0] = uint8_t(value >> 8);
  p[1] = uint8_t(value);
}

static uint16_t checksum(const uint8_t *p, uint8_t count) {
  uint16_t crc = 0xFFFF;
  for (; count != 0; --count) {
#ifdef __AVR__
    crc = _crc16_update(crc, *p++);  // in a quarter of the time: a scan waits for this
#else
    crc ^= *p++;
    for (uint8_t n = 8; n != 0; --n) crc = crc & 1 ? uint16_t(crc >> 1 ^ 0xA001) : uint16_t(crc >> 1);
#endif
  }
  return crc;
}

static uint8_t refuse(uint8_t *f, Refusal why) {
  f[1] |= 0x80;
  f[2] = why;
  return 3;
}

// Answers a frame in its place. Returns the answer's bytes, without a checksum.
__attribute__((noinline)) static uint8_t answer_modbus(uint8_t *f) {
  const uint8_t code = f[1];
  uint8_t number = code - 1;
  if (code == 5 || code == 15)
    number = COILS;
  else if (code == 6 || code == 16)
    number = HOLDING_REGISTERS;
  else if (number > INPUT_REGISTERS)
    return refuse(f, NO_SUCH_FUNCTION);
  const bool writes = code > 4, bits = number < HOLDING_REGISTERS;
  const uint16_t address = number_at(f + 2);
  uint16_t quantity = number_at(f + 4);
  uint8_t *data = f + 4;
  if (code == 5) {
    if (f[5] != 0 || (f[4] != 0xFF && f[4] != 0)) return refuse(f, NO_SUCH_VALUE);
  }
  if (code == 5 || code == 6) quantity = 1;
  // The standard's limits. A board's map is smaller, and all of it fits into a frame.
  if (quantity == 0 || quantity > (bits ? (writes ? 1968 : 2000) : writes ? 123 : 125)) return refuse(f, NO_SUCH_VALUE);
  const uint8_t bytes = bits ? uint8_t((quantity + 7) / 8) : uint8_t(2 * quantity);
  if (code > 6) {
    if (f[6] != bytes) return refuse(f, NO_SUCH_VALUE);
    data = f + 7;
  }
  const Area &area = modbus_areas[number];
  const uint8_t count = table_value(area.count), used = table_value(area.used);
  if (address >= count || quantity > uint8_t(count - address)) return refuse(f, NO_SUCH_ADDRESS);
  if (!writes) {
    f[2] = bytes;
    data = f + 3;
  }
  const uint16_t first = table_value(area.first);
  uint8_t at = uint8_t(address), mask = 1;
  for (uint8_t left = uint8_t(quantity); left != 0; --left, ++at) {
    uint8_t *const cell = at < used ? static_cast<uint8_t *>(table_value(modbus_cells[first + at])) : nullptr;
    if (writes) {
      if (cell && bits) *cell = (*data & mask) != 0;
      if (cell && !bits) {
        cell[0] = data[1];
        cell[1] = data[0];
      }
      if (cell && forcing()) keep_forced_at(cell);
    } else if (bits) {
      if (mask == 1) *data = 0;
      if (cell && *cell) *data |= mask;
    } else {
      data[0] = cell ? cell[1] : 0;
      data[1] = cell ? cell[0] : 0;
    }
    if (!bits) {
      data += 2;
    } else {
      mask = uint8_t(mask << 1);
      if (mask == 0) {
        mask = 1;
        ++data;
      }
    }
  }
  return writes ? 6 : uint8_t(3 + bytes);
}

#endif
