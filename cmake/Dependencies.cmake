# What Posthorn is built on. Every package comes from Debian; packaging/debian-packages.txt lists them.
# Licences: Boost BSL-1.0, OpenSSL Apache-2.0, SQLite public domain, simdjson Apache-2.0, fmt MIT, spdlog MIT,
# CLI11 BSD-3-Clause, toml++ MIT, prometheus-cpp MIT, libsodium ISC, GoogleTest BSD-3-Clause.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(simdjson REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(CURL REQUIRED)  # curl licence; SMTP only
find_package(PkgConfig REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
find_package(CLI11 REQUIRED)
if(NOT POSTHORN_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL Release)
  find_package(mimalloc QUIET)  # MIT; optional: a tenth less processor time for each message (docs/benchmarks.md)
endif()
if(POSTHORN_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()
