/* check: a data set looked over. */
#include "commands.h"
#include "learn/check.h"

polyp_status command_check(check_result *out, const check_options *options, FILE *to)
{
    check_report *report;
    const check_settings settings = {options->folders, options->folder_count, options->ignore, options->threads,
                                     options->watch};
    TRY(check_run(&report, &settings));
    status result = POLYP_OK;
    if (options->json) result = check_write_json(options->json, report);
    if (result == POLYP_OK) result = check_print(report, options->shown, to);
    if (result == POLYP_OK) {
        *out = (check_result){report->count, report->level_counts[CHECK_ERROR], report->level_counts[CHECK_WARNING],
                              report->level_counts[CHECK_NOTE]};
    }
    check_report_free(report);
    return result;
}
