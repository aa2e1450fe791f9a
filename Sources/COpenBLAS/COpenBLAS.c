#include <stdlib.h>

// OpenBLAS starts a thread for each core as it is loaded, wanted or not. Before it does (its own constructor
// has no priority, so this one runs first) it is told to use the calling thread only: the trainer divides
// batches among threads of its own.
__attribute__((constructor(101))) static void use_calling_thread_only(void) {
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
}
