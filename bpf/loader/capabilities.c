/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "capabilities.h"
#include "procfs.h"
#include <unistd.h>

#define CAP(x, vital)                                                                                                  \
    { #x, x, vital }

const struct capability CAPABILITIES[] = {
    CAP(CAP_BPF, true),         /* load programs */
    CAP(CAP_PERFMON, true),     /* tracepoints, and reading kernel memory from a program */
    CAP(CAP_NET_ADMIN, false),  /* programs at sockets: DNS answers */
    CAP(CAP_SYS_ADMIN, false),  /* trampolines of LSM hooks; stands for the two above on older kernels */
    CAP(CAP_SYS_PTRACE, false), /* what a running process has open */
    CAP(CAP_DAC_READ_SEARCH, false),
    CAP(CAP_KILL, false),         /* stop */
    CAP(CAP_SYS_RESOURCE, false), /* memory for maps before 5.11 */
};
const int CAPABILITIES_COUNT = sizeof(CAPABILITIES) / sizeof(CAPABILITIES[0]);

static uint64_t effective(void) {
    char text[4096];
    ssize_t n = proc_read(getpid(), "status", text, sizeof(text) - 1);
    unsigned long long set = 0;
    if (n > 0) {
        text[n] = '\0';
        const char *at = strstr(text, "\nCapEff:");
        if (at)
            sscanf(at, "\nCapEff: %llx", &set);
    }
    return set;
}

static bool held(uint64_t set, int number) {
    return set >> number & 1;
}

bool capability_held(const struct capability *c) {
    return held(effective(), c->number);
}

bool capabilities_suffice(char *why, size_t size) {
    uint64_t set = effective();
    char missing[256] = "";
    if (held(set, CAP_SYS_ADMIN))
        return true;
    for (int i = 0; i < CAPABILITIES_COUNT; i++)
        if (CAPABILITIES[i].vital && !held(set, CAPABILITIES[i].number)) {
            size_t used = strlen(missing);
            snprintf(missing + used, sizeof(missing) - used, "%s%s", used ? " and " : "", CAPABILITIES[i].name);
        }
    if (!missing[0])
        return true;
    snprintf(why, size, "Governing needs %s, which this process lacks; run agentgov as root (sudo).", missing);
    return false;
}
