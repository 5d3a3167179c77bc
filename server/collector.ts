import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/** On so few cores a second thread that marks takes its time from the one that answers agents. */
const FEW_CORES = 4

/**
 * Full collections are what agents wait for longest, and most of them are of V8's own making. To be called first of all.
 *
 * - After a rush V8 takes sites whose objects outlived it for sites of long-lived ones, and places in the old generation from
 *   then on what dies within milliseconds, and with it whatever that points to, such as the bytes of results.
 * - A server's heap is mostly its own code. A collection at twice its size, as V8 would have it, comes every two seconds and
 *   frees little; at three times its size it comes seldom.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring')
  setFlagsFromString('--heap-growing-percent=200')
  if (availableParallelism() <= FEW_CORES) setFlagsFromString('--concurrent-marking-max-worker-num=1')
}
