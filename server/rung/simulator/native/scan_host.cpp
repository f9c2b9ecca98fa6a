// Runs one PLC program: scan_host LIBRARY. Talks to the simulator's server over standard input and output.
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
#include <csetjmp>
#include <deque>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absent_blocks.hpp"
#include "cycle_times.hpp"
#include "debug_frames.hpp"
#include "plc_abi.hpp"
#include "process_image.hpp"
#include "program.hpp"
#include "wire.hpp"

namespace {

constexpr int64_t default_interval_ns = 20'000'000;
constexpr std::chrono::seconds watchdog_interval{2};
constexpr std::chrono::milliseconds longest_stop{1000};
constexpr size_t longest_name = 31;
constexpr size_t crash_stack_size = 64 * 1024;

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

    sigjmp_buf escape;
    volatile sig_atomic_t crash_signal = 0;
    std::mutex* volatile held = nullptr;  // what to unlock if the program crashes now
};

thread_local Task* current_task = nullptr;

// A lock that the crash handler's way out can release, because no destructor runs on it.
class HeldLock {
public:
    HeldLock(Task& task, std::mutex& mutex) : task_(task), mutex_(mutex) {
        mutex_.lock();
        task_.held = &mutex_;
    }
    ~HeldLock() {
        task_.held = nullptr;
        mutex_.unlock();
    }
    HeldLock(const HeldLock&) = delete;
    HeldLock& operator=(const HeldLock&) = delete;

private:
    Task& task_;
    std::mutex& mutex_;
};

class Runner {
public:
    Runner(PlcLibrary& library, wire::Channel& channel) : library_(library), channel_(channel) {}

    // Reads the configuration and starts a thread per task. False when there is nothing to run.
    bool start() {
        abi::Configuration* configuration = library_.get_config();
        if (configuration == nullptr) {
            channel_.log("ERROR", "PLC: configuration handle is NULL");
            return false;
        }
        declare_tasks(*configuration);
        if (tasks_.empty()) {
            channel_.log("ERROR", "PLC program declares zero tasks — refusing to run");
            return false;
        }
        image_.bind(library_.get_located_vars(), library_.get_located_var_count());
        channel_.log("INFO", "Starting main loop");
        channel_.log("INFO", "PLC State: RUNNING");
        channel_.log("INFO", "PLC base tick: %lld ns across %zu task(s)", static_cast<long long>(base_tick_ns_), tasks_.size());
        Task& fastest = choose_fastest();
        channel_.log("INFO", "PLC: anchoring housekeeping on task %s (interval=%lld ns, priority=%d)", fastest.name.c_str(),
                     static_cast<long long>(fastest.interval_ns), fastest.declaration.priority);
        catch_crashes();
        channel_.send_state("RUNNING");
        alive_ = tasks_.size();
        for (Task& task : tasks_) {
            std::thread thread([this, &task] { task_thread(task); });
            task.thread = thread.native_handle();
            thread.detach();
        }
        channel_.log("INFO", "Spawned %zu PLC task thread(s)", tasks_.size());
        std::thread([this] { watch(); }).detach();
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
        schedule_.wait_for(lock, longest_stop, [this] { return alive_ == 0; });
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

    // A task's name as it can stand in a log line and in JSON.
    static std::string printable(const char* name, size_t index) {
        if (name == nullptr || *name == '\0') {
            return "plc-task-" + std::to_string(index);
        }
        std::string text(name, strnlen(name, longest_name));
        std::replace_if(
            text.begin(), text.end(), [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\'; }, '_');
        return text;
    }

    void declare_tasks(abi::Configuration& configuration) {
        abi::Resource* resources = configuration.resources();
        for (size_t r = 0; r < configuration.resource_count(); ++r) {
            for (size_t t = 0; t < resources[r].task_count; ++t) {
                const abi::Task& declared = resources[r].tasks[t];
                const int64_t interval = declared.interval_ns > 0 ? declared.interval_ns : default_interval_ns;
                base_tick_ns_ = base_tick_ns_ == 0 ? interval : std::gcd(base_tick_ns_, interval);
                tasks_.emplace_back(printable(declared.name, tasks_.size()), declared, interval);
                for (size_t p = 0; p < declared.program_count; ++p) {
                    std::pair<uint32_t, uint32_t> slice{0, 0};
                    declared.programs[p]->located_range(&slice.first, &slice.second);
                    tasks_.back().slices.push_back(slice);
                }
            }
        }
    }

    Task& choose_fastest() {
        Task* fastest = &tasks_.front();
        for (Task& task : tasks_) {
            if (task.interval_ns < fastest->interval_ns ||
                (task.interval_ns == fastest->interval_ns && task.declaration.priority > fastest->declaration.priority)) {
                fastest = &task;
            }
        }
        fastest->fastest = true;
        return *fastest;
    }

    static void leave_crashed_scan(int signal_number) {
        if (current_task != nullptr) {
            current_task->crash_signal = signal_number;
            siglongjmp(current_task->escape, 1);
        }
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }

    static void catch_crashes() {
        struct sigaction action = {};
        action.sa_handler = leave_crashed_scan;
        action.sa_flags = SA_NODEFER | SA_ONSTACK;  // its own stack: endless recursion leaves none
        sigemptyset(&action.sa_mask);
        for (const int number : {SIGSEGV, SIGFPE, SIGBUS}) {
            sigaction(number, &action, nullptr);
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
        current_task = &task;
        if (sigsetjmp(task.escape, 1) == 0) {
            scan_until_stopped(task);
            current_task = nullptr;
            channel_.log("INFO", "[task %s] stopped after %llu ticks", task.name.c_str(), static_cast<unsigned long long>(task.ticks));
        } else {
            current_task = nullptr;
            if (task.held != nullptr) {
                task.held->unlock();
                task.held = nullptr;
            }
            channel_.log("ERROR", "[task %s] crashed (signal %d) — entering ERROR state", task.name.c_str(),
                         static_cast<int>(task.crash_signal));
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
        {
            const HeldLock lock(task, image_.mutex);
            for (const auto& slice : task.slices) {
                image_.copy_in(slice.first, slice.second);
            }
        }
        {
            const HeldLock lock(task, globals_mutex_);
            for (size_t p = 0; p < count; ++p) {
                programs[p]->sync_in();
            }
        }
        for (size_t p = 0; p < count; ++p) {
            programs[p]->run();
        }
        {
            const HeldLock lock(task, globals_mutex_);
            for (size_t p = 0; p < count; ++p) {
                programs[p]->sync_out();
            }
        }
        {
            const HeldLock lock(task, image_.mutex);
            for (const auto& slice : task.slices) {
                image_.copy_out(slice.first, slice.second);
            }
        }
        if (task.fastest) {
            library_.advance_time(static_cast<uint64_t>(base_tick_ns_));
            ++scan_count_;
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
                yield_processor();
                enter_error("ERROR unresponsive");
                return;
            }
            seen = now;
        }
    }

    // A loop that never ends must not keep the computer from serving the corrected program.
    void yield_processor() {
#ifdef SCHED_IDLE
        const int policy = SCHED_IDLE;
#else
        const int policy = SCHED_OTHER;
#endif
        const sched_param parameters = {};
        for (const Task& task : tasks_) {
            pthread_setschedparam(task.thread, policy, &parameters);
        }
    }

    PlcLibrary& library_;
    wire::Channel& channel_;
    ProcessImage image_;
    std::mutex globals_mutex_;
    std::deque<Task> tasks_;  // a deque, because a task's address is known to its thread
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

void serve(wire::Channel& channel, Runner& runner, const DebugFrames& frames) {
    wire::Message message;
    std::vector<uint8_t> answer(DebugFrames::longest_answer);
    while (channel.receive(message)) {
        if (message.kind == wire::debug_frame) {
            const size_t size = frames.answer(message.payload, runner.scan_count(), answer.data());
            channel.send(wire::debug_frame, message.sequence, answer.data(), size);
        } else if (message.kind == wire::statistics) {
            const std::string text = runner.statistics();
            channel.send(wire::statistics, message.sequence, text.data(), text.size());
        } else if (message.kind == wire::quit) {
            runner.stop();
            channel.send(wire::quit, message.sequence, nullptr, 0);
            return;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    // The program may print; what it prints must not fall into the protocol.
    const int out = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    static wire::Channel channel(STDIN_FILENO, out);
    static PlcLibrary library;
    if (!open_library(library, argv[1], channel)) {
        channel.send_state("ERROR not loaded");
        _exit(0);
    }
    static Runner runner(library, channel);
    if (!runner.start()) {
        channel.send_state("ERROR not loaded");
        _exit(0);
    }
    serve(channel, runner, DebugFrames(library));
    _exit(0);  // no destructors: a task that never came back may still use everything
}
