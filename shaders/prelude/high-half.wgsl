// The upper half of a word without a shift. A driver whose compiler takes vectors apart for a shift shifts four lanes one after
// the other; a conversion to f32, an addition and a mask stay one instruction each. Every f32 is an integer of few bits, and
// every operation on it exact: any rounding, and any order, gives the same.

const HIGH_HALF: u32 = 0x53400000u;

// HIGH_HALF + (i32(word) >> 16), modulo 2^32; its low half is the upper half of the word. A multiple of 2^16 of at most 2^31 is
// added to 3 * 2^38, whose last place is 2^16 and whose bits are HIGH_HALF.
fn high_half(word: u32) -> u32 {
  return bitcast<u32>(f32(i32(word & 0xffff0000u)) + 0x1.8p39f);
}
