/* Gives OpenPLC Runtime v4.0 the cells of the program's process image: one pointer per address in the tables it lends.
 * A table that the runtime has not got (memory bits, before it knew them) leaves its cells to the program alone. */
#include <stdint.h>

enum { INPUT, OUTPUT, MEMORY, AREAS };

struct RungCell {
  char size;
  uint8_t area;
  uint16_t index;
  uint8_t bit;
  void *at;
};
extern const struct RungCell rung_cells[];
extern const uint32_t rung_cell_count;

typedef uint8_t *Byte[8];

static Byte *bits[AREAS];
static uint8_t **bytes[AREAS];
static uint16_t **words[AREAS];
static uint32_t **double_words[AREAS];
static uint64_t **long_words[AREAS];

void setBufferPointers_v4(Byte *bool_in, Byte *bool_out, uint8_t **byte_in, uint8_t **byte_out, uint16_t **int_in,
                          uint16_t **int_out, uint32_t **dint_in, uint32_t **dint_out, uint64_t **lint_in,
                          uint64_t **lint_out, uint16_t **int_memory, uint32_t **dint_memory, uint64_t **lint_memory,
                          Byte *bool_memory) {
  bits[INPUT] = bool_in, bits[OUTPUT] = bool_out, bits[MEMORY] = bool_memory;
  bytes[INPUT] = byte_in, bytes[OUTPUT] = byte_out, bytes[MEMORY] = 0;
  words[INPUT] = int_in, words[OUTPUT] = int_out, words[MEMORY] = int_memory;
  double_words[INPUT] = dint_in, double_words[OUTPUT] = dint_out, double_words[MEMORY] = dint_memory;
  long_words[INPUT] = lint_in, long_words[OUTPUT] = lint_out, long_words[MEMORY] = lint_memory;
}

void setBufferPointers(Byte *bool_in, Byte *bool_out, uint8_t **byte_in, uint8_t **byte_out, uint16_t **int_in,
                       uint16_t **int_out, uint32_t **dint_in, uint32_t **dint_out, uint64_t **lint_in,
                       uint64_t **lint_out, uint16_t **int_memory, uint32_t **dint_memory, uint64_t **lint_memory) {
  setBufferPointers_v4(bool_in, bool_out, byte_in, byte_out, int_in, int_out, dint_in, dint_out, lint_in, lint_out,
                       int_memory, dint_memory, lint_memory, 0);
}

void glueVars(void) {
  for (uint32_t i = 0; i < rung_cell_count; ++i) {
    const struct RungCell *cell = &rung_cells[i];
    if (cell->size == 'X' && bits[cell->area]) bits[cell->area][cell->index][cell->bit] = cell->at;
    if (cell->size == 'B' && bytes[cell->area]) bytes[cell->area][cell->index] = cell->at;
    if (cell->size == 'W' && words[cell->area]) words[cell->area][cell->index] = cell->at;
    if (cell->size == 'D' && double_words[cell->area]) double_words[cell->area][cell->index] = cell->at;
    if (cell->size == 'L' && long_words[cell->area]) long_words[cell->area][cell->index] = cell->at;
  }
}

/* Time counts the scans, so there is nothing to update. */
void updateTime(void) {}
