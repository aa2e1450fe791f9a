#ifndef CXXHASH_H
#define CXXHASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3_64bits of xxHash 0.8, whose values do not change from version to version. */
uint64_t xxhash_checksum(const void *bytes, size_t count);

#endif
