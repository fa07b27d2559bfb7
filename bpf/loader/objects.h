/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where trampolines work, a hook tells the resolved object (AG_OBJECT) and the system call its result and the name that
 * was asked (AG_PATH), a little later and from the same thread. Here the first waits for the second.
 */
#ifndef AGENTGOV_OBJECTS_H
#define AGENTGOV_OBJECTS_H

#include "record.h"
#include "syscalls.h"

#define OBJECT_SLOTS 1024

struct objects {
    struct object {
        __u32 tid;
        size_t size;
        char *bytes;
    } slots[OBJECT_SLOTS];
};

void objects_free(struct objects *o);

/* Keeps a copy until the thread's next record; a newer one takes the place of an older. */
void objects_put(struct objects *o, const struct record *r, const void *bytes, size_t size);

/*
 * The thread's next record has come: if it is the call that the object belongs to, the object's paths take the place
 * of the asked names in `r` (true). Either way the object is used up; its bytes stay good until the next call here.
 */
bool objects_join(struct objects *o, struct record *r, enum syscall_op op);

#endif
