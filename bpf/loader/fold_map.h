/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's `folds` behind the door that fold.h describes. */
#ifndef AGENTGOV_FOLD_MAP_H
#define AGENTGOV_FOLD_MAP_H

#include "fold.h"

/* `fd` is the map's; it stays the caller's and must outlive the door. */
struct fold_map fold_map_of(const int *fd);

/* Keys that are in the map now. */
size_t fold_map_count(int fd);

#endif
