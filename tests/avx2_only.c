/*
 * Linked into a test program, makes this processor one of the level x86-64-v3 (AVX2) to every FAST_CLONES function: the
 * linker puts the function below in the place of gcc's own (--wrap) that fills in what the choosing of clones reads.
 * oneDNN is told apart, by ONEDNN_MAX_CPU_ISA.
 */
extern unsigned features[] __asm__("__cpu_features2"); /* another name: gcc declares its own */
int __real___cpu_indicator_init(void);
int __wrap___cpu_indicator_init(void);

/* The store must be made before the built-in reads, of which gcc knows nothing. */
static void set_features(unsigned word, unsigned value)
{
    features[word] = value;
    __asm__ volatile("" ::: "memory");
}

/* Runs before the program is relocated: it may call nothing of another library. Which bit is the level's is gcc's own
 * affair, so each is tried. */
int __wrap___cpu_indicator_init(void)
{
    enum { BITS = 96 };
    const int result = __real___cpu_indicator_init();
    for (unsigned bit = 0; bit < BITS && __builtin_cpu_supports("x86-64-v4"); bit++) {
        const unsigned before = features[bit / 32];
        set_features(bit / 32, before & ~(1U << bit % 32));
        if (__builtin_cpu_supports("x86-64-v4")) set_features(bit / 32, before);
    }
    return result;
}
