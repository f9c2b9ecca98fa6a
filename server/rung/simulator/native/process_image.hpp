// The process image: the tables that located variables are copied from and to, once per scan of a task.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <vector>

#include "plc_abi.hpp"

// Invariant: a program sees the image of the moment its scan began, and %I is never written back. The tables of the
// widths do not overlap (%QW3 is word 3, not bytes 6 and 7), all have the same number of elements, there are no %MB; an
// address without a place reads 0 and swallows what is written.
class ProcessImage {
public:
    static constexpr size_t usual_size = 1024;  // of Runtime v4.1

    std::mutex mutex;  // held by the caller around copy_in and copy_out

    void bind(const abi::LocatedVar* variables, uint32_t count, size_t table_size = usual_size) {
        variables_ = variables;
        seen_.assign(count, 0);
        table_size_ = table_size;
        for (size_t area = 0; area < areas; ++area) {
            bits_[area].assign(table_size, {});
            bytes_[area].assign(table_size, 0);
            words_[area].assign(table_size, 0);
            dwords_[area].assign(table_size, 0);
            lwords_[area].assign(table_size, 0);
        }
    }

    // The number of elements that tables need so that each of these variables has its place.
    static size_t needed_size(const abi::LocatedVar* variables, uint32_t count) {
        size_t size = 1;
        for (uint32_t i = 0; i < count; ++i) {
            size = std::max(size, size_t{variables[i].index} + 1);
        }
        return size;
    }

    // Sets one element from outside of a scan.
    void set(const abi::LocatedVar& variable, const uint8_t* value, size_t length) {
        uint8_t* place = find(variable);
        if (place != nullptr && length >= bytes(variable.width)) {
            std::memcpy(place, value, bytes(variable.width));
        }
    }

    void copy_in(uint32_t first, uint32_t count) {
        const uint32_t end = end_of(first, count);
        for (uint32_t i = first; i < end; ++i) {
            const abi::LocatedVar& variable = variables_[i];
            uint64_t value = 0;
            if (const uint8_t* place = find(variable)) {
                std::memcpy(&value, place, bytes(variable.width));
            }
            store(variable, value);
            seen_[i] = value;
        }
    }

    // Only what the program changed goes out, so that two tasks may own different outputs of one slice.
    void copy_out(uint32_t first, uint32_t count) {
        const uint32_t end = end_of(first, count);
        for (uint32_t i = first; i < end; ++i) {
            const abi::LocatedVar& variable = variables_[i];
            if (variable.area == abi::Area::input || variable.storage == nullptr) {
                continue;
            }
            uint64_t value = 0;
            std::memcpy(&value, variable.storage, bytes(variable.width));
            if (value == seen_[i]) {
                continue;
            }
            seen_[i] = value;
            if (uint8_t* place = find(variable)) {
                if (variable.width == abi::Width::bit) {
                    value = value != 0 ? 1 : 0;
                }
                std::memcpy(place, &value, bytes(variable.width));
            }
        }
    }

private:
    static constexpr size_t areas = 3;

    // Values travel through the low bytes of a u64; simulators run on little-endian computers.
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the image copies low bytes first");

    static size_t bytes(abi::Width width) { return width == abi::Width::bit ? 1 : size_t{1} << (static_cast<int>(width) - 1); }

    uint32_t end_of(uint32_t first, uint32_t count) const {
        const uint64_t end = uint64_t{first} + count;
        return end < seen_.size() ? static_cast<uint32_t>(end) : static_cast<uint32_t>(seen_.size());
    }

    static void store(const abi::LocatedVar& variable, uint64_t value) {
        if (variable.storage != nullptr) {
            std::memcpy(variable.storage, &value, bytes(variable.width));
        }
    }

    uint8_t* find(const abi::LocatedVar& variable) {
        const auto area = static_cast<size_t>(variable.area);
        const size_t index = variable.index;
        if (area >= areas || index >= table_size_) {
            return nullptr;
        }
        switch (variable.width) {
        case abi::Width::bit:
            return variable.bit < 8 ? &bits_[area][index][variable.bit] : nullptr;
        case abi::Width::byte:
            return variable.area == abi::Area::memory ? nullptr : &bytes_[area][index];
        case abi::Width::word:
            return reinterpret_cast<uint8_t*>(&words_[area][index]);
        case abi::Width::dword:
            return reinterpret_cast<uint8_t*>(&dwords_[area][index]);
        case abi::Width::lword:
            return reinterpret_cast<uint8_t*>(&lwords_[area][index]);
        }
        return nullptr;
    }

    const abi::LocatedVar* variables_ = nullptr;
    std::vector<uint64_t> seen_;  // per variable: the value that came in, to tell a change
    size_t table_size_ = 0;
    std::vector<std::array<uint8_t, 8>> bits_[areas];
    std::vector<uint8_t> bytes_[areas];
    std::vector<uint16_t> words_[areas];
    std::vector<uint32_t> dwords_[areas];
    std::vector<uint64_t> lwords_[areas];
};
