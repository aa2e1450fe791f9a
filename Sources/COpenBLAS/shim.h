// Debian: libopenblas-dev. Linked statically (-l:libopenblas.a), so that the plugin stays one file.
#include <cblas.h>
