import { expect, it } from 'vitest'
import { Turnstile } from './turnstile.ts'

it('lets in so many at once, in order, and turns away whom it has no room for', async () => {
  const turnstile = new Turnstile(2, 2)
  const leave: (() => void)[] = []
  const entered: number[] = []
  const enter = (who: number) =>
    turnstile.pass(async () => {
      entered.push(who)
      await new Promise<void>((resolve) => leave.push(resolve))
    })
  const visits = [enter(1), enter(2), enter(3), enter(4)]
  await expect(enter(5)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  expect(entered).toEqual([1, 2])
  for (let nth = 0; nth < visits.length; nth++) {
    leave[nth]?.()
    await visits[nth]
  }
  expect(entered).toEqual([1, 2, 3, 4])
  await expect(turnstile.pass(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await turnstile.pass(async () => 'in')).toBe('in')
})
