/* Parameters: one table of names and shapes, and their storage. */
#ifndef POLYP_NET_PARAMS_H
#define POLYP_NET_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum param_role {
    PARAM_CONV_WEIGHT,   /* (out, in, kh, kw) */
    PARAM_UPCONV_WEIGHT, /* (in, out, 2, 2), as PyTorch's ConvTranspose2d */
    PARAM_BIAS,          /* (out) */
    PARAM_NORM_WEIGHT,   /* gamma (c) */
    PARAM_NORM_BIAS,     /* beta (c) */
    PARAM_RUNNING_MEAN,  /* (c): not trained, updated by the forward pass in training */
    PARAM_RUNNING_VAR    /* (c): the same; unbiased */
};

enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_S8, DTYPE_F64, DTYPE_I64, DTYPE_OTHER };

/* Groups whose rates may differ and that may be frozen: 0 the stem, 1 to 4 the encoder's layer1 to layer4, 5 the decoder
 * and the head. fastai's three are 0 to 2, 3 and 4, 5. */
enum { PARAM_GROUP_DECODER = 5, PARAM_GROUPS };

typedef struct param {
    char name[64];   /* "encoder.layer1.0.conv1.weight" */
    enum param_role role;
    int rank;        /* 1 or 4 */
    int shape[4];
    size_t count;    /* product of shape */
    size_t offset;   /* of the first value in a flat array over all entries, in values */
    bool trained;    /* false: running statistics */
    int group;       /* one of PARAM_GROUPS */
} param;

/* The table (built by graph.c while the network is built). Offsets are dense and in table order. */
typedef struct param_table {
    param *entries;
    int count;
    size_t values; /* total */
} param_table;

/* Index of a name, or -1. */
int param_find(const param_table *table, const char *name);

/* Appends an entry; offset and count are filled in. Returns its index or -1 after fail(MEMORY / SIZE). */
int param_append(param_table *table, const char *name, enum param_role role, int rank, const int *dims, int group);
void param_table_free(param_table *table);

/* Values for a table: data[i] points to entry i's values (dtype[i]).
 * Either one flat f32 array that this struct owns (training, import), or pointers into a mapped file (inference). */
typedef struct params {
    const param_table *table; /* not owned; outlives this */
    float *flat;              /* table->values floats, 64-byte aligned, owned unless borrowed; NULL when mapped */
    bool borrowed;            /* flat is another's */
    const void **data;        /* [table->count], owned array */
    enum dtype *dtype;        /* [table->count], owned array */
    struct file_bytes *mapping; /* owned when mapped, else NULL */
    const float **scales;       /* [table->count], in `owned`: of weights in 8 bits one factor for each output channel
                                   (net/quantise.h), else NULL; the array is NULL where there are none */
    const float *value_scales;  /* in `owned`: for each op of the graph the scale that its value has in 8 bits; 0: it has
                                   none of its own; NULL: only weights are in 8 bits, or nothing */
    struct arena *owned;        /* what belongs to 8-bit weights and is not in the file; else NULL */
} params;

/* Zeroed flat storage. params_free() it. */
status params_create(params *out, const param_table *table);

/* Flat storage in `values`, which stays the caller's and is left as it is: table->values floats. */
status params_create_in(params *out, const param_table *table, float *values);

/* The values of `from` under the names of another table: no copy; `from` stays as long, and f32. Error: MISMATCH (a name
 * that `from` lacks, or has in another shape). */
status params_share(params *out, const param_table *table, const params *from);

void params_free(params *p);

/* Copies into flat `to` what both tables have, by name; other entries stay. Error: MISMATCH (of a name's shapes). */
status params_copy_shared(params *to, const params *from);

/* entry i as f32: flat or mapped f32 without copy */
static inline const float *params_f32(const params *p, int i) { return (const float *)p->data[i]; }

/*
 * Initial values, all from random_open(seed, RANDOM_WEIGHTS, 0, index of the entry), one draw after another in
 * memory order: conv weight: normal * sqrt(2 / (in * kh * kw)) (Kaiming, fan in); upconv weight: normal * sqrt(2 / in)
 * (each output pixel sees `in` products); biases 0; gamma 1; beta 0; mean 0; variance 1.
 */
void params_initialise(params *p, uint64_t seed);

/* Is every value a number, and finite? Those in 8 bits are. Error: FORMAT, naming the first tensor with one that
 * is not: such a network can still give masks that look like masks, because a ReLU may turn NaN into 0. */
status params_check_finite(const params *p, int threads);
bool values_are_finite(const float *values, size_t count, int threads);

#endif
