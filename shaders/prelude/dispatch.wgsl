// How a host drives a kernel; the same for all of them.
//
// Group 0: binding 0 the kernel's uniform struct, which begins with Dispatch; 1 the output; 2 the normal table; 3 the
// exp2 table; 4 and up the inputs. Invocation x of the dispatch is invocation first_invocation + x of a shard, shard y
// is shard first_shard + y of the plan, and its slot of the output begins at word y * slot_words. The host clears the
// slots, then may cut a shard along x into several dispatches and batch consecutive shards along y: integer sums do
// not show it.

override wg: u32 = 64u;

struct Dispatch {
  first_invocation: u32,
  end_invocation: u32,
  first_shard: u32,
  slot_words: u32,
}
