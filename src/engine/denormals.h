/* Values near zero that processors handle slowly (denormals) count as zero while a network trains. */
#ifndef POLYP_ENGINE_DENORMALS_H
#define POLYP_ENGINE_DENORMALS_H

/* Flush denormals in the calling thread and its OpenMP workers; returns what denormals_restore() wants back. Late in
 * training gradients and moments fade into denormals, and each costs a hundred cycles. Nothing where the processor has no
 * such switch. */
unsigned denormals_flush(int threads);
void denormals_restore(unsigned before, int threads);

#endif
