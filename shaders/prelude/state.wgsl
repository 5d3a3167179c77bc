// What a resumable kernel keeps from stage to stage: words of its own in the slot, behind the leaf. A stage reads what an earlier
// one stored, and no invocation reads what another one stores in the same stage: then no order shows. The stage of a dispatch
// is params.dispatch.first_invocation divided by the stage's invocations, the same for all invocations of the dispatch.
//!include limbs

fn state_load(at: u32) -> u32 {
  return atomicLoad(&output[at]);
}

fn state_store(at: u32, word: u32) {
  atomicStore(&output[at], word);
}
