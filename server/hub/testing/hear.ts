import type { HubMessage } from '../../../kernel/protocol.ts'
import type { Hub } from '../hub.ts'

/** What the hub says to an agent, until it ends or `signal` aborts. */
export async function* hear(hub: Hub, session: string, signal: AbortSignal): AsyncGenerator<HubMessage> {
  const heard: HubMessage[] = []
  let isOver = false
  let wake = () => {}
  const stop = hub.listen(
    { session },
    {
      message(_id, message) {
        heard.push(message)
        wake()
      },
      ended() {
        isOver = true
        wake()
      },
    },
  )
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      const message = heard.shift()
      if (message !== undefined) yield message
      else if (isOver) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    stop()
  }
}
