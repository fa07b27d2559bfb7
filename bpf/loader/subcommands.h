/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What agentgov-loader can be asked to be. Each takes argv from its own name on and returns the exit code. */
#ifndef AGENTGOV_SUBCOMMANDS_H
#define AGENTGOV_SUBCOMMANDS_H

enum { EXIT_USAGE = 2, EXIT_UNAVAILABLE = 3, EXIT_INTERNAL = 4 };

int run_main(int argc, char **argv);
int exec_main(int argc, char **argv);
int probe_main(int argc, char **argv);
int kept_main(int argc, char **argv);
int peer_main(int argc, char **argv);

#endif
