/* One model from several: the mean of their weights. */
#ifndef POLYP_LEARN_AVERAGE_MODELS_H
#define POLYP_LEARN_AVERAGE_MODELS_H

#include "predict/model.h"

/*
 * Write the mean of `count` (2 or more) f32 models of one preset to `path`: every value, running statistics too (Wortsman et
 * al. 2022, "Model soups", equation 1 with equal shares; it holds for networks of one training's path, or of trainings that
 * began with the same pretrained weights). Size, threshold and training's facts are the last one's, with the files' XXH3
 * under "run", "averaged". Errors: ARGUMENT (under 2), UNSUPPORTED (in 8 bits), MISMATCH (presets or licences differ),
 * FORMAT (not finite), those of reading and writing; no file is written then.
 */
status average_models(const char *path, const char *const *models, size_t count);

#endif
