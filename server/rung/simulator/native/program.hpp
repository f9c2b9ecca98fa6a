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
        return missing.empty();
    }

private:
    template <typename Function>
    static void require(void* handle, const char* name, Function*& function, std::string& missing) {
        function = reinterpret_cast<Function*>(dlsym(handle, name));
        if (function == nullptr) {
            missing += missing.empty() ? name : std::string(", ") + name;
        }
    }
};
