/*
 * An event file that TensorBoard opens: scalars and images by step. Its events hold the time, so it is exempt from the rule
 * that equal runs give equal bytes.
 */
#ifndef POLYP_LEARN_TENSORBOARD_H
#define POLYP_LEARN_TENSORBOARD_H

#include "learn/event_record.h"

/* TensorBoard looks for "tfevents" in a file's name. */
#define TENSORBOARD_FILE "events.out.tfevents.polyp"

typedef struct tensorboard tensorboard;

/*
 * A new file, or, for a run that goes on, the old one behind its last whole record of a step up to `last_step` (what follows
 * was not kept, or is torn, and is cut off). last_step negative: the file begins anew.
 * Errors: FILE, MEMORY.
 */
status tensorboard_open(tensorboard **out, const char *path, int64_t last_step);
void tensorboard_close(tensorboard *t); /* takes NULL */

/* One event with several scalars; those that are NaN are left out. Written through at once. Error: FILE, MEMORY. */
status tensorboard_scalars(tensorboard *t, int64_t step, const event_scalar *scalars, size_t count);

/* A whole PNG or JPEG. */
status tensorboard_image(tensorboard *t, int64_t step, const event_image *image);

#endif
