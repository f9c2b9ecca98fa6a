// What runtimes from 4.2 on ask about the debug channel's table: whether kept values belong to this program's RETAIN variables.
#ifndef RUNG_DEBUG_TABLE_HPP
#define RUNG_DEBUG_TABLE_HPP

#include "debug_dispatch.hpp"

namespace strucpp {
namespace debug {
extern const uint32_t retain_layout_hash;
}
}  // namespace strucpp

#endif
