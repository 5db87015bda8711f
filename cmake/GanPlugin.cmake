# gan_add_plugin(<id> SOURCES <file>... [CONFIGS <file>...])
#
# A plugin for ganhost: a module <id>.so that exports gan_plugin_entry and nothing else. Works inside this project and,
# after find_package(GanSDK), in any other. Written into GAN_PLUGIN_OUTPUT_DIR (default: the build folder); installed
# into GAN_PLUGIN_INSTALL_DIR, the configs into GAN_CONFIG_INSTALL_DIR/<id>.
include(GNUInstallDirs)

if(NOT DEFINED GAN_PLUGIN_INSTALL_DIR)
  set(GAN_PLUGIN_INSTALL_DIR ${CMAKE_INSTALL_LIBDIR}/ganhost/plugins)
endif()
if(NOT DEFINED GAN_CONFIG_INSTALL_DIR)
  set(GAN_CONFIG_INSTALL_DIR ${CMAKE_INSTALL_DATADIR}/ganhost)
endif()
set(GAN_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(gan_add_plugin id)
  cmake_parse_arguments(PLUGIN "" "" "SOURCES;CONFIGS" ${ARGN})
  if(NOT DEFINED GAN_PLUGIN_OUTPUT_DIR)
    set(GAN_PLUGIN_OUTPUT_DIR ${CMAKE_BINARY_DIR})
  endif()
  add_library(plugin_${id} MODULE ${PLUGIN_SOURCES})
  target_link_libraries(plugin_${id} PRIVATE GanSDK::gansdk m)
  target_link_options(plugin_${id} PRIVATE -Wl,--version-script=${GAN_PLUGIN_MAP} -Wl,-z,defs)
  set_target_properties(plugin_${id} PROPERTIES
    OUTPUT_NAME ${id} PREFIX "" SUFFIX .so LIBRARY_OUTPUT_DIRECTORY ${GAN_PLUGIN_OUTPUT_DIR} C_VISIBILITY_PRESET hidden
    LINK_DEPENDS ${GAN_PLUGIN_MAP} INSTALL_RPATH "") # the host has the SDK loaded already
  install(TARGETS plugin_${id} LIBRARY DESTINATION ${GAN_PLUGIN_INSTALL_DIR})
  if(PLUGIN_CONFIGS)
    install(FILES ${PLUGIN_CONFIGS} DESTINATION ${GAN_CONFIG_INSTALL_DIR}/${id})
  endif()
endfunction()
