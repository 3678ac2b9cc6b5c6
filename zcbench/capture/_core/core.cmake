# The part of the engine that knows no Python, as a library; built for the extension and for its own tests.
find_package(Threads REQUIRED)
add_library(zccore STATIC ${CORE}/slab.cpp ${CORE}/pool.cpp ${CORE}/maintain.cpp ${CORE}/keeper.cpp
                          ${CORE}/capture.cpp ${CORE}/replay.cpp ${CORE}/portaudio.cpp)
target_include_directories(zccore PUBLIC ${CORE})
target_compile_features(zccore PUBLIC cxx_std_20)
set_target_properties(zccore PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                        VISIBILITY_INLINES_HIDDEN ON)
target_link_libraries(zccore PUBLIC Threads::Threads)
if(NOT MSVC)
  target_compile_options(zccore PRIVATE -Wall -Wextra -Wconversion -Werror)
endif()
