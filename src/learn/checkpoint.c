/* last.safetensors: the weights under their names, moments and average as moment1.NAME and so on, the rest as metadata. */
#include "learn/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- writing ---------------------------------------------------------------------------------------- */

static weights_item item_of(const param *entry, const char *name, const params *values, int i)
{
    weights_item item = {.name = name, .dtype = DTYPE_F32, .rank = entry->rank, .data = params_f32(values, i)};
    for (int d = 0; d < entry->rank; d++) item.shape[d] = entry->shape[d];
    return item;
}

/* Appends the trained entries of one table under `prefix` + name; names live in `names`. */
static status append_trained(weights_item *items, size_t *count, const params *values, const char *prefix, arena *names)
{
    if (!values) return POLYP_OK;
    for (int i = 0; i < values->table->count; i++) {
        const param *const entry = &values->table->entries[i];
        if (!entry->trained) continue;
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s", prefix, entry->name);
        const char *const kept = arena_text(names, name);
        if (!kept) return POLYP_ERR_MEMORY;
        items[(*count)++] = item_of(entry, kept, values, i);
    }
    return POLYP_OK;
}

enum { STATE_TEXT = 48 };

/* Metadata of a checkpoint: numbers as text, doubles in hex so that they come back exactly. */
typedef struct state_texts {
    char epoch[STATE_TEXT], batch[STATE_TEXT], step[STATE_TEXT], best[STATE_TEXT], best_epoch[STATE_TEXT];
    char smooth_loss[STATE_TEXT], epoch_loss[STATE_TEXT], size[STATE_TEXT];
} state_texts;

static void print_state(state_texts *t, const checkpoint *c, const model_facts *facts)
{
    (void)snprintf(t->epoch, STATE_TEXT, "%d", c->epoch);
    (void)snprintf(t->batch, STATE_TEXT, "%zu", c->batch);
    (void)snprintf(t->step, STATE_TEXT, "%ld", c->step);
    (void)snprintf(t->best, STATE_TEXT, "%a", c->best);
    (void)snprintf(t->best_epoch, STATE_TEXT, "%d", c->best_epoch);
    (void)snprintf(t->smooth_loss, STATE_TEXT, "%a", c->smooth_loss);
    (void)snprintf(t->epoch_loss, STATE_TEXT, "%a", c->epoch_loss);
    (void)snprintf(t->size, STATE_TEXT, "%d", facts->size);
}

static status write_items(const char *path, const weights_item *items, size_t count, const checkpoint *c,
                          const model_facts *facts)
{
    state_texts t;
    print_state(&t, c, facts);
    const weights_text metadata[] = {
        {"format", CHECKPOINT_FORMAT},
        {"preset", facts->preset},
        {"size", t.size},
        {"licence", facts->licence},
        {"epoch", t.epoch},
        {"batch", t.batch},
        {"step", t.step},
        {"best", t.best},
        {"best_epoch", t.best_epoch},
        {"smooth_loss", t.smooth_loss},
        {"epoch_loss", t.epoch_loss},
        {"record", c->record},
        {"data", c->data_hash},
    };
    return weights_write(path, items, count, metadata, sizeof metadata / sizeof metadata[0]);
}

status checkpoint_write(const char *path, const checkpoint_tensors *tensors, const checkpoint *c,
                        const model_facts *facts)
{
    const params *const weights = tensors->weights;
    weights_item *items = NULL;
    arena *names = NULL;
    size_t count = 0;
    status result;
    TRY_DONE(arena_create(&names, 1 << 16));
    TRY_DONE(memory_new(&items, (size_t)weights->table->count * 4));
    for (int i = 0; i < weights->table->count; i++) {
        const param *const entry = &weights->table->entries[i];
        items[count++] = item_of(entry, entry->name, weights, i);
    }
    TRY_DONE(append_trained(items, &count, tensors->moment1, "moment1.", names));
    TRY_DONE(append_trained(items, &count, tensors->moment2, "moment2.", names));
    TRY_DONE(append_trained(items, &count, tensors->average, "average.", names));
    result = write_items(path, items, count, c, facts);
done:
    memory_free(items);
    arena_destroy(names);
    return result;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static status damaged(const char *path, const char *key)
{
    return fail(POLYP_ERR_FORMAT, "%s: its \"%s\" is missing or damaged; delete it to train from the start", path, key);
}

static status read_number(double *out, const weights_file *file, const char *key, const char *path)
{
    const char *const text = weights_metadata(file, key);
    char *end = NULL;
    *out = text ? strtod(text, &end) : 0.0;
    return !text || end == text || *end ? damaged(path, key) : POLYP_OK;
}

/* Whole numbers up to 2^53 pass through a double unchanged. */
static status read_count(double *out, const weights_file *file, const char *key, const char *path, double limit)
{
    TRY(read_number(out, file, key, path));
    return *out >= 0.0 && *out <= limit ? POLYP_OK : damaged(path, key);
}

static status read_text(char *out, size_t room, const weights_file *file, const char *key, const char *path)
{
    const char *const text = weights_metadata(file, key);
    if (!text || strlen(text) >= room) return damaged(path, key);
    memcpy(out, text, strlen(text) + 1);
    return POLYP_OK;
}

static status read_state(checkpoint *c, const weights_file *file, const char *path)
{
    double epoch, batch, step, best_epoch;
    TRY(read_count(&epoch, file, "epoch", path, 1e9));
    TRY(read_count(&batch, file, "batch", path, 1e12));
    TRY(read_count(&step, file, "step", path, 1e12));
    TRY(read_count(&best_epoch, file, "best_epoch", path, 1e9));
    TRY(read_number(&c->best, file, "best", path));
    TRY(read_number(&c->smooth_loss, file, "smooth_loss", path));
    TRY(read_number(&c->epoch_loss, file, "epoch_loss", path));
    TRY(read_text(c->record, sizeof c->record, file, "record", path));
    TRY(read_text(c->data_hash, sizeof c->data_hash, file, "data", path));
    c->epoch = (int)epoch;
    c->batch = (size_t)batch;
    c->step = (long)step;
    c->best_epoch = (int)best_epoch;
    return POLYP_OK;
}

static bool shape_fits(const weights_entry *entry, const param *wanted)
{
    if (entry->dtype != DTYPE_F32 || entry->rank != wanted->rank) return false;
    for (int d = 0; d < wanted->rank; d++) {
        if (entry->shape[d] != wanted->shape[d]) return false;
    }
    return true;
}

static status read_values(params *out, const weights_file *file, const char *path, const char *prefix,
                          bool trained_only)
{
    for (int i = 0; i < out->table->count; i++) {
        const param *const wanted = &out->table->entries[i];
        if (trained_only && !wanted->trained) continue;
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s", prefix, wanted->name);
        const weights_entry *const entry = weights_find(file, name);
        if (!entry || !shape_fits(entry, wanted)) {
            return fail(POLYP_ERR_MISMATCH, "%s: has no tensor %s of the right shape; it belongs to another network",
                        path, name);
        }
        TRY(weights_to_f32(out->flat + wanted->offset, entry));
    }
    return POLYP_OK;
}

/* A resumed run must not go on from bytes that the disk has changed. */
static status check_hash(const weights_file *file, const char *path)
{
    const bool sound = weights_metadata(file, "xxh3") && weights_verify(file, path) == POLYP_OK;
    return sound ? POLYP_OK : damaged(path, "xxh3");
}

status checkpoint_read(const char *path, const checkpoint_tensors *tensors, checkpoint *c)
{
    weights_file file = {0};
    checkpoint found = {0};
    TRY(weights_open(&file, path));
    status result;
    const char *const format = weights_metadata(&file, "format");
    if (!format || strcmp(format, CHECKPOINT_FORMAT) != 0) {
        result = fail(POLYP_ERR_FORMAT, "%s: is not a training checkpoint of this program", path);
        goto done;
    }
    TRY_DONE(read_state(&found, &file, path));
    TRY_DONE(check_hash(&file, path));
    TRY_DONE(read_values(tensors->weights, &file, path, "", false));
    TRY_DONE(read_values(tensors->moment1, &file, path, "moment1.", true));
    TRY_DONE(read_values(tensors->moment2, &file, path, "moment2.", true));
    if (tensors->average) TRY_DONE(read_values(tensors->average, &file, path, "average.", true));
    *c = found;
done:
    weights_close(&file);
    return result;
}
