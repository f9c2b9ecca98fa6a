// The layout of a Runtime v4.1 program, as a host reads it from outside the shared object.
//
// Invariant: nothing here has code. Every type mirrors one that the program's own support headers declare, slot by
// slot (Itanium C++ ABI, 64-bit sizes), because host and program are never compiled together.
#pragma once

#include <cstddef>
#include <cstdint>

namespace abi {

enum class Area : uint8_t { input = 0, output = 1, memory = 2 };
enum class Width : uint8_t { bit = 0, byte = 1, word = 2, dword = 3, lword = 4 };

// One located variable: where it lives in the process image, and where in the program.
struct LocatedVar {
    Area area;
    Width width;
    uint16_t index;  // the element of the table of that width, so %QW3 is 3
    uint8_t bit;     // only for Width::bit
    uint8_t reserved[3];
    void* storage;   // plain storage of exactly that width
};
static_assert(sizeof(LocatedVar) == 16, "the program's table has 16 bytes per variable");

struct RetainVar;

class Program {
public:
    virtual ~Program() = default;
    virtual void run() = 0;
    virtual const RetainVar* retain_variables() const = 0;
    virtual size_t retain_count() const = 0;
    virtual void sync_in() = 0;
    virtual void sync_out() = 0;
    virtual void located_range(uint32_t* first, uint32_t* count) const = 0;
};

struct Task {
    const char* name;
    int64_t interval_ns;
    int32_t priority;
    Program** programs;
    size_t program_count;
};

struct Resource {
    const char* name;
    const char* processor;
    Task* tasks;
    size_t task_count;
};

class Configuration {
public:
    virtual ~Configuration() = default;
    virtual const char* name() const = 0;
    virtual Resource* resources() = 0;
    virtual size_t resource_count() const = 0;
};

}  // namespace abi
