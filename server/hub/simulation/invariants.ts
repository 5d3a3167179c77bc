import { openEnd } from '../core/looks.ts'
import { fits, kindOf } from '../core/offers.ts'
import { type HubChunk, type HubJob, type HubState, isAccepted, type Offer, type Run } from '../core/state.ts'
import { hasWork } from '../core/turns.ts'
import { excludesSubmitter } from '../core/verify-policy.ts'

/** The rules at the head of step.ts, and that every index and counter says what is there. */
export function checkState(state: HubState, fail: (message: string) => never): void {
  for (const job of state.jobs.values()) checkJob(state, job, fail)
  for (const lease of state.leases.values()) {
    if (state.sessions.get(lease.session.id) !== lease.session || !lease.session.held.has(lease))
      fail(`lease ${lease.id} of no session`)
    if (state.jobs.get(lease.job.id) !== lease.job) fail(`lease ${lease.id} of no job`)
    if ((lease.canary === undefined) === (lease.runs.size === 0)) fail(`lease ${lease.id} of no run`)
    if (lease.job.canaries.has(lease) !== (lease.canary !== undefined)) fail(`canary ${lease.id} of no job`)
    if (!fits(lease.job, lease.session.offer)) fail(`lease ${lease.id} does not fit its agent`)
    if (lease.timer?.list === undefined) fail(`lease ${lease.id} without a deadline`)
    for (const run of lease.runs)
      if (!run.copies.some((copy) => copy.lease_id === lease.id && copy.digests === undefined))
        fail(`run ${run.first} does not know lease ${lease.id}`)
  }
  let granted_ms = 0
  for (const lease of state.promised) {
    if (state.leases.get(lease.id) !== lease) fail(`${lease.job.id} counts a lease that is over`)
    if (lease.granted_ms < granted_ms) fail(`lease ${lease.id} is older than one that was promised before it`)
    granted_ms = lease.granted_ms
  }
  checkFleet(state, fail)
}

function checkFleet(state: HubState, fail: (message: string) => never): void {
  const seen = new Map<Offer, { sessions: number; connected: number; listening: number }>()
  for (const session of state.sessions.values()) {
    if (state.blocked.has(session.agent.id)) fail(`session ${session.id} of a blocked agent`)
    const { offer } = session
    if (state.offers.get(offer.key) !== offer || offer.kind !== kindOf(session.executor))
      fail(`${session.id} makes no offer`)
    const count = seen.get(offer) ?? { sessions: 0, connected: 0, listening: 0 }
    seen.set(offer, count)
    count.sessions++
    count.connected++
    if (session.listening) count.listening++
    for (const lease of session.held)
      if (!state.leases.has(lease.id)) fail(`${session.id} holds no ${lease.id}`)
    if (session.held.size > session.window) fail(`${session.id} holds more than its window`)
    const isSeated = session.list !== undefined
    if (isSeated !== (session.listening && session.held.size < session.window))
      fail(`${session.id} is ${isSeated ? '' : 'not '}offered work`)
  }
  for (const offer of state.offers.values()) {
    const count = seen.get(offer)
    if (
      offer.sessions !== count?.sessions ||
      offer.count.connected !== count.connected ||
      offer.count.listening !== count.listening
    )
      fail(`the count of agents that offer ${offer.key}`)
  }
  checkTurns(state, fail)
}

/** A job that has work stands in its lane, a paused one in none; accounts and lanes count their jobs. */
function checkTurns(state: HubState, fail: (message: string) => never): void {
  const jobs = new Map<unknown, number>()
  for (const job of state.jobs.values()) {
    const account = state.accounts.get(job.owner) ?? fail(`${job.id} has no owner's account`)
    if (state.lanes.get(job.lane.key) !== job.lane) fail(`${job.id} stands in no lane`)
    for (const one of [account, job.lane]) jobs.set(one, (jobs.get(one) ?? 0) + 1)
    const share = account.shares.get(job.lane.key)
    const isQueued = share?.jobs.has(job) === true
    if (job.isPaused ? isQueued : hasWork(job) && !isQueued)
      fail(`${job.id} is ${isQueued ? '' : 'not '}in turn`)
    if (isQueued && share !== undefined && !job.lane.turns.has(share)) fail(`${job.owner} is not in turn`)
  }
  for (const one of [...state.accounts.values(), ...state.lanes.values()])
    if (one.jobs !== jobs.get(one)) fail('a count of jobs')
}

function checkJob(state: HubState, job: HubJob, fail: (message: string) => never): void {
  const sums = { fresh: 0, touched: 0, missing: 0, waiting: 0, bytes: 0, unstored: 0 }
  for (const range of job.fresh.all) if (range.chunk.isOwned) sums.fresh += range.count
  for (const chunk of job.chunks.values()) {
    checkChunk(job, chunk, fail)
    sums.unstored += chunk.accepted_count - chunk.durable_count
    for (const run of chunk.runs) {
      checkRun(state, job, run, fail)
      sums.touched += run.count
      sums.missing += run.queued?.missing ?? 0
      sums.waiting += run.queued === undefined ? 0 : run.count
      if (run.copies.some(({ leaves }) => leaves !== undefined)) sums.bytes += run.count * job.leaf_max_bytes
    }
  }
  if (job.stopped_at === undefined && sums.fresh !== job.fresh_count)
    fail(`${job.id} counts fresh shards wrongly`)
  if (sums.touched !== job.touched_count) fail(`${job.id} counts touched shards wrongly`)
  if (sums.missing !== job.missing_copies) fail(`${job.id} counts missing copies wrongly`)
  if (sums.waiting !== job.waiting_shards[1] + job.waiting_shards[2] + job.waiting_shards[3])
    fail(`${job.id} counts waiting shards wrongly`)
  if (sums.unstored !== job.unstored_count) fail(`${job.id} counts shards that are not durable wrongly`)
  if (sums.bytes !== job.pending_bytes) fail(`${job.id} counts pending bytes wrongly`)
  let promised = 0
  for (const lease of state.promised) if (lease.job === job) promised += lease.count
  if (promised !== job.promised_count) fail(`${job.id} counts promised shards wrongly`)
  let leases = 0
  for (const count of job.workers.values()) leases += count
  if (leases !== job.leases) fail(`${job.id} counts leases wrongly`)
  if (job.workers.size > job.max_agents) fail(`${job.id} has more agents than it may`)
}

/** Each shard of an owned chunk is fresh, in exactly one run, or accepted. */
function checkChunk(job: HubJob, chunk: HubChunk, fail: (message: string) => never): void {
  const seen = new Uint8Array(chunk.count)
  const mark = (first: number, count: number): void => {
    if (first < chunk.first || first + count > chunk.first + chunk.count || count < 1)
      fail(`${count} shards from ${first} are outside chunk ${chunk.number}`)
    for (let at = first - chunk.first; at < first - chunk.first + count; at++) {
      if (seen[at] !== 0) fail(`shard ${chunk.first + at} stands in two places`)
      seen[at] = 1
    }
  }
  for (const range of job.fresh.all) if (range.chunk === chunk) mark(range.first, range.count)
  for (const run of chunk.runs) mark(run.first, run.count)
  let accepted = 0
  for (let at = 0; at < chunk.count; at++) {
    const isClosed = isAccepted(chunk, at)
    if (isClosed) accepted++
    if (isClosed === (seen[at] === 1))
      fail(`shard ${chunk.first + at} is ${isClosed ? 'accepted and open' : 'lost'}`)
  }
  if (accepted !== chunk.accepted_count) fail(`chunk ${chunk.number} counts accepted shards wrongly`)
  if (chunk.durable_count > chunk.accepted_count)
    fail(`chunk ${chunk.number} has more durable than accepted shards`)
}

function checkRun(state: HubState, job: HubJob, run: Run, fail: (message: string) => never): void {
  const where = `run ${run.first} of ${job.id}`
  const owners = new Set(run.copies.map((copy) => copy.owner))
  if (run.copies.length === 0 && run.stage !== 'refereed') fail(`${where} has no copy`)
  if (owners.size !== run.copies.length) fail(`${where} has two copies of one owner`)
  const networks = run.copies.flatMap(({ network }) => network ?? [])
  if (new Set(networks).size !== networks.length) fail(`${where} has two copies from one network`)
  if (excludesSubmitter(job.verify) && owners.has(job.owner))
    fail(`${where} has a copy of the submitter's own agent`)
  if (run.copies.length > run.wanted + 1) fail(`${where} has more copies than are needed`)
  const end = run.first + run.count
  if (job.look_ends.some((look) => run.first < look && look < end)) fail(`${where} crosses a look`)
  let returned = 0
  for (const copy of run.copies) {
    if (state.blocked.has(copy.agent)) fail(`${where} has a copy of a blocked agent`)
    if (copy.digests !== undefined) returned++
    else if (state.leases.get(copy.lease_id)?.runs.has(run) !== true) fail(`${where} has a copy of no lease`)
    else if (end > openEnd(job)) fail(`${where} is beyond what is open`)
    if (copy.digests !== undefined && copy.digests.length !== 32 * run.count)
      fail(`${where} has not its digests`)
    if (state.agents.get(copy.agent)?.runs.has(run) !== true) fail(`${where} is not known by its agent`)
  }
  if (run.stage === 'closed') fail(`${where} is closed and there`)
  if (run.stage === 'open') {
    if (returned >= run.wanted) fail(`${where} has all its copies and is open`)
    if (returned > 0 && run.timer?.list === undefined) fail(`${where} is looked after by nobody`)
    if (run.list === undefined) fail(`${where} stands in no queue`)
  }
}
