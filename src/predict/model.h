/* A model file: the network's weights and everything needed to use them, one plain safetensors file. */
#ifndef POLYP_PREDICT_MODEL_H
#define POLYP_PREDICT_MODEL_H

#include "net/graph.h"
#include "net/weights.h"

#define MODEL_FORMAT "polyp-1"

enum { MODEL_TRAINING_ROOM = 12288 };

/* What __metadata__ holds beside "format" (MODEL_FORMAT) and "xxh3". Depends on inputs only: no time, host or path. */
typedef struct model_facts {
    char preset[24];     /* "preset" */
    int size;            /* "size" */
    double threshold;    /* "threshold" */
    char licence[128];   /* "licence": of the weights; "" unknown */
    char training[MODEL_TRAINING_ROOM]; /* "training": JSON object of facts about the run; "" none */
} model_facts;           /* also written: "normalisation" (mean and std), "resize" = "squish" */

struct polyp_model {
    graph graph;
    params weights; /* mapped */
    model_facts facts;
    char *path; /* it was opened by: for messages */
};

/* Facts of a fresh network: size 256, threshold 0.5. */
model_facts model_facts_default(const char *preset);

/* Write `weights` (flat f32 over g->params). Equal input gives equal bytes. */
status model_write(const char *path, const graph *g, const params *weights, const model_facts *facts);

/* A safetensors file without our metadata is accepted when unet_recognise() knows it (size 256). */
status model_open(polyp_model **out, const char *path);

#endif
