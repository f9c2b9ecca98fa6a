// Functions that a real runtime offers to C and Python blocks. The simulator has no such peers: a program that calls
// them still loads, and each call says that there is no connection.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

extern "C" {

__attribute__((visibility("default"))) int connect_to_tcp_server(uint8_t*, uint16_t, int) { return -1; }
__attribute__((visibility("default"))) int send_tcp_message(uint8_t*, size_t, int) { return -1; }
__attribute__((visibility("default"))) int receive_tcp_message(uint8_t*, size_t, int) { return -1; }
__attribute__((visibility("default"))) int close_tcp_connection(int) { return -1; }
__attribute__((visibility("default"))) int create_shm_name(char*, size_t) { return -1; }
__attribute__((visibility("default"))) int python_block_loader(const char*, const char*, char*, size_t, size_t, void**, void**,
                                                               pid_t) {
    return -1;
}
}
