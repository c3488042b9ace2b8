/* What the commands of the program share: the table's entries, the end of a command, JSON on standard output. */
#ifndef APP_APP_H
#define APP_APP_H

#include "commands.h"
#include "options.h"
#include "progress.h"

extern const command cmd_synth, cmd_split, cmd_import, cmd_train, cmd_evaluate, cmd_predict, cmd_bench, cmd_info,
    cmd_recipe, cmd_check, cmd_check_scores, cmd_export, cmd_fetch, cmd_curves,
    cmd_find_lr, cmd_quantize, cmd_average;

#define PRECISION_CHOICES         "auto|f32|bf16"
#define PREDICT_PRECISION_CHOICES "auto|f32|bf16|int8"

enum { DATA_SETS_MOST = 16 /* in one training, split or evaluation */ };

/* "1,0.5": one number above 0 for each of `count` data sets. False after saying what is wrong. */
bool set_weights_read(double *out, const char *name, const char *text, size_t count);

/* Options of predict and evaluate that make masks better; all off unless given. */
typedef struct better_settings {
    const char *tta;
    double hysteresis, least_area; /* area: per cent */
    bool fill_holes, largest;
} better_settings;

#define BETTER_ROWS(member)                                                                                            \
    ROW_CHOICE("tta", member.tta, "test-time augmentation: 4, 8 or 24 passes, each undone before logits are averaged", \
               "none|flips|dihedral|full"),                                                                            \
        ROW_REAL("hysteresis", member.hysteresis, "LOW",                                                               \
                 "also take what is above LOW and hangs together with what is above the threshold; 0: off", 0, 1),     \
        ROW_FLAG("fill-holes", member.fill_holes, "fill holes in masks"),                                              \
        ROW_REAL("min-area", member.least_area, "PERCENT",                                                             \
                 "drop regions under PERCENT of the picture; 0: off", 0, 99),                                          \
        ROW_FLAG("largest", member.largest, "keep only the largest region")

polyp_mask_rules rules_of(const better_settings *s);

/* The exit code for a status, after saying on stderr what went wrong. */
int finish(polyp_status s);

/* "--json -" means standard output, but the library writes whole files: it gets one of its own, copied at the end. */
typedef struct json_target {
    const char *path; /* for the library; NULL: no JSON wanted */
    char folder[64];  /* "" unless it is a temporary one */
    char file[80];
} json_target;

/* `option` is what --json was given, or NULL. False after saying why. */
bool json_target_open(json_target *t, const char *option);

/* Copies the file to standard output when that was asked and `good`; removes what is temporary. */
bool json_target_close(json_target *t, bool good);

/* Does the JSON go to standard output? Then nothing else may. */
bool json_target_is_stdout(const json_target *t);

#endif
