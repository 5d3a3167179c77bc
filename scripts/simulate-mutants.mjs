// Bugs that the simulation must find: each is planted alone, by replacing pieces of source.

/**
 * @typedef {{file: string, find: string, replace: string}} Edit
 * @typedef {{name: string, edits: readonly Edit[]}} Mutant
 */

const core = (/** @type {string} */ file) => `server/hub/core/${file}.ts`

/** @type {readonly Mutant[]} */
export const MUTANTS = [
  {
    name: 'fencing: the store takes what an earlier owner of a chunk commits',
    edits: [
      {
        file: 'server/hub/simulation/store.ts',
        find: 'stored.chunks[persist.chunk]?.epoch === persist.epoch && stored.end === undefined',
        replace: 'stored.end === undefined',
      },
    ],
  },
  {
    name: 'double accept: shards that are durable already are offered again',
    edits: [
      {
        file: core('chunks'),
        find: 'for (const [first, count] of [...claimed.accepted, [end, 0] as const]) {',
        replace: 'for (const [first, count] of [[end, 0] as const]) {',
      },
    ],
  },
  {
    name: 'lost chunk: a chunk is done when its shards are accepted, durable or not',
    edits: [
      {
        file: core('verdict'),
        find: '  markAccepted(chunk, run.first, run.count)\n',
        replace:
          "  markAccepted(chunk, run.first, run.count)\n  if (chunk.accepted_count === chunk.count)\n    turn.effects.push({ t: 'chunk.done', job_id: chunk.job.id, chunk: chunk.number, epoch: chunk.epoch })\n",
      },
    ],
  },
  {
    name: 'copied digest: an owner confirms himself',
    edits: [
      {
        file: core('voices'),
        find: 'return !taken.includes(owner) && (network',
        replace: 'return (network',
      },
    ],
  },
  {
    name: "the submitter's own agents count",
    edits: [
      {
        file: core('schedule'),
        find: '!(excludesSubmitter(job.verify) && session.owner === job.owner) &&',
        replace: '',
      },
    ],
  },
  {
    name: 'agreement is looked at for the first shard of a run only',
    edits: [
      {
        file: core('verdict'),
        find: 'equalShards(first, copy, 0, count)',
        replace: 'equalShards(first, copy, 0, 1)',
      },
    ],
  },
  {
    name: 'a lease that is taken back leaves its promise behind',
    edits: [
      {
        file: core('leases'),
        find: 'for (const run of [...lease.runs]) dropCopies(turn.state, run, (copy) => copy.lease_id === lease.id)',
        replace: '',
      },
    ],
  },
  {
    name: 'a quorum is one copy short',
    edits: [
      {
        file: core('verify-policy'),
        find: "if (verify.mode === 'quorum') return verify.k\n",
        replace: "if (verify.mode === 'quorum') return verify.k - 1\n",
      },
      {
        file: 'kernel/verification/policy.ts',
        find: 'agreeing.length < verify.k ?',
        replace: 'agreeing.length < verify.k - 1 ?',
      },
    ],
  },
  {
    name: 'the result of a lease of somebody else is taken',
    edits: [
      {
        file: core('verdict'),
        find: 'if (lease === undefined || lease.session.id !== event.session) {',
        replace: 'if (lease === undefined) {',
      },
    ],
  },
  {
    name: "a copy that the referee contradicts stays its agent's",
    edits: [
      {
        file: core('refereeing'),
        find: 'const agreeing = copies.filter((copy) => says(copy, offset, digests, offset) === true)',
        replace:
          'const agreeing = copies.filter((copy) => says(copy, offset, digests, offset) !== undefined)',
      },
    ],
  },
  {
    name: 'a lease crosses a look',
    edits: [
      {
        file: core('looks'),
        find: 'const look = job.look_ends.find((end) => end > first) ?? job.shard_count',
        replace: 'const look = job.shard_count',
      },
    ],
  },
  {
    name: 'a wrong agent keeps its unaccepted copies',
    edits: [
      {
        file: core('blocking'),
        find: 'dropCopies(state, run, (copy) => copy.agent === id)',
        replace: 'dropCopies(state, run, () => false)',
      },
    ],
  },
  {
    name: 'a second copy that nobody gives is waited for without end',
    edits: [
      {
        file: core('refereeing'),
        find: 'const isStranded = isOverdue || (!isPromised && !someoneMay(state, job, run))',
        replace: 'const isStranded = false',
      },
    ],
  },
  {
    name: "a canary's answer is accepted",
    edits: [
      {
        file: core('canaries'),
        find: '    runs: [],\n',
        replace:
          "    runs: [{ first, count, method: 'single', digests: event.digests, leaves: event.leaves, copies: [{ agent: agent.id, owner, executor }] }],\n",
      },
    ],
  },
  {
    name: 'a wrong canary is passed',
    edits: [
      {
        file: core('canaries'),
        find: 'return !bytesEqual(event.digests.subarray(32 * offset, 32 * offset + 32), expected)',
        replace: 'return offset < 0 && !bytesEqual(event.digests, expected)',
      },
    ],
  },
  {
    name: 'a canary outlives its job',
    edits: [
      {
        file: core('leases'),
        find: 'for (const lease of [...job.canaries]) {',
        replace: 'for (const lease of [...job.canaries].slice(1)) {',
      },
    ],
  },
  {
    name: 'a paused job is leased',
    edits: [
      { file: core('turns'), find: '  if (job.isPaused) return false\n', replace: '' },
      { file: core('turns'), find: '|| job.isPaused || account', replace: '|| account' },
      {
        file: core('jobs'),
        find: '  job.isPaused = true\n  withdrawJob(turn.state, job)\n',
        replace: '  job.isPaused = true\n',
      },
    ],
  },
  {
    name: 'a resumed job is forgotten',
    edits: [
      {
        file: core('jobs'),
        find: '  if (!hasWork(job)) return\n  offerJob(state, job)\n',
        replace: '  if (!hasWork(job)) return\n',
      },
    ],
  },
  {
    name: 'the causes that a contributor chose are ignored',
    edits: [
      {
        file: core('offers'),
        find: '(offer.causes === undefined || offer.causes.has(cause))',
        replace: '(offer.causes === undefined || cause !== undefined)',
      },
    ],
  },
  {
    name: 'what an agent can hold is not looked at',
    edits: [
      {
        file: core('offers'),
        find: 'offer.memory_log2 >= memory_log2 &&',
        replace: 'offer.memory_log2 >= 0 * memory_log2 &&',
      },
    ],
  },
  {
    name: 'what a wrong agent did alone is not done again',
    // Neither soon after the agent is found wrong, nor when the finisher has found what rests on its word.
    edits: [{ file: core('step'), find: '      doubt(turn, event.job_id, event.spans)\n', replace: '' }],
  },
  {
    name: 'a network confirms itself',
    edits: [
      {
        file: core('voices'),
        find: 'return !taken.includes(owner) && (network === undefined || !taken.includes(network))',
        replace: 'return !taken.includes(owner)',
      },
    ],
  },
  {
    name: 'a leaf over the limit of its op is taken',
    edits: [
      {
        file: 'server/hub/result-shape.ts',
        find: 'if (bytes > leaf.max_bytes)',
        replace: 'if (bytes > 1e6 * leaf.max_bytes)',
      },
    ],
  },
  {
    name: 'a result of more shards than its lease has is taken',
    edits: [
      {
        file: 'server/hub/result-shape.ts',
        find: 'if (digests.length !== 32 * count)',
        replace: 'if (digests.length < 32 * count)',
      },
      {
        file: 'server/hub/result-shape.ts',
        find: 'if (leaves.length !== count)',
        replace: 'if (leaves.length < count)',
      },
    ],
  },
  {
    name: 'leaves are not held against their digests',
    edits: [
      {
        file: 'server/hub/result-shape.ts',
        find: 'if (digests[at] !== found[at]) return',
        replace: 'if (at < 0 && digests[at] !== found[at]) return',
      },
    ],
  },
  {
    name: 'the finisher does not look up what other hubs, or dead ones, have found',
    edits: [
      {
        file: 'server/hub/doubtful-shards.ts',
        find: '    doubted.set(wordKey(incident), incident)\n',
        replace: '',
      },
    ],
  },
  {
    name: 'the finisher looks into the first findings only',
    edits: [
      {
        file: 'server/hub/doubtful-shards.ts',
        find: 'if (examined.has(incident.id)) continue',
        replace: 'if (examined.size > 0) continue',
      },
    ],
  },
  {
    name: 'of a doubtful run only the first shard is executed again',
    edits: [
      {
        file: 'server/hub/doubtful-shards.ts',
        find: 'shard < first + count; shard++',
        replace: 'shard < first + Math.min(1, count); shard++',
      },
    ],
  },
  {
    name: 'a settlement does not check what it rests on',
    edits: [
      {
        file: 'server/hub/simulation/store.ts',
        find: 'now.corrections !== basis.corrections || now.incidents.length !== basis.incidents.length',
        replace: 'now.corrections < 0',
      },
    ],
  },
  {
    name: 'an audit is not waited for',
    edits: [
      {
        file: core('verdict'),
        find: '      run.sample = need.sample\n',
        replace: '      run.sample = need.sample.slice(0, 1)\n',
      },
    ],
  },
  {
    name: 'an audited run that loses an agent is looked after by nobody',
    edits: [
      {
        file: core('runs'),
        find: "if (run.stage === 'open' && run.timer === undefined && run.returned_ms !== undefined)\n    armTimer(state, run, run.returned_ms + HUB.second_owner_wait_ms)\n",
        replace: '',
      },
    ],
  },
  {
    name: 'fresh shards are leased however much waits for storage',
    edits: [
      {
        file: core('back-pressure'),
        find: 'return job.pending_bytes > HUB.pending_bytes || room(state, job) < 0',
        replace: 'return job.pending_bytes > HUB.pending_bytes',
      },
    ],
  },
  {
    name: 'a lease that is over counts as promised',
    edits: [{ file: core('leases'), find: '  forgetPromise(lease)\n', replace: '' }],
  },
  {
    name: 'a lease that is overdue counts as promised',
    edits: [{ file: core('step'), find: '      forgetOverdue(turn.state)\n', replace: '' }],
  },
  {
    name: 'a job that leases held back which nobody answers is not taken up again',
    edits: [
      {
        file: core('schedule'),
        find: 'const full = isFull(state, job)',
        replace: 'const full = job.isHeldBack || isFull(state, job)',
      },
      { file: core('back-pressure'), find: '    takeUp(state, lease.job)\n', replace: '' },
    ],
  },
]
