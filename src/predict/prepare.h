/* Picture to tensor, logits to mask. `predict`, `evaluate`, the library and training share this one path. */
#ifndef POLYP_PREDICT_PREPARE_H
#define POLYP_PREDICT_PREPARE_H

#include "media/resize.h"
#include "net/tensor.h"

/* ImageNet statistics of RGB / 255. */
extern const float PREPARE_MEAN[3], PREPARE_STD[3];

/* Squish (bilinear, antialiased) to size x size, RGB / 255, (x - mean) / std, into plane `index` of input (n, 3, size, size). */
status prepare_input(tensor *input, int index, const polyp_image *picture);

/* The same with buffers that are used again: {0} at first, prepare_buffers_free() them. Nothing is allocated once the largest
 * picture was seen. */
typedef struct prepare_buffers {
    resize_kept resize;
    polyp_image colour, squished;
} prepare_buffers;
status prepare_input_with(prepare_buffers *b, tensor *input, int index, const polyp_image *picture);
void prepare_buffers_free(prepare_buffers *b);

/* The normalisation alone: `picture` is RGB of the tensor's size. */
void prepare_normalise(tensor *input, int index, const polyp_image *picture);

/* The same for levels 0..255 that lie in plane `index` already. */
void prepare_normalise_levels(tensor *input, int index);

/*
 * Plane `index` of logits (n, 1, h, w) -> bilinear (half-pixel centres, edge clamped, no antialias: torch's
 * interpolate(align_corners=False)) to width x height -> sigmoid -> probability, and > threshold -> mask.
 * Either picture may be NULL. New pictures, 1 channel. probability byte = round(255 p); the mask is decided on the float.
 */
status prepare_mask(polyp_image *probability, polyp_image *mask, const tensor *logits, int index, int width, int height,
                    double threshold);

/* Buffers that are used again, {0} at first; stretch_buffers_free() them. */
typedef struct stretch_buffers {
    struct between *columns;
    float *rows;
} stretch_buffers;
void stretch_buffers_free(stretch_buffers *b);

/* prepare_mask() in the memory of the pictures, {0} at first; nothing is allocated once the largest was seen. */
status prepare_mask_with(stretch_buffers *b, polyp_image *probability, polyp_image *mask, const tensor *logits, int index,
                         int width, int height, double threshold);

/* The resizing alone: sum (height, width) += logits (1, 1, h, w), resized as above. */
status prepare_add_logits(stretch_buffers *b, float *sum, const tensor *logits, int width, int height);

/* sigmoid(z) > threshold asks the same as z > this, without a sigmoid. */
float prepare_logit(double threshold);

#endif
