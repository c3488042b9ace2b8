/* What the two files that place tensors share. */
#ifndef POLYP_ENGINE_ONEDNN_PLACE_H
#define POLYP_ENGINE_ONEDNN_PLACE_H

#include "engine/onednn/inside.h"

/* A new buffer, not used yet; with channels: padded ones of one image. */
status place_buffer(onednn_plan *p, place *out, size_t bytes, int channels);
status place_tensor(onednn_plan *p, place *out, shape padded);

/* The buffer is written or read at `time`. NOWHERE: nothing. */
void place_used(onednn_plan *p, place at, int time);

/* A convolution works in a buffer of its own at `time` and leaves nothing behind. */
status place_scratch(onednn_plan *p, work *w, enum scratch_use use, int time);

/* Training, after the forward pass has been placed. */
status place_gradients(onednn_plan *p);

#endif
