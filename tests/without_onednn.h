/* The program of a test that is about oneDNN's engine, where that was not built: one case, skipped. */
#ifndef POLYP_TESTS_WITHOUT_ONEDNN_H
#define POLYP_TESTS_WITHOUT_ONEDNN_H

/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline void needs_onednn(void **state)
{
    (void)state;
    skip();
}

/* What main() returns. */
static inline int skip_without_onednn(const char *name)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(needs_onednn)};
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

#endif
