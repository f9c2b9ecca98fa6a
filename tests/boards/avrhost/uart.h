/* Part of avrhost.c: the chip's serial port 0, byte by byte at its speed. */

static unsigned uart_baud(void) {
    unsigned divisor = avr->data[uart->ubrrl.reg] | (avr->data[uart->ubrrh.reg] & 0xf) << 8;
    return avr->frequency / (avr_regbit_get(avr, uart->u2x) ? 8 : 16) / (divisor + 1);
}

/* Cycles of a byte at 8N1. simavr counts a parity bit that is not there, and overlooks U2X when it is set after UBRR; it is put right here. */
static avr_cycle_count_t byte_time(void) { return uart->cycles_per_byte = 10 * avr->frequency / uart_baud(); }

static bool same_speed(void) {
    double off = (double)line.c_ospeed / uart_baud() - 1;
    return off < 0.045 && off > -0.045;
}

static uint8_t rubbish(uint8_t byte) {
    static uint32_t noise = 1;
    noise = noise * 1664525 + 1013904223;
    return byte ^ (uint8_t)(noise >> 24 | 1);
}

static avr_cycle_count_t deliver(avr_t *chip, avr_cycle_count_t when, void *param) {
    (void)param;
    if (in_tail == in_head) {
        delivering = false;
        return 0;
    }
    avr_cycle_count_t next = when + byte_time();
    uint8_t byte = incoming[in_tail++ % sizeof incoming];
    if (!same_speed()) byte = rubbish(byte);
    if (uart_fifo_get_read_size(&uart->input) >= RECEIVER) overruns++;
    else avr_raise_irq(avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT), byte);
    return next;
}

static void begin_delivery(void) {
    if (delivering || in_tail == in_head) return;
    delivering = true;
    avr_cycle_timer_register(avr, 1, deliver, NULL); /* simavr shows it to the firmware a byte's time later */
}

static void sent(avr_irq_t *irq, uint32_t value, void *param) {
    (void)irq, (void)param;
    byte_time();
    if (out_length < sizeof outgoing) outgoing[out_length++] = same_speed() ? (uint8_t)value : rubbish((uint8_t)value);
}
