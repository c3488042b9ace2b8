/* Around the loop of `polyp predict`: which pictures, and the JSON about them. */
#ifndef POLYP_COMMANDS_PREDICT_H
#define POLYP_COMMANDS_PREDICT_H

#include "base/file.h"
#include "base/memory.h"
#include "commands.h"
#include "predict/found.h"

typedef struct picture_item {
    const char *path;
    const char *stem;
} picture_item;

typedef struct picture_list {
    picture_item *items;
    size_t count, room;
    arena *arena; /* owns the strings */
} picture_list;

/* Files as they are, folders' pictures (by the ending of their names) in order. Errors: ARGUMENT (two of one stem,
 * a mask would be written over a picture), FILE (a folder without pictures), MEMORY. picture_list_free() it in every case. */
COMMANDS_LOCAL polyp_status predict_inputs(picture_list *out, const predict_options *options);
COMMANDS_LOCAL void picture_list_free(picture_list *list);

/* What became of one picture. */
typedef struct predict_record {
    bool done; /* false: `error` says why */
    int width, height;
    double share;   /* of the picture's pixels that are polyp */
    double seconds; /* from decoded picture to written files */
    polyp_uncertainty uncertainty;
    found_polyps found; /* empty unless JSON or COCO is written */
    char error[512];
} predict_record;

/* One line a picture within one object. */
COMMANDS_LOCAL polyp_status predict_write_json(const predict_options *options, const picture_list *inputs,
                                               const predict_record *records, double threshold);

/*
 * COCO's object detection format: one category, `polyp`; every region is an annotation with its box, its area in pixels
 * and its polygon, or run lengths down the columns where it has holes, which polygons cannot say. `score`: the mean
 * probability. Pictures that could not be read are left out.
 */
COMMANDS_LOCAL polyp_status predict_write_coco(const predict_options *options, const picture_list *inputs,
                                               const predict_record *records);

#endif
