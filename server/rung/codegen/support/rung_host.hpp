// `rung run`: scans on a virtual clock.
//
// program CYCLES TICK_NS RESULT < settings
//
// TICK_NS 0 stands for the schedule's own base. A setting is a line `CYCLE ROW ELEMENT HEX`: before that cycle, counted from 1, the
// bytes are written to the variable. The result file holds the fault counter (4 bytes) and the memory of every row. The standard
// error output tells the number of complete scans now and then, so that an endless loop is noticed.
#ifndef RUNG_HOST_HPP
#define RUNG_HOST_HPP

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rung_types.hpp"

namespace rung {

struct Row {
  void *at;
  uint32_t count;
  uint32_t size;
};

struct Setting {
  int64_t cycle;
  uint32_t row, element, size;
  uint8_t value[512];
};

struct HostTask {
  int64_t interval;  // 0: in every scan
  int64_t next;
  const bool *event;
  bool level;
  bool interval_given;
  void (*run)();
};

struct Host {
  const Row *rows;
  uint32_t row_count;
  HostTask *tasks;  // the most urgent first
  uint32_t task_count;
  int64_t base;
  void (*start)();
  void (*read_links)();
  void (*write_links)();
  int64_t *clock;
};

inline int64_t milliseconds() {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return int64_t(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

inline void host_fail(const char *what) {
  fprintf(stderr, "error: %s\n", what);
  exit(2);
}

inline int digit(int c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

inline Setting *read_settings(const Host &host, uint32_t &count) {
  static char line[1200], hex[1030];
  Setting *settings = nullptr;
  count = 0;
  while (fgets(line, sizeof line, stdin)) {
    Setting next;
    long long cycle;
    unsigned row, element;
    if (sscanf(line, "%lld %u %u %1028s", &cycle, &row, &element, hex) != 4) host_fail("a setting cannot be read");
    next.cycle = cycle;
    next.row = row;
    next.element = element;
    next.size = uint32_t(strlen(hex) / 2);
    if (row >= host.row_count || element >= host.rows[row].count || next.size > host.rows[row].size)
      host_fail("a setting names no variable");
    for (uint32_t i = 0; i < next.size; ++i) next.value[i] = uint8_t(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    settings = static_cast<Setting *>(realloc(settings, (count + 1) * sizeof(Setting)));
    if (!settings) host_fail("out of memory");
    settings[count++] = next;
  }
  return settings;
}

// Whether the task runs in the scan at `time`, and when next.
inline bool due(HostTask &task, int64_t time) {
  bool now = false;
  if (task.event) {
    now = *task.event && !task.level;
    task.level = *task.event;
    if (now || task.level || !task.interval_given) return now;
  }
  if (task.interval <= 0) return true;
  if (time < task.next) return false;
  task.next = (time / task.interval + 1) * task.interval;
  return true;
}

inline int host_main(const Host &host, int argc, char **argv) {
  if (argc != 4) host_fail("usage: program CYCLES TICK_NS RESULT < settings");
  const int64_t cycles = atoll(argv[1]), given = atoll(argv[2]), tick = given ? given : host.base;
  uint32_t setting_count;
  const Setting *settings = read_settings(host, setting_count);
  host.start();
  int64_t told = milliseconds();
  for (int64_t cycle = 1; cycle <= cycles; ++cycle) {
    for (uint32_t i = 0; i < setting_count; ++i) {
      const Setting &s = settings[i];
      if (s.cycle != cycle) continue;
      const Row &row = host.rows[s.row];
      memcpy(static_cast<uint8_t *>(row.at) + s.element * row.size, s.value, s.size);
    }
    host.read_links();
    for (uint32_t i = 0; i < host.task_count; ++i)
      if (due(host.tasks[i], *host.clock)) host.tasks[i].run();
    host.write_links();
    *host.clock += tick;
    const int64_t now = milliseconds();
    if (now - told >= 200 || now < told) {
      fprintf(stderr, "%lld\n", static_cast<long long>(cycle));
      fflush(stderr);
      told = now;
    }
  }
  FILE *result = fopen(argv[3], "wb");
  if (!result) host_fail("the result file cannot be written");
  bool whole = fwrite(&faults, sizeof faults, 1, result) == 1;
  for (uint32_t i = 0; i < host.row_count; ++i)
    whole = fwrite(host.rows[i].at, host.rows[i].size, host.rows[i].count, result) == host.rows[i].count && whole;
  if (fclose(result) != 0 || !whole) host_fail("the result file cannot be written");
  return 0;
}

}  // namespace rung

#endif
