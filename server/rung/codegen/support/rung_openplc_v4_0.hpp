// The life of a program inside OpenPLC Runtime v4.0: scans, tasks, the process image, and variables by one flat number.
//
// One thread of the runtime runs every scan, under the lock that its plugins take for the process image. Another answers the debug
// channel and takes no lock at all: it is given an address and copies from there. Hence:
//  - The runtime's tables point to `wires`, never to the program's variables. A scan copies them in and gives back what it changed,
//    so an input that was forced shows the real value again once it is released.
//  - Durations, dates and texts, whose bytes on the channel are others than in memory, have shadows. After its first reader has been
//    given its address, a shadow is written by scans alone; one that differs from what the last scan left was written by a plugin.
//
// Included inside a namespace, after rung_openplc.hpp. The including file declares before: Wires, wires, image, read_links(),
// write_links(before), TICK, planned_tasks, planned_task_count, shadow_offsets, shadow_bytes, shadow_copies, watched.
#ifndef RUNG_OPENPLC_V4_0_HPP
#define RUNG_OPENPLC_V4_0_HPP

const uint8_t TAG_FIRST_TIME = 15, TAG_LAST_TIME = 18;
const int64_t SECOND = 1000000000;

static TaskState scan;
static uint32_t watched_count = 0;

static bool is_time(const Row &row) { return row.tag >= TAG_FIRST_TIME && row.tag <= TAG_LAST_TIME; }

// ----------------------------------------------------------------------------------------------------- bytes on the channel

// Two 32-bit numbers, seconds and nanoseconds, both with the value's sign; beyond their range the nearest that fits.
static void time_to_wire(int64_t value, uint8_t *to) {
  int64_t seconds = value / SECOND;
  if (seconds > INT32_MAX) seconds = INT32_MAX;
  if (seconds < INT32_MIN) seconds = INT32_MIN;
  const int32_t parts[2] = {int32_t(seconds), int32_t(value % SECOND)};
  __builtin_memcpy(to, parts, sizeof parts);
}

static int64_t time_from_wire(const uint8_t *from) {
  int32_t parts[2];
  __builtin_memcpy(parts, from, sizeof parts);
  return parts[0] * SECOND + parts[1];
}

static void show(const Row &row, const uint8_t *from, uint8_t *to) {
  if (!is_time(row)) {
    to_wire(row, from, to);
    return;
  }
  int64_t value;
  __builtin_memcpy(&value, from, sizeof value);
  time_to_wire(value, to);
}

static void take(const Row &row, const uint8_t *from, uint8_t *to) {
  if (!is_time(row)) {
    from_wire(row, from, to);
    return;
  }
  const int64_t value = time_from_wire(from);
  __builtin_memcpy(to, &value, sizeof value);
}

// ------------------------------------------------------------------------------------------------------------------ shadows

static uint32_t shadow_step(const Row &row) { return (wire_size(row) + 8u) & ~7u; }  // the last byte says that it is watched

// What a plugin wrote into shadows since the last scan.
static void take_shadows() {
  const uint32_t count = __atomic_load_n(&watched_count, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; i < count; ++i) {
    const Watched &one = watched[i];
    const uint16_t size = wire_size(*one.place.row);
    if (__builtin_memcmp(one.shadow, one.copy, size) == 0) continue;
    __builtin_memcpy(one.copy, one.shadow, size);
    take(*one.place.row, one.copy, one.place.at);
  }
}

static void renew_shadows() {
  const uint32_t count = __atomic_load_n(&watched_count, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; i < count; ++i) {
    const Watched &one = watched[i];
    const uint16_t size = wire_size(*one.place.row);
    uint8_t value[512];
    show(*one.place.row, one.place.at, value);
    if (__builtin_memcmp(one.copy, value, size) == 0) continue;
    __builtin_memcpy(one.copy, value, size);
    __builtin_memcpy(one.shadow, value, size);
  }
}

static void *shadow_of(const Place &place, uint32_t offset, uint32_t element) {
  const Guard guard;
  const uint32_t step = shadow_step(*place.row), at = offset + element * step;
  uint8_t *const shadow = shadow_bytes + at;
  if (!shadow[step - 1]) {
    shadow[step - 1] = 1;
    show(*place.row, place.at, shadow);
    __builtin_memcpy(shadow_copies + at, shadow, step);
    const Watched one = {place, shadow, shadow_copies + at};
    watched[watched_count] = one;
    __atomic_store_n(&watched_count, watched_count + 1, __ATOMIC_RELEASE);
  }
  return shadow;
}

// -------------------------------------------------------------------------------------------------------------------- scans

template <class T>
static void clear(T &what) {
  __builtin_memset(static_cast<void *>(&what), 0, sizeof what);
}

// A cell takes an initial value that nothing else has given it.
static void offer(void *cell, const void *value, size_t size) {
  for (size_t i = 0; i < size; ++i)
    if (static_cast<uint8_t *>(cell)[i] != 0) return;
  __builtin_memcpy(cell, value, size);
}

static void give_back(void *cell, const void *mine, const void *before, size_t size) {
  if (__builtin_memcmp(mine, before, size) != 0) __builtin_memcpy(cell, mine, size);
}

static void prepare(void *spare) {
  open_door();
  clear(scan);
  scan.spare = spare;
  scan.forces = &scan.mine;
  scan.globals = &globals;
  scan.image = &image;
  scan.period = TICK;
  scan.started = true;  // `wires` begins with the initial values, so the first scan copies them in
  request_count = 0;
  request_version = 0;
  watched_count = 0;
  clear(shadow_bytes);
  rung::faults = 0;
  rung::scan_time = 0;
  for (uint32_t i = 0; i < planned_task_count; ++i) planned_tasks[i].level = false;
}

// A task with an event runs when it rises, and at its interval, if it has one, while it is FALSE.
static bool due(PlannedTask &task) {
  if (scan.time % task.period != 0) return false;
  if (!task.event) return true;
  const bool rises = *task.event && !task.level;
  task.level = *task.event;
  return rises || (!task.level && task.interval > 0 && scan.time % task.interval == 0);
}

static void run_scan() {
  static Wires before;
  before = wires;
  image = wires.image;
  read_links();
  take_shadows();
  begin_scan(scan);
  for (uint32_t i = 0; i < planned_task_count; ++i)
    if (due(planned_tasks[i])) planned_tasks[i].run(scan);
  write_links(before);
  scan.time += TICK;
  renew_shadows();
}

// ------------------------------------------------------------------------------------------------------------ debug channel

static uint8_t forced_bytes[512];

// Where the bytes of a variable stand as the channel shows them; null if there is no such variable. A forced one reads as what it
// is forced to from the moment on that it is.
static void *address_of(size_t number) {
  if (number >= debug_arrays[0].elements) return nullptr;
  const Place place = find(0, uint16_t(number));
  for (uint16_t i = 0; i < request_count; ++i)
    if (requests[i].place.at == place.at) {
      show(*place.row, requests[i].value, forced_bytes);
      return forced_bytes;
    }
  const uint32_t offset = shadow_offsets[place.row - debug_arrays[0].rows];
  if (offset != NO_SHADOW) return shadow_of(place, offset, uint32_t(number - place.row->first));
  if (inside(place.at, &image, sizeof image))
    return reinterpret_cast<uint8_t *>(&wires.image) + (place.at - reinterpret_cast<uint8_t *>(&image));
  return place.at;
}

static size_t size_of(size_t number) {
  return number < debug_arrays[0].elements ? wire_size(*find(0, uint16_t(number)).row) : 0;
}

// The runtime says neither how many bytes it was sent nor what comes of this: it hands over a buffer of 4 kB that ends with zeros.
static void force(size_t number, const void *value) {
  if (number >= debug_arrays[0].elements || !value) return;
  const Row &row = *find(0, uint16_t(number)).row;
  uint8_t bytes[512];
  if (is_time(row))
    take(row, static_cast<const uint8_t *>(value), bytes);
  else
    __builtin_memcpy(bytes, value, wire_size(row));
  request(0, uint16_t(number), false, bytes, wire_size(row));
}

#endif
