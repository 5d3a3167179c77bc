/**
 * Lets the event loop serve what is waiting, then goes on. Timers are no use for it: browsers clamp nested ones to
 * 4 ms and background ones to a second. Node has setImmediate; elsewhere a message to oneself is a task of its own.
 */
export const nextTurn: () => Promise<void> = makeNextTurn()

function makeNextTurn(): () => Promise<void> {
  if (typeof globalThis.setImmediate === 'function')
    return () => new Promise((resolve) => setImmediate(resolve))
  const { port1, port2 } = new MessageChannel()
  const waiting: (() => void)[] = []
  port1.onmessage = () => waiting.shift()?.()
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve)
      port2.postMessage(null)
    })
}
