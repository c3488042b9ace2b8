/* From a checkpoint's pickle and storages to entries; shared by the zip and the legacy format. */
#ifndef POLYP_NET_PYTORCH_H
#define POLYP_NET_PYTORCH_H

#include "net/pickle.h"
#include "net/weights_reader.h"

/* Bytes inside the file. */
typedef struct file_span {
    const unsigned char *data;
    size_t size;
} file_span;

/* The bytes of a storage (of the root, when the storage is a view), as the file has them. Errors: FORMAT. */
typedef status (*storage_finder)(file_span *out, const void *context, const pickle_storage *storage, const char *path);

/* Fill file->entries with the tensors of the state_dict found in `root`: bare, or under "state_dict", "model", ... */
status pytorch_add_tensors(weights_file *file, const pickle_value *root, storage_finder find, const void *context,
                           const char *path);

/* By bytes, then the shorter first; for qsort and bsearch of keys and names. */
int pytorch_compare_text(pickle_text a, pickle_text b);

#endif
