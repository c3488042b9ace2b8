/* How a model was trained and brought into 8 bits, as `polyp info` tells it. */
#ifndef POLYP_COMMANDS_INFO_H
#define POLYP_COMMANDS_INFO_H

#include <stdio.h>

/* `training`: the JSON that a model carries (learn/run_record.h), or text that another program wrote. One line or two of
 * it, what is there of recipe, data, run and result; text that is no such JSON as it is. */
void info_print_training(const char *training, FILE *to);

/* `quantisation`: what an 8-bit model says of it (docs/quantize.md). One line. */
void info_print_quantisation(const char *quantisation, FILE *to);

#endif
