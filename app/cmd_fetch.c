/* polyp fetch: published encoder weights into the cache. */
#include "app.h"

typedef struct settings {
    common_settings common;
    fetch_options options;
} settings;
SETTINGS_FIT(settings);

static const option_row rows[] = {
    ROW_TEXT("url", options.base, "BASE", "a mirror: BASE/FILE is fetched (not given: https://download.pytorch.org/models)"),
    ROW_END,
};

static int run(const void *block, const arguments *rest)
{
    const settings *const s = block;
    fetch_options options = s->options;
    fetch_result found = {.path = ""};
    progress watched;
    progress_begin(&watched, s->common.quiet);
    options.name = rest->items[0];
    options.watch = progress_watch(&watched);
    const polyp_status result = command_fetch(&found, &options);
    progress_end(&watched);
    if (result == POLYP_OK && found.was_there) printf("%s: was there, with the right checksum\n", found.path);
    if (result == POLYP_OK && !found.was_there) {
        printf("%s: %zu bytes%s, the right checksum; for polyp train --encoder %s\n", found.path, found.size,
               found.resumed ? ", resumed" : "", options.name);
    }
    return finish(result);
}

const command cmd_fetch = {
    .name = "fetch",
    .operands = "NAME",
    .summary = "fetch torchvision's ImageNet weights: resnet18, resnet34, resnet50 or resnet101",
    .details =
        "They go to XDG_CACHE_HOME/polyp, or ~/.cache/polyp, where `polyp train --encoder NAME` finds them. A download that was "
        "stopped goes on where it was; a file whose SHA-256 is not the published one is removed. Proxies as curl has them "
        "(https_proxy, no_proxy); certificates of one's own by CURL_CA_BUNDLE. Nothing else in this program uses the network.",
    .operands_min = 1,
    .operands_max = 1,
    .rows = rows,
    .run = run,
};
