// How long a task's scans take, how regularly they begin, and how many did not fit into their interval.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>

using Clock = std::chrono::steady_clock;

// Smallest, largest and an average that starts from 0 and to which a new value counts for one in `window`; microseconds.
class Spread {
public:
    void add(int64_t value, double window) {
        smallest_ = value < smallest_ ? value : smallest_;
        largest_ = value > largest_ ? value : largest_;
        average_ += (static_cast<double>(value) - average_) / window;
        any_ = true;
    }

    int print(char* to, size_t size, const char* name) const {
        if (!any_) {
            return std::snprintf(to, size, ",\"%s_min\":null,\"%s_max\":null,\"%s_avg\":null", name, name, name);
        }
        return std::snprintf(to, size, ",\"%s_min\":%lld,\"%s_max\":%lld,\"%s_avg\":%lld", name, static_cast<long long>(smallest_),
                             name, static_cast<long long>(largest_), name, static_cast<long long>(average_));
    }

private:
    int64_t smallest_ = INT64_MAX;
    int64_t largest_ = INT64_MIN;
    double average_ = 0;
    bool any_ = false;
};

// Over what the averages are taken: about the last two seconds (4.1), or all scans so far (4.0).
enum class Averages { moving, overall };

// Invariant: written by one task's thread, readable from any; the first scan only sets the reference points.
class CycleTimes {
public:
    explicit CycleTimes(std::chrono::nanoseconds interval, Averages averages = Averages::moving)
        : interval_(interval), averages_(averages) {}

    void scan_begins(Clock::time_point now) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (scans_ == 0) {
            expected_ = now + interval_;
        } else {
            cycle_.add(microseconds(now - began_), window());
            latency_.add(microseconds(now - expected_), window());
            expected_ += interval_;
        }
        began_ = now;
        ++scans_;
    }

    void scan_ends(Clock::time_point now) {
        const std::lock_guard<std::mutex> lock(mutex_);
        scan_.add(microseconds(now - began_), window());
        if (now > expected_) {
            ++overruns_;
        }
    }

    // Writes the members of a JSON object that follow the name; returns the number of characters.
    size_t print(char* to, size_t size) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        int used = std::snprintf(to, size, ",\"scan_count\":%llu", static_cast<unsigned long long>(scans_));
        used += scan_.print(to + used, size - static_cast<size_t>(used), "scan_time");
        used += cycle_.print(to + used, size - static_cast<size_t>(used), "cycle_time");
        used += latency_.print(to + used, size - static_cast<size_t>(used), "cycle_latency");
        used += std::snprintf(to + used, size - static_cast<size_t>(used), ",\"overruns\":%llu",
                              static_cast<unsigned long long>(overruns_));
        return static_cast<size_t>(used);
    }

private:
    double window() const {
        const double scans = averages_ == Averages::overall ? static_cast<double>(scans_) : 2e9 / static_cast<double>(interval_.count());
        return std::max(1.0, scans);
    }

    static int64_t microseconds(Clock::duration duration) {
        return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    }

    mutable std::mutex mutex_;
    const std::chrono::nanoseconds interval_;
    const Averages averages_;
    Clock::time_point began_;
    Clock::time_point expected_;
    uint64_t scans_ = 0;
    uint64_t overruns_ = 0;
    Spread scan_;
    Spread cycle_;
    Spread latency_;
};
