/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <bpf/bpf.h>
#include "loss.h"
#include "names.h"

bool losses_init(struct losses *l, int map, __u32 row, int cpus) {
    *l = (struct losses){.map = map, .row = row, .cpus = cpus};
    l->values = calloc(cpus, sizeof(*l->values));
    return l->values != NULL;
}

void losses_free(struct losses *l) {
    free(l->values);
    *l = (struct losses){.map = -1};
}

void losses_add(struct losses *l, enum ag_class cls, enum own_loss reason, __u64 n) {
    l->seen[cls][reason] += n;
}

void losses_set(struct losses *l, enum ag_class cls, enum own_loss reason, __u64 total) {
    l->seen[cls][reason] = total;
}

static void read_kernel(struct losses *l) {
    if (l->map < 0)
        return;
    if (bpf_map_lookup_elem(l->map, &l->row, l->values) == 0)
        losses_sum(l);
}

void losses_sum(struct losses *l) {
    for (int cls = 0; cls < AG_CLASS_MAX; cls++) {
        l->records[cls] = 0;
        for (int cpu = 0; cpu < l->cpus; cpu++)
            l->records[cls] += l->values[cpu].emitted[cls];
        for (int reason = 0; reason < AG_LOSS_MAX; reason++) {
            __u64 sum = 0;
            for (int cpu = 0; cpu < l->cpus; cpu++)
                sum += l->values[cpu].lost[cls][reason];
            l->seen[cls][reason] = sum;
            l->records[cls] += sum;
        }
    }
}

__u64 losses_other_records(const struct losses *l) {
    __u64 sum = 0;
    for (int cls = 0; cls < AG_CLASS_MAX; cls++)
        if (cls != AG_CLASS_VERDICT && cls != AG_CLASS_TLS)
            sum += l->records[cls];
    return sum;
}

static const char *reason_name(int reason) {
    if (reason < AG_LOSS_MAX)
        return LOSS_NAMES[reason];
    switch (reason) {
    case LOSS_MEMORY:
        return "memory";
    case LOSS_RECURSION:
        return "recursion";
    default:
        return "malformed";
    }
}

void losses_tell(struct losses *l, struct buf *out) {
    read_kernel(l);
    for (int cls = 0; cls < AG_CLASS_MAX; cls++)
        for (int reason = 0; reason < LOSS_REASONS; reason++) {
            __u64 more = l->seen[cls][reason] - l->told[cls][reason];
            if (!more)
                continue;
            size_t before = out->len;
            buf_str(out, "{\"msg\":\"lost\",\"class\":\"");
            buf_str(out, CLASS_NAMES[cls]);
            buf_str(out, "\",\"count\":");
            buf_u64(out, more);
            buf_str(out, ",\"reason\":\"");
            buf_str(out, reason_name(reason));
            buf_str(out, "\"}\n");
            if (out->over) { /* told when there is room again */
                out->len = before;
                out->over = false;
                return;
            }
            l->told[cls][reason] = l->seen[cls][reason];
        }
}

__u64 losses_of(const struct losses *l, enum ag_class cls) {
    __u64 sum = 0;
    for (int reason = 0; reason < LOSS_REASONS; reason++)
        sum += l->seen[cls][reason];
    return sum;
}
