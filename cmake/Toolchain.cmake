# Language level, warnings, sanitizers and compile caching: everything that is the same for all targets.

option(POSTHORN_BUILD_TESTS "Build tests and benchmarks" ON)
option(POSTHORN_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(POSTHORN_SANITIZE "" CACHE STRING "Sanitizers, for example address,undefined or thread")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -gline-tables-only")   # asserts stay on: broken invariants must stop the process
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -gline-tables-only")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Werror -Wno-missing-field-initializers
                    -fstack-protector-strong -ftrivial-auto-var-init=zero)
add_compile_definitions(_GLIBCXX_ASSERTIONS)
if(NOT POSTHORN_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL Release)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
add_link_options(-fuse-ld=lld -Wl,-z,relro,-z,now)

if(POSTHORN_SANITIZE)
  add_compile_options(-fsanitize=${POSTHORN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${POSTHORN_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  # ccache cannot see inside a precompiled header, so it is told which differences do not matter.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
