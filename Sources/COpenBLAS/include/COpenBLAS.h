// OpenBLAS's products of matrices. Debian: libopenblas-dev; linked statically (-l:libopenblas.a), so that
// a plugin stays one file.
#include <cblas.h>
