#ifndef CLINUX_H
#define CLINUX_H

#include <spawn.h>
#include <sys/epoll.h>
#include <sys/types.h>

/* System calls that Swift's Glibc module does not show: variadic ones, GNU's own, and epoll(7). */

/* prctl(2), PR_SET_CHILD_SUBREAPER: from now on orphaned descendants become children of this process.
   0, or -1 with errno. */
int linux_become_subreaper(void);

/* pipe2(2), O_CLOEXEC: ends[0] reads, ends[1] writes. 0, or -1 with errno. */
int linux_pipe(int ends[2]);

/* fcntl(2), F_SETPIPE_SZ: a pipe holds so many bytes from now on, rounded up. The size, or -1 with errno, also
   where the user's pipes together would hold too much. */
int linux_resize_pipe(int end, int bytes);

/* splice(2), SPLICE_F_NONBLOCK, of a file's bytes from *offset on, which moves with them, into a pipe: how many, or
   -1 with errno, EAGAIN where the pipe is full. */
long linux_splice_file(int file, off_t *offset, int pipe, long count);

/* posix_spawn_file_actions_addchdir_np(3). 0, or an error number. */
int linux_spawn_in_folder(posix_spawn_file_actions_t *actions, const char *folder);

/* posix_spawn_file_actions_addclosefrom_np(3): the child has no descriptor from this one on. 0, or an error
   number. */
int linux_spawn_closing_from(posix_spawn_file_actions_t *actions, int first);

/* pidfd_open(2): a descriptor that becomes readable when the process ends; closed on exec. -1 with errno,
   also on kernels before 5.3. */
int linux_watch_process(int pid);

/* ppoll(2), which waits more exactly than poll(2), on an array of struct pollfd, whose header is Glibc's in Swift.
   The number of those that have something, or -1 with errno. */
int linux_poll(void *descriptors, int count, long long nanoseconds);

/* sched_getaffinity(2) of this thread: a bit for each core in so many bytes. 0, or -1 with errno. */
int linux_cores(unsigned long *words, int bytes);

/* sched_setaffinity(2) of this thread, and of what it starts from now on. 0, or -1 with errno. */
int linux_use_cores(const unsigned long *words, int bytes);

/* sendmsg(2) of one newline with two descriptors, SCM_RIGHTS of unix(7). 0, or -1 with errno. */
int linux_hand_over(int socket, const int descriptors[2]);

/* recvmsg(2): as read(2), and two descriptors that came by linux_hand_over, closed on exec; -1 where none came. */
long linux_receive(int socket, void *bytes, long size, int descriptors[2]);

#endif
