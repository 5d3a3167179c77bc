import { describe, expect, it } from 'vitest'
import { Governor } from './governor.ts'
import { ReportedSensors, type SensorReading, UNDISTURBED } from './sensors.ts'

const reading = (change: Partial<SensorReading>): SensorReading => ({ ...UNDISTURBED, ...change })

describe('the governor', () => {
  it.each<[string, SensorReading, string | true]>([
    ['on mains power', reading({ battery: { charging: true, level: 0.1 } }), true],
    ['on a full battery', reading({ battery: { charging: false, level: 0.9 } }), true],
    ['in the background', reading({ visible: false }), true],
    ['on a low battery', reading({ battery: { charging: false, level: 0.314 } }), 'battery is at 31 %'],
    ['without a network', reading({ online: false }), 'no network'],
  ])('%s', (_, sensed, expected) => {
    const { verdict } = new Governor(new ReportedSensors(sensed), 4)
    if (expected === true) expect(verdict).toEqual({ go: true })
    else expect(verdict).toMatchObject({ go: false, reason: expect.stringContaining(expected) })
  })

  it('rests in the background only when the owner says so', () => {
    const sensors = new ReportedSensors(reading({ visible: false }))
    const governor = new Governor(sensors, 4)
    governor.configure({ pause_when_hidden: true })
    expect(governor.verdict).toMatchObject({ go: false, state: 'paused' })
    sensors.report(UNDISTURBED)
    expect(governor.verdict.go).toBe(true)
  })

  it('puts the owner above the sensors, and tells of each change once', () => {
    const sensors = new ReportedSensors()
    const governor = new Governor(sensors, 4)
    const heard: unknown[] = []
    governor.watch(() => heard.push(governor.verdict.go))
    governor.pause()
    governor.pause()
    sensors.report(reading({ online: false }))
    expect(governor.verdict).toMatchObject({ state: 'paused', reason: 'You paused it.' })
    governor.resume()
    expect(governor.verdict).toMatchObject({ state: 'offline' })
    sensors.report(UNDISTURBED)
    sensors.report(UNDISTURBED)
    expect(heard).toEqual([false, false, true])
  })

  it('keeps the intensity within its range', () => {
    const governor = new Governor(new ReportedSensors(), 4)
    governor.configure({ intensity: 0 })
    expect(governor.intensity).toBe(0.05)
    governor.configure({ intensity: 7 })
    expect(governor.intensity).toBe(1)
  })

  it.each([
    [1, 1, 1],
    [2, 1, 2],
    [16, 8, 16],
    [400, 32, 64],
  ])('on %d cores: %d threads unless the owner says otherwise, at most %d', (cores, usual, most) => {
    const governor = new Governor(new ReportedSensors(), cores)
    expect(governor.threads).toBe(usual)
    governor.configure({ threads: 1000 })
    expect(governor.threads).toBe(most)
    governor.configure({ threads: 0 })
    expect(governor.threads).toBe(1)
  })
})
