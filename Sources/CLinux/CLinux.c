#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int linux_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int linux_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int linux_resize_pipe(int end, int bytes) {
    return fcntl(end, F_SETPIPE_SZ, bytes);
}

int linux_spawn_in_folder(posix_spawn_file_actions_t *actions, const char *folder) {
    return posix_spawn_file_actions_addchdir_np(actions, folder);
}

int linux_spawn_closing_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int linux_watch_process(int pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int linux_poll(void *descriptors, int count, long long nanoseconds) {
    struct timespec longest = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    return ppoll(descriptors, (nfds_t)count, &longest, NULL);
}

int linux_cores(unsigned long *words, int bytes) {
    return sched_getaffinity(0, bytes, (cpu_set_t *)words);
}

int linux_use_cores(const unsigned long *words, int bytes) {
    return sched_setaffinity(0, bytes, (const cpu_set_t *)words);
}
