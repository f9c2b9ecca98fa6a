// What OpenPLC Runtime v4.1 walks when it loads a program: tasks, programs, located variables. Every layout and every order of
// virtual functions here is fixed by the runtime.
#ifndef RUNG_IEC_STD_LIB_HPP
#define RUNG_IEC_STD_LIB_HPP

#include <stddef.h>
#include <stdint.h>

namespace strucpp {

enum class LocatedArea : uint8_t { Input = 0, Output = 1, Memory = 2 };
enum class LocatedSize : uint8_t { Bit = 0, Byte = 1, Word = 2, DWord = 3, LWord = 4 };

struct LocatedVar {
  LocatedArea area;
  LocatedSize size;
  uint16_t byte_index;
  uint8_t bit_index;
  uint8_t reserved[3];
  void *pointer;
};

struct RetainVarInfo;

struct ProgramBase {
  virtual ~ProgramBase() = default;
  virtual void run() = 0;
  virtual const RetainVarInfo *getRetainVars() const { return nullptr; }
  virtual size_t getRetainCount() const { return 0; }
  virtual void sync_in() {}
  virtual void sync_out() {}
  virtual void located_range(uint32_t *offset, uint32_t *count) const {
    *offset = 0;
    *count = 0;
  }
};

struct TaskInstance {
  const char *name;
  int64_t interval_ns;
  int32_t priority;
  ProgramBase **programs;
  size_t program_count;
};

struct ResourceInstance {
  const char *name;
  const char *processor;
  TaskInstance *tasks;
  size_t task_count;
};

struct ConfigurationInstance {
  virtual ~ConfigurationInstance() = default;
  virtual const char *get_name() const = 0;
  virtual ResourceInstance *get_resources() = 0;
  virtual size_t get_resource_count() const = 0;
};

// The runtime's entry advances this clock, in 4.1.4 on the fastest task's thread alone, so the program counts its own scans
// instead and never reads it. It has internal linkage for two reasons: an inline variable would be a unique symbol, which keeps
// the library in memory, so that the next start would find old values; and it would be shared with the program loaded before.
__attribute__((unused)) static thread_local int64_t __CURRENT_TIME_NS = 0;

}  // namespace strucpp

#endif
