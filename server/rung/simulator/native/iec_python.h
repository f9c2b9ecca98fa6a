/* Declarations for Python blocks, force-included into every source file of a program.
 * The simulator runs no Python blocks: the calls link and answer -1. */
#ifndef RUNG_IEC_PYTHON_H
#define RUNG_IEC_PYTHON_H

#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

int create_shm_name(char *name, size_t size);
int python_block_loader(const char *script_name, const char *script, char *shm_name, size_t in_size, size_t out_size,
                        void **in, void **out, pid_t pid);

#ifdef __cplusplus
}
#endif

#endif
