/* A whole data set scored into one score_report: by a model, or from masks that another program wrote. */
#ifndef POLYP_LEARN_SCORE_SET_H
#define POLYP_LEARN_SCORE_SET_H

#include "learn/dataset.h"
#include "predict/predictor.h"
#include "score/report.h"

/* Called on the caller's thread for every picture in order, after its row was filled; `picture` is RGB, as all in `in` it
 * lives only as long as the call. For what needs pixels: outlines, galleries. */
typedef status (*score_observer)(void *context, size_t index, const polyp_image *picture, const score_input *in);

typedef struct score_options {
    const char *data, *split; /* split NULL: every pair */
    const char *const *more_data; /* [more_count] scored together with `data`; NULL: none */
    size_t more_count;
    int ignore; /* grey level that masks give to pixels that do not count, 1..254; 0: none */
    const char *
        groups; /* CSV with columns stem and group: what is resampled together; NULL: DATA/groups.csv, if there is one */
    const char *by; /* CSV of the same form: a breakdown; NULL: none */
    enum empty_rule empty;
    bool min_max;
    double threshold; /* negative: the model's, 0.5 for maps of others */
    const char *tta;  /* as polyp_predictor_options has it, and `rules` too; of models' masks only */
    polyp_mask_rules rules;
    const char *engine, *precision; /* precision NULL: "auto" */
    int threads; /* 0: every core */
    const polyp_watch *watch;
    score_observer each; /* NULL: none */
    void *context;
} score_options;

/* The data with the report of it, which borrows its stems. */
typedef struct score_set {
    dataset data;
    score_report report;
} score_set;

/* Score a model, or the ensemble of several. The report is summed up. score_set_free() in every case. Errors: those of
 * reading, STOPPED, MEMORY, ENGINE; what names a CSV file or a picture says so. */
status score_set_models(score_set *out, const polyp_model *const *models, size_t count, const score_options *options);

/* Score FOLDER/STEM.png (or another picture format), one for each picture of the data set. */
typedef struct foreign_masks {
    const char *folder;
    bool probabilities; /* maps of 0..255, STEM.probability.png before STEM.png; else masks, read as a data set's are */
    bool resize;        /* one of another size is brought to the picture's, bilinear; else it is an error */
    int network_size;   /* they are scored at this size too: masks shrunk by area, maps bilinear; 0: not */
} foreign_masks;
status score_set_masks(score_set *out, const foreign_masks *masks, const score_options *options);

void score_set_free(score_set *s);

/* ---- shared by the files of this part ------------------------------------------------------ */

/* Opens the data, makes the rows, reads the CSV files. */
status score_set_open(score_set *out, const score_options *options, const score_settings *settings);

/* Tell the watcher. */
status score_set_report(const score_options *options, size_t done, size_t total);

#endif
