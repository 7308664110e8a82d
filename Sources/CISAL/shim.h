// Swift imports no structure with arrays as large as those of `struct inflate_state`: it is handed around as a pointer.
#pragma once
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

/// A decoder of gzip that checks header, CRC and length; NULL without memory.
static inline struct inflate_state *isal_gzip_make(void) {
    struct inflate_state *state = malloc(sizeof *state);
    if (state == NULL) return NULL;
    isal_inflate_init(state);
    state->crc_flag = ISAL_GZIP;
    return state;
}

/// Makes it ready for the next member.
static inline void isal_gzip_reset(struct inflate_state *state) {
    isal_inflate_reset(state);
    state->crc_flag = ISAL_GZIP;
}

/// Decodes; answers the library's return code.
static inline int isal_gzip_decode(
    struct inflate_state *state, const uint8_t *in, uint32_t *available_in, uint8_t *out, uint32_t *available_out) {
    state->next_in = (uint8_t *)in;
    state->avail_in = *available_in;
    state->next_out = out;
    state->avail_out = *available_out;
    int answer = isal_inflate(state);
    *available_in = state->avail_in;
    *available_out = state->avail_out;
    return answer;
}

/// Whether a member is complete and all of it was handed out.
static inline int isal_gzip_is_at_end(const struct inflate_state *state) { return state->block_state == ISAL_BLOCK_FINISH; }
