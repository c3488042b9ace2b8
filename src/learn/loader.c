/* Batches ahead of time. A batch is a function of seed, epoch and number alone; workers only decide when it is made. */
#include "learn/loader.h"

#include <pthread.h>
#include <string.h>

#include "base/random.h"
#include "learn/ahead.h"
#include "learn/order.h"
#include "media/image.h"
#include "media/resize.h"
#include "predict/prepare.h"

enum { WORKERS_DEFAULT = 2, AHEAD_DEFAULT = 2 };

/* One decoded and squished sample: size * size * 3 bytes of RGB, then size * size of mask, 0 or 255. */
enum kept_state { KEPT_NOT, KEPT_IN_THE_MAKING, KEPT };
typedef struct kept_sample {
    enum kept_state state; /* guarded by loader.lock */
    unsigned char *bytes;
} kept_sample;

/* What one worker writes while it makes one batch. */
typedef struct batch_slot {
    tensor images, masks;
    polyp_image flipped; /* scratch: RGB, size x size */
    size_t *order;       /* scratch: the epoch's order of all samples, twice the room (order.h) */
} batch_slot;

struct loader {
    const dataset *data;
    loader_options options;
    size_t batches;
    kept_sample *kept; /* [data->count] */
    batch_slot *slots; /* [slot_count] */
    size_t slot_count;
    ahead *ahead;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* ---- keeping decoded samples ------------------------------------------------------------------------ */

static status squish_sample(unsigned char *bytes, const sample *s, int size)
{
    polyp_image picture = {0}, mask = {0}, small_picture = {0}, small_mask = {0};
    const size_t plane = (size_t)size * (size_t)size;
    status result;
    TRY_DONE(sample_read(&picture, &mask, s));
    TRY_DONE(resize_bilinear(&small_picture, &picture, size, size));
    TRY_DONE(resize_area(&small_mask, &mask, size, size));
    memcpy(bytes, small_picture.pixels, 3 * plane);
    for (size_t i = 0; i < plane; i++) bytes[3 * plane + i] = small_mask.pixels[i] > 127 ? 255 : 0;
done:
    polyp_image_free(&picture);
    polyp_image_free(&mask);
    polyp_image_free(&small_picture);
    polyp_image_free(&small_mask);
    return result;
}

static status make_kept(unsigned char **out, const loader *l, size_t index)
{
    const size_t size = (size_t)l->options.size;
    unsigned char *bytes;
    TRY(memory_new(&bytes, size * size * 4));
    const status result = squish_sample(bytes, &l->data->samples[index], l->options.size);
    if (result == POLYP_OK) {
        *out = bytes;
    } else {
        memory_free(bytes);
    }
    return result;
}

/* Two workers may want one sample at once (in batches of two epochs): the second waits for the first. */
static status keep_sample(const unsigned char **out, loader *l, size_t index)
{
    kept_sample *const kept = &l->kept[index];
    status result = POLYP_OK;
    pthread_mutex_lock(&l->lock);
    while (kept->state == KEPT_IN_THE_MAKING) pthread_cond_wait(&l->changed, &l->lock);
    if (kept->state == KEPT_NOT) {
        kept->state = KEPT_IN_THE_MAKING;
        pthread_mutex_unlock(&l->lock);
        unsigned char *bytes = NULL;
        result = make_kept(&bytes, l, index);
        pthread_mutex_lock(&l->lock);
        kept->bytes = bytes;
        kept->state = result == POLYP_OK ? KEPT : KEPT_NOT;
        pthread_cond_broadcast(&l->changed);
    }
    *out = kept->bytes;
    pthread_mutex_unlock(&l->lock);
    return result;
}

/* ---- making a batch --------------------------------------------------------------------------------- */

typedef struct flips {
    bool horizontal, vertical;
} flips;

static flips draw_flips(const loader_options *options, uint64_t epoch, size_t index)
{
    if (!options->augment) return (flips){false, false};
    random_stream r = random_open(options->seed, RANDOM_AUGMENT, epoch, index);
    const bool horizontal = random_below(&r, 2) == 1;
    const bool vertical = random_below(&r, 2) == 1;
    return (flips){horizontal, vertical};
}

/* Where pixel (y, x) of the flipped picture comes from. */
static size_t flipped_from(flips f, int size, int y, int x)
{
    const int from_y = f.vertical ? size - 1 - y : y;
    const int from_x = f.horizontal ? size - 1 - x : x;
    return (size_t)from_y * (size_t)size + (size_t)from_x;
}

static void flip_picture(polyp_image *out, const unsigned char *rgb, flips f)
{
    unsigned char *to = out->pixels;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++, to += 3) memcpy(to, rgb + 3 * flipped_from(f, out->width, y, x), 3);
    }
}

static void flip_mask(float *out, const unsigned char *mask, int size, flips f)
{
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) *out++ = mask[flipped_from(f, size, y, x)] ? 1.0f : 0.0f;
    }
}

static void find_order(size_t *order, const loader *l, uint64_t epoch)
{
    if (l->options.shuffle) {
        order_of_epoch(order, l->data->samples, l->data->count, l->options.seed, epoch);
    } else {
        for (size_t i = 0; i < l->data->count; i++) order[i] = i;
    }
}

/* `number` counts over all epochs. Runs on a worker. */
static status make_batch(void *context, size_t number, size_t slot_index)
{
    loader *const l = context;
    batch_slot *const slot = &l->slots[slot_index];
    const uint64_t epoch = number / l->batches;
    const size_t pictures = (size_t)l->options.batch, first = number % l->batches * pictures;
    const size_t plane = (size_t)l->options.size * (size_t)l->options.size;
    find_order(slot->order, l, epoch);
    for (size_t i = 0; i < pictures; i++) {
        const size_t index = slot->order[first + i];
        const unsigned char *bytes;
        TRY(keep_sample(&bytes, l, index));
        const flips f = draw_flips(&l->options, epoch, index);
        flip_picture(&slot->flipped, bytes, f);
        prepare_normalise(&slot->images, (int)i, &slot->flipped);
        flip_mask(slot->masks.data + i * plane, bytes + 3 * plane, l->options.size, f);
    }
    return POLYP_OK;
}

/* ---- life ------------------------------------------------------------------------------------------- */

static status create_slot(batch_slot *slot, const loader *l)
{
    const int size = l->options.size, pictures = l->options.batch;
    TRY(tensor_create(&slot->images, (shape){pictures, 3, size, size}));
    TRY(tensor_create(&slot->masks, (shape){pictures, 1, size, size}));
    TRY(image_create(&slot->flipped, size, size, 3));
    return memory_new(&slot->order, 2 * l->data->count);
}

static status create_slots(loader *l)
{
    TRY(memory_new(&l->kept, l->data->count));
    TRY(memory_new(&l->slots, l->slot_count));
    for (size_t i = 0; i < l->slot_count; i++) TRY(create_slot(&l->slots[i], l));
    return ahead_open(&l->ahead, make_batch, l, SIZE_MAX, l->slot_count, l->options.workers);
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
    l->options = *options;
    if (l->options.workers == 0) l->options.workers = WORKERS_DEFAULT;
    if (l->options.ahead == 0) l->options.ahead = AHEAD_DEFAULT;
    l->batches = data->count / (size_t)options->batch;
    l->slot_count = (size_t)l->options.ahead + 1; /* one is the caller's */
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    const status result = create_slots(l);
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
        polyp_image_free(&l->slots[i].flipped);
        memory_free(l->slots[i].order);
    }
    for (size_t i = 0; l->kept && i < l->data->count; i++) memory_free(l->kept[i].bytes);
    memory_free(l->slots);
    memory_free(l->kept);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    memory_free(l);
}

size_t loader_batches(const loader *l)
{
    return l->batches;
}

void loader_seek(loader *l, int epoch, size_t number)
{
    ahead_seek(l->ahead, (size_t)epoch * l->batches + number);
}

status loader_next(loader *l, batch *out)
{
    size_t slot;
    TRY(ahead_next(l->ahead, &slot));
    *out = (batch){l->slots[slot].images, l->slots[slot].masks, l->options.batch};
    return POLYP_OK;
}
