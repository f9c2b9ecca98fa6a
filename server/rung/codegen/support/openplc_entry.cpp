// What the runtime compiles besides a program: its entry, as far as it touches the program's headers. It is used where a program
// is compiled on this computer to see whether the device will be able to.
#define STRUCPP_V4_DEBUG_EXPORTS_DEFINE
#include "debug_dispatch.hpp"
#include "iec_located.hpp"
#include "iec_std_lib.hpp"
#include "generated.hpp"
#include "defines.h"

strucpp::Configuration_CONFIG0 g_config;

extern "C" {
char strucpp_program_md5[] = PROGRAM_MD5;
int strucpp_threaded_abi = 1;
strucpp::ConfigurationInstance *strucpp_get_config(void) { return &g_config; }
const strucpp::LocatedVar *strucpp_get_located_vars(void) { return strucpp::locatedVars; }
uint32_t strucpp_get_located_var_count(void) { return strucpp::locatedVarsCount; }
void strucpp_advance_time(uint64_t tick_ns) { strucpp::__CURRENT_TIME_NS += int64_t(tick_ns); }
}
