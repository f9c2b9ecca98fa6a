// Retained values in a file: 32 characters of the program's MD5, then what the program itself packed.
//
// Invariant: the file is replaced whole or not at all, and values of another program are never handed to this one. What
// is in the packed bytes only the program knows.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "program.hpp"
#include "wire.hpp"

class RetainStore {
public:
    RetainStore(const PlcLibrary& library, wire::Channel& channel) : library_(library), channel_(channel) {}

    // Begins to keep values in `file`, "" for nowhere, and gives the stored ones back through `write`. Before the first scan.
    void open(const std::string& file, PlcLibrary::WriteLeaf write) {
        const bool able = library_.retain_size != nullptr && library_.retain_pack != nullptr && library_.retain_unpack != nullptr;
        const size_t size = able ? library_.retain_size() : 0;
        if (size == 0) {
            return;
        }
        if (size > largest || library_.md5 == nullptr) {
            channel_.log("ERROR", "Retain: program needs %zu bytes, this runtime handles at most %zu — retained variables will NOT be preserved",
                         size, largest);
            return;
        }
        if (file.empty()) {
            channel_.log("INFO", "Retain: %zu bytes of retained variables, but no storage is configured — they will start at their initial values.",
                         size);
            return;
        }
        file_ = file;
        restore(write);
    }

    // Packs the values of this moment; called after each scan of the fastest task.
    void take() {
        if (!file_.empty()) {
            const std::lock_guard<std::mutex> lock(mutex_);
            packed_.resize(library_.retain_size());
            packed_.resize(library_.retain_pack(packed_.data(), packed_.size()));
        }
    }

    // Writes what was packed last, if it is not what is stored.
    void flush() {
        const std::lock_guard<std::mutex> one_at_a_time(file_mutex_);
        const std::vector<uint8_t> packed = latest();
        if (packed.empty() || packed == stored_) {
            return;
        }
        const std::string scratch = file_ + ".tmp";
        FILE* file = std::fopen(scratch.c_str(), "wb");
        bool good = file != nullptr;
        good = good && std::fwrite(library_.md5, 1, md5_digits, file) == md5_digits;
        good = good && std::fwrite(packed.data(), 1, packed.size(), file) == packed.size();
        good = good && std::fflush(file) == 0 && fsync(fileno(file)) == 0;
        if (file != nullptr) {
            std::fclose(file);
        }
        if (good && std::rename(scratch.c_str(), file_.c_str()) == 0) {
            stored_ = packed;
        } else {
            channel_.log("WARNING", "Retain: cannot write %s — retained values will not be kept", file_.c_str());
        }
    }

private:
    static constexpr size_t largest = 65535;
    static constexpr size_t md5_digits = 32;

    std::vector<uint8_t> latest() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return packed_;
    }

    void restore(PlcLibrary::WriteLeaf write) {
        FILE* file = std::fopen(file_.c_str(), "rb");
        if (file == nullptr) {
            channel_.log("INFO", "Retain: nothing stored yet — retained variables start at their initial values");
            return;
        }
        std::vector<uint8_t> content(md5_digits + largest);
        content.resize(std::fread(content.data(), 1, content.size(), file));
        std::fclose(file);
        if (content.size() < md5_digits || std::memcmp(content.data(), library_.md5, md5_digits) != 0) {
            std::remove(file_.c_str());
            channel_.log("INFO", "Retain: stored values belong to a different program — storage cleared, "
                                 "retained variables start at their initial values");
            return;
        }
        const size_t size = content.size() - md5_digits;
        const uint8_t result = library_.retain_unpack(content.data() + md5_digits, size, write);
        if (result == 0) {
            channel_.log("INFO", "Retain: restored %zu bytes", size);
        } else {
            channel_.log("WARNING", "Retain: stored values refused (%d) — retained variables start at their initial values", result);
        }
    }

    const PlcLibrary& library_;
    wire::Channel& channel_;
    std::string file_;
    std::mutex mutex_;
    std::vector<uint8_t> packed_;
    std::mutex file_mutex_;
    std::vector<uint8_t> stored_;
};
