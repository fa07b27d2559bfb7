/* Ways to do one thing, each tried in a child of its own, and how the tests hear of it: guest/lib/ways.mjs reads it. */
#ifndef WAYS_H
#define WAYS_H

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Instead of an errno: what a step before the attempt could not do, the end of the process, a failure without errno. */
#define NOT_TRIED 255
#define WAS_KILLED 254
#define UNTOLD 253

struct way {
    const char *name;
    int (*go)(void); /* below 0, with errno, where it did not lead there */
};

/* What a step before the attempt itself could not do is no attempt. */
static int need(int result, const char *what) {
    if (result < 0) {
        perror(what);
        _exit(NOT_TRIED);
    }
    return result;
}

/* Prints a line "WAY ERRNO PID" for each: 0 where it led there. */
static int try_all(const struct way *ways, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        int status;
        pid_t child = fork();
        if (!child) {
            errno = 0;
            _exit(ways[i].go() < 0 ? (errno ? errno : UNTOLD) : 0);
        }
        waitpid(child, &status, 0);
        printf("%s %d %d\n", ways[i].name, WIFEXITED(status) ? WEXITSTATUS(status) : WAS_KILLED, child);
        fflush(stdout);
    }
    return 0;
}

#endif
