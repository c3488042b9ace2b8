/* polyp curves: runs side by side. */
#include <math.h>

#include "commands.h"
#include "learn/compare.h"

polyp_status command_curves(const curves_options *options, FILE *to)
{
    comparison c;
    const double reach = options->reach > 0.0 ? options->reach : (double)NAN;
    status result = comparison_open(&c, options->runs, options->run_count, options->column, reach);
    if (result == POLYP_OK && options->out) result = comparison_draw(options->out, &c);
    if (result == POLYP_OK) comparison_print(&c, to);
    comparison_free(&c);
    return result;
}
