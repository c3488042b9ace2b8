/* A model file: the network's weights and everything needed to use them, one plain safetensors file. */
#ifndef POLYP_PREDICT_MODEL_H
#define POLYP_PREDICT_MODEL_H

#include "net/graph.h"
#include "net/weights.h"

#define MODEL_FORMAT         "polyp-1"
#define MODEL_INT8_FORMAT    "polyp-int8-1"    /* with weights in 8 bits (net/quantise.h, docs/quantize.md) */
#define MODEL_ENCODER_FORMAT "polyp-encoder-1" /* an encoder alone, under torchvision's names */

enum { MODEL_TRAINING_ROOM = 12288, MODEL_QUANTISATION_ROOM = 1024 };

/* What __metadata__ holds beside "format" (MODEL_FORMAT) and "xxh3". Depends on inputs only: no time, host or path. */
typedef struct model_facts {
    char preset[24];     /* "preset" */
    int size;            /* "size" */
    double threshold;    /* "threshold" */
    char licence[128];   /* "licence": of the weights; "" unknown */
    char training[MODEL_TRAINING_ROOM]; /* "training": JSON object of facts about the run; "" none */
    char quantisation[MODEL_QUANTISATION_ROOM]; /* "quantisation": JSON object, of a model in 8 bits; "" none */
} model_facts;           /* also written: "normalisation" (mean and std), "resize" = "squish" */

struct polyp_model {
    graph graph;
    params weights; /* mapped */
    model_facts facts;
    char *path; /* it was opened by: for messages */
};

/* Facts of a fresh network: size 256, threshold 0.5. */
model_facts model_facts_default(const char *preset);

/* Has it weights in 8 bits? */
static inline bool model_is_quantised(const polyp_model *model)
{
    return model->weights.scales != NULL;
}

/* The facts as entries of a file's metadata, all but "format" and "quantisation"; they point into `out` and `facts`. */
enum { MODEL_ENTRIES = 7 };
typedef struct model_entries {
    char size[16], threshold[32], normalisation[160];
    weights_text items[MODEL_ENTRIES];
} model_entries;
void model_describe(model_entries *out, const model_facts *facts);

/* Write `weights` over g->params, f32 or of quantise_weights(). Equal input gives equal bytes. */
status model_write(const char *path, const graph *g, const params *weights, const model_facts *facts);

/* A safetensors file without our metadata is accepted when unet_recognise() knows it (size 256). */
status model_open(polyp_model **out, const char *path);

#endif
