/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* agentgov-loader: agentgov's hand in the kernel. The only file with a main(), so that tests can link the others. */
#include <stdio.h>
#include <string.h>
#include "control.h"
#include "subcommands.h"

static int version_main(int argc, char **argv) {
    (void)argc;
    (void)argv;
    printf("agentgov-loader %s protocol %d\n", AGENTGOV_VERSION, PROTOCOL_VERSION);
    return 0;
}

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
} SUBCOMMANDS[] = {
    {"run", run_main},   {"exec", exec_main}, {"probe", probe_main},
    {"peer", peer_main}, {"kept", kept_main}, {"version", version_main},
};

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < sizeof(SUBCOMMANDS) / sizeof(SUBCOMMANDS[0]); i++)
        if (strcmp(argv[1], SUBCOMMANDS[i].name) == 0)
            return SUBCOMMANDS[i].main(argc - 1, argv + 1);
    fprintf(
        stderr,
        "usage: agentgov-loader run|exec|probe|peer|kept|version (this is a part of agentgov; see agentgov --help)\n");
    return EXIT_USAGE;
}
