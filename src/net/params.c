/* Parameters: the table of names and shapes, flat storage, initial values. */
#include "net/params.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"

/* The table grows in steps, so that appending one entry at a time stays cheap. */
enum { GROWTH = 64 };

int param_find(const param_table *table, const char *name)
{
    for (int i = 0; i < table->count; i++) {
        if (strcmp(table->entries[i].name, name) == 0) return i;
    }
    return -1;
}

/* Fills in name, shape and count; the caller places it. */
static status describe(param *p, const char *name, int rank, const int *dims)
{
    if (strlen(name) >= sizeof p->name) {
        return fail(POLYP_ERR_ARGUMENT, "the parameter name %s is too long", name);
    }
    strcpy(p->name, name);
    p->rank = rank;
    p->count = 1;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 1 || !size_multiply(p->count, (size_t)dims[i], &p->count)) {
            return fail(POLYP_ERR_SIZE, "the parameter %s has a side of %d, which cannot be made", name, dims[i]);
        }
        p->shape[i] = dims[i];
    }
    return POLYP_OK;
}

int param_append(param_table *table, const char *name, enum param_role role, int rank, const int *dims, int group)
{
    param entry = {.role = role, .offset = table->values, .group = group};
    entry.trained = role != PARAM_RUNNING_MEAN && role != PARAM_RUNNING_VAR;
    if (describe(&entry, name, rank, dims) != POLYP_OK) return -1;
    size_t values = 0, bytes = 0;
    if (!size_add(table->values, entry.count, &values) || !size_multiply(values, sizeof(float), &bytes) ||
        bytes > PTRDIFF_MAX) {
        (void)fail(POLYP_ERR_SIZE, "the network has more parameters than can be addressed (at %s)", name);
        return -1;
    }
    if (table->count % GROWTH == 0) {
        const size_t old = (size_t)table->count;
        if (memory_resize(&table->entries, old, old + GROWTH) != POLYP_OK) return -1;
    }
    table->entries[table->count] = entry;
    table->values = values;
    return table->count++;
}

void param_table_free(param_table *table)
{
    if (table == NULL) return;
    memory_free(table->entries);
    *table = (param_table){0};
}

/* Without values yet. */
static status create_empty(params *out, const param_table *table)
{
    const size_t count = (size_t)table->count;
    params p = {.table = table};
    p.data = memory_allocate(count, sizeof *p.data);
    p.dtype = p.data == NULL ? NULL : memory_allocate(count, sizeof *p.dtype);
    if (p.dtype == NULL) {
        params_free(&p);
        return POLYP_ERR_MEMORY;
    }
    for (size_t i = 0; i < count; i++) p.dtype[i] = DTYPE_F32;
    *out = p;
    return POLYP_OK;
}

status params_create_in(params *out, const param_table *table, float *values)
{
    TRY(create_empty(out, table));
    out->flat = values;
    out->borrowed = true;
    for (int i = 0; i < table->count; i++) out->data[i] = values + table->entries[i].offset;
    return POLYP_OK;
}

status params_create(params *out, const param_table *table)
{
    float *values = NULL;
    TRY(memory_new(&values, table->values));
    const status result = params_create_in(out, table, values);
    if (result == POLYP_OK) out->borrowed = false;
    else memory_free(values);
    return result;
}

void params_free(params *p)
{
    if (p == NULL) return;
    if (!p->borrowed) memory_free(p->flat);
    memory_free((void *)p->data);
    memory_free(p->dtype);
    if (p->mapping != NULL) file_close(p->mapping);
    memory_free(p->mapping);
    arena_destroy(p->owned);
    *p = (params){0};
}

static bool same_shape(const param *a, const param *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) == 0;
}

status params_copy_shared(params *to, const params *from)
{
    for (int i = 0; i < to->table->count; i++) {
        const param *const entry = &to->table->entries[i];
        const int other = param_find(from->table, entry->name);
        if (other < 0) continue;
        if (!same_shape(entry, &from->table->entries[other])) {
            return fail(POLYP_ERR_MISMATCH, "%s has another shape in the other network", entry->name);
        }
        memcpy(to->flat + entry->offset, params_f32(from, other), entry->count * sizeof(float));
    }
    return POLYP_OK;
}

status params_share(params *out, const param_table *table, const params *from)
{
    params p;
    TRY(create_empty(&p, table));
    for (int i = 0; i < table->count; i++) {
        const int other = param_find(from->table, table->entries[i].name);
        if (other < 0 || !same_shape(&table->entries[i], &from->table->entries[other])) {
            params_free(&p);
            return fail(POLYP_ERR_MISMATCH, "the other network has no %s of this shape", table->entries[i].name);
        }
        p.data[i] = from->data[other];
    }
    *out = p;
    return POLYP_OK;
}

/* Standard deviation of an entry's first values; 0: they are all one constant. */
static double spread(const param *p)
{
    if (p->role == PARAM_CONV_WEIGHT) return sqrt(2.0 / ((double)p->shape[1] * p->shape[2] * p->shape[3]));
    if (p->role == PARAM_UPCONV_WEIGHT) return sqrt(2.0 / p->shape[0]);
    return 0;
}

void params_initialise(params *p, uint64_t seed)
{
    for (int i = 0; i < p->table->count; i++) {
        const param *const entry = &p->table->entries[i];
        float *const values = p->flat + entry->offset;
        const bool one = entry->role == PARAM_NORM_WEIGHT || entry->role == PARAM_RUNNING_VAR;
        const double deviation = spread(entry);
        random_stream r = random_open(seed, RANDOM_WEIGHTS, 0, (uint64_t)i);
        for (size_t k = 0; k < entry->count; k++) {
            values[k] = deviation > 0 ? (float)(deviation * random_normal(&r)) : one ? 1.0F : 0.0F;
        }
    }
}

/* Infinities and NaN have all exponent bits set. */
FAST_CLONES static bool all_finite(const float *values, size_t count)
{
    const uint32_t exponent = 0x7f800000;
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return bad == 0;
}

bool values_are_finite(const float *values, size_t count, int threads)
{
    const size_t piece = 1 << 14;
    bool finite = true;
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(&& : finite)
    for (size_t i = 0; i < count; i += piece) {
        finite = finite && all_finite(values + i, count - i < piece ? count - i : piece);
    }
    return finite;
}

status params_check_finite(const params *p, int threads)
{
    const int count = p->table->count;
    int first = count;
#pragma omp parallel for num_threads(threads) schedule(dynamic) reduction(min : first)
    for (int i = 0; i < count; i++) {
        if (i < first && p->dtype[i] == DTYPE_F32 && !all_finite(params_f32(p, i), p->table->entries[i].count)) first = i;
    }
    (void)threads;
    if (first == count) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "tensor %s holds values that are not numbers (of a training that diverged?)",
                p->table->entries[first].name);
}
