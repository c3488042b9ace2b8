/* check: a data set looked over. */
#include "commands.h"
#include "learn/check.h"
#include "media/canvas.h"

static status write_sheet(const check_report *r, const check_options *o, FILE *to)
{
    size_t shown;
    if (!o->sheet) return POLYP_OK;
    TRY(check_write_sheet(&shown, o->sheet, r, o->ignore));
    if (shown == 0) fprintf(to, "%s: not written, no finding shows a picture\n", o->sheet);
    return POLYP_OK;
}

static status write_all(const check_report *r, const check_options *o, FILE *to)
{
    if (o->json) TRY(check_write_json(o->json, r));
    TRY(check_print(r, o->shown, to));
    return write_sheet(r, o, to);
}

polyp_status command_check(check_result *out, const check_options *options, FILE *to)
{
    check_report *report;
    const check_settings settings = {options->folders, options->folder_count, options->ignore, options->threads,
                                     options->watch};
    if (options->sheet && !canvas_available()) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: this program was built without Cairo, which draws --sheet", options->sheet);
    }
    TRY(check_run(&report, &settings));
    const status result = write_all(report, options, to);
    if (result == POLYP_OK) {
        *out = (check_result){report->count, report->level_counts[CHECK_ERROR], report->level_counts[CHECK_WARNING],
                              report->level_counts[CHECK_NOTE]};
    }
    check_report_free(report);
    return result;
}
