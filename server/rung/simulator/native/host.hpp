// What the hosts of both program layouts share: the channel to the server, and answering it.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "wire.hpp"

// A message channel over standard input and output. The program may print; what it prints must not fall into the protocol.
inline wire::Channel& open_channel() {
    signal(SIGPIPE, SIG_IGN);
    static const int out = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    static wire::Channel channel(STDIN_FILENO, out);
    return channel;
}

// Answers the server until it says quit or has gone. `Frames` answers debug requests of at most `Frames::longest_answer` bytes.
template <typename Runner, typename Frames>
void serve(wire::Channel& channel, Runner& runner, const Frames& frames) {
    wire::Message message;
    std::vector<uint8_t> answer(Frames::longest_answer);
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

// A loop that never ends must not keep the computer from serving the corrected program.
inline void yield_processor(pthread_t thread) {
#ifdef SCHED_IDLE
    const int policy = SCHED_IDLE;
#else
    const int policy = SCHED_OTHER;
#endif
    const sched_param parameters = {};
    pthread_setschedparam(thread, policy, &parameters);
}
