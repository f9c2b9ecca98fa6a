/* What Runtime v4.0 links into every program for Python blocks. The simulator runs none: each call says so. */
#include <stddef.h>
#include <sys/types.h>

int create_shm_name(char *name, size_t size) {
    (void)name;
    (void)size;
    return -1;
}

int python_block_loader(const char *script_name, const char *script, char *shm_name, size_t in_size, size_t out_size,
                        void **in, void **out, pid_t pid) {
    (void)script_name;
    (void)script;
    (void)shm_name;
    (void)in_size;
    (void)out_size;
    (void)in;
    (void)out;
    (void)pid;
    return -1;
}
