/* One DATA of any layout with every pair of it, before splits and other data sets come in. */
#ifndef POLYP_LEARN_PARTS_H
#define POLYP_LEARN_PARTS_H

#include "learn/dataset.h"
#include "learn/layout.h"

typedef struct data_part {
    sample *samples; /* sorted by stem; part_free() them, their strings are the arena's */
    size_t count;
    layout layout;
} data_part;

/* Errors: those of dataset_open() but for splits. Groups are numbered from *next_group on. */
status part_open(data_part *out, arena *a, const char *data, int *next_group);
void part_free(data_part *p);

/* Replace all pairs by those of a split: the layout's own (PraNet's folders, a table's column) or splits/NAME.txt. */
status part_apply_split(data_part *p, const char *split);

/* Does the layout itself have it? */
bool part_has_split(const data_part *p, const char *split);

/* Can it be the name of a split, and not a path? */
bool is_split_name(const char *name);

/* Those of all[count] that a list names, in its order, as a new array; `own`: by their stems within DATA. */
status samples_listed(sample **out, size_t *out_count, const sample *all, size_t count, const char *path, bool own);

/* ---- one layout each; they fill samples and count ------------------------------------------ */

/* The pictures of folder `images`, each with the mask of the same stem in folder `masks` (NULL: there is none); pictures
 * that home/negatives.txt names may lack one. */
status pairs_read(data_part *p, arena *a);

/* A table with the columns image and mask, optionally group and split; an empty mask: no polyp. */
status pairs_csv_read(data_part *p, arena *a, const char *path, int *next_group);

/* COCO: pictures with polygons or run lengths; a picture without any shows no polyp. */
status coco_read(data_part *p, arena *a, const char *path);

/* ---- stems --------------------------------------------------------------------------------- */

/* A picture without anything else known of it. */
sample sample_new(const char *stem, const char *image);

/* Stems of pictures that a file lists by path: the name without its ending; where several have one, the whole path
 * (texts[i]) with - for /. Then sorts the samples. Errors: MISMATCH (two are equal even so), MEMORY. */
status part_name_stems(data_part *p, const char *const *texts, arena *a);

/* Short names of DATA for stems: the last part of each path without its ending, numbered where two are equal. */
status parts_name(const char **names, const char *const *paths, size_t count, arena *a);

/* Stems that several parts have get their part's name before them: "NAME-STEM". names[count]. Errors: MISMATCH (even so
 * two are equal), MEMORY. */
status parts_tell_apart(data_part *parts, size_t count, const char *const *names, arena *a);

#endif
