/*
 * FAST_CLONES before a function definition compiles it several times, for ordinary, AVX2 and AVX-512 processors; the
 * right one is chosen when the program starts. Empty where the compiler or a sanitizer cannot do that.
 *
 * Put it on the innermost function: the body of an OpenMP loop becomes a function of its own that would stay plain.
 */
#ifndef POLYP_BASE_CLONES_H
#define POLYP_BASE_CLONES_H

/* The choosing runs before a sanitizer is set up and crashes there. "arch=haswell" would ask for Intel by name: the levels
 * v3 and v4 (gcc 12) ask for features. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(POLYP_NO_CLONES)
#define FAST_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define HAS_FAST_CLONES 1
#else
#define FAST_CLONES
#define HAS_FAST_CLONES 0
#endif

#endif
