// The debug channel's function codes 41 to 45: one request frame in, one answer frame out.
//
// Invariant: no request makes this read or write outside a frame, and the program is asked only for arrays that it has.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "program.hpp"
#include "wire.hpp"

class DebugFrames {
public:
    static constexpr size_t longest_answer = 4096;

    explicit DebugFrames(const PlcLibrary& library) : library_(library) {}

    // Answers one request; `answer` has room for `longest_answer` bytes. Returns the answer's length, 0 for an unknown function code.
    size_t answer(const std::vector<uint8_t>& request, uint32_t scan_count, uint8_t* answer) const {
        if (request.empty()) {
            return 0;
        }
        switch (request[0]) {
        case 0x41:
            return describe_arrays(answer);
        case 0x42:
            return brief(answer, 0x42, force(request));
        case 0x43:
            return read_range(request, scan_count, answer);
        case 0x44:
            return read_list(request, scan_count, answer);
        case 0x45:
            return read_md5(request, answer);
        default:
            return 0;
        }
    }

private:
    static constexpr uint8_t ok = 0x7E;
    static constexpr uint8_t out_of_bounds = 0x81;
    static constexpr uint8_t too_large = 0x82;
    static constexpr uint8_t not_loaded = 0x83;
    static constexpr size_t values_header = 10;
    static constexpr size_t most_listed = 1024;
    static constexpr size_t md5_digits = 32;

    static size_t brief(uint8_t* answer, uint8_t code, uint8_t status) {
        answer[0] = code;
        answer[1] = status;
        return 2;
    }

    size_t describe_arrays(uint8_t* answer) const {
        const uint8_t count = library_.array_count();
        answer[0] = 0x41;
        answer[1] = count;
        answer[2] = ok;
        for (uint8_t array = 0; array < count; ++array) {
            wire::put_u16(answer + 3 + 2 * array, library_.elem_count(array));
        }
        return 3 + 2 * size_t{count};
    }

    uint8_t force(const std::vector<uint8_t>& request) const {
        if (request.size() < 7) {
            return out_of_bounds;
        }
        const uint8_t array = request[1];
        const uint16_t length = wire::get_u16(&request[5]);
        if (array >= library_.array_count() || request.size() < size_t{7} + length) {
            return out_of_bounds;
        }
        const uint8_t* value = length > 0 ? &request[7] : nullptr;
        return library_.set(array, wire::get_u16(&request[2]), request[4] != 0, value, length);
    }

    // Appends one value. False when the frame is full; an address that does not exist adds nothing.
    bool append(uint8_t array, uint16_t element, uint8_t* answer, size_t& used) const {
        const uint16_t size = array < library_.array_count() ? library_.size(array, element) : 0;
        if (size == 0) {
            return true;
        }
        if (used + size > longest_answer) {
            return false;
        }
        used += library_.read(array, element, answer + used);
        return true;
    }

    static size_t finish(uint8_t code, uint16_t last, uint32_t scan_count, uint8_t* answer, size_t used) {
        answer[0] = code;
        answer[1] = ok;
        wire::put_u16(answer + 2, last);
        wire::put_u32(answer + 4, scan_count);
        wire::put_u16(answer + 8, static_cast<uint16_t>(used - values_header));
        return used;
    }

    size_t read_range(const std::vector<uint8_t>& request, uint32_t scan_count, uint8_t* answer) const {
        if (request.size() < 6 || request[1] >= library_.array_count()) {
            return brief(answer, 0x43, out_of_bounds);
        }
        const uint8_t array = request[1];
        const uint16_t first = wire::get_u16(&request[2]);
        const uint16_t final = wire::get_u16(&request[4]);
        const uint16_t count = library_.elem_count(array);
        if (first >= count || final >= count || first > final) {
            return brief(answer, 0x43, out_of_bounds);
        }
        size_t used = values_header;
        uint16_t last = first;
        for (uint32_t element = first; element <= final; ++element) {
            if (!append(array, static_cast<uint16_t>(element), answer, used)) {
                break;
            }
            last = static_cast<uint16_t>(element);
        }
        return finish(0x43, last, scan_count, answer, used);
    }

    size_t read_list(const std::vector<uint8_t>& request, uint32_t scan_count, uint8_t* answer) const {
        if (request.size() < 3) {
            return brief(answer, 0x44, out_of_bounds);
        }
        const uint16_t count = wire::get_u16(&request[1]);
        if (count > most_listed) {
            return brief(answer, 0x44, too_large);
        }
        if (count == 0 || request.size() < 3 + size_t{count} * 3) {
            return brief(answer, 0x44, out_of_bounds);
        }
        size_t used = values_header;
        uint16_t last = 0;
        for (uint16_t i = 0; i < count; ++i) {
            const uint8_t* entry = &request[3 + size_t{i} * 3];
            if (!append(entry[0], wire::get_u16(entry + 1), answer, used)) {
                break;
            }
            last = i;
        }
        return finish(0x44, last, scan_count, answer, used);
    }

    size_t read_md5(const std::vector<uint8_t>& request, uint8_t* answer) const {
        if (request.size() < 3 || library_.md5 == nullptr) {
            return brief(answer, 0x45, not_loaded);
        }
        size_t used = brief(answer, 0x45, ok);
        const size_t digits = strnlen(library_.md5, md5_digits);
        std::memcpy(answer + used, library_.md5, digits);
        used += digits;
        const uint16_t byte_order = 0xDEAD;  // stored in this computer's order: the client sees which it is
        std::memcpy(answer + used, &byte_order, sizeof byte_order);
        return used + sizeof byte_order;
    }

    const PlcLibrary& library_;
};
