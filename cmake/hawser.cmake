# Flags that every target gets.
add_library(hawser_flags INTERFACE)
target_compile_features(hawser_flags INTERFACE cxx_std_20)
target_compile_options(hawser_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Werror
  -Werror=switch -fno-omit-frame-pointer
  -pthread  # everywhere, as re2 asks for it: one set of macros, one set of precompiled headers
  # GCC takes Asio's recycling of coroutine frames for a mismatch.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  $<$<CONFIG:Debug>:-g1>
  $<$<CONFIG:Release>:-O2 -g1>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # What the optimiser says of code that it moved depends on its version: it is shown, and does not
  # end the build of what is shipped. The other presets end at every warning.
  target_compile_options(hawser_flags INTERFACE
    $<$<CONFIG:Release>:-Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread
      -Wno-error=restrict -Wno-error=maybe-uninitialized -Wno-error=free-nonheap-object
      -Wno-error=dangling-pointer>)
endif()
target_compile_definitions(hawser_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ALL_NO_LIB
  SPDLOG_COMPILED_LIB)
if(HAWSER_SANITIZE)
  target_compile_options(hawser_flags INTERFACE -O1 -fsanitize=${HAWSER_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(hawser_flags INTERFACE -fsanitize=${HAWSER_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # With the sanitizers' code in between GCC 12 takes members of variants for uninitialized.
    target_compile_options(hawser_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND HAWSER_SANITIZE MATCHES thread)
    # Asio's fences are not understood; they stand beside atomics that are. What is said of code
    # that was moved is as little true as above.
    target_compile_options(hawser_flags INTERFACE
      -Wno-tsan -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=stringop-overread
      -Wno-error=restrict)
  endif()
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang AND HAWSER_SANITIZE MATCHES undefined)
    # clang 14 cannot assemble coroutines with this check.
    target_compile_options(hawser_flags INTERFACE -fno-sanitize=function)
  endif()
else()
  find_program(MOLD mold)
  if(MOLD)
    target_link_options(hawser_flags INTERFACE -fuse-ld=mold)
  endif()
  # What an attacker who finds a hole still meets (docs/security.md): tests/gateway/test_hardening.py.
  target_link_options(hawser_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
  target_compile_options(hawser_flags INTERFACE
    $<$<CONFIG:Release>:-fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
    target_compile_options(hawser_flags INTERFACE $<$<CONFIG:Release>:-fcf-protection>)
    # Not -z ibt: the start files of Debian's GCC have no ENDBR.
    target_link_options(hawser_flags INTERFACE $<$<CONFIG:Release>:-Wl,-z,shstk>)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(hawser_flags INTERFACE -fsized-deallocation)
  target_compile_options(hawser_flags INTERFACE -Werror=unused-result)
endif()
if(HAWSER_FUZZ)
  target_compile_options(hawser_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# What most files read of the standard library, and tests of GoogleTest, is parsed once a preset: half
# of what a file costs. The other compiler goes without, so that each file still names what it uses.
option(HAWSER_PRECOMPILE "Precompile the standard library's headers" ON)
if(HAWSER_PRECOMPILE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(std_headers <algorithm> <array> <atomic> <charconv> <chrono> <coroutine> <cstring> <deque> <functional> <map>
    <memory> <mutex> <optional> <random> <span> <stdexcept> <string> <string_view> <unordered_map> <utility>
    <variant> <vector>)
  add_library(hawser_std OBJECT ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
  target_link_libraries(hawser_std PRIVATE hawser_flags)
  target_precompile_headers(hawser_std PRIVATE ${std_headers})
  add_library(hawser_std_tests OBJECT ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
  target_link_libraries(hawser_std_tests PRIVATE hawser_flags GTest::gmock)
  target_precompile_headers(hawser_std_tests PRIVATE ${std_headers} <gmock/gmock.h> <gtest/gtest.h>)
endif()
function(hawser_precompiled target headers)
  if(TARGET ${headers})
    target_precompile_headers(${target} REUSE_FROM ${headers})
  endif()
endfunction()

# Asio is compiled once (BOOST_ASIO_SEPARATE_COMPILATION): headers stay cheap.
add_library(hawser_asio STATIC ${CMAKE_SOURCE_DIR}/cmake/asio.cpp)
target_compile_definitions(hawser_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_compile_options(hawser_asio PRIVATE -O2 -w)
target_link_libraries(hawser_asio PUBLIC Boost::headers Threads::Threads)
if(HAWSER_SANITIZE)
  target_compile_options(hawser_asio PRIVATE -fsanitize=${HAWSER_SANITIZE})
endif()

# Only who asks is told where the sources are: all else compiles the same in every checkout, so that
# the compiler's cache serves them all.
function(hawser_tell_source_dir)
  foreach(file IN LISTS ARGN)
    file(STRINGS ${file} asks REGEX HAWSER_SOURCE_DIR LIMIT_COUNT 1)
    if(asks)
      set_property(SOURCE ${file} APPEND PROPERTY COMPILE_DEFINITIONS
                   HAWSER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

# hawser_module(<folder> [DEPENDS <folder>...] [LIBRARIES <target>...])
# One library from x.cpp, one test program from x_test.cpp, one fuzz target a x_fuzz.cpp, one
# benchmark program from x_bench.cpp; a new file is seen by the next build.
function(hawser_module folder)
  cmake_parse_arguments(arg "" "" "DEPENDS;LIBRARIES" ${ARGN})
  get_property(earlier GLOBAL PROPERTY hawser_modules)
  if("ALL" IN_LIST arg_DEPENDS)
    set(arg_DEPENDS ${earlier})
  endif()
  set_property(GLOBAL APPEND PROPERTY hawser_modules ${folder})
  string(REPLACE "/" "_" name ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${folder}/*_test.cpp)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${folder}/*_fuzz.cpp)
  file(GLOB benches CONFIGURE_DEPENDS ${folder}/*_bench.cpp)
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz)[.]cpp$")
  hawser_tell_source_dir(${tests} ${benches})

  add_library(${name} STATIC ${sources} ${CMAKE_SOURCE_DIR}/cmake/empty.cpp)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC hawser_flags ${arg_LIBRARIES})
  hawser_precompiled(${name} hawser_std)
  foreach(dependency IN LISTS arg_DEPENDS)
    string(REPLACE "/" "_" dependency ${dependency})
    target_link_libraries(${name} PUBLIC ${dependency})
  endforeach()

  if(tests AND NOT HAWSER_FUZZ)
    # Fuzz targets run in the tests, too, over the inputs that are kept: fuzz/run_seeds.hpp.
    foreach(file IN LISTS fuzzers)
      get_filename_component(target ${file} NAME_WE)
      set(seeds ${CMAKE_BINARY_DIR}/seeds/${target}_seeds_test.cpp)
      configure_file(${CMAKE_SOURCE_DIR}/cmake/seeds_test.cpp.in ${seeds} @ONLY)
      hawser_tell_source_dir(${seeds})
      set_property(SOURCE ${file} APPEND PROPERTY COMPILE_DEFINITIONS LLVMFuzzerTestOneInput=${target}_one)
      list(APPEND tests ${file} ${seeds})
    endforeach()
    add_executable(${name}_test ${tests})
    target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name}_test PRIVATE ${name} GTest::gmock GTest::gtest_main)
    hawser_precompiled(${name}_test hawser_std_tests)
    gtest_discover_tests(${name}_test TEST_PREFIX "unit." DISCOVERY_TIMEOUT 60)
  endif()
  if(HAWSER_FUZZ)
    foreach(file IN LISTS fuzzers)
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      target_link_libraries(${target} PRIVATE ${name})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
  if(HAWSER_BENCH AND benches)
    find_package(benchmark REQUIRED)
    add_executable(${name}_bench ${benches})
    target_link_libraries(${name}_bench PRIVATE ${name} benchmark::benchmark_main)
  endif()
endfunction()
