/* Files of named tensors: safetensors, and PyTorch's checkpoints read without executing them. */
#ifndef POLYP_NET_WEIGHTS_H
#define POLYP_NET_WEIGHTS_H

#include <stdbool.h>

#include "base/file.h"
#include "net/params.h"

enum { WEIGHTS_MAX_RANK = 8 };

typedef struct weights_entry {
    const char *name;
    enum dtype dtype;
    int rank;
    int64_t shape[WEIGHTS_MAX_RANK];
    int64_t stride[WEIGHTS_MAX_RANK]; /* in values; dense and row-major for safetensors, anything for PyTorch */
    size_t count;
    const unsigned char *data;        /* first value, inside the file's bytes; may be unaligned for PyTorch */
    size_t size;                      /* bytes of the file from `data` on that strides may reach */
} weights_entry;

typedef struct weights_text { const char *key, *value; } weights_text;

/* An opened file. Entries in the order of the file's data. All strings are owned. */
typedef struct weights_file {
    file_bytes bytes;
    weights_entry *entries;
    const weights_entry **by_name; /* the same, sorted by name */
    size_t count;
    weights_text *metadata; /* safetensors __metadata__ */
    size_t metadata_count;
    const unsigned char *data; /* safetensors: the data section */
    size_t data_size;
    struct arena *arena;    /* owns entries, names, texts */
} weights_file;

/*
 * Map a safetensors file, or a PyTorch checkpoint (zip since 1.6, or the legacy format), told apart by content. Every
 * offset and size is checked before use: header length, overlap, gaps, wrong sizes, duplicate or empty names, unknown
 * dtypes, nesting. A PyTorch pickle is interpreted for tensors, containers, numbers and strings only; anything else in
 * it is refused, nothing is executed. `state_dict` may be bare, or nested under "state_dict", "model",
 * "model_state_dict" or "net"; a leading "module." is dropped from names.
 * Errors: FILE, FORMAT, UNSUPPORTED, MEMORY. weights_close() it.
 */
status weights_open(weights_file *out, const char *path);
void weights_close(weights_file *file);

/*
 * Names of a whole network as others save it become ours: what stands before all of them is dropped ("model." of a
 * LightningModule, "_orig_mod." of torch.compile), and those of a segmentation_models_pytorch Unet are translated
 * (decoder.blocks.0.conv1.0.weight to decoder.0.conv1.weight, segmentation_head.0.bias to head.bias), its classification
 * head dropped. Other files stay as they are. Errors: MISMATCH (another of its networks, several classes), FORMAT (two
 * tensors of one name), MEMORY.
 */
status weights_translate(weights_file *file, const char *path);

/* And back: the library's name of a tensor of ours. False: `room` is too small. */
bool weights_smp_name(char *out, size_t room, const char *name);

const weights_entry *weights_find(const weights_file *file, const char *name); /* or NULL */
const char *weights_metadata(const weights_file *file, const char *key);       /* or NULL */

/* Entry as `count` dense row-major f32 values (f32, f16, bf16, f64 and integer types converted). */
status weights_to_f32(float *out, const weights_entry *entry);

/* XXH3 (64 bit) of a safetensors file's data section, 16 hex digits and a NUL. */
void weights_hash(char out[17], const void *data, size_t size);
status weights_hash_file(char out[17], const char *path); /* of a whole file */

/* Compare the data with the "xxh3" of the metadata (reads all of it: 20 ms for 120 MB; weights_open() does not).
 * A file without one passes. Errors: FORMAT (the file is damaged). */
status weights_verify(const weights_file *file, const char *path);

/* One tensor to write: dense, dtype F32, F16, BF16, S8 or I64. */
typedef struct weights_item {
    const char *name;
    enum dtype dtype;
    int rank;
    int64_t shape[WEIGHTS_MAX_RANK];
    const void *data;
} weights_item;

/*
 * Write a safetensors file (beside, sync, rename). Items keep their order and are packed without gaps; the header is
 * padded with spaces so that the data section starts at a multiple of 64. "xxh3" of the data is added to the metadata.
 * Equal input gives equal bytes.
 */
status weights_write(const char *path, const weights_item *items, size_t count,
                     const weights_text *metadata, size_t metadata_count);

/*
 * Fill `p` (flat storage) from a file: every entry of the table must be there, by name, with its shape; `prefix` is
 * put before the table's names in the file ("" for our own models). Names of the file that the table lacks are ignored
 * when they end in "num_batches_tracked", else they are an error when `strict`.
 * Errors: MISMATCH (names the tensor and both shapes).
 */
status weights_fill(params *p, const weights_file *file, const char *path, const char *prefix, bool strict);

/* The same, strictly, for an encoder alone: torchvision's names (conv1.weight, layer1.0...) fill "encoder." + name. Ignored
 * are fc.* and layers that this network does not build (layer4 where the bridge is layer3). */
status weights_fill_encoder(params *p, const weights_file *file, const char *path);

/*
 * Point `out` into the mapped file without copying; takes over file->bytes. Names and shapes as strictly as
 * weights_fill() with `strict`. All f32, dense and aligned; else UNSUPPORTED: `polyp import` makes such a file. With
 * `scales` a convolution's weights may be I8 too, beside a tensor of their name and ".scale": f32, a number above 0 for each
 * output channel (FORMAT); other names that end in ".scale" are left to the caller.
 */
status weights_attach(params *out, const param_table *table, weights_file *file, bool scales, const char *path);

#endif
