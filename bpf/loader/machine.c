/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>
#include "machine.h"

static bool read_line(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "re");
    bool any = file && fgets(out, size, file);
    if (any)
        out[strcspn(out, "\n")] = '\0';
    else
        out[0] = '\0';
    if (file)
        fclose(file);
    return any;
}

void machine_kernel(char *out, size_t size) {
    struct utsname uts;
    snprintf(out, size, "%s", uname(&uts) == 0 ? uts.release : "");
}

bool machine_preempts_programs(void) {
    static int major = -1;
    char release[256];
    if (major < 0) {
        machine_kernel(release, sizeof(release));
        major = atoi(release);
    }
    return major >= 7;
}

void machine_lsm(char *out, size_t size) {
    read_line("/sys/kernel/security/lsm", out, size);
}

/* The word between the two marks: "none [integrity] confidentiality", "none voluntary (full) lazy". */
static bool marked(char *text, char open, char close, char *out, size_t size) {
    char *from = strchr(text, open), *to = from ? strchr(from, close) : NULL;
    if (!to)
        return false;
    snprintf(out, size, "%.*s", (int)(to - from - 1), from + 1);
    return true;
}

void machine_lockdown(char *out, size_t size) {
    char text[256];
    if (!read_line("/sys/kernel/security/lockdown", text, sizeof(text)) || !marked(text, '[', ']', out, size))
        snprintf(out, size, "unknown");
}

/* The default of a kernel that can choose at boot: what it was configured for. gzread takes plain files too. */
static bool configured(const char *path, char *out, size_t size) {
    static const struct {
        const char *option, *name;
    } MODES[] = {
        {"CONFIG_PREEMPT_NONE=y\n", "none"}, {"CONFIG_PREEMPT_VOLUNTARY=y\n", "voluntary"},
        {"CONFIG_PREEMPT_LAZY=y\n", "lazy"}, {"CONFIG_PREEMPT=y\n", "full"},
        {"CONFIG_PREEMPT_RT=y\n", "full"},
    };
    char line[512];
    bool found = false;
    gzFile file = gzopen(path, "re");
    while (file && !found && gzgets(file, line, sizeof(line)))
        for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]) && !found; i++)
            if (strcmp(line, MODES[i].option) == 0) {
                snprintf(out, size, "%s", MODES[i].name);
                found = true;
            }
    if (file)
        gzclose(file);
    return found;
}

static bool chosen_at_boot(char *out, size_t size) {
    char text[4096];
    if (!read_line("/proc/cmdline", text, sizeof(text)))
        return false;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        if (strncmp(word, "preempt=", 8) == 0) {
            snprintf(out, size, "%s", word + 8);
            return true;
        }
    return false;
}

void machine_preempt(char *out, size_t size) {
    char text[512], path[300];
    struct utsname uts;
    if (read_line("/sys/kernel/debug/sched/preempt", text, sizeof(text)) && marked(text, '(', ')', out, size))
        return;
    bool dynamic = uname(&uts) == 0 && strstr(uts.version, "PREEMPT_DYNAMIC");
    if (dynamic && chosen_at_boot(out, size))
        return;
    snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
    if (!configured("/proc/config.gz", out, size) && !configured(path, out, size))
        snprintf(out, size, "unknown");
}

bool machine_preempts_trampolines(void) {
    struct utsname uts;
    char mode[32];
    if (uname(&uts) == 0 && !strstr(uts.version, "PREEMPT"))
        return false;
    machine_preempt(mode, sizeof(mode));
    return strcmp(mode, "none") != 0 && strcmp(mode, "voluntary") != 0;
}
