/*
 * First come, first kept: an epoch visits each sample about once, so to throw out what was used longest ago would throw out
 * just what comes next.
 */
#include "learn/sample_cache.h"

#include <pthread.h>

#include "media/image.h"
#include "media/mask.h"
#include "media/resize.h"

enum place_state { PLACE_EMPTY, PLACE_IN_THE_MAKING, PLACE_FULL };

typedef struct cache_place {
    enum place_state state;
    int users;
    bool stays;         /* within the budget */
    bool knows_colours; /* sample.colours holds, whatever the state */
    kept_sample sample;
} cache_place;

struct sample_cache {
    const dataset *data;
    sample_cache_options options;
    cache_place *places;  /* [data->count] */
    size_t kept;          /* bytes of those that stay */
    pthread_mutex_t lock; /* guards all of this; a sample in use is only read */
    pthread_cond_t changed;
};

/* ---- one sample ----------------------------------------------------------------------------------------- */

static void free_pictures(kept_sample *k)
{
    polyp_image_free(&k->picture);
    polyp_image_free(&k->mask);
}

static status squish(kept_sample *k, int size)
{
    kept_sample small = *k;
    small.picture = small.mask = (polyp_image){0};
    status result = resize_bilinear(&small.picture, &k->picture, size, size);
    if (result == POLYP_OK) result = mask_shrink(&small.mask, &k->mask, size, size);
    free_pictures(result == POLYP_OK ? k : &small);
    if (result == POLYP_OK) *k = small;
    return result;
}

static status make_sample(kept_sample *out, const sample_cache *c, size_t index)
{
    kept_sample made = {0};
    status result = sample_read(&made.picture, &made.mask, &c->data->samples[index]);
    if (result == POLYP_OK && c->options.squish > 0) result = squish(&made, c->options.squish);
    if (result == POLYP_OK && c->options.colours) colour_statistics_find(&made.colours, &made.picture);
    if (result == POLYP_OK) *out = made;
    else free_pictures(&made);
    return result;
}

static size_t bytes_of(const kept_sample *k)
{
    const size_t pixels = (size_t)k->picture.width * (size_t)k->picture.height;
    return pixels * 4; /* RGB and the mask */
}

/* ---- taking and giving back ----------------------------------------------------------------------------- */

/* Called with the lock, which it lets go while it decodes. */
static status fill_place(sample_cache *c, cache_place *place, size_t index)
{
    kept_sample made = {0};
    place->state = PLACE_IN_THE_MAKING;
    pthread_mutex_unlock(&c->lock);
    const status result = make_sample(&made, c, index);
    pthread_mutex_lock(&c->lock);
    place->state = result == POLYP_OK ? PLACE_FULL : PLACE_EMPTY;
    if (result == POLYP_OK) {
        place->sample = made;
        place->knows_colours = c->options.colours;
        place->stays = bytes_of(&made) <= c->options.budget - c->kept;
        if (place->stays) c->kept += bytes_of(&made);
    }
    pthread_cond_broadcast(&c->changed);
    return result;
}

status sample_cache_take(const kept_sample **out, sample_cache *c, size_t index)
{
    cache_place *const place = &c->places[index];
    status result = POLYP_OK;
    pthread_mutex_lock(&c->lock);
    while (place->state == PLACE_IN_THE_MAKING) pthread_cond_wait(&c->changed, &c->lock);
    if (place->state == PLACE_EMPTY) result = fill_place(c, place, index);
    if (result == POLYP_OK) {
        place->users++;
        *out = &place->sample;
    }
    pthread_mutex_unlock(&c->lock);
    return result;
}

void sample_cache_give_back(sample_cache *c, size_t index)
{
    cache_place *const place = &c->places[index];
    pthread_mutex_lock(&c->lock);
    if (--place->users == 0 && !place->stays) {
        free_pictures(&place->sample);
        place->state = PLACE_EMPTY;
    }
    pthread_mutex_unlock(&c->lock);
}

status sample_cache_colours(colour_statistics *out, sample_cache *c, size_t index)
{
    const kept_sample *taken;
    pthread_mutex_lock(&c->lock);
    const bool known = c->places[index].knows_colours;
    if (known) *out = c->places[index].sample.colours;
    pthread_mutex_unlock(&c->lock);
    if (known) return POLYP_OK;
    TRY(sample_cache_take(&taken, c, index));
    *out = taken->colours;
    sample_cache_give_back(c, index);
    return POLYP_OK;
}

/* ---- life ----------------------------------------------------------------------------------------------- */

status sample_cache_open(sample_cache **out, const dataset *data, const sample_cache_options *options)
{
    sample_cache *c;
    TRY(memory_new(&c, 1));
    const status result = memory_new(&c->places, data->count);
    if (result != POLYP_OK) {
        memory_free(c);
        return result;
    }
    c->data = data;
    c->options = *options;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    *out = c;
    return POLYP_OK;
}

void sample_cache_close(sample_cache *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->data->count; i++) free_pictures(&c->places[i].sample);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    memory_free(c->places);
    memory_free(c);
}
