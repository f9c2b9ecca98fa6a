// Messages between this process and the simulator's server, over the two ends of a pipe.
//
// A message is: length of what follows (u32), kind (one letter), sequence number (u32), payload. All big endian.
// The server asks with a sequence number and gets it back; logs and states carry the number 0.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace wire {

constexpr char debug_frame = 'D';
constexpr char statistics = 'S';
constexpr char quit = 'Q';
constexpr char log_line = 'L';
constexpr char state = 'T';

constexpr size_t header_size = 9;
constexpr uint32_t longest_message = 65536;

struct Message {
    char kind = 0;
    uint32_t sequence = 0;
    std::vector<uint8_t> payload;
};

inline void put_u32(uint8_t* at, uint32_t value) {
    at[0] = static_cast<uint8_t>(value >> 24);
    at[1] = static_cast<uint8_t>(value >> 16);
    at[2] = static_cast<uint8_t>(value >> 8);
    at[3] = static_cast<uint8_t>(value);
}

inline void put_u16(uint8_t* at, uint16_t value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

inline uint32_t get_u32(const uint8_t* at) {
    return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
}

inline uint16_t get_u16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

// Invariant: `send` writes whole messages, whichever thread calls it, and allocates nothing, so that a thread that has
// just been pulled out of a crash inside malloc can still report it.
class Channel {
public:
    Channel(int in, int out) : in_(in), out_(out) {}

    // Waits for the next message. False when the server has gone or talks nonsense.
    bool receive(Message& message) {
        uint8_t header[header_size];
        if (!read_all(header, sizeof header)) {
            return false;
        }
        const uint32_t length = get_u32(header);
        if (length < header_size - 4 || length > longest_message) {
            return false;
        }
        message.kind = static_cast<char>(header[4]);
        message.sequence = get_u32(header + 5);
        message.payload.resize(length - (header_size - 4));
        return read_all(message.payload.data(), message.payload.size());
    }

    void send(char kind, uint32_t sequence, const void* payload, size_t size) {
        uint8_t header[header_size];
        put_u32(header, static_cast<uint32_t>(size + header_size - 4));
        header[4] = static_cast<uint8_t>(kind);
        put_u32(header + 5, sequence);
        const std::lock_guard<std::mutex> lock(mutex_);
        write_all(header, sizeof header);
        write_all(payload, size);
    }

    void send_state(const char* text) { send(state, 0, text, std::strlen(text)); }

    // One line for the runtime's log; `level` is DEBUG, INFO, WARNING or ERROR.
    __attribute__((format(printf, 3, 4))) void log(const char* level, const char* format, ...) {
        char text[1024];
        const int head = std::snprintf(text, sizeof text, "%s\n", level);
        va_list arguments;
        va_start(arguments, format);
        std::vsnprintf(text + head, sizeof text - static_cast<size_t>(head), format, arguments);
        va_end(arguments);
        send(log_line, 0, text, std::strlen(text));
    }

private:
    bool read_all(uint8_t* to, size_t size) {
        while (size > 0) {
            const ssize_t got = ::read(in_, to, size);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                return false;
            }
            to += got;
            size -= static_cast<size_t>(got);
        }
        return true;
    }

    void write_all(const void* from, size_t size) {
        const auto* bytes = static_cast<const uint8_t*>(from);
        while (size > 0) {
            const ssize_t put = ::write(out_, bytes, size);
            if (put < 0 && errno == EINTR) {
                continue;
            }
            if (put <= 0) {
                _exit(0);  // the server has gone; a program must not outlive it
            }
            bytes += put;
            size -= static_cast<size_t>(put);
        }
    }

    int in_;
    int out_;
    std::mutex mutex_;
};

}  // namespace wire
