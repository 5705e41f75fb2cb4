// Port: other programs, for what only they can tell (credential_process of AWS profiles).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace posthorn {

// Words as a shell would see them, without any expansion: quotes '…' and "…", and the backslash.
// invalid_argument: a quote is not closed, or there is no word.
Result<std::vector<std::string>> split_command(std::string_view command);

// Runs a program to its end and returns what it wrote to standard output. It inherits the environment and
// nothing else; standard input is empty, standard error is dropped. Blocks: only for run_blocking() of
// platform/files.h. Errors: not_found (cannot be started), unavailable (ended with another status than 0),
// deadline_exceeded (killed), too_large (wrote more than 1 MiB; killed).
Result<std::string> run_program(std::vector<std::string> words, Duration timeout);

}  // namespace posthorn
