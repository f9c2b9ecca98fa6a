// As much of an Arduino core as a board's firmware uses, on this computer: pins are memory, the clock goes on when the test says so.
#ifndef FAKE_ARDUINO_H
#define FAKE_ARDUINO_H

#include <deque>
#include <stddef.h>
#include <stdint.h>

// Names that real cores define as macros, and that generated code must therefore not use.
#define F(text) text
#define bit(b) (1UL << (b))
#define word(...) uint16_t(__VA_ARGS__)
#define B1 1
#define PI 3.14
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) (long(x))
class String {};

const int LOW = 0, HIGH = 1, INPUT = 0, OUTPUT = 1;
const int A0 = 14, A1 = 15, A2 = 16, A3 = 17, A4 = 18, A5 = 19;

void pinMode(int pin, int mode);
void digitalWrite(int pin, int level);
int digitalRead(int pin);
int analogRead(int pin);
void analogWrite(int pin, int value);
uint32_t micros();
uint32_t millis();

struct Print {
  virtual int availableForWrite() { return 0; }
};

struct FakeSerial : Print {
  std::deque<uint8_t> in, out;
  int room;  // how many bytes a write may have at a time
  unsigned long baud;
  void begin(unsigned long to) { baud = to; }
  int available() { return int(in.size()); }
  int read();
  int availableForWrite() { return room; }
  size_t write(const uint8_t *bytes, size_t count);
};
extern FakeSerial Serial;

// A port that cannot say how much a write may have, as that of some chips' own USB. The other end of its line is that of Serial.
struct FakeUsb : Print {
  void begin(unsigned long to) { Serial.begin(to); }
  int available() { return Serial.available(); }
  int read() { return Serial.read(); }
  size_t write(const uint8_t *bytes, size_t count) { return Serial.write(bytes, count); }
};
extern FakeUsb SerialUSB;

void setup();
void loop();

#endif
