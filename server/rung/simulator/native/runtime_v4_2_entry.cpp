// What a Runtime v4.2 adds to every program: the configuration object, C names for what the host looks up, the clock of
// each task, where a debug variable lies in the process image, and, if the program's headers can, retained values.
//
// The headers come with the program. Their order is part of the contract, as is STRUCPP_V4_DEBUG_EXPORTS_DEFINE.
#define STRUCPP_V4_DEBUG_EXPORTS_DEFINE
#include "debug_dispatch.hpp"
#include "iec_located.hpp"
#include "iec_std_lib.hpp"
#include "generated.hpp"
#ifdef STRUCPP_SHIM_HAS_RETAIN
#include "iec_retain.hpp"
#endif
#include "defines.h"

#include <cstddef>
#include <cstdint>

strucpp::Configuration_CONFIG0 g_config;

namespace {

template <typename Value>
void tell(Value* to, uint64_t value) {
    if (to != nullptr) {
        *to = static_cast<Value>(value);
    }
}

}  // namespace

// Plain objects, not const: a const object would have internal linkage, and the host could not find it.
extern "C" {

char strucpp_program_md5[] = PROGRAM_MD5;

strucpp::ConfigurationInstance* strucpp_get_config() { return &g_config; }
const strucpp::LocatedVar* strucpp_get_located_vars() { return strucpp::locatedVars; }
uint32_t strucpp_get_located_var_count() { return strucpp::locatedVarsCount; }
void strucpp_advance_time(uint64_t tick_ns) { strucpp::__CURRENT_TIME_NS += static_cast<int64_t>(tick_ns); }
void strucpp_set_current_time(int64_t ns) { strucpp::__CURRENT_TIME_NS = ns; }

// Whether a debug variable is a located one, and its place in the image; told by its storage alone.
int strucpp_debug_locate(uint8_t array, uint16_t element, uint8_t* area, uint8_t* width, uint16_t* index, uint8_t* bit) {
    const void* storage = strucpp::debug::read_entry(array, element).ptr;
    for (uint32_t i = 0; storage != nullptr && i < strucpp::locatedVarsCount; ++i) {
        const strucpp::LocatedVar& variable = strucpp::locatedVars[i];
        if (variable.pointer == storage) {
            tell(area, static_cast<uint64_t>(variable.area));
            tell(width, static_cast<uint64_t>(variable.size));
            tell(index, variable.byte_index);
            tell(bit, variable.bit_index);
            return 1;
        }
    }
    return 0;
}

#ifdef STRUCPP_SHIM_HAS_RETAIN

static uint16_t size_of_leaf(uint8_t array, uint16_t element) { return strucpp::debug::handle_size(array, element); }
static uint16_t read_leaf(uint8_t array, uint16_t element, uint8_t* to) { return strucpp::debug::handle_read(array, element, to); }

size_t strucpp_retain_blob_size() { return strucpp::retain::blob_size(size_of_leaf); }
uint32_t strucpp_retain_layout_hash() { return strucpp::debug::retain_layout_hash; }
size_t strucpp_retain_pack(uint8_t* to, size_t room) { return strucpp::retain::pack(to, room, read_leaf, size_of_leaf); }
uint8_t strucpp_retain_unpack(const uint8_t* from, size_t size, uint8_t (*write)(uint8_t, uint16_t, const uint8_t*, uint16_t)) {
    return static_cast<uint8_t>(strucpp::retain::unpack(from, size, write, size_of_leaf));
}

#endif
}
