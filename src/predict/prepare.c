/* Picture to tensor, logits to mask. prepare_normalise() runs on file workers too, so it keeps to one thread. */
#include "predict/prepare.h"

#include <math.h>

#include "base/clones.h"
#include "base/memory.h"
#include "media/image.h"
#include "media/resize.h"

const float PREPARE_MEAN[3] = {0.485f, 0.456f, 0.406f};
const float PREPARE_STD[3] = {0.229f, 0.224f, 0.225f};

void prepare_normalise(tensor *input, int index, const polyp_image *picture)
{
    const size_t plane = (size_t)input->shape.h * (size_t)input->shape.w;
    float *const first = input->data + (size_t)index * (size_t)input->shape.c * plane; /* (3, h, w) */
    float values[256]; /* of each level */
    for (size_t c = 0; c < 3; c++) {
        const unsigned char *const in = picture->pixels + c;
        float *const out = first + c * plane;
        const float mean = PREPARE_MEAN[c], deviation = PREPARE_STD[c];
        for (int level = 0; level < 256; level++) values[level] = ((float)level / 255.0f - mean) / deviation;
        for (size_t i = 0; i < plane; i++) out[i] = values[in[3 * i]];
    }
}

FAST_CLONES static void normalise_plane(float *levels, float mean, float deviation, size_t count)
{
    for (size_t i = 0; i < count; i++) levels[i] = (levels[i] / 255.0f - mean) / deviation;
}

void prepare_normalise_levels(tensor *input, int index)
{
    const size_t plane = (size_t)input->shape.h * (size_t)input->shape.w;
    float *const first = input->data + (size_t)index * (size_t)input->shape.c * plane; /* (3, h, w) */
    for (size_t c = 0; c < 3; c++) normalise_plane(first + c * plane, PREPARE_MEAN[c], PREPARE_STD[c], plane);
}

status prepare_input_with(prepare_buffers *b, tensor *input, int index, const polyp_image *picture)
{
    const polyp_image *rgb = picture;
    if (picture->channels != 3) {
        TRY(image_to_rgb_into(&b->colour, picture));
        rgb = &b->colour;
    }
    if (rgb->width != input->shape.w || rgb->height != input->shape.h) {
        TRY(resize_bilinear_into(&b->squished, rgb, input->shape.w, input->shape.h, &b->resize));
        rgb = &b->squished;
    }
    prepare_normalise(input, index, rgb);
    return POLYP_OK;
}

void prepare_buffers_free(prepare_buffers *b)
{
    resize_kept_free(&b->resize);
    polyp_image_free(&b->colour);
    polyp_image_free(&b->squished);
}

status prepare_input(tensor *input, int index, const polyp_image *picture)
{
    prepare_buffers b = {0};
    const status result = prepare_input_with(&b, input, index, picture);
    prepare_buffers_free(&b);
    return result;
}

/* Where an output pixel's centre falls between two input pixels: low * (1 - share) + high * share. */
typedef struct between {
    int low, high;
    float share;
} between;

static between find_between(int out, int out_size, int in_size)
{
    const float scale = (float)in_size / (float)out_size;
    const float centre = ((float)out + 0.5f) * scale - 0.5f;
    const float clamped = centre > 0.0f ? centre : 0.0f;
    const int low = (int)clamped < in_size - 1 ? (int)clamped : in_size - 1;
    const int high = low + 1 < in_size ? low + 1 : low;
    return (between){low, high, clamped - (float)low};
}

/* Every row of (h, w) becomes `width` long. */
static void stretch_rows(float *out, const float *in, int h, int w, int width, const between *columns)
{
#pragma omp parallel for schedule(static)
    for (int y = 0; y < h; y++) {
        const float *const from = in + (size_t)y * (size_t)w;
        float *const to = out + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) {
            const between b = columns[x];
            to[x] = (1.0f - b.share) * from[b.low] + b.share * from[b.high];
        }
    }
}

/* exp() only ever sees values below zero, so it cannot overflow. */
static float sigmoid(float z)
{
    const float e = expf(-fabsf(z));
    return (z >= 0.0f ? 1.0f : e) / (1.0f + e);
}

float prepare_logit(double threshold)
{
    if (threshold <= 0.0) return -INFINITY;
    if (threshold >= 1.0) return INFINITY;
    return (float)log(threshold / (1.0 - threshold));
}

/* One output row from the two stretched rows around it. Both outputs may be NULL. */
FAST_CLONES static void finish_row(unsigned char *probability, unsigned char *mask, const float *low, const float *high,
                                   float share, int width, float cut)
{
    if (mask) {
        for (int x = 0; x < width; x++) {
            mask[x] = (1.0f - share) * low[x] + share * high[x] > cut ? 255 : 0;
        }
    }
    if (probability) {
        for (int x = 0; x < width; x++) {
            const float z = (1.0f - share) * low[x] + share * high[x];
            probability[x] = (unsigned char)(255.0f * sigmoid(isnan(z) ? -INFINITY : z) + 0.5f);
        }
    }
}

static void finish_rows(polyp_image *probability, polyp_image *mask, const float *stretched, int h, int width,
                        int height, float cut)
{
#pragma omp parallel for schedule(static)
    for (int y = 0; y < height; y++) {
        const between b = find_between(y, height, h);
        const size_t row = (size_t)y * (size_t)width;
        finish_row(probability ? probability->pixels + row : NULL, mask ? mask->pixels + row : NULL,
                   stretched + (size_t)b.low * (size_t)width, stretched + (size_t)b.high * (size_t)width, b.share,
                   width, cut);
    }
}

/* Every row of (h, w) as long as the result's, in b->rows; b->columns says how. */
static status stretch(stretch_buffers *b, const float *plane, int h, int w, int width)
{
    TRY(memory_reuse(&b->columns, (size_t)width));
    TRY(memory_reuse(&b->rows, (size_t)h * (size_t)width));
    for (int x = 0; x < width; x++) b->columns[x] = find_between(x, width, w);
    stretch_rows(b->rows, plane, h, w, width, b->columns);
    return POLYP_OK;
}

void stretch_buffers_free(stretch_buffers *b)
{
    memory_free(b->columns);
    memory_free(b->rows);
}

status prepare_mask_with(stretch_buffers *b, polyp_image *probability, polyp_image *mask, const tensor *logits, int index,
                         int width, int height, double threshold)
{
    const int h = logits->shape.h, w = logits->shape.w;
    const float *const plane = logits->data + (size_t)index * (size_t)h * (size_t)w; /* (h, w) */
    if (probability) TRY(image_reuse(probability, width, height, 1));
    if (mask) TRY(image_reuse(mask, width, height, 1));
    TRY(stretch(b, plane, h, w, width));
    finish_rows(probability, mask, b->rows, h, width, height, prepare_logit(threshold));
    return POLYP_OK;
}

status prepare_mask(polyp_image *probability, polyp_image *mask, const tensor *logits, int index, int width, int height,
                    double threshold)
{
    polyp_image new_probability = {0}, new_mask = {0};
    stretch_buffers b = {0};
    const status result = prepare_mask_with(&b, probability ? &new_probability : NULL, mask ? &new_mask : NULL, logits,
                                            index, width, height, threshold);
    stretch_buffers_free(&b);
    if (result != POLYP_OK) {
        polyp_image_free(&new_probability);
        polyp_image_free(&new_mask);
        return result;
    }
    if (probability) *probability = new_probability;
    if (mask) *mask = new_mask;
    return POLYP_OK;
}

FAST_CLONES static void add_row(float *sum, const float *low, const float *high, float share, int width)
{
    for (int x = 0; x < width; x++) sum[x] += (1.0f - share) * low[x] + share * high[x];
}

status prepare_add_logits(stretch_buffers *b, float *sum, const tensor *logits, int width, int height)
{
    const int h = logits->shape.h, w = logits->shape.w;
    TRY(stretch(b, logits->data, h, w, width));
    for (int y = 0; y < height; y++) {
        const between at = find_between(y, height, h);
        add_row(sum + (size_t)y * (size_t)width, b->rows + (size_t)at.low * (size_t)width,
                b->rows + (size_t)at.high * (size_t)width, at.share, width);
    }
    return POLYP_OK;
}
