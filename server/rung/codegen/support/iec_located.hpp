// The runtime's entry includes this name; the located variables themselves are declared in generated.hpp.
#include "iec_std_lib.hpp"
