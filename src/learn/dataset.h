/* Pictures and their masks as a list: opened from a folder, divided by splits. */
#ifndef POLYP_LEARN_DATASET_H
#define POLYP_LEARN_DATASET_H

#include <stdbool.h>

#include "base/memory.h"
#include "media/shapes.h"

typedef struct sample {
    const char *stem;          /* "cju0qkwl35piu0993l0dewei2"; no other sample of the data set has it */
    const char *name;          /* the stem within its own DATA, as that one's lists have it */
    const char *image;         /* path */
    const char *mask;          /* path; NULL: no file, but `shapes`, or a declared negative */
    const mask_shapes *shapes; /* of a COCO file; NULL: none */
    double weight;             /* how often in an epoch, relative to the others; 1 unless told otherwise */
    int group;                 /* of groups.csv: equal numbers belong together (examination, patient); -1: not known */
    int ignore;                /* grey level that the mask gives to pixels that do not count, 1..254; -1: none */
    const char *split;         /* which the layout itself puts it in (a table's column, PraNet's folders); NULL: none */
    int set;                   /* which of several DATA, from 0 */
    bool negative;             /* declared to show no polyp (negatives.txt) */
} sample;

typedef struct dataset {
    sample *samples; /* sorted by stem when no split is named, else in the split's order */
    size_t count;
    arena *arena; /* owns all strings */
} dataset;

/*
 * Open a data set of any layout (layout.h, docs/data.md): a folder with images/ and masks/, paired by file stem; PraNet's
 * or CVC-ClinicDB's folders; a .csv of pairs; a .json of COCO. Optional in a folder, or beside a file: splits/NAME.txt,
 * groups.csv (columns stem and group); with two folders negatives.txt (stems of pictures that show no polyp and need no
 * mask).
 * `split` NULL: every pair. Else what the layout itself calls so, or the name of splits/SPLIT.txt, or a path to a .txt
 * file (with a / in it: RUN/valid.txt); one stem a line, blank lines and `#` ignored.
 * Errors name the file: a picture without its mask or the reverse (all counted, the first three named), a list that
 * names a stem that is not there or one twice, twice the same stem (a.jpg and a.png), an empty set, no layout or more
 * than one.
 */
status dataset_open(dataset *out, const char *data, const char *split);
void dataset_free(dataset *d);

/* One of several DATA. */
typedef struct data_source {
    const char *data;
    const char *split; /* name of its splits/NAME.txt; NULL: every pair */
    double weight;     /* of its samples: its share of an epoch relative to its size; above 0 */
} data_source;

/*
 * Open several as one, in their order. A stem that several have becomes "SET-STEM" in each, where SET is the last part
 * of DATA's path (numbered when two are equal); which ones does not depend on splits. `list` NULL, or a path to a .txt
 * file of such stems: only these, in its order. Errors: those of dataset_open(), ARGUMENT (a weight).
 */
status dataset_open_many(dataset *out, const data_source *sources, size_t count, const char *list);

/* The same of `data` and more[count] with equal weights and one split for each; a path: a list over all of them. */
status dataset_open_all(dataset *out, const char *data, const char *const *more, size_t count, const char *split);

/* Is `split` a path to a list rather than a name? */
bool dataset_split_is_list(const char *split);

/* DATA/splits/NAME.txt; memory_free() it. NULL after fail(MEMORY). */
char *dataset_split_path(const char *data, const char *name);

/* Does it, or does the layout itself have a split of this name? */
bool dataset_has_split(const char *data, const char *split);

/* Is it a test, that nothing may be chosen on: "val" (the official one), "test", or one of PraNet's TestDataset? */
bool dataset_split_is_test(const char *data, const char *split);

/* Pixels of this grey level in the masks (1..254) count neither as polyp nor as background; -1: there are none. Error:
 * ARGUMENT. */
status dataset_set_ignore(dataset *d, int level);

/* Copy of some samples, in the order of `index`. Strings are shared: `from` must outlive it and only `from` owns them.
 */
status dataset_select(dataset *out, const dataset *from, const size_t *index, size_t count);

/*
 * Picture (3 channels) and mask (1 channel: 255 polyp, 0 none, MASK_IGNORED does not count) of one sample; either may
 * be NULL. A mask may have 1, 3 or 4 channels and levels 0/255, 0/1 or JPEG noise around them: 0/1 (largest level 1) is
 * scaled, then > 127. With s->ignore, that level is set aside first (in a JPEG also the levels within 16 of it). A mask
 * whose levels lie mostly between (over 5 % of its pixels in 32..223) is refused (FORMAT) with that share in words.
 * Without a mask file the mask is all 0. Sizes that differ: SIZE, both sizes named. Polyp in the mask of a declared
 * negative: MISMATCH.
 */
status sample_read(polyp_image *picture, polyp_image *mask, const sample *s);

/* The same for a mask already decoded: any channel count and levels in. `jpeg`: it was stored as one; `ignore`: a sample's. */
status sample_mask(polyp_image *out, const polyp_image *stored, bool jpeg, int ignore, const char *path);

/* XXH3 over all stems and file contents, in order: the data's fingerprint, 16 hex digits. */
status dataset_fingerprint(char out[17], const dataset *d);

#endif
