/* Part of avrhost.c: the chip's pins, what is connected to them, and what is seen at them. */

static avr_irq_t *pin_irq(int port, int bit) { return avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('A' + port), bit); }

static void pin_changed(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq;
    int at = (int)(intptr_t)param, level = value & 1;
    if (pins[at / 8][at % 8].last == level) return;
    pins[at / 8][at % 8].last = level;
    pins[at / 8][at % 8].changes++;
    pins[at / 8][at % 8].when = avr->cycle;
}

/* What is connected to the pins stays so over a reset, while the chip's registers do not. */
static void wire_up(void) {
    for (int port = 0; port < PORTS; port++) {
        avr_ioport_external_t outside = {.name = (unsigned)('A' + port)};
        for (int bit = 0; bit < 8; bit++)
            if (pins[port][bit].driven) {
                outside.mask |= 1u << bit;
                outside.value |= (unsigned)pins[port][bit].level << bit;
            }
        if (!outside.mask) continue;
        avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('A' + port), &outside);
        avr_ioport_t *unit = ports[port];
        for (int bit = 0; bit < 8; bit++)
            if (pins[port][bit].driven && !(avr->data[unit->r_ddr] >> bit & 1)) avr_raise_irq(pin_irq(port, bit), pins[port][bit].level);
        /* simavr does not pass on a level that is the one before a reset, and has cleared the register. */
        avr->data[unit->r_pin] = (uint8_t)((avr->data[unit->r_pin] & ~outside.mask) | outside.value);
    }
    for (int channel = 0; channel < CHANNELS; channel++)
        if (channels[channel].fed) avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, channel), channels[channel].millivolts);
}

static unsigned register_of(avr_io_addr_t low, avr_io_addr_t high) { return avr->data[low] | (high ? (unsigned)avr->data[high] << 8 : 0); }

/* Where a timer turns, 0: it makes no PWM; simavr does not know all modes (ATmega328P, tables 16-4, 15-8). */
static unsigned top_of(const avr_timer_t *timer, bool *fast) {
    uint8_t mode = avr_regbit_get_array(avr, (avr_regbit_t *)timer->wgm, 4);
    unsigned compare = register_of(timer->comp[AVR_TIMER_COMPA].r_ocr, timer->comp[AVR_TIMER_COMPA].r_ocrh);
    if (!timer->r_tcnth) {
        *fast = mode & 2;
        return mode & 1 ? mode & 4 ? compare : 0xff : 0;
    }
    static const unsigned fixed[] = {0, 0xff, 0x1ff, 0x3ff};
    *fast = mode & 4;
    if (mode < 8) return fixed[mode & 3];
    return mode == 12 || mode == 13 ? 0 : mode & 1 ? compare : register_of(timer->r_icr, timer->r_icrh);
}

/* The compare unit that drives a pin, as parts of 65535 of the time that the pin is high; -1: none does. */
static long duty(int port, int bit) {
    for (avr_io_t *io = avr->io_port; io; io = io->next) {
        if (!io->kind || strcmp(io->kind, "timer")) continue;
        avr_timer_t *timer = (avr_timer_t *)io;
        for (int unit = 0; unit < AVR_TIMER_COMP_COUNT; unit++) {
            avr_timer_comp_t *comp = &timer->comp[unit];
            avr_ioport_getirq_t wanted = {.bit = comp->com_pin};
            if (!comp->com_pin.reg || avr_ioctl(avr, AVR_IOCTL_IOPORT_GETIRQ_REGBIT, &wanted) < 0 || wanted.irq[0] != pin_irq(port, bit)) continue;
            int mode = avr_regbit_get(avr, comp->com);
            bool fast;
            if (mode < avr_timer_com_clear) continue;
            unsigned compare = register_of(comp->r_ocr, comp->r_ocrh), top = top_of(timer, &fast);
            if (!top) return -1;
            /* Fast PWM counts up alone, so that a compare value of 0 is one count high. */
            long share = compare >= top ? 65535 : (long)((uint64_t)(compare + fast) * 65535 / (top + fast));
            return mode == avr_timer_com_set ? 65535 - share : share;
        }
    }
    return -1;
}

static bool level_of(int port, int bit) {
    if (powered && avr->data[ports[port]->r_ddr] >> bit & 1) return avr->data[ports[port]->r_port] >> bit & 1;
    return pins[port][bit].driven && pins[port][bit].level;
}
