// A program's shared object: opening it, and the symbols that the contract names.
#pragma once

#include <dlfcn.h>

#include <string>

#include "plc_abi.hpp"

// Invariant: once `open` has returned true, every function pointer of a required symbol may be called.
struct PlcLibrary {
    abi::Configuration* (*get_config)() = nullptr;
    const abi::LocatedVar* (*get_located_vars)() = nullptr;
    uint32_t (*get_located_var_count)() = nullptr;
    void (*advance_time)(uint64_t) = nullptr;
    uint8_t (*array_count)() = nullptr;
    uint16_t (*elem_count)(uint8_t) = nullptr;
    uint16_t (*size)(uint8_t, uint16_t) = nullptr;
    uint16_t (*read)(uint8_t, uint16_t, uint8_t*) = nullptr;
    uint8_t (*set)(uint8_t, uint16_t, bool, const uint8_t*, uint16_t) = nullptr;
    uint8_t (*write)(uint8_t, uint16_t, const uint8_t*, uint16_t) = nullptr;
    const char* md5 = nullptr;  // optional: without it the MD5 request answers "nothing loaded"

    // Optional, and only of programs for newer runtimes.
    using WriteLeaf = uint8_t (*)(uint8_t array, uint16_t element, const uint8_t* value, uint16_t size);
    void (*set_current_time)(int64_t) = nullptr;
    void* const* (*get_located_globals)() = nullptr;
    uint32_t (*get_located_global_count)() = nullptr;
    int (*locate)(uint8_t, uint16_t, uint8_t*, uint8_t*, uint16_t*, uint8_t*) = nullptr;
    size_t (*retain_size)() = nullptr;
    size_t (*retain_pack)(uint8_t*, size_t) = nullptr;
    uint8_t (*retain_unpack)(const uint8_t*, size_t, WriteLeaf) = nullptr;

    // Loads the shared object. On failure either `problem` is what the loader said, or `missing` names the absent symbols.
    bool open(const char* path, std::string& problem, std::string& missing) {
        void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) {
            problem = dlerror();
            return false;
        }
        require(handle, "strucpp_advance_time", advance_time, missing);
        require(handle, "strucpp_get_config", get_config, missing);
        require(handle, "strucpp_get_located_vars", get_located_vars, missing);
        require(handle, "strucpp_get_located_var_count", get_located_var_count, missing);
        require(handle, "strucpp_debug_array_count", array_count, missing);
        require(handle, "strucpp_debug_elem_count", elem_count, missing);
        require(handle, "strucpp_debug_size", size, missing);
        require(handle, "strucpp_debug_set", set, missing);
        require(handle, "strucpp_debug_read", read, missing);
        require(handle, "strucpp_debug_write", write, missing);
        md5 = static_cast<const char*>(dlsym(handle, "strucpp_program_md5"));
        take(handle, "strucpp_set_current_time", set_current_time);
        take(handle, "strucpp_get_located_globals", get_located_globals);
        take(handle, "strucpp_get_located_global_count", get_located_global_count);
        take(handle, "strucpp_debug_locate", locate);
        take(handle, "strucpp_retain_blob_size", retain_size);
        take(handle, "strucpp_retain_pack", retain_pack);
        take(handle, "strucpp_retain_unpack", retain_unpack);
        return missing.empty();
    }

private:
    template <typename Function>
    static void take(void* handle, const char* name, Function*& function) {
        function = reinterpret_cast<Function*>(dlsym(handle, name));
    }

    template <typename Function>
    static void require(void* handle, const char* name, Function*& function, std::string& missing) {
        function = reinterpret_cast<Function*>(dlsym(handle, name));
        if (function == nullptr) {
            missing += missing.empty() ? name : std::string(", ") + name;
        }
    }
};
