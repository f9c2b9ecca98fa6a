// Runs one program of Runtime v4.0's layout: matiec_host LIBRARY TICK. Talks to the simulator's server over standard input
// and output. TICK is the number of the first scan: a core counts on over all its programs.
//
// Invariant: one process runs one program once. A crash inside a scan leaves the process alive with the values frozen; any
// other crash kills it. Functions that the program does not have are called all the same: so does the real core.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

#include "absent_blocks.hpp"
#include "crash_escape.hpp"
#include "cycle_times.hpp"
#include "flat_frames.hpp"
#include "host.hpp"
#include "matiec_program.hpp"
#include "wire.hpp"

namespace {

constexpr std::chrono::milliseconds default_interval{20};
constexpr std::chrono::seconds watchdog_interval{2};
constexpr std::chrono::seconds longest_stop{10};

class Runner {
public:
    Runner(MatiecLibrary& library, PointerTables& tables, wire::Channel& channel, unsigned long tick)
        : library_(library),
          tables_(tables),
          channel_(channel),
          times_(library.ticktime_ns != nullptr ? interval() : default_interval, Averages::overall),
          tick_(tick) {}

    void start() {
        library_.config_init();
        library_.glue_variables();
        channel_.log("INFO", "Filled %d NULL pointers in image tables with temporary buffers", tables_.fill());
        channel_.log("INFO", "Journal buffer initialized");
        channel_.log("INFO", "Starting main loop");
        channel_.log("INFO", "PLC State: RUNNING");
        channel_.send_state("RUNNING");
        std::thread cycle([this] { cycle_thread(); });
        thread_ = cycle.native_handle();
        cycle.detach();
        std::thread([this] { watch(); }).detach();
    }

    // Ends the scans. The pause after the last one is not cut short: a real core waits for its end, too.
    void stop() {
        std::unique_lock<std::mutex> lock(mutex_);
        if (phase_ == Phase::running) {
            phase_ = Phase::stopping;
        }
        changed_.wait_for(lock, longest_stop, [this] { return ended_; });
    }

    uint32_t scan_count() const { return static_cast<uint32_t>(tick_.load()); }

    // The statistics as one flat JSON object.
    std::string statistics() {
        char members[640];
        const size_t size = times_.print(members, sizeof members);
        return '{' + std::string(members + 1, std::min(size, sizeof members - 1) - 1) + '}';
    }

private:
    enum class Phase { running, stopping, error };

    std::chrono::nanoseconds interval() const { return std::chrono::nanoseconds(static_cast<int64_t>(*library_.ticktime_ns)); }

    void cycle_thread() {
        catch_crashes({SIGSEGV, SIGFPE});
        current_escape = &escape_;
        if (sigsetjmp(escape_.place, 1) == 0) {
            scan_until_stopped();
            current_escape = nullptr;
        } else {
            current_escape = nullptr;
            escape_.release();
            const int number = escape_.signal_number;
            channel_.log("ERROR", "PLC program crashed with signal %d: %s", number,
                         number == SIGFPE ? "SIGFPE (arithmetic error, e.g. division by zero)" : "SIGSEGV (memory access violation)");
            channel_.log("ERROR", "The loaded PLC program contains a fatal error. Upload a corrected program to recover.");
            enter_error("ERROR crashed");
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }

    void scan_until_stopped() {
        Clock::time_point next = Clock::now();
        while (phase_ == Phase::running) {
            times_.scan_begins(Clock::now());
            {
                const HeldLock lock(escape_, image_mutex_);
                library_.config_run(tick_++);
                library_.update_time();
            }
            times_.scan_ends(Clock::now());
            next += interval();
            std::this_thread::sleep_until(next);
        }
    }

    void enter_error(const char* state) {
        phase_ = Phase::error;
        channel_.log("INFO", "PLC State: ERROR");
        channel_.send_state(state);
    }

    void watch() {
        unsigned long seen = tick_;
        std::unique_lock<std::mutex> lock(mutex_);
        while (!changed_.wait_for(lock, watchdog_interval, [this] { return ended_; })) {
            const unsigned long now = tick_;
            if (now == seen) {
                lock.unlock();
                channel_.log("ERROR", "Watchdog: No heartbeat detected - PLC program is unresponsive");
                channel_.log("ERROR", "The loaded PLC program may contain an infinite loop. Upload a corrected program to recover.");
                yield_processor(thread_);
                enter_error("ERROR unresponsive");
                return;
            }
            seen = now;
        }
    }

    MatiecLibrary& library_;
    PointerTables& tables_;
    wire::Channel& channel_;
    CycleTimes times_;
    CrashEscape escape_;
    pthread_t thread_{};
    std::mutex image_mutex_;
    std::atomic<unsigned long> tick_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<Phase> phase_{Phase::running};
    bool ended_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        return 2;
    }
    wire::Channel& channel = open_channel();
    static MatiecLibrary library;
    std::string problem;
    if (!library.open(argv[1], problem)) {
        channel.log("ERROR", "Failed to load plugin %s: %s", argv[1], problem.c_str());
        channel.log("ERROR", "Failed to load PLC application");
        channel.send_state("ERROR not loaded");
        _exit(0);
    }
    channel.log("INFO", "Loading PLC application");
    channel.log("INFO", "PLC State: INIT");
    static PointerTables tables;
    std::string missing;
    if (library.resolve(missing)) {
        channel.log("INFO", library.give_tables(tables) ? "Using setBufferPointers_v4 with bool_memory support"
                                                        : "Using setBufferPointers (legacy, no bool_memory support)");
    } else {
        channel.log("ERROR", "dlsym error: %s: undefined symbol: %s", argv[1], missing.c_str());
        channel.log("ERROR", "Failed to load all symbols");
    }
    static Runner runner(library, tables, channel, std::strtoul(argv[2], nullptr, 10));
    runner.start();
    serve(channel, runner, FlatFrames(library));
    _exit(0);  // no destructors: a scan that never came back may still use everything
}
