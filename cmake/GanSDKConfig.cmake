# find_package(GanSDK 1): the target GanSDK::gansdk and the function gan_add_plugin.
include(${CMAKE_CURRENT_LIST_DIR}/GanSDKTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/GanPlugin.cmake)
