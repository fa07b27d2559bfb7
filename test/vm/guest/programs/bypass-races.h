/* Where a name leads somewhere else between the look and the deed. */
#ifndef BYPASS_RACES_H
#define BYPASS_RACES_H

#include <pthread.h>
#include <sched.h>
#include "bypass-scene.h"

#define REFUSALS 50
#define ATTEMPTS 100000

/* Opens it again and again, until it has read what is closed or was refused REFUSALS times. */
static int raced(const char *path) {
    char byte;
    for (int refused = 0, i = 0; i < ATTEMPTS && refused < REFUSALS; i++) {
        int fd = open(path, O_RDONLY);
        if (fd < 0 && errno == EPERM)
            refused++;
        else if (fd >= 0 && read(fd, &byte, 1) == 1 && byte == 's')
            return 0;
        close(fd);
        sched_yield();
        errno = EPERM;
    }
    return -1;
}

static void *flip_argument(void *letter) {
    for (;; sched_yield())
        *(volatile char *)letter ^= 'a' ^ 'b';
    return NULL;
}

/* The argument of open() changes between race-a, which is open, and race-b, which leads to what is closed. */
static int race_argument(void) {
    char path[8192];
    pthread_t thread;
    snprintf(path, sizeof(path), "%s", at("race-a"));
    need(-pthread_create(&thread, NULL, flip_argument, path + strlen(path) - 1), "pthread_create");
    return raced(path);
}

static char race_link[8192], race_next[8192], race_to[2][8192];

static void *flip_link(void *unused) {
    (void)unused;
    for (int i = 0;; i ^= 1) {
        if (!symlink(race_to[i], race_next))
            rename(race_next, race_link);
        sched_yield();
    }
    return NULL;
}

static int race_symlink(void) {
    pthread_t thread;
    strcpy(race_link, at("allowed/race"));
    strcpy(race_next, at("allowed/race-next"));
    strcpy(race_to[0], at("allowed/race-open"));
    strcpy(race_to[1], at("secret/key"));
    need(symlink(race_to[0], race_link), "symlink");
    need(-pthread_create(&thread, NULL, flip_link, NULL), "pthread_create");
    return raced(race_link);
}

#endif
