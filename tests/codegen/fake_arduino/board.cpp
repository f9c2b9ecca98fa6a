// A board without hardware: commands on standard input, one line each, an answer line to each on standard output.
//
//   time US       run for so many microseconds, 10 for each loop         send HEX      bytes on the serial line
//   slow US N     run N loops that take so many microseconds each
//   take          the bytes that were sent since the last take           room N        how many bytes a write may have at a time
//   pin N         level of a pin, and -1 where nobody set it up          drive N L     level of an input; analog, its reading
#include <iostream>
#include <map>
#include <string>

#include "Arduino.h"

FakeSerial Serial;
FakeUsb SerialUSB;
static std::map<int, int> levels, modes;
static uint64_t now_us = 0xFFFFFFFFu - 3000000u;  // the clock wraps within the first seconds

void pinMode(int pin, int mode) { modes[pin] = mode; }
void digitalWrite(int pin, int level) { levels[pin] = level; }
int digitalRead(int pin) { return levels[pin]; }
int analogRead(int pin) { return levels[pin]; }
void analogWrite(int pin, int value) {
  modes[pin] = OUTPUT;
  levels[pin] = value;
}
uint32_t micros() { return uint32_t(now_us); }
uint32_t millis() { return uint32_t(now_us / 1000); }

int FakeSerial::read() {
  const int first = in.front();
  in.pop_front();
  return first;
}

size_t FakeSerial::write(const uint8_t *bytes, size_t count) {
  out.insert(out.end(), bytes, bytes + count);
  return count;
}

static std::string hex(const std::deque<uint8_t> &bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

int main() {
  Serial.room = 64;
  setup();
  std::string command, text;
  while (std::cin >> command) {
    long number = 0, value = 0;
    if (command == "time") {
      std::cin >> number;
      for (uint64_t end = now_us + uint64_t(number); now_us < end; now_us += 10) loop();
    } else if (command == "slow") {
      std::cin >> value >> number;
      for (; number > 0; --number, now_us += uint64_t(value)) loop();
    } else if (command == "send") {
      std::cin >> text;
      for (size_t i = 0; i + 1 < text.size(); i += 2) Serial.in.push_back(uint8_t(std::stoi(text.substr(i, 2), nullptr, 16)));
    } else if (command == "take") {
      std::cout << hex(Serial.out);
      Serial.out.clear();
    } else if (command == "room") {
      std::cin >> Serial.room;
    } else if (command == "pin") {
      std::cin >> number;
      std::cout << (modes.count(int(number)) ? levels[int(number)] : -1);
    } else if (command == "drive") {
      std::cin >> number >> value;
      levels[int(number)] = int(value);
    }
    std::cout << std::endl;
  }
}
