# The part of the engine that knows no Python, as a library; built for the extension and for its own tests.
set(SANITIZE "" CACHE STRING "comma-separated sanitizers: address,undefined or thread")
option(ZCBENCH_WERROR "a compiler's warning is an error" OFF)
if(SANITIZE)
  add_compile_options(-fsanitize=${SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${SANITIZE})
  if(SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # TSan does not model fences. The only ones (event_count.hpp) decide about waking up, never about data.
    add_compile_options(-Wno-tsan)
  endif()
endif()
if(NOT MSVC)
  set(ZCBENCH_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Wpedantic)
  if(ZCBENCH_WERROR)
    list(APPEND ZCBENCH_WARNINGS -Werror)
  endif()
endif()

find_package(Threads REQUIRED)
add_library(zccore STATIC ${CORE}/slab.cpp ${CORE}/overflow.cpp ${CORE}/pool.cpp ${CORE}/maintain.cpp ${CORE}/keeper.cpp
                          ${CORE}/capture.cpp ${CORE}/replay.cpp ${CORE}/portaudio.cpp)
# zcpage.h
target_include_directories(zccore PUBLIC ${CORE} ${CORE}/../../../include)
target_compile_features(zccore PUBLIC cxx_std_20)
set_target_properties(zccore PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                        VISIBILITY_INLINES_HIDDEN ON)
target_link_libraries(zccore PUBLIC Threads::Threads)
target_compile_options(zccore PRIVATE ${ZCBENCH_WARNINGS})
