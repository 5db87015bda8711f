# What `cmake --install` puts beside the programs and libraries: the CMake package GanSDK, the pkg-config file, and the
# documents.
include(CMakePackageConfigHelpers)
set(GAN_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/GanSDK)

configure_package_config_file(cmake/GanSDKConfig.cmake.in GanSDKConfig.cmake INSTALL_DESTINATION ${GAN_PACKAGE_DIR}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR GAN_PLUGIN_INSTALL_DIR)
write_basic_package_version_file(GanSDKConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/GanSDKConfig.cmake ${PROJECT_BINARY_DIR}/GanSDKConfigVersion.cmake
              cmake/GanPlugin.cmake cmake/plugin.map
        DESTINATION ${GAN_PACKAGE_DIR})
install(EXPORT GanSDKTargets NAMESPACE GanSDK:: DESTINATION ${GAN_PACKAGE_DIR})

# Relative to where the file lies, so that an installed tree can be moved.
file(RELATIVE_PATH GAN_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" GAN_PC_PREFIX "${GAN_PC_PREFIX}")
configure_file(cmake/gansdk.pc.in gansdk.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gansdk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES LICENSE README.md CHANGELOG.md CONTRIBUTING.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN results EXCLUDE)
