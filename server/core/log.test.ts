import { expect, it } from 'vitest'
import { createLog } from './log.ts'

it('writes one JSON line an event, down to its level, errors with their cause', () => {
  const lines: string[] = []
  const log = createLog('info', (line) => lines.push(line))
  log.debug('hidden')
  log.info('shown', { n: 1n, text: 'two\nlines' })
  log.error('failed', { error: new Error('outer', { cause: new TypeError('inner') }) })
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(line).not.toContain('\n')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    event: 'shown',
    n: '1',
    text: 'two\nlines',
  })
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({
    error: { message: 'outer', cause: { name: 'TypeError', message: 'inner' } },
  })
  createLog('silent', () => expect.unreachable()).error('never')
})
