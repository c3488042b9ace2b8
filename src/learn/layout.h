/* Which of the field's layouts a data set has, told from what is there (docs/data.md). */
#ifndef POLYP_LEARN_LAYOUT_H
#define POLYP_LEARN_LAYOUT_H

#include "base/memory.h"

enum layout_kind {
    LAYOUT_PAIRS,  /* two folders, paired by stem: images/ and masks/, image/ and mask/, Original/ and Ground Truth/ */
    LAYOUT_PRANET, /* TrainDataset/ and TestDataset/NAME/, each with two such folders */
    LAYOUT_CSV,    /* a table of pairs */
    LAYOUT_COCO    /* a JSON file with polygons or run lengths */
};

typedef struct layout {
    enum layout_kind kind;
    const char *home;           /* folder of splits/ and groups.csv: DATA itself, or where the file lies */
    const char *images, *masks; /* LAYOUT_PAIRS: paths; masks NULL: there is none, negatives.txt names every picture */
} layout;

/* Strings are the arena's. Errors: FILE (nothing there, no known layout), MISMATCH (more than one: both are named),
 * MEMORY. */
status layout_find(layout *out, arena *a, const char *data);

/* Folder of lists of DATA: itself, or of a .csv or .json file the folder that holds it. memory_free() it; NULL after
 * fail(MEMORY). */
char *layout_home(const char *data);

#endif
