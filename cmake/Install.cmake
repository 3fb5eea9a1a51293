# What `cmake --install` puts where, and how a third party's build finds it: by pkg-config or by CMake.
include(CMakePackageConfigHelpers)

set(TL_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/talelio/plugins)
set(TL_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/talelio)

install(TARGETS talelio RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
get_property(plugins DIRECTORY plugins PROPERTY BUILDSYSTEM_TARGETS)
foreach(plugin ${plugins})
  install(TARGETS ${plugin} LIBRARY DESTINATION ${TL_PLUGIN_DIR})
endforeach()
install(DIRECTORY include/talelio DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY migrations DESTINATION ${CMAKE_INSTALL_DATADIR}/talelio FILES_MATCHING PATTERN "*.sql")
install(FILES config/production.ini DESTINATION ${CMAKE_INSTALL_DATADIR}/talelio)

# The unit names the program and its ini file: known only when the prefix is, and that may be chosen at the installation.
# /etc is the one that core/config/installed.c looks in.
install(CODE "set(bin [[${CMAKE_INSTALL_BINDIR}]])\nset(etc [[${CMAKE_INSTALL_SYSCONFDIR}]])\n\
set(unit [[${PROJECT_SOURCE_DIR}/config/talelio.service.in]])\nset(made [[${CMAKE_CURRENT_BINARY_DIR}/talelio.service]])")
install(CODE [[
  cmake_path(ABSOLUTE_PATH bin BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE TL_BIN)
  if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/?$")
    cmake_path(ABSOLUTE_PATH etc BASE_DIRECTORY / OUTPUT_VARIABLE TL_ETC)
  elseif(CMAKE_INSTALL_PREFIX MATCHES "^/opt/" AND NOT IS_ABSOLUTE "${etc}")
    set(TL_ETC "/${etc}${CMAKE_INSTALL_PREFIX}")
  else()
    cmake_path(ABSOLUTE_PATH etc BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}" OUTPUT_VARIABLE TL_ETC)
  endif()
  configure_file("${unit}" "${made}" @ONLY)
]])
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/talelio.service DESTINATION ${CMAKE_INSTALL_DATADIR}/talelio)

# The version of the interface is written once, in its header.
file(STRINGS include/talelio/base.h abi REGEX "^#define TL_ABI_(MAJOR|MINOR) [0-9]+$")
list(TRANSFORM abi REPLACE "^.* " "")
list(JOIN abi "." TL_ABI)

# Relative, so that `cmake --install --prefix` may choose another place than the build was configured for.
string(REGEX REPLACE "[^/]+" ".." TL_PC_PREFIX ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
configure_file(cmake/talelio.pc.in talelio.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/talelio.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(cmake/talelio-config.cmake.in talelio-config.cmake
                              INSTALL_DESTINATION ${TL_PACKAGE_DIR}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR TL_PLUGIN_DIR)
write_basic_package_version_file(talelio-config-version.cmake VERSION ${TL_ABI} COMPATIBILITY SameMajorVersion
                                 ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/talelio-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/talelio-config-version.cmake
        DESTINATION ${TL_PACKAGE_DIR})
