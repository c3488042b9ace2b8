/* Batches ahead of time. A batch is a function of seed, epoch and number alone; workers only decide when it is made. */
#include "learn/loader.h"

#include <pthread.h>

#include "base/clock.h"
#include "learn/ahead.h"
#include "learn/mask.h"
#include "learn/order.h"
#include "learn/sample_cache.h"
#include "predict/prepare.h"

enum { WORKERS_DEFAULT = 2, AHEAD_DEFAULT = 2 };

/* A picture that is decoded again costs about a hundredth of the step that it is part of. */
static const size_t CACHE_DEFAULT = (size_t)1 << 29;

/* What one worker writes while it makes one batch. */
typedef struct batch_slot {
    tensor images, masks;
    augment_room *room;
    size_t *samples;     /* [batch] */
    unsigned char *mask; /* scratch: (size, size) */
    size_t *order;       /* scratch: the epoch's order of all samples, twice the room (order.h) */
} batch_slot;

struct loader {
    const dataset *data;
    loader_options options; /* without zeros that mean a default; `augment` is not read */
    augment_recipe augment;
    size_t batches;
    sample_cache *cache;
    batch_slot *slots; /* [slot_count] */
    size_t slot_count;
    ahead *ahead;
    pthread_mutex_t lock; /* guards `cost` */
    loader_cost cost;
};

/* ---- making a batch --------------------------------------------------------------------------------- */

static bool wants_colours(const augment_recipe *recipe)
{
    return recipe->entries[AUGMENT_COLOURS_OF_ANOTHER].probability > 0;
}

/* The other picture's colours, when this one is to take them over. */
static status find_other(augment_source *source, const loader *l, const augment_draw *draw)
{
    if (!draw->on) return POLYP_OK;
    const size_t count = l->data->count, wanted = (size_t)(draw->value[1] * (double)count);
    return sample_cache_colours(&source->other, l->cache, wanted < count ? wanted : count - 1);
}

/* Place `at` of the batch from a sample that is held. */
static status fill_place(batch_slot *slot, const loader *l, size_t at, const kept_sample *held,
                         const augment_draws *draws)
{
    const size_t plane = (size_t)l->options.size * (size_t)l->options.size;
    augment_source source = {.picture = &held->picture, .mask = &held->mask, .own = held->colours};
    TRY(find_other(&source, l, &draws->of[AUGMENT_COLOURS_OF_ANOTHER]));
    TRY(augment_apply(slot->images.data + at * 3 * plane, slot->mask, slot->room, draws, l->augment.pipeline, &source));
    prepare_normalise_levels(&slot->images, (int)at);
    mask_labels(slot->masks.data + at * plane, slot->mask, plane);
    return POLYP_OK;
}

/* How often `order` has this sample before `place`: with weights it may come several times an epoch, never alike. */
static uint64_t earlier_visits(const size_t *order, size_t place)
{
    uint64_t visits = 0;
    for (size_t i = 0; i < place; i++) visits += order[i] == order[place];
    return visits;
}

static void find_order(size_t *order, const loader *l, uint64_t epoch)
{
    if (l->options.shuffle) {
        order_of_epoch(order, l->data->samples, l->data->count, l->options.seed, epoch);
    } else {
        for (size_t i = 0; i < l->data->count; i++) order[i] = i;
    }
}

/* `number` counts over all epochs. */
static status fill_batch(loader *l, batch_slot *slot, size_t number)
{
    const uint64_t epoch = number / l->batches;
    const size_t pictures = (size_t)l->options.batch, first = number % l->batches * pictures;
    find_order(slot->order, l, epoch);
    for (size_t i = 0; i < pictures; i++) {
        const size_t index = slot->order[first + i];
        const uint64_t visit = earlier_visits(slot->order, first + i);
        const kept_sample *held;
        augment_draws draws;
        augment_draw_all(&draws, &l->augment, l->options.seed, epoch, index | visit << 32);
        slot->samples[i] = index;
        TRY(sample_cache_take(&held, l->cache, index));
        const status result = fill_place(slot, l, i, held, &draws);
        sample_cache_give_back(l->cache, index);
        TRY(result);
    }
    return POLYP_OK;
}

/* Runs on a worker. */
static status make_batch(void *context, size_t number, size_t slot)
{
    loader *const l = context;
    const double begin = clock_thread_seconds();
    const status result = fill_batch(l, &l->slots[slot], number);
    pthread_mutex_lock(&l->lock);
    l->cost.seconds += clock_thread_seconds() - begin;
    l->cost.pictures += (size_t)l->options.batch;
    pthread_mutex_unlock(&l->lock);
    return result;
}

loader_cost loader_spent(loader *l)
{
    pthread_mutex_lock(&l->lock);
    const loader_cost cost = l->cost;
    pthread_mutex_unlock(&l->lock);
    return cost;
}

/* ---- life ------------------------------------------------------------------------------------------- */

static status create_slot(batch_slot *slot, const loader *l)
{
    const int size = l->options.size, pictures = l->options.batch;
    TRY(tensor_create(&slot->images, (shape){pictures, 3, size, size}));
    TRY(tensor_create(&slot->masks, (shape){pictures, 1, size, size}));
    TRY(memory_new(&slot->samples, (size_t)pictures));
    TRY(augment_room_create(&slot->room, size));
    TRY(memory_new(&slot->mask, (size_t)size * (size_t)size));
    return memory_new(&slot->order, 2 * l->data->count);
}

static status create_parts(loader *l)
{
    const sample_cache_options cache = {.squish = l->augment.pipeline == AUGMENT_FASTAI ? l->options.size : 0,
                                        .colours = wants_colours(&l->augment),
                                        .budget = l->options.cache_bytes};
    TRY(sample_cache_open(&l->cache, l->data, &cache));
    TRY(memory_new(&l->slots, l->slot_count));
    for (size_t i = 0; i < l->slot_count; i++) TRY(create_slot(&l->slots[i], l));
    return ahead_open(&l->ahead, make_batch, l, SIZE_MAX, l->slot_count, l->options.workers);
}

static loader_options with_defaults(const loader_options *options)
{
    loader_options o = *options;
    if (o.workers == 0) o.workers = WORKERS_DEFAULT;
    if (o.ahead == 0) o.ahead = AHEAD_DEFAULT;
    if (o.cache_bytes == 0) o.cache_bytes = CACHE_DEFAULT;
    return o;
}

status loader_open(loader **out, const dataset *data, const loader_options *options)
{
    if (data->count < (size_t)options->batch) {
        return fail(POLYP_ERR_ARGUMENT, "%zu pictures do not fill one batch of %d; give a smaller batch", data->count,
                    options->batch);
    }
    loader *l;
    TRY(memory_new(&l, 1));
    l->data = data;
    l->options = with_defaults(options);
    l->augment = options->augment ? *options->augment : augment_recipe_none();
    l->batches = data->count / (size_t)options->batch;
    l->slot_count = (size_t)l->options.ahead + 1; /* one is the caller's */
    pthread_mutex_init(&l->lock, NULL);
    const status result = create_parts(l);
    if (result == POLYP_OK) {
        *out = l;
    } else {
        loader_close(l);
    }
    return result;
}

void loader_close(loader *l)
{
    if (!l) return;
    ahead_close(l->ahead);
    for (size_t i = 0; l->slots && i < l->slot_count; i++) {
        tensor_free(&l->slots[i].images);
        tensor_free(&l->slots[i].masks);
        augment_room_destroy(l->slots[i].room);
        memory_free(l->slots[i].samples);
        memory_free(l->slots[i].mask);
        memory_free(l->slots[i].order);
    }
    memory_free(l->slots);
    sample_cache_close(l->cache);
    pthread_mutex_destroy(&l->lock);
    memory_free(l);
}

size_t loader_batches(const loader *l)
{
    return l->batches;
}

size_t loader_memory(const dataset *data, const loader_options *options)
{
    const loader_options o = with_defaults(options);
    const size_t plane = (size_t)o.size * (size_t)o.size, slots = (size_t)o.ahead + 1;
    const bool squished = !o.augment || o.augment->pipeline == AUGMENT_FASTAI;
    size_t all, kept = o.cache_bytes;
    if (squished && size_multiply(data->count, 4 * plane, &all) && all < kept) kept = all;
    /* a slot has floats for pictures and masks, and one picture's scratch: two planes of floats, RGB, a mask */
    return kept + slots * plane * (4 * sizeof(float) * (size_t)o.batch + 2 * sizeof(float) + 4);
}

void loader_seek(loader *l, int epoch, size_t number)
{
    ahead_seek(l->ahead, (size_t)epoch * l->batches + number);
}

status loader_next(loader *l, batch *out)
{
    size_t slot;
    TRY(ahead_next(l->ahead, &slot));
    *out = (batch){l->slots[slot].images, l->slots[slot].masks, l->slots[slot].samples, l->options.batch};
    return POLYP_OK;
}
