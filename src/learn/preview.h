/* What the network will see. */
#ifndef POLYP_LEARN_PREVIEW_H
#define POLYP_LEARN_PREVIEW_H

#include "base/status.h"

/*
 * RUN/preview.png: the first `count` pictures of a run with these options, augmented as in its first epochs, with the outlines
 * of their masks. Nothing is trained, and nothing else in the folder changes. Errors: UNSUPPORTED (built without Cairo), and
 * those of the recipe and the data.
 */
status preview_write(const polyp_train_options *options, int count);

#endif
