/* Inside of a check: the report while it is made. */
#ifndef POLYP_LEARN_CHECK_IMPL_H
#define POLYP_LEARN_CHECK_IMPL_H

#include "learn/check.h"
#include "learn/dataset.h"

typedef struct check_work {
    check_report *report;
    const check_settings *settings;
    size_t picture_room, split_room, finding_room;
    int threads; /* the settings', never 0 */
    int groups;  /* declared so far */
} check_work;

/* A finding of `kind` about no picture; set the rest. */
static inline check_finding check_new(enum check_kind kind)
{
    return (check_finding){.kind = kind,
                           .picture = CHECK_NONE,
                           .other = CHECK_NONE,
                           .split = CHECK_NONE,
                           .other_split = CHECK_NONE,
                           .distance = (double)__builtin_nanf(""),
                           .jaccard = (double)__builtin_nanf("")};
}

/* As training would read it. */
static inline sample check_sample(const check_picture *p, int ignore)
{
    return (sample){.stem = p->stem,
                    .name = p->stem,
                    .image = p->image,
                    .mask = p->shapes ? NULL : p->mask,
                    .shapes = p->shapes,
                    .group = -1,
                    .ignore = ignore};
}

/* Append a finding; its words are what is printed. */
status check_add(check_work *w, check_finding finding, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* check_stems.c: report->sets and all stems with their paths. */
status check_list_pictures(check_work *w);

/* check_lists.c: negatives, groups and splits; then the stems without a partner are told. */
status check_read_lists(check_work *w);

/* check_look.c: decode every file, fill in the facts, tell what is odd about single files. */
status check_look(check_work *w);

/* check_pairs.c: pictures stored twice, within and across splits; how their masks agree. */
status check_pairs(check_work *w);

/* check_make_up.c: what splits are made of, compared. */
status check_make_up(check_work *w);

/* Facts of one split, for the table, the JSON and the comparison. NaN where nothing was read. */
typedef struct check_facts {
    size_t pictures, read, masks; /* named; decoded; with a good mask */
    size_t bordered, boxed, blanked, grey, empty;
    double width, height;               /* medians */
    double share_5, share_50, share_95; /* percentiles of the polyp's share, of masks with a polyp */
} check_facts;
status check_facts_of(check_facts *out, const check_report *r, size_t split);

/* Progress: POLYP_STOPPED when the watcher says so. */
status check_tell(const check_work *w, const char *phase, size_t done, size_t total);

#endif
