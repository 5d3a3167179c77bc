import { describe, expect, it } from 'vitest'
import { peerEnvironment, rateIn, runPeer } from './peer-process.ts'

describe('a peer', () => {
  it('runs on one thread, on the BLAS kernels that the machine would choose', () => {
    const env = peerEnvironment({
      NODE_ENV: 'test',
      PATH: '/bin',
      OPENBLAS_CORETYPE: 'Prescott',
      OPENBLAS_L2_SIZE: '1',
    })
    expect(env).toEqual({
      NODE_ENV: 'test',
      PATH: '/bin',
      OPENBLAS_NUM_THREADS: '1',
      OMP_NUM_THREADS: '1',
      MKL_NUM_THREADS: '1',
    })
  })

  it('gives what it prints', async () => {
    expect(rateIn(await runPeer(process.execPath, ['-e', 'console.log(12.5)']))).toBe(12.5)
  })

  it('that fails is an error with its last words', async () => {
    await expect(
      runPeer(process.execPath, ['-e', 'console.error("no luck"); process.exit(3)']),
    ).rejects.toThrow(/3: no luck/)
    await expect(runPeer('/no/such/program', [])).rejects.toThrow(/ENOENT/)
  })
})

describe('a printed rate', () => {
  it('is found by its line', () => {
    const text =
      'ort-web wasm 1 thread MatMul 512 10.1 ms 26.6 G/s\nort-web wasm 1 thread MatMul 1024 87.0 ms 24.7 G/s\n'
    expect(rateIn(text, /MatMul 1024 [0-9.]+ ms ([0-9.]+) G\/s/)).toBe(24.7)
  })

  it.each(['', 'fast', '0', 'NaN'])('is not made up from %j', (text) => {
    expect(() => rateIn(text)).toThrow(/no rate/)
  })
})
