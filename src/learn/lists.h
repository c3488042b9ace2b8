/* The small text files of a data set, which name samples by stem: splits, negatives, groups. */
#ifndef POLYP_LEARN_LISTS_H
#define POLYP_LEARN_LISTS_H

#include "learn/dataset.h"

/* Samples found by stem. */
typedef struct stem_entry {
    const char *stem;
    size_t number; /* of the sample */
} stem_entry;

typedef struct stem_index {
    stem_entry *entries; /* sorted by stem, then number */
    size_t count;
} stem_index;

/* By the stems they have among all, or by those within their own DATA. */
enum stem_kind { STEMS_OF_ALL, STEMS_OF_OWN };
status stem_index_create(stem_index *out, const sample *samples, size_t count, enum stem_kind kind);
void stem_index_free(stem_index *i);

/* A stem, or a picture's file name as some published lists have it; STEM_NOWHERE when there is none. */
#define STEM_NOWHERE SIZE_MAX
size_t stem_index_find(const stem_index *i, const char *text);

/* Does the name end as a picture's does? Other files (Thumbs.db, notes) may lie among the pictures. */
bool is_picture_name(const char *name);

/* numbers[index->count]: the samples that the file names, in its order; blank lines and those that begin with # are
 * passed over. Errors: FILE, FORMAT (no text), MISMATCH (a stem that is not there, or twice; the line is named). */
status stem_list_read(size_t *numbers, size_t *count, const char *path, const stem_index *index);

/*
 * groups.csv: columns stem and group. Sets samples[..].group to numbers from *next on, equal for equal words; *next is
 * behind the last then. Samples that it does not name, or whose group is empty, stay as they are. `others`: it may name stems
 * that are not there, if not these alone. Errors: FILE, FORMAT, MISMATCH (a stem that is not there, or twice).
 */
status group_list_read(sample *samples, const stem_index *index, const char *path, bool others, int *next);

/* The same from words: samples[numbers[i]] gets the group labels[i]; "" is passed over. */
status group_labels(sample *samples, const size_t *numbers, const char *const *labels, size_t count, int *next);

#endif
