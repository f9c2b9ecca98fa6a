// The life of a program inside OpenPLC Runtime v4.1: scans, time, shared variables, forcing, and the debug channel.
//
// Each task of the runtime is a thread. A task's scan takes a copy of the globals and of the process image, runs, and gives back
// what it changed; with a single task the bodies work on the globals directly. Nothing here blocks for longer than a copy.
//
// Included inside a namespace, after <pthread.h>. The including file declares before: Globals, Image, Task, TASK_COUNT, globals,
// image_of(task), init_image(image).
#ifndef RUNG_OPENPLC_HPP
#define RUNG_OPENPLC_HPP

enum : uint8_t { DEBUG_OK = 0x7E, DEBUG_NO_SUCH = 0x81, DEBUG_TOO_LARGE = 0x82 };
const uint8_t ANY_TASK = 0xFF;
const unsigned WIRE_TEXT = 126;  // characters of a STRING or WSTRING on the debug channel

// Variables of one type that stand side by side.
struct Row {
  void *at;
  uint16_t first;  // element number of the first
  uint16_t count;
  uint16_t stride;
  uint8_t tag;       // TAG_STRING and TAG_WSTRING are texts, below them are plain bytes
  uint8_t capacity;  // characters of a text
  uint8_t task;      // whose scan writes them, or ANY_TASK
};
const uint8_t TAG_STRING = 19, TAG_WSTRING = 20;

struct DebugArray {
  const Row *rows;
  uint16_t row_count;
  uint16_t elements;
};

// Elements that stand one after the other in an array of the debug channel; a count of 0 ends a list.
struct RetainRange {
  uint8_t array;
  uint16_t first, count;
};

struct Place {
  const Row *row;
  uint8_t *at;
};

// What somebody asked for over the debug channel: a variable forced until further notice, or written once.
struct Request {
  Place place;
  bool once;
  uint16_t size;
  uint8_t value[512];
};

struct TaskState : Task {
  uint8_t number;
  bool shares_globals;
  int64_t period;
  int64_t interval;  // of an event task's periodic runs, 0: none
  int64_t time;      // of the scan
  bool started, level, due;
  uint32_t seen;  // the version of the requests that `mine` was made from
  Forces mine;
  Globals *before;
};

static pthread_mutex_t door;  // guards requests and the shared globals
static Request requests[RUNG_MAX_FORCES];
static uint16_t request_count = 0;
static uint32_t request_version = 0;

struct Guard {
  Guard() { pthread_mutex_lock(&door); }
  ~Guard() { pthread_mutex_unlock(&door); }
};

// A low task that copies must not be held up by a middle one while a high one waits.
static void open_door() {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
#if defined(_POSIX_THREAD_PRIO_INHERIT) && _POSIX_THREAD_PRIO_INHERIT > 0
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
#endif
  pthread_mutex_init(&door, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

static bool inside(const void *at, const void *from, size_t size) {
  return static_cast<const uint8_t *>(at) >= static_cast<const uint8_t *>(from) &&
         static_cast<const uint8_t *>(at) < static_cast<const uint8_t *>(from) + size;
}

// Where the task's own copy of a variable stands; null if the task has nothing to do with it.
static uint8_t *seen_by(const TaskState &task, const Place &place) {
  if (inside(place.at, &globals, sizeof(Globals)))
    return reinterpret_cast<uint8_t *>(task.globals) + (place.at - reinterpret_cast<uint8_t *>(&globals));
  for (uint8_t other = 0; other < TASK_COUNT; ++other)
    if (inside(place.at, image_of(other), sizeof(Image)))
      return reinterpret_cast<uint8_t *>(task.image) + (place.at - reinterpret_cast<uint8_t *>(image_of(other)));
  return place.row->task == ANY_TASK || place.row->task == task.number ? place.at : nullptr;
}

static void put(const Request &request, uint8_t *at) { __builtin_memcpy(at, request.value, request.size); }

// Takes over what has been asked for since the last scan.
static void refresh(TaskState &task) {
  const Guard guard;
  task.mine.count = 0;
  uint16_t kept = 0;
  for (uint16_t i = 0; i < request_count; ++i) {
    const Request &request = requests[i];
    uint8_t *const at = seen_by(task, request.place);
    if (request.once && at) {
      put(request, at);
      continue;
    }
    if (at) {
      Force &force = task.mine.list[task.mine.count++];
      force.at = at;
      force.size = request.size;
      __builtin_memcpy(force.value, request.value, request.size);
    }
    if (kept != i) requests[kept] = request;
    ++kept;
  }
  request_count = kept;
  task.seen = __atomic_load_n(&request_version, __ATOMIC_ACQUIRE);
}

template <class T>
inline void merge(T &to, const T &mine, const T &before) {
  if (__builtin_memcmp(&mine, &before, sizeof(T)) != 0) __builtin_memcpy(&to, &mine, sizeof(T));
}

template <class T, Position N>
inline void merge(Array<T, N> &to, const Array<T, N> &mine, const Array<T, N> &before) {
  for (Position i = 0; i < N; ++i) merge(to.e[i], mine.e[i], before.e[i]);
}

static void merge_globals(Globals &to, const Globals &mine, const Globals &before);

// The runtime has just copied the process image in.
static void begin_scan(TaskState &task) {
  if (task.shares_globals) {
    const Guard guard;
    __builtin_memcpy(task.globals, &globals, sizeof(Globals));
    __builtin_memcpy(task.before, &globals, sizeof(Globals));
  }
  if (!task.started) {
    task.started = true;
    init_image(*task.image);
  }
  if (__atomic_load_n(&request_version, __ATOMIC_ACQUIRE) != task.seen) refresh(task);
  for (uint16_t i = 0; i < task.mine.count; ++i)
    __builtin_memcpy(task.mine.list[i].at, task.mine.list[i].value, task.mine.list[i].size);
  rung::scan_time = task.time;
}

// A task with an event runs when it rises, and at its interval, if it has one, while it is FALSE.
static bool triggered(TaskState &task, bool level) {
  const bool rises = level && !task.level;
  task.level = level;
  return rises || (!level && task.interval > 0 && task.time % task.interval == 0);
}

static void end_scan(TaskState &task) {
  task.time += task.period;
  if (!task.shares_globals || __builtin_memcmp(task.globals, task.before, sizeof(Globals)) == 0) return;
  const Guard guard;
  merge_globals(globals, *task.globals, *task.before);
}

// ------------------------------------------------------------------------------------------------------ debug channel

extern const DebugArray debug_arrays[];
extern const uint8_t debug_array_count;

static Place find(uint8_t array, uint16_t element) {
  if (array >= debug_array_count || element >= debug_arrays[array].elements) return Place{nullptr, nullptr};
  const Row *row = debug_arrays[array].rows;
  for (uint16_t low = 0, high = debug_arrays[array].row_count; high - low > 1;) {
    const uint16_t middle = uint16_t((low + high) / 2);
    (debug_arrays[array].rows[middle].first <= element ? low : high) = middle;
    row = debug_arrays[array].rows + low;
  }
  return Place{row, static_cast<uint8_t *>(row->at) + uint32_t(element - row->first) * row->stride};
}

static unsigned character_size(const Row &row) { return row.tag == TAG_WSTRING ? 2 : 1; }

static uint16_t wire_size(const Row &row) {
  return uint16_t(row.tag >= TAG_STRING ? 1 + WIRE_TEXT * character_size(row) : row.stride);
}

// A text in memory is its length, then, aligned, its characters.
static uint16_t to_wire(const Row &row, const uint8_t *from, uint8_t *to) {
  const uint16_t size = wire_size(row);
  if (row.tag < TAG_STRING) {
    __builtin_memcpy(to, from, size);
    return size;
  }
  const uint8_t length = from[0] < WIRE_TEXT ? from[0] : uint8_t(WIRE_TEXT);
  __builtin_memset(to, 0, size);
  to[0] = length;
  __builtin_memcpy(to + 1, from + character_size(row), length * character_size(row));
  return size;
}

static uint16_t from_wire(const Row &row, const uint8_t *from, uint8_t *to) {
  if (row.tag < TAG_STRING) {
    __builtin_memcpy(to, from, row.stride);
    if (row.tag == 0) to[0] = to[0] != 0;
    return row.stride;
  }
  uint8_t length = from[0] < WIRE_TEXT ? from[0] : uint8_t(WIRE_TEXT);
  if (length > row.capacity) length = row.capacity;
  to[0] = length;
  to[character_size(row) - 1] = character_size(row) == 1 ? length : 0;
  __builtin_memcpy(to + character_size(row), from + 1, length * character_size(row));
  return uint16_t((1 + length) * character_size(row));
}

static uint16_t debug_read(uint8_t array, uint16_t element, uint8_t *to) {
  const Place place = find(array, element);
  if (!place.row) return 0;
  if (request_count > 0) {
    const Guard guard;
    for (uint16_t i = 0; i < request_count; ++i)
      if (!requests[i].once && requests[i].place.at == place.at) return to_wire(*place.row, requests[i].value, to);
  }
  return to_wire(*place.row, place.at, to);
}

static uint8_t request(uint8_t array, uint16_t element, bool once, const uint8_t *value, uint16_t length) {
  const Place place = find(array, element);
  if (!place.row) return DEBUG_NO_SUCH;
  if (length < wire_size(*place.row)) return DEBUG_TOO_LARGE;
  const Guard guard;
  uint16_t i = 0;
  while (i < request_count && requests[i].place.at != place.at) ++i;
  if (i < request_count && once && !requests[i].once) return DEBUG_OK;  // forced: a write has no effect
  if (i == RUNG_MAX_FORCES) return DEBUG_TOO_LARGE;
  if (i == request_count) ++request_count;
  requests[i].place = place;
  requests[i].once = once;
  requests[i].size = from_wire(*place.row, value, requests[i].value);
  __atomic_add_fetch(&request_version, 1, __ATOMIC_RELEASE);
  return DEBUG_OK;
}

// Gives a variable the value that was kept for it, before the first scan; false where its place is in the process image.
static bool restore(uint8_t array, uint16_t element, const uint8_t *value) {
  const Place place = find(array, element);
  for (uint8_t task = 0; task < TASK_COUNT; ++task)
    if (inside(place.at, image_of(task), sizeof(Image))) return false;
  if (place.row) from_wire(*place.row, value, place.at);
  return true;
}

static uint8_t release(uint8_t array, uint16_t element) {
  const Place place = find(array, element);
  if (!place.row) return DEBUG_NO_SUCH;
  const Guard guard;
  uint16_t kept = 0;
  for (uint16_t i = 0; i < request_count; ++i) {
    if (requests[i].place.at == place.at) continue;
    if (kept != i) requests[kept] = requests[i];
    ++kept;
  }
  request_count = kept;
  __atomic_add_fetch(&request_version, 1, __ATOMIC_RELEASE);
  return DEBUG_OK;
}

#endif
