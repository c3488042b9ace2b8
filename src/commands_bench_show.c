/* What polyp bench tells: the profile's table, and everything as JSON. */
#include "commands_bench.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

void bench_rows_free(bench_row *rows, size_t count)
{
    for (size_t i = 0; rows && i < count; i++) {
        memory_free(rows[i].times);
        memory_free(rows[i].profile);
    }
    memory_free(rows);
}

/* A line of the profile, a run. */
typedef struct line {
    double ms, gflops, gbytes_per_second; /* speeds: 0 where nothing was counted */
    double of_gflops, of_gbytes;          /* shares of the machine's; 0 where that is not known */
} line;

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static line line_of(const plan_timing *t, const bench_machine *m)
{
    line l = {.ms = 1e3 * t->seconds / BENCH_PROFILED_RUNS};
    l.gflops = ratio(1e-9 * t->flops * (double)t->runs, t->seconds);
    l.gbytes_per_second = ratio(1e-9 * t->bytes * BENCH_PROFILED_RUNS, t->seconds);
    l.of_gflops = ratio(l.gflops, m->gflops);
    l.of_gbytes = ratio(l.gbytes_per_second, m->gbytes_per_second);
    return l;
}

static double all_seconds(const bench_row *row)
{
    double all = 0;
    for (int i = 0; i < row->profile_count; i++) all += row->profile[i].seconds;
    return all;
}

/* ---- table ---------------------------------------------------------------------------------------------- */

/* A number, or a dash where there is none. */
static void print_cell(FILE *to, int width, int digits, double value)
{
    if (value > 0) fprintf(to, "%*.*f ", width, digits, value);
    else fprintf(to, "%*s ", width, "-");
}

void bench_print_profile(const bench_row *row, FILE *to)
{
    const double all = all_seconds(row);
    fprintf(to, "%d x %d, batch %d\n", row->result.size, row->result.size, row->result.batch);
    fprintf(to, "%8s %5s %8s %6s %8s %7s %6s  %-16s %-40s %s\n", "ms", "%", "GFLOP/s", "peak%", "MB", "GB/s", "mem%",
            "kind", "op", "algorithm");
    for (int i = 0; i < row->profile_count; i++) {
        const plan_timing *const t = &row->profile[i];
        const line l = line_of(t, &row->result.machine);
        fprintf(to, "%8.3f %5.1f ", l.ms, 100 * ratio(t->seconds, all));
        print_cell(to, 8, 1, l.gflops);
        print_cell(to, 6, 1, 100 * l.of_gflops);
        print_cell(to, 8, 2, 1e-6 * t->bytes);
        print_cell(to, 7, 1, l.gbytes_per_second);
        print_cell(to, 6, 1, 100 * l.of_gbytes);
        fprintf(to, " %-16s %-40s %s\n", t->kind, t->name, t->algorithm);
    }
    fprintf(to, "%8.3f %5.1f  sum of a run\n\n", 1e3 * all / BENCH_PROFILED_RUNS, 100.0);
}

/* ---- JSON ----------------------------------------------------------------------------------------------- */

static json_t *result_as_json(const bench_result *r)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "preset",
                     r->preset, "engine", r->engine, "precision", r->precision, "size", r->size, "batch", r->batch,
                     "train", r->train ? 1 : 0, "threads", r->threads, "runs", r->runs, "min_ms", r->min_ms,
                     "median_ms", r->median_ms, "p95_ms", r->p95_ms, "images_per_second", r->images_per_second,
                     "ms_per_megapixel", r->ms_per_megapixel, "gflops", r->gflops, "memory_needed",
                     (json_int_t)r->memory_needed, "memory_peak", (json_int_t)r->memory_peak);
}

static json_t *times_as_json(const bench_row *row)
{
    json_t *const all = json_array();
    for (int i = 0; i < row->result.runs; i++) {
        if (json_array_append_new(all, json_real(1e3 * row->times[i])) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *line_as_json(const plan_timing *t, const bench_machine *m)
{
    const line l = line_of(t, m);
    return json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "op", t->name, "kind", t->kind, "algorithm",
                     t->algorithm, "ms", l.ms, "flops", t->flops * (double)t->runs / BENCH_PROFILED_RUNS, "bytes",
                     t->bytes, "gflops", l.gflops, "peak_share", l.of_gflops, "gbytes_per_second", l.gbytes_per_second,
                     "bandwidth_share", l.of_gbytes);
}

static json_t *profile_as_json(const bench_row *row)
{
    json_t *const all = json_array();
    for (int i = 0; i < row->profile_count; i++) {
        if (json_array_append_new(all, line_as_json(&row->profile[i], &row->result.machine)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *machine_as_json(const bench_machine *m, double gflops)
{
    return json_pack("{s:s, s:f, s:f, s:f}", "instructions", m->instructions, "gflops", m->gflops, "gbytes_per_second",
                     m->gbytes_per_second, "share", ratio(gflops, m->gflops));
}

static json_t *loading_as_json(const bench_loading *l)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "first_ms", l->first_ms, "again_ms", l->again_ms, "share", l->share,
                     "fed_min_ms", l->fed_min_ms, "fed_median_ms", l->fed_median_ms);
}

/* NULL: no memory. jansson takes NULL for a value and says so by its result. */
static json_t *row_as_json(const bench_row *row)
{
    const bench_result *const r = &row->result;
    json_t *const root = result_as_json(r);
    bool whole = root && json_object_set_new(root, "times_ms", times_as_json(row)) == 0;
    if (r->machine.gbytes_per_second > 0) {
        whole = whole && json_object_set_new(root, "machine", machine_as_json(&r->machine, r->gflops)) == 0;
    }
    if (r->loading.fed_min_ms > 0) {
        whole = whole && json_object_set_new(root, "loading", loading_as_json(&r->loading)) == 0;
    }
    if (row->profile_count > 0) whole = whole && json_object_set_new(root, "profile", profile_as_json(row)) == 0;
    if (whole) return root;
    json_decref(root);
    return NULL;
}

static json_t *rows_as_json(const bench_row *rows, size_t count)
{
    json_t *const root = row_as_json(&rows[0]), *const all = json_array();
    bool whole = root && all;
    for (size_t i = 0; whole && i < count; i++) whole = json_array_append_new(all, row_as_json(&rows[i])) == 0;
    if (whole && count > 1) whole = json_object_set(root, "rows", all) == 0;
    json_decref(all);
    if (whole) return root;
    json_decref(root);
    return NULL;
}

status bench_write_json(const char *path, const bench_row *rows, size_t count)
{
    json_t *const root = rows_as_json(rows, count);
    char *const text = root ? json_dumps(root, JSON_INDENT(2)) : NULL;
    status result = fail(POLYP_ERR_MEMORY, "%s: no memory for the JSON", path);
    if (text) result = file_replace(path, text, strlen(text));
    free(text);
    json_decref(root);
    return result;
}
