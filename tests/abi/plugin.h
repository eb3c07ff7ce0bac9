/* plugin.h - what test_plugin.c and its plug-in both say. */
#ifndef TESTS_PLUGIN_H
#define TESTS_PLUGIN_H

#define TEST_PLUGIN_NAME "testing" /* lares-testing.so, beside the library */

#endif
