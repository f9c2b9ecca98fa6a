// The way out of a program that crashes inside a scan, without taking the process down.
//
// Invariant: a crash of a thread that has an escape ends in that escape with its lock given back; a crash anywhere else
// kills the process, as if nobody had looked.
#pragma once

#include <csetjmp>
#include <csignal>
#include <initializer_list>
#include <mutex>
#include <vector>

struct CrashEscape {
    sigjmp_buf place;
    volatile sig_atomic_t signal_number = 0;
    std::mutex* volatile held = nullptr;  // what to unlock if the program crashes now

    // Gives back what the crashed scan held.
    void release() {
        if (held != nullptr) {
            held->unlock();
            held = nullptr;
        }
    }
};

inline thread_local CrashEscape* current_escape = nullptr;

inline void leave_crashed_scan(int signal_number) {
    if (current_escape != nullptr) {
        current_escape->signal_number = signal_number;
        siglongjmp(current_escape->place, 1);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

inline void catch_crashes(std::initializer_list<int> signals) {
    struct sigaction action = {};
    action.sa_handler = leave_crashed_scan;
    action.sa_flags = SA_NODEFER | SA_ONSTACK;  // on its own stack where there is one: endless recursion leaves none
    sigemptyset(&action.sa_mask);
    for (const int number : signals) {
        sigaction(number, &action, nullptr);
    }
}

// A lock that the crash handler's way out can release, because no destructor runs on it.
class HeldLock {
public:
    HeldLock(CrashEscape& escape, std::mutex& mutex) : escape_(escape), mutex_(mutex) {
        mutex_.lock();
        escape_.held = &mutex_;
    }
    ~HeldLock() {
        escape_.held = nullptr;
        mutex_.unlock();
    }
    HeldLock(const HeldLock&) = delete;
    HeldLock& operator=(const HeldLock&) = delete;

private:
    CrashEscape& escape_;
    std::mutex& mutex_;
};
