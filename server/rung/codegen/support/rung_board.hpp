// The life of a program on a board: start, scans at their period, answers between them, and what happens when a scan does not end.
//
// One thread does everything; only bytes on the serial line, the clock and the watchdog interrupt it. A scan that takes longer than its period is
// counted, the next one begins at once, and the program's time goes on as far as the clock's: timers stay right, and nothing is made up for.
//
// Included inside a namespace, after rung_board_debug.hpp. The including file declares before: set_up_pins(), read_inputs(), write_outputs(),
// outputs_off(), read_links(), write_links(), run_tasks(), start_program(), PERIOD_MS.
#ifndef RUNG_BOARD_HPP
#define RUNG_BOARD_HPP

static volatile bool scanning;

static void answer() {
  uint8_t *const f = by_pointer(board::frame);
  const uint8_t count = uint8_t(board::received - 2), slave = f[0], code = f[1];
  const bool for_all = slave == 0, checked = checksum(f, count) == uint16_t(f[count] | f[count + 1] << 8);
  uint8_t length = 0;
  if (slave == RUNG_SLAVE || for_all) {
    // Official editors leave the checksum of debug codes open. What only reads may be answered; what moves outputs must be intact.
    const bool debugs = code >= DEBUG_INFO && code <= DEBUG_MD5;
    if (debugs) {
      if (!for_all && (checked || code != DEBUG_SET)) length = answer_debug(f);
    } else if (checked) {
      length = answer_modbus(f);
      if (for_all) length = 0;
    }
  }
  if (length == 0) {
    board::listen();
    return;
  }
  const uint16_t crc = checksum(f, length);
  f[length] = uint8_t(crc);
  f[length + 1] = uint8_t(crc >> 8);
  board::send(uint8_t(length + 2));
}

__attribute__((noinline)) static void serve() {
  board::move_bytes();
  if (board::frame_ended(uint16_t(board::clock_us() >> board::UNIT_BITS))) answer();
}

static inline void run_scan() {
  const uint32_t start = board::clock_us();
  scanning = true;
  read_inputs();
  read_links();
  if (forcing()) keep_all_forced();
  run_tasks();
  write_links();
  if (forcing()) keep_all_forced();
  write_outputs();
  scanning = false;
  rung::scan_time += PERIOD_MS;
  Course *const c = by_pointer(&course);
  ++c->scans;
  const uint32_t end = board::clock_us();
  c->scan_us = end - start;
  if (c->scan_us > c->scan_max_us) c->scan_max_us = c->scan_us;
  c->due += PERIOD_MS * 1000;
  uint32_t late = end - c->due;
  if (int32_t(late) >= 0) {
    ++c->overruns;
    c->due = end;
    for (late += c->lost; late >= 1000; late -= 1000) rung::scan_time += 1u;
    c->lost = uint16_t(late);
  }
}

static inline void start_board() {
  set_up_pins();
  start_program();
  board::start();
  course.due = board::clock_us();
}

static inline void run_board() {
  board::feed_watchdog();
  serve();
  if (int32_t(board::clock_us() - course.due) >= 0) run_scan();
}

#if defined(RUNG_STACK_WATCHED) && !defined(RUNG_WATCHDOG)
#error "a stack that is watched needs a halt"
#endif

#ifdef RUNG_WATCHDOG
// A scan that does not end is interrupted and never goes on; questions are answered on top of it. So they are after one whose stack came too
// near to the program's data.
__attribute__((noinline, noreturn, used)) static void halt() {
  outputs_off();
  if (!scanning)
    for (;;) {
    }  // something else is stuck: the watchdog resets the chip
  halted = true;
  sei();
  for (;;) {
    board::feed_watchdog();
    serve();
    outputs_off();  // what a master writes must not look as if it were at the pins
  }
}
#endif

#endif
