// What the runtime adds to every program: the configuration object, and C names for what the host looks up.
//
// The headers come with the program. Their order is part of the contract, as is STRUCPP_V4_DEBUG_EXPORTS_DEFINE: a
// program may define its debug functions in debug_dispatch.hpp and needs exactly one translation unit that does.
#define STRUCPP_V4_DEBUG_EXPORTS_DEFINE
#include "debug_dispatch.hpp"
#include "iec_located.hpp"
#include "iec_std_lib.hpp"
#include "generated.hpp"
#include "defines.h"

#include <cstdint>

strucpp::Configuration_CONFIG0 g_config;

// Plain objects, not const: a const object would have internal linkage, and the host could not find it.
extern "C" {

char strucpp_program_md5[] = PROGRAM_MD5;
int strucpp_threaded_abi = 1;

strucpp::ConfigurationInstance* strucpp_get_config() { return &g_config; }
const strucpp::LocatedVar* strucpp_get_located_vars() { return strucpp::locatedVars; }
uint32_t strucpp_get_located_var_count() { return strucpp::locatedVarsCount; }
void strucpp_advance_time(uint64_t tick_ns) { strucpp::__CURRENT_TIME_NS += static_cast<int64_t>(tick_ns); }
}
