/* Part of avrhost.c: the pseudo terminal that clients open, and its DTR line. */

static void plug(void) {
    if (master >= 0) return;
    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, port_name, sizeof port_name)) fail("no pseudo terminal: %s", strerror(errno));
    /* Opened once, so that the master tells from now on by POLLHUP that nobody has it open. */
    int slave = open(port_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || ioctl(slave, TCGETS2, &line)) fail("%s: %s", port_name, strerror(errno));
    line.c_iflag = line.c_oflag = line.c_lflag = 0;
    line.c_cflag = (line.c_cflag & ~(CBAUD | CSIZE)) | B9600 | CS8 | CREAD | HUPCL;
    line.c_ispeed = line.c_ospeed = 9600;
    ioctl(slave, TCSETS2, &line);
    close(slave);
    watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    inotify_add_watch(watch, port_name, IN_OPEN | IN_CLOSE);
    dtr = someone = false;
    open_count = 0;
    char fresh[4096];
    snprintf(fresh, sizeof fresh, "%s.new", link_path);
    unlink(fresh);
    if (symlink(port_name, fresh) || rename(fresh, link_path)) fail("%s: %s", link_path, strerror(errno));
}

static void unplug(void) {
    if (master < 0) return;
    unlink(link_path);
    close(watch);
    close(master);
    master = -1;
    in_head = in_tail = out_length = 0;
    someone = false;
}

static void set_dtr(bool level) {
    if (level && !dtr && powered) reset(true);
    dtr = level;
}

static void closed(void) {
    if (!(line.c_cflag & HUPCL)) return;
    if (reset_on_open) dtr = false;
    if (touch && line.c_ospeed == 1200) {
        unplug();
        reset(true);
        back_at = wall() + TOUCH_GONE_NS;
    }
}

/* Opening and closing come as inotify's events, so that a port closed and opened again between two looks is not missed. POLLHUP
 * corrects the count, for inotify joins equal events; but only after a while, for an event comes a moment after the deed. */
static void look_at_port(void) {
    static unsigned disagreed;
    struct pollfd state = {.fd = master, .events = POLLIN};
    poll(&state, 1, 0);
    someone = !(state.revents & POLLHUP);
    ioctl(master, TCGETS2, &line); /* the last client's settings, even if it has closed the port by now */
    _Alignas(struct inotify_event) char events[4096];
    ssize_t length = read(watch, events, sizeof events);
    for (char *at = events; length > 0 && at < events + length; at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len) {
        uint32_t mask = ((struct inotify_event *)at)->mask;
        if (mask & IN_OPEN && open_count++ == 0 && reset_on_open) set_dtr(true);
        if (mask & IN_CLOSE && open_count > 0 && --open_count == 0) closed();
        if (master < 0) return;
    }
    disagreed = length > 0 || someone == (open_count > 0) ? 0 : disagreed + 1;
    if (disagreed == LOOKS) {
        open_count = someone;
        if (someone && reset_on_open) set_dtr(true);
        if (!someone) closed();
        if (master < 0) return;
    }
    unsigned room = sizeof incoming - (in_head - in_tail);
    if (state.revents & POLLIN && room) {
        uint8_t bytes[sizeof incoming];
        ssize_t count = read(master, bytes, room);
        for (ssize_t at = 0; at < count; at++) incoming[in_head++ % sizeof incoming] = bytes[at];
        if (!powered) in_tail = in_head;
        begin_delivery();
    }
}

static void flush(void) {
    if (!out_length) return;
    ssize_t count = someone ? write(master, outgoing, out_length) : out_length; /* what nobody listens to is lost */
    if (count > 0) memmove(outgoing, outgoing + count, out_length -= (unsigned)count);
}
