/* Decoding ahead: workers fill the slots, the caller reads them in order. */
#include "learn/decoded.h"

#include "learn/ahead.h"
#include "media/image.h"

enum { SLOTS = 4 };

struct decoder {
    const dataset *data;
    ahead *ahead;
    decoded slots[SLOTS];
};

static void free_decoded(decoded *d)
{
    polyp_image_free(&d->picture);
    polyp_image_free(&d->mask);
    *d = (decoded){0};
}

/* Runs on a worker. */
static status decode_sample(void *context, size_t number, size_t slot)
{
    decoder *const d = context;
    free_decoded(&d->slots[slot]);
    return sample_read(&d->slots[slot].picture, &d->slots[slot].mask, &d->data->samples[number]);
}

status decoder_open(decoder **out, const dataset *data, int workers)
{
    decoder *d;
    TRY(memory_new(&d, 1));
    d->data = data;
    const status result = ahead_open(&d->ahead, decode_sample, d, data->count, SLOTS, workers);
    if (result == POLYP_OK) {
        *out = d;
    } else {
        decoder_close(d);
    }
    return result;
}

void decoder_close(decoder *d)
{
    if (!d) return;
    ahead_close(d->ahead);
    for (size_t i = 0; i < SLOTS; i++) free_decoded(&d->slots[i]);
    memory_free(d);
}

status decoder_next(decoder *d, const decoded **out)
{
    size_t slot;
    TRY(ahead_next(d->ahead, &slot));
    *out = &d->slots[slot];
    return POLYP_OK;
}
