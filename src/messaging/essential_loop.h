// Loops the process cannot do without. One that ended by an exception would leave a server that looks alive
// and does nothing: the process ends instead, and its next start recovers as after a crash.
#pragma once
#include <string_view>

#include "platform/async.h"

namespace posthorn {

// `name` must be a literal. An exception that leaves the loop is told on standard error, then the process
// aborts.
void spawn_essential(const Executor& executor, std::string_view name, Task<> loop);

}  // namespace posthorn
