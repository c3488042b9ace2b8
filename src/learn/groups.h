/* Pictures that belong together (near-duplicates, one examination), so that folds and inner validation never split them.
 */
#ifndef POLYP_LEARN_GROUPS_H
#define POLYP_LEARN_GROUPS_H

#include "base/status.h"
#include "learn/dataset.h"

/*
 * group[i] for each sample: equal numbers for near-duplicates and for what groups.csv ties together (transitively over
 * both), 0 .. *groups - 1 by first appearance.
 * Near-duplicates: the picture, its dark borders cut off, (squished to 16 x 16 grey and 8 x 8 x 3 colour means) is
 * compared with every other: difference hash and colours close. Constants with their measured meaning in signature.c.
 * Pictures are decoded by `threads` workers (0: every core). Errors: those of reading, STOPPED, MEMORY.
 */
status groups_find(size_t *group, size_t *groups, const dataset *d, int threads, const polyp_watch *watch);

/* The same by groups.csv alone, without looking at pictures; a sample that it does not name is alone. */
status groups_declared(size_t *group, size_t *groups, const dataset *d);

/* fold[i] in 0 .. folds-1: whole groups, dealt largest first to the smallest fold, ties and order of equal sizes by
 * seed. Errors: ARGUMENT (folds < 2 or more than groups). */
status groups_deal(int *fold, const size_t *group, size_t count, size_t groups, int folds, uint64_t seed);

/* Part of about `fraction` of the samples for validation, whole groups, seeded: chosen[i] true. At least 1, not all. */
status groups_hold_out(bool *chosen, const size_t *group, size_t count, size_t groups, double fraction, uint64_t seed);

/* What one fold's run does with a sample: the part that chooses the epoch is never the part that is reported. */
enum sample_part { PART_TRAIN, PART_CHOOSE, PART_REPORT };

/* part[i]: fold `fold` of what groups_deal() gives with the same folds and seed is reported; of the others whole groups,
 * about `fraction` of their samples, choose (seeded, at least 1, not all); the rest is trained on. Errors: ARGUMENT. */
status groups_three_parts(enum sample_part *part, const size_t *group, size_t count, size_t groups, int fold, int folds,
                          double fraction, uint64_t seed);

#endif
