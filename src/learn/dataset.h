/* Picture and mask pairs of a folder: images/ and masks/, paired by file stem, optional splits/NAME.txt. */
#ifndef POLYP_LEARN_DATASET_H
#define POLYP_LEARN_DATASET_H

#include "base/memory.h"

typedef struct sample {
    const char *stem;  /* "cju0qkwl35piu0993l0dewei2" */
    const char *image; /* path */
    const char *mask;  /* path */
    double weight;     /* how often in an epoch, relative to the others; 1 unless told otherwise */
} sample;

typedef struct dataset {
    sample *samples; /* sorted by stem when no split is named, else in the split's order */
    size_t count;
    arena *arena; /* owns all strings */
} dataset;

/*
 * Open a folder. `split` NULL: every pair. SPLIT is the name of splits/SPLIT.txt, or a path to a .txt file (with a / in
 * it: RUN/valid.txt); one stem a line, blank lines and `#` ignored. Errors name the file: a picture without its mask or
 * the reverse (all counted, the first three named), a split that names a stem that is not there, twice the same stem
 * (a.jpg and a.png), an empty set, no images/ or masks/.
 */
status dataset_open(dataset *out, const char *folder, const char *split);
void dataset_free(dataset *d);

/* Does splits/NAME.txt exist? */
bool dataset_has_split(const char *folder, const char *split);

/* Copy of some samples, in the order of `index`. Strings are shared: `from` must outlive it and only `from` owns them.
 */
status dataset_select(dataset *out, const dataset *from, const size_t *index, size_t count);

/* Picture (3 channels) and mask (1 channel, 0 or 255) of one sample; either may be NULL.
 * A mask may have 1, 3 or 4 channels and levels 0/255, 0/1 or JPEG noise around them: 0/1 (largest level 1) is scaled,
 * then > 127. A mask whose levels lie mostly between (over 5 % of its pixels in 32..223) is refused (FORMAT) with that
 * share in words. Sizes that differ: SIZE, both sizes named. */
status sample_read(polyp_image *picture, polyp_image *mask, const sample *s);

/* XXH3 over all stems and file contents, in order: the data's fingerprint, 16 hex digits. */
status dataset_fingerprint(char out[17], const dataset *d);

#endif
