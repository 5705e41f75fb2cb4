// The command line (docs/cli.md).
#pragma once

namespace posthorn {

int run_command_line(int argc, char** argv);

}  // namespace posthorn
