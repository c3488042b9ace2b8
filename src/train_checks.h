/* What the public functions and the commands that train ask of their options. */
#ifndef POLYP_TRAIN_CHECKS_H
#define POLYP_TRAIN_CHECKS_H

#include "base/status.h"

/* Numbers within their ranges, names that are there. `function` stands in messages. Error: ARGUMENT. */
status train_options_check(const char *function, const polyp_train_options *options);

#endif
