// What the program returns to the shell (docs/cli.md).
#pragma once
#include "core/result.h"

namespace posthorn {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,      // something went wrong; the message says what
  kExitUsage = 2,        // the command line cannot be understood
  kExitRefused = 3,      // input or state does not allow it (validation, role, conflict, not found)
  kExitUnreachable = 4,  // the server does not answer
  kExitUnaccepted = 5,   // the broadcast ended, and not every recipient was accepted
  kExitUnhealthy = 6,    // doctor, channel check, restore --verify: a check failed
};

int exit_code(const Error& error);

}  // namespace posthorn
