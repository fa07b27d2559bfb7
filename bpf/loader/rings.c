/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include "record.h"
#include "rings.h"

#define READ_MAX 32768 /* records; then somebody else has a turn */
#define ENOUGH (-ECANCELED)

static int take(void *arg, void *bytes, size_t size) {
    struct rings *r = arg;
    struct ag_record head = {.cls = AG_CLASS_SECURITY};
    if (size < sizeof(head)) {
        losses_add(r->losses, AG_CLASS_SECURITY, LOSS_MALFORMED, 1);
        return 0;
    }
    memcpy(&head, bytes, sizeof(head));
    if (!merge_push(r->merge, bytes, size, 0))
        losses_add(r->losses, head.cls < AG_CLASS_MAX ? head.cls : AG_CLASS_SECURITY, LOSS_MEMORY, 1);
    /* What a callback has been given is consumed, also when it says that it has enough. */
    return --r->left == 0 || merge_full(r->merge) ? ENOUGH : 0;
}

int rings_open(struct rings *r, int critical, int bulk, struct merge *merge, struct losses *losses) {
    *r = (struct rings){.merge = merge, .losses = losses};
    r->critical = ring_buffer__new(critical, take, r, NULL);
    if (r->critical)
        r->bulk = ring_buffer__new(bulk, take, r, NULL);
    if (r->bulk)
        return 0;
    int err = -errno;
    rings_close(r);
    return err;
}

void rings_close(struct rings *r) {
    ring_buffer__free(r->critical);
    ring_buffer__free(r->bulk);
    r->critical = r->bulk = NULL;
}

bool rings_read(struct rings *r, size_t *taken) {
    r->left = READ_MAX;
    bool empty =
        !merge_full(r->merge) && ring_buffer__consume(r->critical) != ENOUGH && ring_buffer__consume(r->bulk) != ENOUGH;
    *taken = READ_MAX - r->left;
    return empty;
}

int rings_critical_fd(const struct rings *r) {
    return ring_buffer__epoll_fd(r->critical);
}

int rings_bulk_fd(const struct rings *r) {
    return ring_buffer__epoll_fd(r->bulk);
}
