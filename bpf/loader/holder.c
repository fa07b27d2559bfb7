/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "holder.h"
#include "procfs.h"
#include "tables.h"

uint64_t holder_start(uint32_t pid) {
    struct proc_stat stat;
    return proc_stat_read(pid, &stat) ? stat.start_ticks : 0;
}

/* The number behind KEY and a tab at the beginning of a line. */
static bool number_of(const char *text, const char *key, uint32_t *out) {
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, strlen(key)) == 0)
            return sscanf(at + strlen(key), "\t%u", out) == 1;
    }
    return false;
}

static void see(struct holder *h, const char *text) {
    uint32_t id;
    if (number_of(text, "map_id:", &id) && h->maps_count < HOLDER_IDS_MAX)
        h->maps[h->maps_count++] = id;
    else if (number_of(text, "prog_id:", &id) && h->programs_count < HOLDER_IDS_MAX)
        h->programs[h->programs_count++] = id;
}

bool holder_read(struct holder *h, uint32_t pid) {
    char path[64], name[300], text[1024];
    h->maps_count = h->programs_count = 0;
    snprintf(path, sizeof(path), "/proc/%u/fdinfo", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        snprintf(name, sizeof(name), "fdinfo/%s", entry->d_name);
        ssize_t n = entry->d_name[0] == '.' ? -1 : proc_read(pid, name, text, sizeof(text) - 1);
        if (n <= 0)
            continue;
        text[n] = '\0';
        see(h, text);
    }
    closedir(dir);
    return true;
}

bool holder_believe(struct holder *h, const struct agentgov_bpf *own, uint32_t pid, uint64_t since) {
    char why[256];
    bool member;
    size_t count;
    return proc_is_like_us(pid) && holder_read(h, pid) && holder_start(pid) == since &&
           tables_ask(own, pid, &member, &count, why, sizeof(why)) == 0 && !member;
}

static bool has(const uint32_t *ids, size_t count, uint32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

bool holder_has_map(const struct holder *h, uint32_t id) {
    return has(h->maps, h->maps_count, id);
}

bool holder_has_program(const struct holder *h, uint32_t id) {
    return has(h->programs, h->programs_count, id);
}
