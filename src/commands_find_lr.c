/* polyp find-lr: the learning-rate range test. */
#include "commands.h"
#include "learn/find_lr.h"
#include "train_checks.h"

polyp_status command_find_lr(find_lr_result *out, const find_lr_options *options)
{
    lr_finder f;
    lr_suggestions s;
    TRY(train_options_check("find-lr", &options->train));
    status result = lr_finder_create(&f, options->lowest, options->highest, options->steps);
    if (result == POLYP_OK) result = find_lr(&s, &f, &options->train);
    if (result == POLYP_OK && options->json) result = lr_finder_write_json(options->json, &f, &s);
    if (result == POLYP_OK) *out = (find_lr_result){s.valley, s.steep, s.minimum, f.count};
    lr_finder_free(&f);
    return result;
}
