/* Decoding ahead: workers fill the slots, the caller takes what is in them in order. */
#include "learn/decoded.h"

#include "learn/ahead.h"
#include "media/image.h"

enum { DECODED_SLOTS = 4 };

struct decoder {
    const dataset *data;
    polyp_predictor *predictor;
    ahead *ahead;
    decoded slots[DECODED_SLOTS];
};

void decoded_free(decoded *d)
{
    polyp_image_free(&d->picture);
    polyp_image_free(&d->mask);
    *d = (decoded){0};
}

/* Runs on a worker. */
static status decode_sample(void *context, size_t number, size_t slot)
{
    decoder *const d = context;
    decoded *const into = &d->slots[slot];
    decoded_free(into);
    into->slot = (int)slot;
    TRY(sample_read(&into->picture, &into->mask, &d->data->samples[number]));
    return predictor_submit(d->predictor, into->slot, &into->picture);
}

status decoder_open(decoder **out, const dataset *data, polyp_predictor *predictor, int workers)
{
    decoder *d;
    TRY(memory_new(&d, 1));
    d->data = data;
    d->predictor = predictor;
    const status result = ahead_open(&d->ahead, decode_sample, d, data->count, DECODED_SLOTS, workers);
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
    for (size_t i = 0; i < DECODED_SLOTS; i++) decoded_free(&d->slots[i]);
    memory_free(d);
}

status decoder_next(decoder *d, decoded *out)
{
    size_t slot;
    TRY(ahead_next(d->ahead, &slot));
    *out = d->slots[slot];
    d->slots[slot] = (decoded){0};
    return POLYP_OK;
}
