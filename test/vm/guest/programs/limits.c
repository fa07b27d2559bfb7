/*
 * Opens a file more often than it may.
 *
 *   limits hammer PROCESSES OPENS GOAL PATH
 *       all at once, each OPENS times or until GOAL opens have led there; prints how many did, how many failed
 *       otherwise than with EPERM, and the ms from first to last
 *
 *   limits steps COUNT FOLDER PATH
 *       four opens each time that a file N (from 1) appears in FOLDER; prints how many led there, and makes N-done
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared {
    atomic_int waiting, passed, odd;
};

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void try_open(struct shared *s, const char *path) {
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        s->passed++;
        close(fd);
    } else {
        s->odd += errno != EPERM;
        usleep(1000); /* each refusal is an event */
    }
}

static int hammer(int processes, int opens, int goal, const char *path) {
    struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    s->waiting = processes;
    long begin = now_ms();
    for (int i = 0; i < processes; i++) {
        if (fork())
            continue;
        s->waiting--;
        while (s->waiting > 0)
            usleep(100);
        for (int n = 0; n < opens && s->passed < goal; n++)
            try_open(s, path);
        _exit(0);
    }
    while (wait(NULL) > 0)
        ;
    printf("%d %d %ld\n", s->passed, s->odd, now_ms() - begin);
    return 0;
}

static int steps(int count, const char *folder, const char *path) {
    struct shared s = {0};
    for (int step = 1; step <= count; step++) {
        char go[4096];
        snprintf(go, sizeof(go), "%s/%d", folder, step);
        while (access(go, F_OK) < 0)
            usleep(2000);
        s.passed = 0;
        for (int i = 0; i < 4; i++)
            try_open(&s, path);
        printf("%d\n", s.passed);
        fflush(stdout);
        snprintf(go, sizeof(go), "%s/%d-done", folder, step);
        close(open(go, O_WRONLY | O_CREAT, 0644));
    }
    return s.odd;
}

int main(int argc, char **argv) {
    if (argc == 6 && strcmp(argv[1], "hammer") == 0)
        return hammer(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), argv[5]);
    return argc == 5 && strcmp(argv[1], "steps") == 0 ? steps(atoi(argv[2]), argv[3], argv[4]) : 2;
}
