/* The network that comes with the program. */
#ifndef POLYP_PREDICT_SHIPPED_H
#define POLYP_PREDICT_SHIPPED_H

#include "base/status.h"

#define SHIPPED_MODEL "shipped" /* the word that stands for it; a file of that name is ./shipped */

enum { SHIPPED_PATH = 4200 };

/* Where *path is that word, makes it the network's path, in `out`: what the environment's POLYP_MODEL names, else the file
 * beside the program, installed under share/polyp, or in models/ of the source tree; else leaves it.
 * Errors: FILE with what to do; ARGUMENT: POLYP_MODEL is too long. */
status shipped_model_named(char out[SHIPPED_PATH], const char **path);

#endif
