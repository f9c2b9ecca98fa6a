// The debug channel's function codes 41 to 45 of Runtime v4.0: variables by one flat index (protocol section 3.2).
//
// Invariant: no request makes this read or write outside a frame. What the real core does not check is not checked: a
// force without a value reaches the program with a null pointer. A frame that is too short reads on in zeros.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "matiec_program.hpp"
#include "wire.hpp"

class FlatFrames {
public:
    static constexpr size_t longest_answer = 4096;

    explicit FlatFrames(const MatiecLibrary& library) : library_(library) {}

    // Answers one request; `answer` has room for `longest_answer` bytes. Returns the answer's length, 0 for an unknown function code.
    size_t answer(const std::vector<uint8_t>& request, uint32_t scan_count, uint8_t* answer) const {
        std::vector<uint8_t> frame(request);
        frame.resize(longest_answer);
        const size_t length = request.size();
        switch (frame[0]) {
        case 0x41:
            answer[0] = 0x41;
            wire::put_u16(answer + 1, library_.variable_count());
            return 3;
        case 0x42:
            return brief(answer, 0x42, force(frame, length));
        case 0x43:
            return read_range(frame, length, scan_count, answer);
        case 0x44:
            return read_list(frame, scan_count, answer);
        case 0x45:
            return read_md5(frame, length, answer);
        default:
            return 0;
        }
    }

private:
    static constexpr uint8_t ok = 0x7E;
    static constexpr uint8_t out_of_bounds = 0x81;
    static constexpr uint8_t too_many = 0x82;
    static constexpr size_t values_header = 10;
    static constexpr uint16_t most_listed = 256;
    static constexpr uint16_t longest_value = longest_answer - 7;

    static size_t brief(uint8_t* answer, uint8_t code, uint8_t status) {
        answer[0] = code;
        answer[1] = status;
        return 2;
    }

    uint8_t force(std::vector<uint8_t>& frame, size_t length) const {
        const uint16_t index = length >= 3 ? wire::get_u16(&frame[1]) : uint16_t{0};
        const uint16_t size = length >= 6 ? wire::get_u16(&frame[4]) : uint16_t{0};
        if (index >= library_.variable_count() || size > longest_value) {
            return out_of_bounds;
        }
        library_.set_trace(index, frame[3] != 0, length >= 7 ? &frame[6] : nullptr);
        return ok;
    }

    // Appends one value; false when the frame is full.
    bool append(uint16_t index, uint8_t* answer, size_t& used) const {
        const size_t size = library_.variable_size(index);
        if (used + size > longest_answer) {
            return false;
        }
        std::memcpy(answer + used, library_.variable_address(index), size);
        used += size;
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

    size_t read_range(const std::vector<uint8_t>& frame, size_t length, uint32_t scan_count, uint8_t* answer) const {
        const uint16_t first = length >= 3 ? wire::get_u16(&frame[1]) : uint16_t{0};
        const uint16_t final = length >= 5 ? wire::get_u16(&frame[3]) : uint16_t{0};
        const uint16_t count = library_.variable_count();
        if (first >= count || final >= count || first > final) {
            return brief(answer, 0x43, out_of_bounds);
        }
        size_t used = values_header;
        uint16_t last = first;
        for (uint32_t index = first; index <= final && append(static_cast<uint16_t>(index), answer, used); ++index) {
            last = static_cast<uint16_t>(index);
        }
        return finish(0x43, last, scan_count, answer, used);
    }

    size_t read_list(const std::vector<uint8_t>& frame, uint32_t scan_count, uint8_t* answer) const {
        const uint16_t variables = library_.variable_count();
        const uint16_t count = wire::get_u16(&frame[1]);
        if (count > most_listed) {
            return brief(answer, 0x44, too_many);
        }
        size_t used = values_header;
        uint16_t last = 0;
        for (uint16_t i = 0; i < count; ++i) {
            const uint16_t index = wire::get_u16(&frame[3 + size_t{i} * 2]);
            if (index >= variables) {
                return brief(answer, 0x44, out_of_bounds);
            }
            if (!append(index, answer, used)) {
                break;
            }
            last = index;
        }
        return finish(0x44, last, scan_count, answer, used);
    }

    size_t read_md5(const std::vector<uint8_t>& frame, size_t length, uint8_t* answer) const {
        if (length < 2) {
            abort();  // the real core reads through a null pointer
        }
        uint16_t order = 0;  // as this computer reads the two bytes: that is how the target learns the client's byte order
        std::memcpy(&order, &frame[1], sizeof order);
        if (order != 0xDEAD && order != 0xADDE) {
            return brief(answer, 0x45, out_of_bounds);
        }
        library_.set_endianness(order == 0xDEAD ? 0 : 1);
        const size_t digits = strnlen(library_.md5, longest_answer - 2);
        std::memcpy(answer + 2, library_.md5, digits);
        return brief(answer, 0x45, ok) + digits;
    }

    const MatiecLibrary& library_;
};
