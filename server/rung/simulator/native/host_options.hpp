// What the server asks of the host beside running a program: the words after the library's name.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

struct HostOptions {
    std::string retain_file;       // --retain=FILE: keep retained values there; "" keeps none
    long flush_s = 5;              // --flush=SECONDS: how often they are written
    bool sized_tables = false;     // --tables=COUNT: tables of that many elements, or more if the program needs more
    unsigned long table_size = 0;  // otherwise every table has the size of a Runtime v4.1
    bool located_globals = false;  // --located-globals: copy those, too
    bool task_clocks = false;      // --task-clocks: every task's thread is told the time before each scan

    // Reads the words; false when one is not known.
    bool read(int count, char** words) {
        for (int i = 0; i < count; ++i) {
            const std::string word = words[i];
            const std::string value = word.substr(std::min(word.find('=') + 1, word.size()));
            if (word.rfind("--retain=", 0) == 0) {
                retain_file = value;
            } else if (word.rfind("--flush=", 0) == 0) {
                flush_s = std::strtol(value.c_str(), nullptr, 10);
            } else if (word.rfind("--tables=", 0) == 0) {
                sized_tables = true;
                table_size = std::strtoul(value.c_str(), nullptr, 10);
            } else if (word == "--located-globals") {
                located_globals = true;
            } else if (word == "--task-clocks") {
                task_clocks = true;
            } else {
                return false;
            }
        }
        return true;
    }
};
