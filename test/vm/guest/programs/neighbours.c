/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root may try against the sessions of other agents: neighbours mild|deadly POLICY LOG NAME ENGINE LOADER
 * WATCHED_LOG WATCHER WATCHER_LOADER runs each way in a child of its own and prints a line "WAY ERRNO PID", 0 where
 * nothing was against it. NAME is the first agent's, which is held to POLICY; the second one is only recorded. What is
 * moved is moved back, and where it is `mild` nobody hears the signals. Beside POLICY lie `new`, and beside LOG a file
 * of its writer's, LOG.torn-1. `neighbours signal PID` tries a signal alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "ways.h"
#include "paths.h"

static const char *policy, *log_file, *name, *watched_log;
static pid_t engine, loader, watcher, watcher_loader;
static int lethal;

static int files_policy_write(void) {
    return open(policy, O_WRONLY);
}
static int files_policy_rename(void) {
    return move_and_back(policy);
}
static int files_policy_replace(void) {
    return rename(text("%s/new", folder_of(policy)), policy);
}
static int files_policy_link(void) {
    const char *other = text("%s.linked", policy);
    return link(policy, other) ? -1 : need(unlink(other), "unlink");
}
static int files_policy_mode(void) {
    return chmod(policy, 0644);
}
static int files_policy_folder(void) {
    return move_and_back(folder_of(policy));
}
static int files_policy_cover(void) {
    const char *at = folder_of(policy);
    return mount("none", at, "tmpfs", 0, NULL) ? -1 : need(umount(at), "umount");
}
static int files_log_write(void) {
    return open(log_file, O_WRONLY | O_APPEND);
}
static int files_log_rename(void) {
    return move_and_back(log_file);
}
static int files_log_unlink(void) {
    return unlink(text("%s.torn-1", log_file));
}
static int files_log_tip(void) {
    return open(text("%s.tip", log_file), O_RDWR);
}
static int files_log_finished(void) {
    const char *path = text("%.*s-000001.jsonl", (int)(strlen(log_file) - strlen(".jsonl")), log_file);
    return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? -1 : unlink(path);
}
static int files_watched_log_write(void) {
    return open(watched_log, O_WRONLY | O_APPEND);
}
static int control_feedback(void) {
    return open(text("/run/agentgov/%s.feedback.jsonl", name), O_WRONLY);
}
static int control_socket(void) {
    return move_and_back(text("/run/agentgov/%s.sock", name));
}
static int control_pins(void) {
    return move_and_back(text("/sys/fs/bpf/agentgov/%s", name));
}

/* SIGSTOP is undone, what kills is tried where it must not get through. */
static int stop(pid_t pid) {
    return kill(pid, SIGSTOP) ? -1 : need(kill(pid, SIGCONT), "SIGCONT");
}
static int process_kill(void) {
    return kill(engine, lethal);
}
static int process_kill_loader(void) {
    return kill(loader, lethal);
}
static int process_stop(void) {
    return stop(engine);
}
static int process_stop_loader(void) {
    return stop(loader);
}
static int process_trace(void) {
    return ptrace(PTRACE_SEIZE, engine, NULL, NULL);
}
static int process_memory(void) {
    static char here[8];
    struct iovec local = {here, sizeof(here)}, remote = {(void *)8, sizeof(here)};
    return process_vm_writev(loader, &local, 1, &remote, 1, 0);
}
static int process_memory_file(void) {
    return open(text("/proc/%d/mem", engine), O_RDWR);
}
static int process_pipe(void) {
    return open(text("/proc/%d/fd/0", loader), O_WRONLY);
}
static int process_kill_watcher(void) {
    return kill(watcher, lethal);
}
static int process_trace_watcher(void) {
    return ptrace(PTRACE_SEIZE, watcher_loader, NULL, NULL);
}

/* Whoever is governed as another agent hears at the request that the engine will not. */
static int refused_control(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    static const char ask[] = "{\"op\":\"status\",\"id\":1}\n";
    char reply[512];
    int fd = need(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    snprintf(at.sun_path, sizeof(at.sun_path), "/run/agentgov/%s.sock", name);
    need(connect(fd, (void *)&at, sizeof(at)), "connect");
    need(read(fd, reply, sizeof(reply)), "hello");
    need(write(fd, ask, sizeof(ask) - 1), "write");
    ssize_t n = need(read(fd, reply, sizeof(reply) - 1), "read");
    reply[n] = '\0';
    errno = ECONNREFUSED;
    return strstr(reply, "A governed process may not control agentgov") ? -1 : 0;
}

static int free_read_policy(void) {
    return open(policy, O_RDONLY);
}
static int free_read_log(void) {
    return open(log_file, O_RDONLY);
}
static int free_beside(void) {
    const char *path = text("%s/another", folder_of(policy));
    return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? -1 : unlink(path);
}
/* Of the same beginning as the log. */
static int free_alike(void) {
    const char *path = text("%.*s-else.jsonl", (int)(strlen(log_file) - strlen(".jsonl")), log_file);
    return open(path, O_WRONLY | O_CREAT, 0600) < 0 ? -1 : unlink(path);
}

#define WAY(name)                                                                                                      \
    { #name, name }
static const struct way WAYS[] = {
    WAY(files_policy_write),
    WAY(files_policy_rename),
    WAY(files_policy_replace),
    WAY(files_policy_link),
    WAY(files_policy_mode),
    WAY(files_policy_folder),
    WAY(files_policy_cover),
    WAY(files_log_write),
    WAY(files_log_rename),
    WAY(files_log_unlink),
    WAY(files_log_tip),
    WAY(files_log_finished),
    WAY(files_watched_log_write),
    WAY(control_feedback),
    WAY(control_socket),
    WAY(control_pins),
    WAY(process_stop),
    WAY(process_stop_loader),
    WAY(process_trace),
    WAY(process_memory),
    WAY(process_memory_file),
    WAY(process_pipe),
    WAY(process_trace_watcher),
    WAY(process_kill),
    WAY(process_kill_loader),
    WAY(process_kill_watcher),
    WAY(refused_control),
    WAY(free_read_policy),
    WAY(free_read_log),
    WAY(free_beside),
    WAY(free_alike),
};

static pid_t signalled;
static int signal_alone(void) {
    return kill(signalled, SIGURG);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "signal") == 0) {
        static const struct way way[] = {WAY(signal_alone)};
        signalled = atoi(argv[2]);
        return try_all(way, 1);
    }
    if (argc != 10)
        return 2;
    lethal = strcmp(argv[1], "deadly") == 0 ? SIGKILL : SIGURG;
    policy = argv[2], log_file = argv[3], name = argv[4];
    engine = atoi(argv[5]), loader = atoi(argv[6]);
    watched_log = argv[7], watcher = atoi(argv[8]), watcher_loader = atoi(argv[9]);
    return try_all(WAYS, sizeof(WAYS) / sizeof(WAYS[0]));
}
