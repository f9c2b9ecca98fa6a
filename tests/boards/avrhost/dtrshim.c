/* LD_PRELOAD for a client of an emulated board: a pseudo terminal has no modem lines, so DTR goes to the board's control socket instead.
 *
 * RUNG_BOARD_CONTROL names the socket. Only descriptors that answer "no such call" to a modem call are taken, so other ports stay what they are.
 * It cannot reach a program that is linked statically.
 */
#define _GNU_SOURCE
#include <asm/ioctls.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/termios.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int lines = TIOCM_CTS | TIOCM_DSR | TIOCM_CAR; /* as an open port has them; DTR and RTS are still down */

static void tell(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("RUNG_BOARD_CONTROL");
    if (!path || strlen(path) >= sizeof address.sun_path) return;
    strcpy(address.sun_path, path);
    int control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[16];
    int length = snprintf(text, sizeof text, "dtr %d\n", !!(lines & TIOCM_DTR));
    if (!connect(control, (struct sockaddr *)&address, sizeof address) && write(control, text, (size_t)length) == length)
        while (read(control, text, 1) == 1 && *text != '\n') {}
    close(control);
}

int ioctl(int descriptor, unsigned long request, ...) {
    static int (*real)(int, unsigned long, ...);
    if (!real) real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    int result = real(descriptor, request, argument);
    if (result == 0 || errno != ENOTTY || !isatty(descriptor)) return result;
    int before = lines, *bits = argument;
    if (request == TIOCMGET) *bits = lines;
    else if (request == TIOCMSET) lines = *bits | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR;
    else if (request == TIOCMBIS) lines |= *bits;
    else if (request == TIOCMBIC) lines &= ~*bits;
    else {
        errno = ENOTTY;
        return -1;
    }
    if ((before ^ lines) & TIOCM_DTR) tell();
    return 0;
}
