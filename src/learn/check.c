/* The run of a check: lists, files, pairs, make-up; then the findings put in order. */
#include "learn/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/thread.h"
#include "learn/check_impl.h"
#include "learn/run_log.h"

enum { ARENA_CHUNK = 1 << 18, FIRST_ROOM = 256 };

/* ---- findings ------------------------------------------------------------------------------- */

status check_add(check_work *w, check_finding finding, const char *format, ...)
{
    check_report *const r = w->report;
    char words[1024];
    va_list arguments;
    if (r->finding_count == w->finding_room) {
        const size_t room = w->finding_room ? 2 * w->finding_room : FIRST_ROOM;
        TRY(memory_resize(&r->findings, w->finding_room, room));
        w->finding_room = room;
    }
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    finding.words = arena_text(r->arena, words);
    if (!finding.words) return POLYP_ERR_MEMORY;
    r->findings[r->finding_count++] = finding;
    r->counts[finding.kind]++;
    r->level_counts[check_kinds[finding.kind].level]++;
    return POLYP_OK;
}

/* By kind; within a kind they stay as they came: pictures' places, or one after another. */
static status sort_findings(check_report *r)
{
    check_finding *sorted;
    TRY(memory_new(&sorted, r->finding_count));
    size_t count = 0;
    for (int kind = 0; kind < CHECK_KINDS; kind++) {
        for (size_t i = 0; i < r->finding_count; i++) {
            if ((int)r->findings[i].kind == kind) sorted[count++] = r->findings[i];
        }
    }
    memory_free(r->findings);
    r->findings = sorted;
    return POLYP_OK;
}

status check_tell(const check_work *w, const char *phase, size_t done, size_t total)
{
    const polyp_progress p = {
        .phase = phase, .done = done, .total = total, .unit = "picture", .loss = NAN, .learning_rate = NAN};
    return watch_report(&w->settings->watch, &p);
}

/* ---- the run -------------------------------------------------------------------------------- */

static status run_all(check_work *w)
{
    TRY(arena_create(&w->report->arena, ARENA_CHUNK));
    TRY(check_list_pictures(w));
    TRY(check_read_lists(w));
    TRY(check_look(w));
    TRY(check_pairs(w));
    TRY(check_make_up(w));
    return sort_findings(w->report);
}

status check_run(check_report **out, const check_settings *settings)
{
    check_report *report;
    if (settings->folder_count == 0) return fail(POLYP_ERR_ARGUMENT, "there is no folder to check");
    TRY(memory_new(&report, 1));
    check_work w = {.report = report, .settings = settings};
    w.threads = settings->threads > 0 ? settings->threads : processor_count();
    const status result = run_all(&w);
    if (result == POLYP_OK) *out = report;
    else check_report_free(report);
    return result;
}

void check_report_free(check_report *r)
{
    if (!r) return;
    for (size_t i = 0; i < r->split_count; i++) memory_free(r->splits[i].member);
    memory_free(r->sets);
    memory_free(r->pictures);
    memory_free(r->splits);
    memory_free(r->findings);
    arena_destroy(r->arena);
    memory_free(r);
}
