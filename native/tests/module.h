/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and unloading kernel modules. */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>

/* errno of the loading of a module's file, 0 if it is loaded. */
int module_load(const char *file, const char *parameters);

/* errno of the unloading, 0 if it has gone. */
int module_unload(const char *name);

bool module_is_loaded(const char *name);

#endif /* MODULE_H */
