/* What the readers of weights files share; only weights*.c, quantise_values.c, smp_names.c, safetensors.c, pytorch*.c
 * and pickle.c include it. */
#ifndef POLYP_NET_WEIGHTS_READER_H
#define POLYP_NET_WEIGHTS_READER_H

#include "base/memory.h"
#include "net/weights.h"

/* Multi-byte values are copied from and to files as they are. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weights files are little-endian");

/* Each reads file->bytes into entries (any order), metadata and the arena that weights_open() has made. */
status safetensors_open(weights_file *file, const char *path);
status pytorch_zip_open(weights_file *file, const char *path);
status pytorch_legacy_open(weights_file *file, const char *path);

/* Room for `count` entries in the file's arena. */
status weights_reserve(weights_file *file, size_t count);

/* A name must be something that a message can show: 1 to 1024 bytes, no control characters, not "__metadata__". */
bool weights_name_is_sane(const char *name, size_t size);

/* entry->count from rank and shape, row-major strides when `dense`. false: the product is too large to address. */
bool weights_count(weights_entry *entry, bool dense);

/* Puts entries in the order of the data and makes file->by_name, where no name may come twice. Errors: FORMAT, MEMORY. */
status weights_index(weights_file *file, const char *path);

/* Words from a file for a message: printable, shortened, always ends. */
typedef struct shown_text {
    char text[96];
} shown_text;
shown_text weights_show(const char *bytes, size_t size);

/* "64x64x3x3", or "a single value" for rank 0. */
shown_text weights_show_shape(int rank, const int64_t *dims);

#endif
