# One static library a room of the house; a room may depend only on rooms of lower floors (docs/architecture.md).
# tools/check_floors.py checks the includes as well.

add_library(posthorn_options INTERFACE)
target_include_directories(posthorn_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(posthorn_options INTERFACE fmt::fmt Boost::json Boost::url Threads::Threads)
target_compile_definitions(posthorn_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_BEAST_USE_STD_STRING_VIEW)

# Coroutine frames are larger than what glibc's allocator keeps at hand for each thread; this one serves them at once.
function(posthorn_allocator target)
  if(TARGET mimalloc)
    target_link_libraries(${target} PRIVATE mimalloc)
    target_link_options(${target} PRIVATE -Wl,--no-as-needed)  # nothing names its symbols: it stands in for malloc
  endif()
endfunction()

# Links rooms by their short names, packages by their own.
function(posthorn_depends target visibility)
  foreach(dependency ${ARGN})
    if(TARGET posthorn_${dependency})
      target_link_libraries(${target} ${visibility} posthorn_${dependency})
    else()
      target_link_libraries(${target} ${visibility} ${dependency})
    endif()
  endforeach()
endfunction()

# posthorn_library(NAME SOURCES a.cpp ... DEPENDS other ...)
function(posthorn_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(posthorn_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(posthorn_${name} PUBLIC posthorn_options)
  posthorn_depends(posthorn_${name} PUBLIC ${ARG_DEPENDS})
  if(NOT name STREQUAL pch)
    target_precompile_headers(posthorn_${name} REUSE_FROM posthorn_pch)
  endif()
endfunction()

# What every program has in common, tests as well.
function(posthorn_program name options precompiled)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${options})
  posthorn_depends(${name} PRIVATE ${ARG_DEPENDS})
  # The precompiled header is compiled as for a library (-fPIC); an executable would get -fPIE, which does not match.
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_link_options(${name} PRIVATE -pie)
  target_link_libraries(${name} PRIVATE posthorn_platform)  # the header names Asio, whose code is in platform/asio.cpp
  target_precompile_headers(${name} REUSE_FROM ${precompiled})
endfunction()

# posthorn_executable(NAME SOURCES a.cpp ... DEPENDS other ...): a program.
function(posthorn_executable name)
  posthorn_program(${name} posthorn_options posthorn_pch ${ARGN})
  target_compile_options(${name} PRIVATE -fPIC)
endfunction()

# posthorn_test(NAME SOURCES a_test.cpp ... DEPENDS other ... [LABELS ...] [TIMEOUT seconds]): a GoogleTest binary run by
# ctest. Tests are compiled without optimisation in every flavour, against their own precompiled header with GoogleTest in
# it: the product under test keeps its flags, and the whole suite builds in a third of the time. UBSan watches the
# product, not the tests: its checks double the code of every matcher.
add_library(posthorn_test_options INTERFACE)
target_compile_options(posthorn_test_options INTERFACE -O0 -U_FORTIFY_SOURCE -fPIC)
if(POSTHORN_SANITIZE MATCHES undefined)
  target_compile_options(posthorn_test_options INTERFACE -fno-sanitize=undefined)
endif()
target_link_libraries(posthorn_test_options INTERFACE posthorn_options GTest::gmock GTest::gtest_main)

add_custom_target(threaded_tests)  # tests labelled `threads`: of rooms that have threads of their own

function(posthorn_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(POSTHORN_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  posthorn_program(${name} posthorn_test_options posthorn_test_pch SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(threaded_tests ${name})
  endif()
endfunction()
