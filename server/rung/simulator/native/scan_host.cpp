// Runs one PLC program: scan_host LIBRARY [OPTION...]. Talks to the simulator's server over standard input and output.
//
// Invariant: one process runs one program once, so no program ever meets another one's memory; and whatever the
// program does short of abort(), this process lives on and answers, with the values frozen where they stood.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absent_blocks.hpp"
#include "crash_escape.hpp"
#include "debug_frames.hpp"
#include "host.hpp"
#include "host_options.hpp"
#include "process_image.hpp"
#include "program.hpp"
#include "retain_store.hpp"
#include "tasks.hpp"
#include "wire.hpp"

namespace {

constexpr std::chrono::seconds watchdog_interval{2};
constexpr std::chrono::milliseconds longest_stop{1000};
constexpr size_t crash_stack_size = 64 * 1024;

class Runner {
public:
    Runner(PlcLibrary& library, wire::Channel& channel, const HostOptions& options)
        : library_(library), channel_(channel), options_(options), retain_(library, channel) {}

    // Reads the configuration and starts a thread per task. False when there is nothing to run.
    bool start() {
        abi::Configuration* configuration = library_.get_config();
        if (configuration == nullptr) {
            channel_.log("ERROR", "PLC: configuration handle is NULL");
            return false;
        }
        tasks_ = declare_tasks(*configuration);
        base_tick_ns_ = base_tick(tasks_);
        if (tasks_.empty()) {
            channel_.log("ERROR", "PLC program declares zero tasks — refusing to run");
            return false;
        }
        bind_image();
        only_runner = this;
        retain_.open(options_.retain_file, write_retained);
        channel_.log("INFO", "Starting main loop");
        channel_.log("INFO", "PLC State: RUNNING");
        channel_.log("INFO", "PLC base tick: %lld ns across %zu task(s)", static_cast<long long>(base_tick_ns_), tasks_.size());
        Task& fastest = choose_fastest(tasks_);
        channel_.log("INFO", "PLC: anchoring housekeeping on task %s (interval=%lld ns, priority=%d)", fastest.name.c_str(),
                     static_cast<long long>(fastest.interval_ns), fastest.declaration.priority);
        catch_crashes({SIGSEGV, SIGFPE, SIGBUS});
        channel_.send_state("RUNNING");
        alive_ = tasks_.size();
        for (Task& task : tasks_) {
            std::thread thread([this, &task] { task_thread(task); });
            task.thread = thread.native_handle();
            thread.detach();
        }
        channel_.log("INFO", "Spawned %zu PLC task thread(s)", tasks_.size());
        std::thread([this] { watch(); }).detach();
        if (!options_.retain_file.empty()) {
            std::thread([this] { keep_values(); }).detach();
        }
        return true;
    }

    // Ends the scans and waits for them, but not for a task that never comes back.
    void stop() {
        std::unique_lock<std::mutex> lock(schedule_mutex_);
        if (phase_ == Phase::running) {
            phase_ = Phase::stopping;
            channel_.log("INFO", "Stopping %zu PLC task thread(s)", tasks_.size());
        }
        schedule_.notify_all();
        if (schedule_.wait_for(lock, longest_stop, [this] { return alive_ == 0; })) {
            retain_.flush();
        }
    }

    uint32_t scan_count() const { return static_cast<uint32_t>(scan_count_.load()); }

    // The statistics as one JSON object. Tasks that have all ended have none.
    std::string statistics() {
        std::string text = "{\"tasks\":[";
        if (alive_ > 0) {
            for (const Task& task : tasks_) {
                char members[640];
                const size_t size = task.times.print(members, sizeof members);
                text += text.back() == '[' ? "" : ",";
                text += "{\"name\":\"" + task.name + '"' + std::string(members, std::min(size, sizeof members - 1)) + '}';
            }
        }
        return text + "]}";
    }

private:
    enum class Phase { running, stopping, error };

    void bind_image() {
        const abi::LocatedVar* variables = library_.get_located_vars();
        const uint32_t count = library_.get_located_var_count();
        const size_t needed = std::max(ProcessImage::needed_size(variables, count), size_t{options_.table_size});
        image_.bind(variables, count, options_.sized_tables ? needed : ProcessImage::usual_size);
        if (!options_.located_globals || library_.get_located_globals == nullptr || library_.get_located_global_count == nullptr) {
            return;
        }
        void* const* globals = library_.get_located_globals();
        for (uint32_t i = 0; i < count; ++i) {
            void* const* end = globals + library_.get_located_global_count();
            if (std::find(globals, end, variables[i].storage) != end) {
                located_globals_.push_back(i);
            }
        }
    }

    // Writes one value before the first scan. That of a located variable goes into the image, or the next scan would undo it.
    static uint8_t write_retained(uint8_t array, uint16_t element, const uint8_t* value, uint16_t size) {
        Runner& runner = *only_runner;
        uint8_t area = 0;
        uint8_t width = 0;
        abi::LocatedVar place = {};
        if (runner.library_.locate != nullptr && runner.library_.locate(array, element, &area, &width, &place.index, &place.bit) == 1) {
            place.area = static_cast<abi::Area>(area);
            place.width = static_cast<abi::Width>(width);
            runner.image_.set(place, value, size);
        }
        return runner.library_.write(array, element, value, size);
    }

    // Stores the retained values as often as the project asks.
    void keep_values() {
        std::unique_lock<std::mutex> lock(schedule_mutex_);
        while (!schedule_.wait_for(lock, std::chrono::seconds(options_.flush_s), [this] { return phase_ != Phase::running; })) {
            lock.unlock();
            retain_.flush();
            lock.lock();
        }
    }

    void make_urgent(const Task& task) {
        const int priority = std::clamp(task.declaration.priority, 1, 99);
        sched_param parameters = {};
        parameters.sched_priority = priority;
        const int problem = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
        if (problem == 0) {
            channel_.log("INFO", "[task %s] SCHED_FIFO priority %d", task.name.c_str(), priority);
        } else {
            channel_.log("WARNING", "[task %s] SCHED_FIFO(%d) failed: %s — running default scheduling", task.name.c_str(), priority,
                         std::strerror(problem));
        }
#ifdef __linux__
        pthread_setname_np(pthread_self(), task.name.substr(0, 15).c_str());
        prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
#endif
    }

    void task_thread(Task& task) {
        std::vector<char> crash_stack(crash_stack_size);
        stack_t stack = {};
        stack.ss_sp = crash_stack.data();
        stack.ss_size = crash_stack.size();
        sigaltstack(&stack, nullptr);
        make_urgent(task);
        current_escape = &task.escape;
        if (sigsetjmp(task.escape.place, 1) == 0) {
            scan_until_stopped(task);
            current_escape = nullptr;
            channel_.log("INFO", "[task %s] stopped after %llu ticks", task.name.c_str(), static_cast<unsigned long long>(task.ticks));
        } else {
            current_escape = nullptr;
            task.escape.release();
            channel_.log("ERROR", "[task %s] crashed (signal %d) — entering ERROR state", task.name.c_str(),
                         static_cast<int>(task.escape.signal_number));
            enter_error("ERROR crashed");
        }
        stack.ss_flags = SS_DISABLE;
        sigaltstack(&stack, nullptr);
        const std::lock_guard<std::mutex> lock(schedule_mutex_);
        --alive_;
        schedule_.notify_all();
    }

    void scan_until_stopped(Task& task) {
        const std::chrono::nanoseconds interval(task.interval_ns);
        Clock::time_point next = Clock::now();
        while (phase_ == Phase::running) {
            task.times.scan_begins(Clock::now());
            scan(task);
            task.times.scan_ends(Clock::now());
            ++task.ticks;
            next += interval;
            std::unique_lock<std::mutex> lock(schedule_mutex_);
            schedule_.wait_until(lock, next, [this] { return phase_ != Phase::running; });
        }
    }

    void scan(Task& task) {
        abi::Program** programs = task.declaration.programs;
        const size_t count = task.slices.size();
        if (options_.task_clocks && library_.set_current_time != nullptr) {
            library_.set_current_time(std::chrono::nanoseconds(Clock::now() - begin_).count());
        }
        {
            const HeldLock lock(task.escape, image_.mutex);
            for (const auto& slice : task.slices) {
                image_.copy_in(slice.first, slice.second);
            }
        }
        {
            const HeldLock lock(task.escape, globals_mutex_);
            if (task.fastest) {
                copy_globals(&ProcessImage::copy_in);
            }
            for (size_t p = 0; p < count; ++p) {
                programs[p]->sync_in();
            }
        }
        for (size_t p = 0; p < count; ++p) {
            programs[p]->run();
        }
        {
            const HeldLock lock(task.escape, globals_mutex_);
            for (size_t p = 0; p < count; ++p) {
                programs[p]->sync_out();
            }
            if (task.fastest) {
                copy_globals(&ProcessImage::copy_out);
            }
        }
        {
            const HeldLock lock(task.escape, image_.mutex);
            for (const auto& slice : task.slices) {
                image_.copy_out(slice.first, slice.second);
            }
        }
        if (task.fastest) {
            if (!options_.task_clocks) {
                library_.advance_time(static_cast<uint64_t>(base_tick_ns_));
            }
            ++scan_count_;
            retain_.take();
        }
    }

    void copy_globals(void (ProcessImage::*copy)(uint32_t, uint32_t)) {
        const std::lock_guard<std::mutex> lock(image_.mutex);
        for (const uint32_t number : located_globals_) {
            (image_.*copy)(number, 1);
        }
    }

    void enter_error(const char* state) {
        {
            const std::lock_guard<std::mutex> lock(schedule_mutex_);
            phase_ = Phase::error;
            schedule_.notify_all();
        }
        channel_.log("INFO", "PLC State: ERROR");
        channel_.send_state(state);
    }

    void watch() {
        uint64_t seen = scan_count_;
        std::unique_lock<std::mutex> lock(schedule_mutex_);
        while (!schedule_.wait_for(lock, watchdog_interval, [this] { return phase_ != Phase::running; })) {
            const uint64_t now = scan_count_;
            if (now == seen) {
                lock.unlock();
                channel_.log("ERROR", "Watchdog: No heartbeat detected - PLC program is unresponsive");
                channel_.log("ERROR", "The loaded PLC program may contain an infinite loop. Upload a corrected program to recover.");
                for (const Task& task : tasks_) {
                    yield_processor(task.thread);
                }
                enter_error("ERROR unresponsive");
                return;
            }
            seen = now;
        }
    }

    static inline Runner* only_runner = nullptr;  // for a callback that has no place for it

    PlcLibrary& library_;
    wire::Channel& channel_;
    const HostOptions& options_;
    RetainStore retain_;
    ProcessImage image_;
    std::vector<uint32_t> located_globals_;  // their numbers among the located variables
    const Clock::time_point begin_ = Clock::now();
    std::mutex globals_mutex_;
    std::deque<Task> tasks_;
    int64_t base_tick_ns_ = 0;
    std::atomic<uint64_t> scan_count_{0};

    std::mutex schedule_mutex_;  // phase_ and alive_ change under it, so that no wake-up is lost
    std::condition_variable schedule_;
    std::atomic<Phase> phase_{Phase::running};
    std::atomic<size_t> alive_{0};
};

bool open_library(PlcLibrary& library, const char* path, wire::Channel& channel) {
    std::string problem;
    std::string missing;
    if (library.open(path, problem, missing)) {
        channel.log("INFO", "Loading PLC application");
        channel.log("INFO", "PLC State: INIT");
        channel.log("INFO", "[strucpp] execution model: threaded process-image");
        return true;
    }
    if (missing.empty()) {
        channel.log("ERROR", "Failed to load plugin %s: %s", path, problem.c_str());
        channel.log("ERROR", "Failed to load PLC application");
    } else {
        channel.log("ERROR", "[strucpp] required symbol(s) missing from .so: %s", missing.c_str());
        channel.log("ERROR", "PLC State: ERROR (failed to resolve .so symbols)");
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    static HostOptions options;
    if (argc < 2 || !options.read(argc - 2, argv + 2)) {
        return 2;
    }
    wire::Channel& channel = open_channel();
    static PlcLibrary library;
    if (!open_library(library, argv[1], channel)) {
        channel.send_state("ERROR not loaded");
        _exit(0);
    }
    static Runner runner(library, channel, options);
    if (!runner.start()) {
        channel.send_state("ERROR not loaded");
        _exit(0);
    }
    serve(channel, runner, DebugFrames(library));
    _exit(0);  // no destructors: a task that never came back may still use everything
}
