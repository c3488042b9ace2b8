/*
 * polyp: finds polyps in colonoscopy pictures with a U-Net whose encoder is a ResNet
 * (Alam, Tomar, Thakur, Jha, Rauniyar: "Automatic Polyp Segmentation using U-Net-ResNet50",
 * MediaEval 2020).
 *
 * Research software, not a medical device.
 *
 * Every function returns a polyp_status: 0, or negative with words in polyp_error().
 * Outputs are written through pointers and are left as they were on failure.
 * Every ..._free, ..._close takes NULL.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef POLYP_H
#define POLYP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define POLYP_API __attribute__((visibility("default")))
#else
#define POLYP_API
#endif

typedef enum polyp_status {
    POLYP_OK = 0,
    POLYP_ERR_ARGUMENT = -1,    /* the caller asked for something that is not offered */
    POLYP_ERR_MEMORY = -2,      /* no memory, or more than the given limit would be needed */
    POLYP_ERR_FILE = -3,        /* a file or folder cannot be opened, read or written */
    POLYP_ERR_FORMAT = -4,      /* a file's contents are not what they should be */
    POLYP_ERR_SIZE = -5,        /* a picture is too small or too large, or sizes differ */
    POLYP_ERR_MISMATCH = -6,    /* two things do not belong together: weights and network, picture and mask */
    POLYP_ERR_ENGINE = -7,      /* the arithmetic library failed */
    POLYP_ERR_UNSUPPORTED = -8, /* well formed, but not built in or not handled */
    POLYP_STOPPED = -9          /* a watcher asked to stop; what was finished is saved */
} polyp_status;

/* Words for the last failure on the calling thread; "" when there was none. Valid until its next failure. */
POLYP_API const char *polyp_error(void);

/* "0.1.0" */
POLYP_API const char *polyp_version(void);

/* ---- pictures ---------------------------------------------------------------------------- */

/* Rows from the top, pixels from the left, no padding: width * height * channels bytes.
 * channels: 1 grey, 3 RGB, 4 RGB and alpha. */
typedef struct polyp_image {
    unsigned char *pixels;
    int width, height, channels;
} polyp_image;

/**
 * Read a JPEG, PNG or TIFF, told apart by content, turned upright by its EXIF orientation.
 * 16-bit samples become 8-bit. `out` is yours to free with polyp_image_free().
 * Errors: FILE, FORMAT (not a picture, damaged, cut off), SIZE (over 100 megapixels), MEMORY.
 */
POLYP_API polyp_status polyp_image_read(polyp_image *out, const char *path);

/* The same from memory; `bytes` is only read. */
POLYP_API polyp_status polyp_image_decode(polyp_image *out, const void *bytes, size_t size);

/* Write an 8-bit PNG: beside the old file, synced, then renamed over it. Errors: FILE, MEMORY. */
POLYP_API polyp_status polyp_image_write_png(const polyp_image *image, const char *path);

POLYP_API void polyp_image_free(polyp_image *image);

/* ---- watching long work ------------------------------------------------------------------ */

typedef struct polyp_progress {
    const char *phase;      /* "train", "evaluate", "predict", ...: what is counted */
    size_t done, total;     /* units of that phase; total 0: not known */
    const char *unit;       /* "picture", "step", ... */
    int pictures;           /* in each unit, where it holds several; else 0 */
    int epoch, epochs;      /* training only, from 1; 0 elsewhere */
    double loss;            /* training only: smoothed loss; NaN elsewhere */
    double learning_rate;   /* training only; NaN elsewhere */
    const char *message;    /* a line worth keeping in a log, or NULL */
} polyp_progress;

/* `report` is called from the thread that called the library, at most once per unit.
 * It returns 0 to go on, anything else to stop cleanly (POLYP_STOPPED). NULL: not watched. */
typedef struct polyp_watch {
    int (*report)(void *context, const polyp_progress *progress);
    void *context;
} polyp_watch;

/* ---- a trained network ------------------------------------------------------------------- */

/* Read-only after opening; any number of threads and predictors may share it. */
typedef struct polyp_model polyp_model;

typedef struct polyp_model_facts {
    const char *preset;         /* "slim", "wide", ... */
    int size;                   /* pictures are squished to size x size */
    double threshold;           /* a pixel is polyp when its probability is above this */
    size_t parameters;          /* trained values */
    const char *licence;        /* of the weights; "" when unknown */
} polyp_model_facts;

/**
 * Open a model file (safetensors as `polyp train` and `polyp import` write it). The file is mapped, not
 * copied: it must not be changed while the model is open.
 * Errors: FILE, FORMAT, MISMATCH (names the tensor and both shapes), MEMORY.
 */
POLYP_API polyp_status polyp_model_open(polyp_model **out, const char *path);
POLYP_API void polyp_model_close(polyp_model *model);

/* Strings live as long as the model. */
POLYP_API polyp_model_facts polyp_model_about(const polyp_model *model);

/* ---- finding polyps ---------------------------------------------------------------------- */

/* What is done to a mask after its threshold, in this order. All zero: nothing. */
typedef struct polyp_mask_rules {
    double low_threshold;       /* hysteresis: pixels above this one belong to the mask where they hang together with one
                                   above the threshold; 0: off */
    int fill_holes;             /* background that polyp encloses becomes polyp */
    double minimum_area;        /* regions that cover less than this share of the picture are dropped; 0: off */
    int largest_only;           /* only the largest region stays */
} polyp_mask_rules;

typedef struct polyp_predictor_options {
    const char *engine;         /* "auto", "onednn", "reference" */
    int threads;                /* 0: every core */
    const char *precision;      /* "f32", "bf16", "int8" (of a model that polyp quantize made), "auto" (or NULL): int8 for such a
                                   model, bf16 for others, where the processor computes in it, else f32 */
    const char *tta;            /* test-time augmentation: "none" (or NULL), "flips" (4 passes), "dihedral" (8), "full" (24) */
    polyp_mask_rules rules;
    int pictures;               /* how many are expected; 0: many. For a few in f32 the predictor opens several times faster
                                   and computes slower, by other convolutions: the last bits of probabilities differ */
} polyp_predictor_options;

POLYP_API polyp_predictor_options polyp_predictor_defaults(void);

/* Owns the memory of one network run. Not for two threads at once: open one per thread. */
typedef struct polyp_predictor polyp_predictor;

/* `model` must stay open as long as the predictor. options NULL: the defaults. Errors: ARGUMENT, MEMORY, ENGINE. */
POLYP_API polyp_status polyp_predictor_open(polyp_predictor **out, const polyp_model *model,
                                            const polyp_predictor_options *options);

/* The same for an ensemble: the models' logits are averaged, masks are cut at the first model's threshold. */
POLYP_API polyp_status polyp_predictor_open_ensemble(polyp_predictor **out, const polyp_model *const *models,
                                                     size_t count, const polyp_predictor_options *options);
POLYP_API void polyp_predictor_close(polyp_predictor *predictor);

/**
 * Find polyps in one picture.
 *
 * picture    RGB, grey or RGBA (alpha is ignored), any size; only read.
 * probability_out  one byte per pixel, same size as the picture, 0..255 = probability 0..1.
 *            Yours to free with polyp_image_free(). NULL: not wanted.
 * mask_out   the same with 255 where the probability is above the model's threshold, else 0. NULL: not wanted.
 * Errors: SIZE, MEMORY, ENGINE.
 */
POLYP_API polyp_status polyp_predict(polyp_predictor *predictor, const polyp_image *picture,
                                     polyp_image *probability_out, polyp_image *mask_out);

/* How unsure a prediction is, to find the pictures that a person should look at; see docs/usage.md. */
typedef struct polyp_uncertainty {
    double entropy;             /* 0 sure .. 1: mean entropy in bits of the pixels that may be polyp */
    double disagreement;        /* 0 .. 1: 1 - Jaccard index between passes; NaN with a single pass */
} polyp_uncertainty;

/* Of the picture that was predicted last. */
POLYP_API polyp_status polyp_predictor_uncertainty(polyp_uncertainty *out, const polyp_predictor *predictor);

/* ---- scoring ----------------------------------------------------------------------------- */

/* The six Medico metrics (field's formulas; see docs/metrics.md). */
typedef struct polyp_metrics {
    double jaccard, dsc, recall, precision, accuracy, f2;
} polyp_metrics;

typedef struct polyp_interval { double low, high; } polyp_interval;

typedef struct polyp_evaluate_options {
    const char *data;           /* data set: a folder with images/ and masks/, or any layout of docs/data.md */
    const char *split;          /* name of splits/NAME.txt; NULL: every pair */
    const char *engine;         /* "auto", "onednn", "reference" */
    int threads;                /* 0: every core */
    double threshold;           /* negative: the model's */
    const char *csv;            /* file for one line per picture; NULL: none */
    const char *json;           /* file for the summary; NULL: none */
    polyp_watch watch;
    const char *precision;      /* as in polyp_predictor_options */
    const char *const *more_data; /* [more_count] data sets scored together with `data`; NULL: none */
    size_t more_count;
    int ignore;                 /* grey level that masks give to pixels that do not count, 1..254; 0: none */
    const char *tta;            /* as in polyp_predictor_options, and `rules` too */
    polyp_mask_rules rules;
} polyp_evaluate_options;

typedef struct polyp_evaluation {
    size_t images;              /* pictures scored */
    size_t without_polyp;       /* pictures whose mask is empty: only counted for false alarms */
    size_t false_alarms;        /* of those, how many got a non-empty prediction */
    double threshold;
    polyp_metrics per_image;    /* mean over pictures that have a polyp */
    polyp_metrics pooled;       /* from counts summed over all pictures */
    polyp_interval jaccard_95, dsc_95;  /* bootstrap of the per-image means */
    double seconds;
} polyp_evaluation;

POLYP_API polyp_evaluate_options polyp_evaluate_defaults(void);

/* Score `model` at each picture's own size. Errors: all but STOPPED mean nothing was written to `out`. */
POLYP_API polyp_status polyp_evaluate(polyp_evaluation *out, const polyp_model *model,
                                      const polyp_evaluate_options *options);

/* ---- training ---------------------------------------------------------------------------- */

typedef struct polyp_train_options {
    const char *data;           /* data set: a folder with images/ and masks/, or any layout of docs/data.md */
    const char *const *more_data; /* [more_count] data sets to train on together with `data`; NULL: none */
    size_t more_count;
    const double *weights;      /* [1 + more_count] a set's share of an epoch relative to its size; NULL: 1 each */
    const char *out;            /* run folder: model.safetensors, last.safetensors, history.csv, ... */
    const char *recipe;         /* the name of a built-in one (docs/training.md), or a JSON file */
    const char *const *settings; /* [setting_count] "KEY=VALUE" on top of the recipe; NULL: none */
    size_t setting_count;
    const char *split;          /* training split; NULL: "train" when it exists, else every pair */
    const char *valid;          /* split's name, or a fraction of the training split such as "0.1" (the default), or "none":
                                   every picture trains, the last epoch is kept */
    const char *fold;           /* "I/K": cross-validation, fold I (from 0) of K kept for the report; NULL: none */
    const char *encoder;        /* ImageNet weights (.pth, .safetensors, or "resnet50" where `polyp fetch` was run); NULL: random,
                                   and every group at the full rate */
    const char *init;           /* a model to go on from instead; NULL: none */
    const char *preset;         /* "slim" ... ; NULL: the recipe's, or what `init` has */
    int size;                   /* multiple of 32. Here and below 0 means: what the recipe says */
    int epochs, batch;
    double learning_rate;       /* at the schedule's peak, of the decoder */
    uint64_t seed;
    int resume;                 /* go on from `out`/last.safetensors; equal bytes to an unbroken run */
    int allow_test;             /* let `valid` be the official test split "val" */
    const char *engine;         /* "auto", "onednn", "reference" */
    int threads;                /* 0: every core */
    size_t memory_limit;        /* bytes; 0: none */
    polyp_watch watch;
    const char *precision;      /* "auto" (or NULL), "f32", "bf16"; weights, their gradients and the optimiser are f32 in each */
} polyp_train_options;

POLYP_API polyp_train_options polyp_train_defaults(void);

/* Train a network. POLYP_STOPPED: the watcher stopped it; `resume` goes on exactly. */
POLYP_API polyp_status polyp_train(const polyp_train_options *options);

#ifdef __cplusplus
}
#endif
#endif
