#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

long linux_splice_file(int file, off_t *offset, int pipe, long count) {
    return splice(file, offset, pipe, NULL, (size_t)count, SPLICE_F_NONBLOCK);
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

enum { handed = 2 * sizeof(int) };

int linux_hand_over(int socket, const int descriptors[2]) {
    struct iovec bytes = {.iov_base = "\n", .iov_len = 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(handed)] = {0};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(handed);
    memcpy(CMSG_DATA(header), descriptors, handed);
    return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

long linux_receive(int socket, void *bytes, long size, int descriptors[2]) {
    struct iovec place = {.iov_base = bytes, .iov_len = (size_t)size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(handed)];
    struct msghdr message = {
        .msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    descriptors[0] = descriptors[1] = -1;
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return count;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        if (header->cmsg_len == CMSG_LEN(handed)) {
            memcpy(descriptors, CMSG_DATA(header), handed);
        } else if (header->cmsg_len == CMSG_LEN(sizeof(int))) {
            /* Not ours; kept, it would be lost open. */
            int stray;
            memcpy(&stray, CMSG_DATA(header), sizeof stray);
            close(stray);
        }
    }
    return count;
}
