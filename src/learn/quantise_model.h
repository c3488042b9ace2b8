/* A model in 8 bits made from one in f32, and what that costs in Dice. */
#ifndef POLYP_LEARN_QUANTISE_MODEL_H
#define POLYP_LEARN_QUANTISE_MODEL_H

#include "predict/model.h"

typedef struct quantise_options {
    const char *data, *split; /* split: a name, or a path to a list; NULL: "train" where the data set has it, else all */
    int pictures;             /* spread evenly over the split; 0: all */
    bool allow_test;          /* the split may be a test */
    const char *range;        /* of values: one of range_method_names; "auto": the one that changes Dice least */
    const char *engine;
    int threads;
    const polyp_watch *watch;
} quantise_options;

/* Dice of each picture with a polyp, at the picture's own size. */
typedef struct quantise_result {
    size_t pictures, with_polyp;
    double before, after;    /* means */
    double change, largest;  /* mean and largest absolute difference of one picture's */
    char worst[128];         /* the stem with the largest; "" when there is none */
    const char *range;       /* how values' ranges were chosen */
    bool corrected;          /* running means take in the shift that rounded weights make (learn/correct_means.h) */
    const char *precision;   /* in which the second model was scored: "int8"; "f32" where the engine cannot */
} quantise_result;

/*
 * Write `model` in 8 bits to `path`, with ranges of its values over the pictures, and score both on them. Errors: those of
 * reading, UNSUPPORTED (it is in 8 bits already), ARGUMENT (a test split, an unknown range), STOPPED; no file is written
 * then.
 */
status quantise_model(quantise_result *out, const char *path, const polyp_model *model, const quantise_options *options);

#endif
