/* Several models behind one name: "a.safetensors,b.safetensors" is their ensemble. */
#ifndef POLYP_PREDICT_MODEL_SET_H
#define POLYP_PREDICT_MODEL_SET_H

#include "predict/model.h"

typedef struct model_set {
    polyp_model **items;
    size_t count;
} model_set;

/* Each of `count` may be several paths separated by commas; a file of that whole name is taken as it is.
 * `shipped` is the network that comes with the program (predict/shipped.h). model_set_close() it in every case. */
status model_set_open(model_set *out, const char *const *paths, size_t count);
void model_set_close(model_set *s);

#endif
