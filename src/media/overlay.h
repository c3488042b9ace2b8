/* Drawing a mask over a picture. */
#ifndef POLYP_MEDIA_OVERLAY_H
#define POLYP_MEDIA_OVERLAY_H

#include "base/status.h"

typedef struct overlay_style {
    unsigned char red, green, blue;
    double tint;        /* 0: none .. 1: covers the picture */
    int outline;        /* width in pixels; 0: none; negative: chosen by the picture's size */
} overlay_style;

/* Prediction: green outline and a light tint. Truth: white outline, no tint. */
overlay_style overlay_prediction(void);
overlay_style overlay_truth(void);

/* Draw on `picture` (3 channels, changed in place): `mask` has the same size, 1 channel, > 127 is polyp. The outline
 * lies inside the mask's border and outside it by half each. Errors: SIZE (sizes differ), ARGUMENT (channels). */
status overlay_draw(polyp_image *picture, const polyp_image *mask, const overlay_style *style);

#endif
