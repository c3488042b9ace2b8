/* One function per command of the program (floor 5, not installed). app/ knows this header and polyp.h only. */
#ifndef POLYP_COMMANDS_H
#define POLYP_COMMANDS_H

#include <stdbool.h>
#include <stdio.h>

#include <polyp.h>

#define COMMANDS_LOCAL __attribute__((visibility("hidden")))

typedef struct synth_options {
    const char *out;          /* folder: images/NAME.jpg, masks/NAME.png, splits/{train,val}.txt (every fifth is val) */
    size_t count;
    int width, height;        /* 0: varied sizes around 600 x 500 */
    uint64_t seed;
    polyp_watch watch;
} synth_options;
COMMANDS_LOCAL polyp_status command_synth(const synth_options *options);

typedef struct check_options {
    const char *const *folders;
    size_t folder_count;
    const char *json;         /* file; NULL: none */
    const char *sheet;        /* picture of what was found, .png or .jpg; NULL: none */
    size_t shown;             /* findings of a kind that are printed; 0: all */
    int ignore;               /* grey level of masks' pixels that do not count, 1..254; 0: none */
    int threads;
    polyp_watch watch;
} check_options;
typedef struct check_result {
    size_t pictures, errors, warnings, notes;
} check_result;
/* Looks a data set over (learn/check.h); the report goes to `to` at the end. */
COMMANDS_LOCAL polyp_status command_check(check_result *out, const check_options *options, FILE *to);

typedef struct split_options {
    const char *data;
    const char *const *more_data; /* [more_count] dealt together with `data`; each gets lists of its own pictures */
    size_t more_count;
    int folds;
    uint64_t seed;
    const char *split;        /* only these pictures; NULL: every pair */
    polyp_watch watch;
} split_options;
typedef struct split_result {
    size_t pictures, groups, largest_group;
    size_t fold_sizes[64];
} split_result;
/* Writes splits/foldI.train.txt and splits/foldI.valid.txt (I from 0) into each DATA. */
COMMANDS_LOCAL polyp_status command_split(split_result *out, const split_options *options);

typedef struct find_lr_options {
    polyp_train_options train; /* `epochs`, `learning_rate` and `resume` are not used */
    double lowest, highest;    /* rates of the first step and behind the last */
    int steps;
    const char *json;          /* file for the suggestions; NULL: none */
} find_lr_options;
typedef struct find_lr_result {
    double valley, steep, minimum;
    int steps;                 /* made: fewer than asked for when the loss diverged */
} find_lr_result;
/* The learning-rate range test (learn/find_lr.h). */
COMMANDS_LOCAL polyp_status command_find_lr(find_lr_result *out, const find_lr_options *options);

typedef struct curves_options {
    const char *const *runs;  /* folders, or history.csv files */
    size_t run_count;
    const char *column;       /* of history.csv */
    const char *out;          /* figure, .svg or .png; NULL: none */
    double reach;             /* a value to be reached; 0: none */
} curves_options;
/* Runs side by side (learn/compare.h); the table goes to `to`. */
COMMANDS_LOCAL polyp_status command_curves(const curves_options *options, FILE *to);

/* RUN/preview.png: the first `count` pictures of a training with these options as the network will see them, augmented, with
 * the outlines of their masks. Nothing is trained. Error: UNSUPPORTED (built without Cairo), and those of polyp_train(). */
COMMANDS_LOCAL polyp_status command_preview(const polyp_train_options *options, int count);

typedef struct import_options {
    const char *in, *out;
    int size;                 /* 0: 256, or what the file says */
    const char *licence;      /* NULL: "" */
} import_options;
typedef struct import_result {
    char preset[24];
    bool encoder_only;        /* ImageNet encoder alone: written under torchvision's names */
    size_t tensors, values;
} import_result;
/* A whole network in our naming becomes a model; a torchvision ResNet becomes an encoder file (fc dropped) for --encoder. */
COMMANDS_LOCAL polyp_status command_import(import_result *out, const import_options *options);

typedef struct evaluate_options {
    const char *const *models;  /* one, or two to be compared; none when `masks` is given. Each may be an ensemble: A,B */
    size_t model_count;
    bool ensemble;              /* all of them are one ensemble */
    const char *tta;            /* as polyp_predictor_options has it, and `rules` too */
    polyp_mask_rules rules;
    const char *masks;          /* folder of masks that another program wrote; NULL: none */
    bool probabilities, resize; /* they are maps of 0..255; those of another size are resized */
    int network_size;           /* they are scored at this size too; 0: not */
    const char *data, *split;   /* split NULL: every pair */
    const char *const *more_data; /* [more_count] scored together with `data` */
    size_t more_count;
    int ignore;                 /* grey level that masks give to pixels that do not count, 1..254; 0: none */
    const char *groups, *by;    /* CSV files stem,group: resampled together; broken down. NULL: none */
    const char *published;      /* "jaccard=.7871,dsc=.8926": what to hold the means against; NULL: nothing */
    const char *empty;          /* "none", "sklearn", "eps" */
    bool min_max;
    bool all;                   /* print everything */
    double threshold;           /* negative: the model's */
    const char *json, *csv;     /* files; NULL: none */
    const char *report;         /* folder for index.html, scores.csv, scores.json; NULL: none */
    const char *blank;          /* "LEFT,TOP,WIDTH,HEIGHT;...": per cent of its pictures painted grey; NULL: nothing */
    const char *engine;
    const char *precision;      /* "auto" (or NULL), "f32", "bf16", "int8" */
    int threads;
    polyp_watch watch;
} evaluate_options;
/* Tables to `to`, unless NULL. Errors: ARGUMENT before anything runs where options do not go together. */
COMMANDS_LOCAL polyp_status command_evaluate(const evaluate_options *options, FILE *to);

typedef struct export_options {
    const char *model, *out;  /* OUT ends in .onnx, or in .safetensors: weights under PyTorch's names */
    int size;                 /* ONNX: of the input; 0: the model's */
    bool any_size;            /* ONNX: height and width are free */
    bool preprocess;          /* ONNX: takes pictures as they are */
    bool keep_norm;           /* ONNX: batch norm is not folded */
} export_options;
typedef struct export_result {
    char preset[24];
    int opset;                /* 0: not ONNX */
    int size;                 /* 0: any */
    size_t tensors, values;   /* of the network */
} export_result;
COMMANDS_LOCAL polyp_status command_export(export_result *out, const export_options *options);

typedef struct check_scores_options {
    const char *jaccard, *dsc, *recall, *precision, *accuracy, *f2; /* as printed; NULL: not given */
    const char *json;           /* file; NULL: none */
} check_scores_options;
/* Which averagings can have produced published numbers (score/consistency.h): words to `to`, unless NULL. */
COMMANDS_LOCAL polyp_status command_check_scores(const check_scores_options *options, FILE *to);

typedef struct fetch_options {
    const char *name;         /* "resnet50" */
    const char *base;         /* mirror; NULL: where torchvision has them */
    polyp_watch watch;
} fetch_options;
typedef struct fetch_result {
    char path[1024];
    bool was_there, resumed;
    size_t size;              /* of what was fetched */
} fetch_result;
COMMANDS_LOCAL polyp_status command_fetch(fetch_result *out, const fetch_options *options);

typedef struct predict_options {
    const char *model;        /* or several, an ensemble: A,B */
    const char *tta;          /* as polyp_predictor_options has it, and `rules` too */
    polyp_mask_rules rules;
    const char *const *paths; /* pictures, or folders of pictures */
    size_t path_count;
    const char *out;
    bool overlay, probability;
    double threshold;         /* negative: the model's */
    const char *json;         /* file; NULL: none */
    const char *coco;         /* file of COCO annotations; NULL: none */
    const char *engine;
    const char *precision;    /* "auto" (or NULL), "f32", "bf16", "int8" */
    int threads;
    int expect;               /* pictures that the network is prepared for; 0: as many as are given */
    polyp_watch watch;
} predict_options;
typedef struct predict_result {
    size_t pictures, failed;  /* a picture that cannot be read is reported through watch.message and skipped */
    size_t with_polyp;
    double seconds;
} predict_result;
/* Writes OUT/STEM.png, and STEM.overlay.jpg, STEM.probability.png when asked. Two inputs with one stem: ARGUMENT before
 * anything runs. */
COMMANDS_LOCAL polyp_status command_predict(predict_result *out, const predict_options *options);
/* Does the name end as those of the pictures that are taken from a folder do? (A file that is named is always tried.) */
COMMANDS_LOCAL bool command_names_picture(const char *name);

typedef struct recipe_options {
    const char *recipe;       /* built-in or file; NULL: list the built-in ones */
    const char *const *settings; /* [setting_count] KEY=VALUE on top */
    size_t setting_count;
    bool keys;                /* every key, what it takes and what it is, instead of the values */
} recipe_options;
/* To `to`: names with a line each, or the recipe as JSON that --recipe takes, or the keys. */
COMMANDS_LOCAL polyp_status command_recipe(const recipe_options *options, FILE *to);

typedef struct average_options {
    const char *const *models; /* [model_count], 2 or more */
    size_t model_count;
    const char *out;
} average_options;
/* The mean of the models' weights to `out` (learn/average_models.h). */
COMMANDS_LOCAL polyp_status command_average(const average_options *options);

typedef struct quantize_options {
    const char *model, *data, *out;
    const char *split;        /* name, or path to a list; NULL: "train" where there is one, else every pair */
    int pictures;             /* 0: all */
    bool allow_test;
    const char *range;        /* of values: "auto" (or NULL), "least-squares", "99.99", "99.9", "largest" */
    const char *engine;
    int threads;
    polyp_watch watch;
} quantize_options;
typedef struct quantize_result {
    size_t pictures, with_polyp;
    double before, after, change, largest; /* Dice a picture: means, and mean and largest absolute difference */
    char worst[128];          /* stem of the picture with the largest */
    char range[24], precision[8]; /* how values' ranges were chosen; in which the 8-bit model was scored */
    size_t size_before, size_after; /* of the files, bytes */
} quantize_result;
/* MODEL in 8 bits to OUT (learn/quantise_model.h). */
COMMANDS_LOCAL polyp_status command_quantize(quantize_result *out, const quantize_options *options);

enum { COMMANDS_PATH = 4200 };
/* Where *path is the word `shipped`, makes it the path, in `out`, of the network that comes with the program
 * (predict/shipped.h). command_evaluate() and command_predict() know the word themselves, in lists of models too. */
COMMANDS_LOCAL polyp_status command_model_path(char out[COMMANDS_PATH], const char **path);

/* Facts and table of a model to `to`; or, with `recipe`, only how it was trained, as JSON that --recipe takes. */
COMMANDS_LOCAL polyp_status command_info(const char *path, bool recipe, FILE *to);

typedef struct bench_options {
    const char *model;        /* NULL: `preset` with random weights */
    const char *preset;       /* NULL: slim */
    const int *sizes;         /* [size_count]; 0 of them: the model's, or 256 */
    const int *batches;       /* [batch_count]; 0 of them: 1 */
    size_t size_count, batch_count;
    bool train, profile;
    bool machine;             /* measure what the machine can do, too */
    const char *data;         /* train: load from it too, by the augmentation of `recipe`; NULL: do not */
    const char *recipe;       /* built-in or file; NULL: best */
    const char *const *settings; /* [setting_count] KEY=VALUE on top */
    size_t setting_count;
    int runs;                 /* 0: enough for about 5 s, 5 at least */
    const char *json;
    const char *engine;
    const char *precision;    /* "auto" (or NULL), "f32", "bf16", "int8" */
    int threads;
    polyp_watch watch;
} bench_options;
/* How many combinations of sizes and batches. */
static inline size_t bench_count(const bench_options *o)
{
    return (o->size_count > 0 ? o->size_count : 1) * (o->batch_count > 0 ? o->batch_count : 1);
}
/* What it costs to feed training steps. Those met their pictures for the first time, where there are enough. */
typedef struct bench_loading {
    double first_ms; /* processor time a picture, decoding included */
    double again_ms; /* the same, decoding only those that were not kept */
    double share;    /* of again_ms for a batch in the processor time of a step without loading */
    double fed_min_ms, fed_median_ms; /* a step with its batch from the loader */
} bench_loading;
/* Measured, not looked up (engine/peak.h). */
typedef struct bench_machine {
    double gflops;            /* multiply-adds in registers, in the precision that was timed; 0: no loop for it here */
    double gbytes_per_second; /* from and to memory */
    char instructions[16];
} bench_machine;
typedef struct bench_result {
    int size, batch;
    double min_ms, median_ms, p95_ms;
    double images_per_second; /* at the median */
    double ms_per_megapixel;  /* at the fastest run, as gflops */
    double gflops;
    size_t memory_needed;
    size_t memory_peak;       /* of the process, up to then */
    char preset[24], engine[24], precision[8];
    bool train;
    int runs, threads;
    bench_machine machine;    /* zeros unless asked for */
    bench_loading loading;    /* zeros without `data` */
} bench_result;
/* `out`: bench_count() results, sizes in the outer loop. The profile's tables go to `profile_to`. */
COMMANDS_LOCAL polyp_status command_bench(bench_result *out, const bench_options *options, FILE *profile_to);

/* What was built in, one line each, for --version. */
COMMANDS_LOCAL const char *const *command_features(void);

#endif
