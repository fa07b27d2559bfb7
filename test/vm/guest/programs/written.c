/*
 * What a rule over what the tree wrote lets through, and what outlives a session: written DIR, in the folder of
 * bypass.c (guest/lib/bypass-scene.mjs), runs each of them in a child of its own and prints a line "WAY ERRNO PID", 0
 * where it ran. DIR/allowed/target is what the policy excepts. `written hold DIR` has DIR/allowed/held open since
 * before it is governed.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdlib.h>
#pragma GCC diagnostic ignored "-Wunused-function" /* the headers are those of bypass.c, which needs all of them */
#pragma GCC diagnostic ignored "-Wunused-variable"
#include "bypass-written.h"

static int ready(void) { /* nothing of it was written: it runs */
    return run(at("allowed/shell"));
}

static int excepted(void) {
    return run(made("allowed/target/excepted"));
}

static int moved_out(void) { /* what was written where it may be run, somewhere else */
    need(rename(made("allowed/target/moved"), at("allowed/moved")), "rename");
    return run(at("allowed/moved"));
}

static int replaced_by_others(void) { /* under the name of what was written lies another file by now */
    struct stat st;
    made("allowed/by-others");
    put("allowed/by-others.ready", "");
    for (int i = 0; i < 6000 && !stat(at("allowed/by-others.ready"), &st); i++)
        usleep(10000);
    need(stat(at("allowed/by-others.ready"), &st) ? 0 : -1, "wait");
    return run(at("allowed/by-others"));
}

static const struct way WAYS[] = {
    {"ready", ready},
    {"excepted", excepted},
    {"moved_out", moved_out},
    {"replaced_by_others", replaced_by_others},
};

static int held(void) {
    return run(at("allowed/held"));
}

/* With the first line writes into what it has open since before it was governed; with each tries to run that. */
static int hold(void) {
    static const struct way ways[] = {{"held", held}};
    char byte;
    int fd = fresh("allowed/held");
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) == 1) {
        if (fd >= 0)
            close(filled(fd));
        fd = -1;
        try_all(ways, 1);
    }
    return 0;
}

int main(int argc, char **argv) {
    bool holds = argc == 3 && !strcmp(argv[1], "hold");
    if (argc < 2)
        return 2;
    dir = argv[argc - 1];
    return holds ? hold() : try_all(WAYS, sizeof(WAYS) / sizeof(WAYS[0]));
}
