/* The ranges of a network's values over pictures, for whole numbers of 8 bits (net/quantise.h). */
#ifndef POLYP_LEARN_CALIBRATE_H
#define POLYP_LEARN_CALIBRATE_H

#include "learn/dataset.h"
#include "learn/value_range.h"
#include "predict/model.h"

typedef struct calibration {
    const graph *graph;
    value_range *ranges; /* [count of ops]; filled for quantise_points() alone */
    bool *points, *is_signed;
} calibration;

/* Runs the model (f32) on every picture. calibration_free() in every case. Errors: those of reading, STOPPED. */
status calibrate(calibration *out, const polyp_model *model, const dataset *pictures, const char *engine_called,
                 int threads, const polyp_watch *watch);
void calibration_free(calibration *c);

/* Scales for quantise_set_values(): [count of ops], 0 where a value has none of its own. */
void calibration_scales(float *out, const calibration *c, enum range_method method);

#endif
