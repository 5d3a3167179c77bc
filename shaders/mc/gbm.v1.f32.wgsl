// A variant of mc/gbm.v1, which alone is normative: the same results, bit for bit, with the upper halves of words taken by
// exact f32 arithmetic. For devices on which shifts and leading zeros are dear.
//!include wide-f32 for wide
//!include philox-f32 for philox
//!include normal-f32 for normal
//!include exp2-f32 for exp2
//!kernel mc/gbm.v1
