#ifndef CLINUX_H
#define CLINUX_H

#include <sys/prctl.h>

/* prctl(2) is variadic, which Swift cannot call. */

/* From now on orphaned descendants become children of this process. 0, or -1 with errno. */
static inline int linux_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

#endif
