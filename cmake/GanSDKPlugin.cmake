# gansdk_add_plugin(<name> <source>...): the plugin <name>.so. Only gan_plugin_entry is visible in it, and it must not
# use symbols that nothing defines.
set(GanSDK_PLUGIN_MAP "${CMAKE_CURRENT_LIST_DIR}/plugin.map")
function(gansdk_add_plugin name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE GanSDK::gansdk)
  set_target_properties(${name} PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden C_STANDARD 11
                                           LINK_DEPENDS "${GanSDK_PLUGIN_MAP}")
  target_link_options(${name} PRIVATE "-Wl,--version-script=${GanSDK_PLUGIN_MAP}" -Wl,-z,defs)
endfunction()
