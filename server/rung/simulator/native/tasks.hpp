// The tasks of a program: as they are declared, and what the host keeps of each.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "crash_escape.hpp"
#include "cycle_times.hpp"
#include "plc_abi.hpp"

constexpr int64_t default_interval_ns = 20'000'000;
constexpr size_t longest_task_name = 31;

struct Task {
    Task(std::string task_name, const abi::Task& declared, int64_t interval)
        : name(std::move(task_name)), declaration(declared), interval_ns(interval), times(std::chrono::nanoseconds(interval)) {}

    const std::string name;
    const abi::Task& declaration;
    const int64_t interval_ns;
    bool fastest = false;  // keeps the program's clock, the scan counter and the watchdog's heartbeat
    CycleTimes times;
    pthread_t thread{};
    std::vector<std::pair<uint32_t, uint32_t>> slices;  // per program: its part of the located variables
    uint64_t ticks = 0;
    CrashEscape escape;
};

// A task's name as it can stand in a log line and in JSON.
inline std::string printable(const char* name, size_t index) {
    if (name == nullptr || *name == '\0') {
        return "plc-task-" + std::to_string(index);
    }
    std::string text(name, strnlen(name, longest_task_name));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\'; }, '_');
    return text;
}

// The tasks that a configuration declares, in its order. A deque, because a task's address is known to its thread.
inline std::deque<Task> declare_tasks(abi::Configuration& configuration) {
    std::deque<Task> tasks;
    abi::Resource* resources = configuration.resources();
    for (size_t r = 0; r < configuration.resource_count(); ++r) {
        for (size_t t = 0; t < resources[r].task_count; ++t) {
            const abi::Task& declared = resources[r].tasks[t];
            const int64_t interval = declared.interval_ns > 0 ? declared.interval_ns : default_interval_ns;
            tasks.emplace_back(printable(declared.name, tasks.size()), declared, interval);
            for (size_t p = 0; p < declared.program_count; ++p) {
                std::pair<uint32_t, uint32_t> slice{0, 0};
                declared.programs[p]->located_range(&slice.first, &slice.second);
                tasks.back().slices.push_back(slice);
            }
        }
    }
    return tasks;
}

// The time that divides every interval, in nanoseconds; 0 without tasks.
inline int64_t base_tick(const std::deque<Task>& tasks) {
    int64_t tick = 0;
    for (const Task& task : tasks) {
        tick = std::gcd(tick, task.interval_ns);
    }
    return tick;
}

// The task of the smallest interval, of equal ones the most urgent; there must be one.
inline Task& choose_fastest(std::deque<Task>& tasks) {
    Task* fastest = &tasks.front();
    for (Task& task : tasks) {
        if (task.interval_ns < fastest->interval_ns ||
            (task.interval_ns == fastest->interval_ns && task.declaration.priority > fastest->declaration.priority)) {
            fastest = &task;
        }
    }
    fastest->fastest = true;
    return *fastest;
}
