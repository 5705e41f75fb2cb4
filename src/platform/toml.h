// The one way to include toml++, for the two files that read TOML: files that chose its options differently
// would share inline functions of different layouts.
#pragma once
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>
