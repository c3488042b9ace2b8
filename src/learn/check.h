/*
 * `polyp check`: a data set looked over. Unlike dataset_open() nothing stops at the first problem: every file is looked
 * at, and what was found is one list of findings, with facts about every picture and every split beside it.
 */
#ifndef POLYP_LEARN_CHECK_H
#define POLYP_LEARN_CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"
#include "learn/layout.h"
#include "learn/signature.h"
#include "media/shapes.h"

enum check_level {
    CHECK_ERROR,   /* training refuses it, or a score would measure memory */
    CHECK_WARNING, /* works, but a person should look */
    CHECK_NOTE,    /* a property of the data, named so that nobody is surprised */
    CHECK_LEVELS
};

/* In the order in which they are told, level by level: see the table in check_kinds.c. */
enum check_kind {
    CHECK_NO_MASK,
    CHECK_NO_PICTURE,
    CHECK_SAME_STEM,
    CHECK_UNREADABLE,
    CHECK_SIZE,
    CHECK_MASK_LEVELS,
    CHECK_NEGATIVE,
    CHECK_LIST,
    CHECK_OVERLAP,
    CHECK_LEAK,
    CHECK_GROUP,
    CHECK_MASKS_DISAGREE,
    CHECK_DUPLICATE,
    CHECK_MAKE_UP,
    CHECK_TURNED,
    CHECK_MASK_FULL,
    CHECK_MASK_COLOUR,
    CHECK_BLANK,
    CHECK_SPECKS,
    CHECK_MASK_EMPTY,
    CHECK_MASK_ONES,
    CHECK_MASK_NOISE,
    CHECK_BORDER,
    CHECK_BOX,
    CHECK_BLANKED_BOX,
    CHECK_GREY,
    CHECK_NO_SPLIT,
    CHECK_OTHER_FILES,
    CHECK_KINDS
};

typedef struct check_kind_facts {
    const char *name;  /* "leak": in JSON */
    const char *title; /* what is told in one line, after the number of findings */
    enum check_level level;
} check_kind_facts;
extern const check_kind_facts check_kinds[CHECK_KINDS];

/* A share of a picture, in pixels; right and bottom: one past the last. Empty: all zero. */
typedef struct check_box {
    int left, top, right, bottom;
} check_box;

/* What was seen of one stem. Upright sizes. */
typedef struct check_picture {
    const char *stem;
    const char *image, *mask; /* paths; NULL: not there */
    const mask_shapes *shapes; /* of a COCO file, instead of a mask file; `mask` is words then; NULL: none */
    const char *own_split;     /* what the layout itself puts it in; NULL: nothing */
    size_t set;
    bool image_read, mask_read; /* decoded, whatever is in it */
    bool mask_good;             /* and accepted as a mask of this picture */
    int width, height, mask_width, mask_height;
    int orientation, mask_orientation; /* EXIF's, 1: stored upright */
    check_box lit;                     /* what is left without black borders */
    check_box box, blanked_box;        /* position picture: green, or painted black */
    bool bordered, grey, blank;
    bool negative;               /* declared to show no polyp */
    int group;                   /* of groups.csv; -1: not known */
    int channels, largest_level; /* of the mask as stored */
    bool coloured, noisy;        /* the mask: its channels differ; levels beside 0 and the largest */
    double polyp_share;          /* of the picture; NaN without a good mask */
    size_t parts, specks;        /* of the mask: regions, and those under CHECK_SPECK of the picture */
    size_t speck_area;           /* of the largest speck, in pixels, and where it lies */
    int speck_x, speck_y;
    uint64_t pixels; /* XXH3 of the decoded picture and its size */
    signature signature;
} check_picture;

#define CHECK_SPECK        0.001 /* share of a picture under which a region of a mask is a speck */
#define CHECK_BORDER_SHARE 0.02  /* of the width or height that black borders take together */
#define CHECK_SAME_FRAME   20.0  /* pairs no further apart were one frame each (signature.c) ... */
#define CHECK_DISAGREE     0.8   /* ... so that their masks should agree: a Jaccard under this is told */

#define CHECK_NONE SIZE_MAX /* no place in a list */

/* A list of splits/, or a whole set. */
typedef struct check_split {
    const char *name; /* "train"; with several sets "SET: train"; a whole set: its folder's name */
    const char *list; /* "train"; NULL: the whole set */
    size_t set;
    bool *member; /* [pictures of the report] */
    size_t count; /* members */
} check_split;

typedef struct check_finding {
    enum check_kind kind;
    const char *words;         /* one line that names the file or stem */
    size_t picture, other;     /* places in `pictures`; CHECK_NONE: none */
    size_t split, other_split; /* places in `splits`; CHECK_NONE: none */
    double distance, jaccard;  /* of near-duplicates: signature_distance(); of their masks; NaN: not known */
    bool exact;                /* the same pixels */
} check_finding;

typedef struct check_set {
    const char *folder, *name; /* folder: DATA as given */
    layout layout;
} check_set;

typedef struct check_report {
    arena *arena; /* owns all strings */
    check_set *sets;
    size_t set_count;
    check_picture *pictures; /* set by set, by stem */
    size_t count;
    check_split *splits; /* set by set: the whole set, then its lists */
    size_t split_count;
    check_finding *findings; /* by kind, then in the order of pictures */
    size_t finding_count;
    size_t counts[CHECK_KINDS], level_counts[CHECK_LEVELS];
} check_report;

typedef struct check_settings {
    const char *const *folders; /* data sets of any layout, with their lists where there are any */
    size_t folder_count;        /* several are also compared with one another */
    int ignore;                 /* a level that masks give to pixels that do not count, 1..254; 0: none */
    int threads;                /* workers; 0: every core */
    polyp_watch watch;
} check_settings;

/* check_report_free() it. Errors: FILE (no such folder, no images/ or masks/ in it), ARGUMENT, STOPPED, MEMORY. */
status check_run(check_report **out, const check_settings *settings);
void check_report_free(check_report *r);

/* Are both lists parts of one division, so that no picture may be near both? fold0.train belongs to fold0.valid alone; a
 * list that lies within another is a part of it; whole sets are compared with whole sets. */
bool check_compared(const check_report *r, size_t a, size_t b);

/* ---- what comes out ------------------------------------------------------------------------ */

/* The report as text: at most `shown` findings of a kind (0: all); of notes none where there are more. Errors: MEMORY. */
status check_print(const check_report *r, size_t shown, FILE *to);
status check_write_json(const char *path, const check_report *r);

/* A contact sheet of the pictures that findings are about, masks outlined: of each kind the first few, the worst kinds first;
 * what lies twice stands side by side. *shown: pictures on it; 0: no finding shows a picture, and no file is written. `ignore`
 * as in the settings. Errors: UNSUPPORTED (built without Cairo), FILE, MEMORY. */
status check_write_sheet(size_t *shown, const char *path, const check_report *r, int ignore);

#endif
