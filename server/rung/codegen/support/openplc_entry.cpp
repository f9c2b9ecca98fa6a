// What the runtime compiles besides a program: its entry, as far as it touches the program's headers, with what versions from 4.2 on
// ask for. It is used where a program is compiled on this computer to see whether the device will be able to.
#define STRUCPP_V4_DEBUG_EXPORTS_DEFINE
#include "debug_dispatch.hpp"
#include "iec_located.hpp"
#include "iec_std_lib.hpp"
#include "generated.hpp"
#include "iec_retain.hpp"
#include "defines.h"

strucpp::Configuration_CONFIG0 g_config;

extern "C" {
char strucpp_program_md5[] = PROGRAM_MD5;
int strucpp_threaded_abi = 1;
strucpp::ConfigurationInstance *strucpp_get_config(void) { return &g_config; }
const strucpp::LocatedVar *strucpp_get_located_vars(void) { return strucpp::locatedVars; }
uint32_t strucpp_get_located_var_count(void) { return strucpp::locatedVarsCount; }
void strucpp_advance_time(uint64_t tick_ns) { strucpp::__CURRENT_TIME_NS += int64_t(tick_ns); }

void strucpp_set_current_time(int64_t ns) { strucpp::__CURRENT_TIME_NS = ns; }
bool strucpp_is_located(uint8_t array, uint16_t element) {
  void *const at = strucpp::debug::read_entry(array, element).ptr;
  for (uint32_t i = 0; i < strucpp::locatedVarsCount; ++i)
    if (at != nullptr && strucpp::locatedVars[i].pointer == at) return true;
  return false;
}
uint32_t strucpp_retain_layout_hash(void) { return strucpp::debug::retain_layout_hash; }
size_t strucpp_retain_blob_size(void) { return strucpp::retain::blob_size(strucpp::debug::handle_size); }
size_t strucpp_retain_pack(uint8_t *to, size_t room) {
  return strucpp::retain::pack(to, room, strucpp::debug::handle_read, strucpp::debug::handle_size);
}
uint8_t strucpp_retain_unpack(const uint8_t *from, size_t length, uint8_t (*write)(uint8_t, uint16_t, const uint8_t *, uint16_t)) {
  return uint8_t(strucpp::retain::unpack(from, length, write, strucpp::debug::handle_size));
}
}
