// A MatIEC program's shared object: the thirteen symbols of protocol section 4.3, and the tables that it points into.
#pragma once

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <string>

// The process image as the program fills it: each slot points at the program's own variable, or at a private one.
//
// Invariant: after `fill` no slot is null, so whoever reads or writes the image need not ask.
class PointerTables {
public:
    static constexpr size_t size = 1024;

    uint8_t* bits_in[size][8] = {};
    uint8_t* bits_out[size][8] = {};
    uint8_t* bytes_in[size] = {};
    uint8_t* bytes_out[size] = {};
    uint16_t* words_in[size] = {};
    uint16_t* words_out[size] = {};
    uint32_t* dwords_in[size] = {};
    uint32_t* dwords_out[size] = {};
    uint64_t* lwords_in[size] = {};
    uint64_t* lwords_out[size] = {};
    uint16_t* words_memory[size] = {};
    uint32_t* dwords_memory[size] = {};
    uint64_t* lwords_memory[size] = {};
    uint8_t* bits_memory[size][8] = {};

    // Gives every slot that the program left free a place of its own; returns how many there were.
    int fill() {
        int filled = 0;
        for (size_t i = 0; i < size; ++i) {
            for (size_t bit = 0; bit < 8; ++bit) {
                filled += give(bits_in[i][bit]) + give(bits_out[i][bit]) + give(bits_memory[i][bit]);
            }
            filled += give(bytes_in[i]) + give(bytes_out[i]) + give(words_in[i]) + give(words_out[i]) + give(dwords_in[i]);
            filled += give(dwords_out[i]) + give(lwords_in[i]) + give(lwords_out[i]) + give(words_memory[i]);
            filled += give(dwords_memory[i]) + give(lwords_memory[i]);
        }
        return filled;
    }

private:
    template <typename Value>
    int give(Value*& slot) {
        if (slot != nullptr) {
            return 0;
        }
        slot = reinterpret_cast<Value*>(&places_[used_++]);
        return 1;
    }

    uint64_t places_[size * (3 * 8 + 11)] = {};
    size_t used_ = 0;
};

struct MatiecLibrary {
    using Bits = uint8_t* (*)[8];

    void (*config_init)() = nullptr;
    void (*config_run)(unsigned long tick) = nullptr;
    void (*glue_variables)() = nullptr;
    void (*update_time)() = nullptr;
    void (*set_endianness)(uint8_t) = nullptr;
    uint16_t (*variable_count)() = nullptr;
    size_t (*variable_size)(size_t) = nullptr;
    void* (*variable_address)(size_t) = nullptr;
    void (*set_trace)(size_t, bool, void*) = nullptr;
    const unsigned long long* ticktime_ns = nullptr;
    const char* md5 = nullptr;

    // Loads the shared object; on failure `problem` is what the loader said.
    bool open(const char* path, std::string& problem) {
        handle_ = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle_ == nullptr) {
            problem = dlerror();
        }
        return handle_ != nullptr;
    }

    // Looks up the symbols; false when one is missing, and then `missing` names the first.
    bool resolve(std::string& missing) {
        find("config_run__", config_run, missing);
        find("config_init__", config_init, missing);
        find("glueVars", glue_variables, missing);
        find("updateTime", update_time, missing);
        find("setBufferPointers", set_pointers_, missing);
        find("common_ticktime__", ticktime_ns, missing);
        find("plc_program_md5", md5, missing);
        find("set_endianness", set_endianness, missing);
        find("get_var_count", variable_count, missing);
        find("get_var_size", variable_size, missing);
        find("get_var_addr", variable_address, missing);
        find("set_trace", set_trace, missing);
        set_pointers_v4_ = reinterpret_cast<SetPointersV4>(dlsym(handle_, "setBufferPointers_v4"));
        return missing.empty();
    }

    // Hands the tables over; true when the program takes those of %MX, too.
    bool give_tables(PointerTables& tables) const {
        PointerTables& t = tables;
        if (set_pointers_v4_ == nullptr) {
            set_pointers_(t.bits_in, t.bits_out, t.bytes_in, t.bytes_out, t.words_in, t.words_out, t.dwords_in, t.dwords_out, t.lwords_in,
                          t.lwords_out, t.words_memory, t.dwords_memory, t.lwords_memory);
            return false;
        }
        set_pointers_v4_(t.bits_in, t.bits_out, t.bytes_in, t.bytes_out, t.words_in, t.words_out, t.dwords_in, t.dwords_out, t.lwords_in,
                         t.lwords_out, t.words_memory, t.dwords_memory, t.lwords_memory, t.bits_memory);
        return true;
    }

private:
    using SetPointers = void (*)(Bits, Bits, uint8_t**, uint8_t**, uint16_t**, uint16_t**, uint32_t**, uint32_t**, uint64_t**, uint64_t**,
                                 uint16_t**, uint32_t**, uint64_t**);
    using SetPointersV4 = void (*)(Bits, Bits, uint8_t**, uint8_t**, uint16_t**, uint16_t**, uint32_t**, uint32_t**, uint64_t**, uint64_t**,
                                   uint16_t**, uint32_t**, uint64_t**, Bits);

    template <typename Symbol>
    void find(const char* name, Symbol& symbol, std::string& missing) {
        symbol = reinterpret_cast<Symbol>(dlsym(handle_, name));
        if (symbol == nullptr && missing.empty()) {
            missing = name;
        }
    }

    void* handle_ = nullptr;
    SetPointers set_pointers_ = nullptr;
    SetPointersV4 set_pointers_v4_ = nullptr;
};
