/* A board with an AVR on a serial port, for tests: libsimavr runs the chip, a pseudo terminal stands for its USB port.
 *
 * What a client of the port finds is what it finds on a real board:
 *  - opening the port raises DTR, which resets the chip into its bootloader; a port closed without HUPCL keeps DTR up, so opening it again resets nothing;
 *  - bytes take their time, and a speed that is not the UART's (more than 4.5 % off) gives rubbish both ways;
 *  - the receiver holds three bytes, and what comes while it is full is lost;
 *  - time is the wall clock's. A host that lags behind (a busy machine) makes up for 0.2 s at most; what is more is left out, so
 *    a bootloader's second is hardly ever shorter than that.
 *
 * Commands come over a Unix socket, one line each, and each is answered by one line: "ok ..." or "error ...". The process ends when its
 * standard input does, so it cannot outlive the test that started it.
 */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_adc.h>
#include <simavr/avr_ioport.h>
#include <simavr/avr_timer.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_io.h>
#include <simavr/sim_irq.h>

enum { SLICE_NS = 250000, MOST_LAG_NS = 200000000, TOUCH_GONE_NS = 300000000, PORTS = 12, CHANNELS = 8, CLIENTS = 8, RECEIVER = 3, LOOKS = 20 };

DEFINE_FIFO(uint16_t, uart_fifo);

static avr_t *avr;
static avr_uart_t *uart;
static avr_ioport_t *ports[PORTS]; /* NULL: the chip has no port of this letter */
static uint32_t boot_start; /* where a reset begins: the bootloader, 0 without one */
static const char *link_path, *control_path;
static bool reset_on_open = true, touch, free_running, powered = true;
static uint64_t wall_base; /* the wall clock's ns when the chip's clock stood at 0 */
static unsigned resets, overruns;
static volatile sig_atomic_t stopping;

/* The port. */
static int master = -1, watch = -1;
static bool dtr, someone; /* DTR as the chip's reset circuit sees it; whether a client holds the port open */
static int open_count;
static uint64_t back_at; /* when the port comes back after a 1200 bit/s touch, 0: it does not */
static struct termios2 line; /* the client's settings, as last seen */
static uint8_t incoming[4096], outgoing[4096];
static unsigned in_head, in_tail, out_length;
static bool delivering;
static char port_name[64];

/* The pins. */
static struct { bool driven, level; unsigned changes; int last; avr_cycle_count_t when; } pins[PORTS][8];
static struct { bool fed; unsigned millivolts; } channels[CHANNELS];

static void stop(int number) { (void)number; stopping = 1; }

static void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(2);
}

static uint64_t wall(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t to_ns(avr_cycle_count_t cycles) { return (uint64_t)((__uint128_t)cycles * 1000000000u / avr->frequency); }

static uint64_t chip_ns(void) { return to_ns(avr->cycle); }

/* ------------------------------------------------------------------------------------------------ flash */

/* simavr's own reader stops at a start address record (03), which avr-objcopy writes. */
static uint32_t load_hex(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    char text[600];
    uint32_t upper = 0, first = UINT32_MAX;
    while (fgets(text, sizeof text, file)) {
        if (text[0] != ':') continue;
        uint8_t bytes[260], sum = 0;
        unsigned count = 0, value;
        for (const char *at = text + 1; count < sizeof bytes && sscanf(at, "%2x", &value) == 1; at += 2) sum += bytes[count++] = (uint8_t)value;
        if (count < 5 || count != bytes[0] + 5u || sum) fail("%s: not a line of Intel HEX: %s", path, text);
        uint32_t address = upper + (uint32_t)(bytes[1] << 8 | bytes[2]);
        if (bytes[3] == 0) {
            if (address + bytes[0] > avr->flashend + 1) fail("%s: %05x is past the end of the flash", path, address);
            memcpy(avr->flash + address, bytes + 4, bytes[0]);
            if (address < first) first = address;
        } else if (bytes[3] == 2) upper = (uint32_t)(bytes[4] << 8 | bytes[5]) << 4;
        else if (bytes[3] == 4) upper = (uint32_t)(bytes[4] << 8 | bytes[5]) << 16;
        else if (bytes[3] == 1) break;
    }
    fclose(file);
    return first;
}

#include "pins.h"
#include "uart.h"

/* ------------------------------------------------------------------------------------------------ reset and power */

static avr_cycle_count_t after_reset(avr_t *chip, avr_cycle_count_t when, void *param) {
    (void)chip, (void)when, (void)param;
    wire_up();
    begin_delivery();
    return 0;
}

static void (*core_reset)(avr_t *);

/* Runs within every reset, the watchdog's too, which simavr does by itself: simavr has just dropped all cycle timers. */
static void on_reset(avr_t *chip) {
    if (core_reset) core_reset(chip);
    chip->run_cycle_limit = (avr_cycle_count_t)chip->frequency * SLICE_NS / 1000000000u;
    delivering = false;
    resets++;
    avr_cycle_timer_register(chip, 1, after_reset, NULL);
}

static void no_sleep(avr_t *chip, avr_cycle_count_t cycles) { (void)chip, (void)cycles; }

/* The cause is what a bootloader looks at: after a power-on it starts the program at once. simavr leaves it to us. */
static void reset(bool external) {
    avr_reset(avr);
    avr_regbit_set(avr, external ? avr->reset_flags.extrf : avr->reset_flags.porf);
}

static void power_on(void) {
    memset(avr->data + avr->ioend + 1, 0x55, (size_t)(avr->ramend - avr->ioend)); /* RAM holds anything */
    reset(false);
    wall_base = wall() - chip_ns();
    powered = true;
}

#include "port.h"

/* ------------------------------------------------------------------------------------------------ commands */

static void answer(const char *command, char *text, size_t size) {
    char word[16] = "", letter = 0;
    int bit, channel;
    unsigned value = 0;
    int found = sscanf(command, "%15s %c%d %u", word, &letter, &bit, &value), port = letter - 'A';
    bool pin = found >= 3 && port >= 0 && port < PORTS && bit >= 0 && bit < 8 && ports[port];
    if (pin && !strcmp(word, "get")) snprintf(text, size, "ok %d", level_of(port, bit));
    else if (pin && !strcmp(word, "changes")) snprintf(text, size, "ok %u %llu", pins[port][bit].changes, (unsigned long long)to_ns(pins[port][bit].when));
    else if (pin && !strcmp(word, "duty")) {
        long share = powered ? duty(port, bit) : -1;
        snprintf(text, size, "ok %ld", share >= 0 ? share : level_of(port, bit) ? 65535L : 0L);
    } else if (pin && found == 4 && !strcmp(word, "set")) {
        pins[port][bit].driven = true;
        pins[port][bit].level = value != 0;
        wire_up();
        snprintf(text, size, "ok");
    } else if (sscanf(command, "adc %d %u", &channel, &value) == 2 && channel >= 0 && channel < CHANNELS) {
        channels[channel].fed = true;
        channels[channel].millivolts = value;
        wire_up();
        snprintf(text, size, "ok");
    } else if (sscanf(command, "dtr %u", &value) == 1) {
        set_dtr(value != 0);
        snprintf(text, size, "ok");
    } else if (!strcmp(command, "reset")) {
        reset(true);
        snprintf(text, size, "ok");
    } else if (!strcmp(command, "unplug")) { /* the port and, with it, the power */
        unplug();
        back_at = 0;
        powered = false;
        avr_reset(avr); /* its outputs are off from now on */
        snprintf(text, size, "ok");
    } else if (!strcmp(command, "plug")) {
        if (!powered) power_on();
        plug();
        snprintf(text, size, "ok");
    } else if (!strcmp(command, "state"))
        snprintf(text, size, "ok ns=%llu resets=%u overruns=%u baud=%u client=%u open=%d stopped=%d", (unsigned long long)chip_ns(), resets, overruns, uart_baud(),
                 line.c_ospeed, someone, avr->state == cpu_Done || avr->state == cpu_Crashed);
    else snprintf(text, size, "error no such command: %s", command);
}

static struct { int fd; unsigned length; char text[256]; } clients[CLIENTS];

static void serve(unsigned at) {
    ssize_t count = read(clients[at].fd, clients[at].text + clients[at].length, sizeof clients[at].text - 1 - clients[at].length);
    if (count <= 0) {
        close(clients[at].fd);
        clients[at].fd = -1;
        return;
    }
    clients[at].length += (unsigned)count;
    clients[at].text[clients[at].length] = 0;
    for (char *end; (end = strchr(clients[at].text, '\n'));) {
        *end = 0;
        char text[300];
        answer(clients[at].text, text, sizeof text - 1);
        strcat(text, "\n");
        if (write(clients[at].fd, text, strlen(text)) < 0) break;
        clients[at].length -= (unsigned)(end + 1 - clients[at].text);
        memmove(clients[at].text, end + 1, clients[at].length + 1);
    }
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) fail("%s: too long for a socket", path);
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, CLIENTS)) fail("%s: %s", path, strerror(errno));
    return listener;
}

/* ------------------------------------------------------------------------------------------------ main */

static void run_chip(uint64_t lag) {
    avr_cycle_count_t until = avr->cycle + (avr_cycle_count_t)(lag < SLICE_NS ? lag : SLICE_NS) * avr->frequency / 1000000000u;
    while (avr->cycle < until)
        if (avr->state == cpu_Done || avr->state == cpu_Crashed) avr->cycle = until; /* it hangs, as a chip does: only a reset helps */
        else avr_run(avr);
}

int main(int count, char **words) {
    const char *mcu = "atmega328p", *boot = NULL, *firmware = NULL;
    for (int at = 1; at < count; at++) {
        const char *word = words[at], *value = at + 1 < count ? words[at + 1] : "";
        if (!strcmp(word, "--no-reset-on-open")) reset_on_open = false;
        else if (!strcmp(word, "--touch")) touch = true;
        else if (!strcmp(word, "--free-running")) free_running = true;
        else if (at++, !strcmp(word, "--mcu")) mcu = value;
        else if (!strcmp(word, "--boot")) boot = value;
        else if (!strcmp(word, "--firmware")) firmware = value;
        else if (!strcmp(word, "--link")) link_path = value;
        else if (!strcmp(word, "--control")) control_path = value;
        else fail("no such option: %s", word);
    }
    if (!link_path || !control_path) fail("--link and --control are needed");
    signal(SIGTERM, stop);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000);
    if (!free_running) setpriority(PRIO_PROCESS, 0, -10); /* only root may; without it the chip lags more often on a busy machine */

    if (!(avr = avr_make_mcu_by_name(mcu))) fail("simavr has no %s", mcu);
    avr_init(avr);
    core_reset = avr->reset;
    avr->reset = on_reset;
    avr->sleep = no_sleep;
    avr->log = LOG_ERROR;
    avr->frequency = 16000000;
    avr->vcc = avr->avcc = avr->aref = 5000;
    memset(avr->flash, 0xff, avr->flashend + 1);
    if (firmware) load_hex(firmware);
    if (boot) boot_start = load_hex(boot);
    avr->reset_pc = boot_start;
    avr->codeend = avr->flashend;
    for (avr_io_t *io = avr->io_port; io; io = io->next) {
        if (!io->kind) continue;
        if (!strcmp(io->kind, "uart") && ((avr_uart_t *)io)->name == '0') uart = (avr_uart_t *)io;
        if (!strcmp(io->kind, "port")) ports[((avr_ioport_t *)io)->name - 'A'] = (avr_ioport_t *)io;
    }
    uint32_t flags = 0; /* neither a sleep while the firmware waits for a byte nor a copy on standard output */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), sent, NULL);
    for (int port = 0; port < PORTS; port++)
        for (int bit = 0; bit < 8; bit++)
            if (ports[port]) avr_irq_register_notify(pin_irq(port, bit), pin_changed, (void *)(intptr_t)(port * 8 + bit));

    int listener = listen_at(control_path);
    for (int at = 0; at < CLIENTS; at++) clients[at].fd = -1;
    power_on();
    plug();
    printf("READY\n");
    fflush(stdout);

    while (!stopping) {
        uint64_t lag = free_running ? SLICE_NS : wall() - wall_base - chip_ns();
        if ((int64_t)lag < 0 || !powered) lag = 0;
        if (lag > MOST_LAG_NS) {
            wall_base += lag - MOST_LAG_NS;
            lag = MOST_LAG_NS;
        }
        if (lag) run_chip(lag);
        if (master >= 0) flush();
        if (back_at && wall() >= back_at) {
            back_at = 0;
            plug();
        }
        struct pollfd fds[4 + CLIENTS] = {{.fd = 0, .events = 0}, {.fd = listener, .events = POLLIN}, {.fd = someone ? master : -1, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
        if (in_head - in_tail == sizeof incoming) fds[2].fd = -1;
        for (int at = 0; at < CLIENTS; at++) fds[4 + at] = (struct pollfd){.fd = clients[at].fd, .events = POLLIN};
        struct timespec rest = {.tv_nsec = lag > SLICE_NS || free_running ? 0 : SLICE_NS};
        ppoll(fds, 4 + CLIENTS, &rest, NULL);
        if (fds[0].revents) break;
        if (master >= 0) look_at_port();
        for (unsigned at = 0; at < CLIENTS; at++)
            if (fds[4 + at].revents) serve(at);
        if (fds[1].revents) {
            int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
            for (int at = 0; at < CLIENTS && fd >= 0; at++)
                if (clients[at].fd < 0) {
                    clients[at].fd = fd;
                    clients[at].length = 0;
                    fd = -1;
                }
            if (fd >= 0) close(fd);
        }
    }
    unplug();
    unlink(control_path);
    char folder[sizeof(struct sockaddr_un)];
    strcpy(folder, control_path);
    rmdir(dirname(folder)); /* which whoever made it could not do if it was killed */
    return 0;
}
