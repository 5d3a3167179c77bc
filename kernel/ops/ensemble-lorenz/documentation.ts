import { documentationFor } from '../documentation.ts'
import { lorenzSpec } from './index.ts'

export const documentation = documentationFor(lorenzSpec, {
  invariants: [
    'A shard has exactly its runs, also at each of the 24 times shown, where the sum fits its bins.',
    'Sums and sums of squares obey Cauchy-Schwarz; the last states lie within their format.',
  ],
  accuracy:
    'States are Q24 and steps fourth-order Runge-Kutta. A chaotic trajectory is that of the rounded system: the claims are the ' +
    'statistics of the ensemble and the equality of every byte, not the state of the weather.',
  oracle: {
    statement:
      'At rho = 10 the motion is not chaotic yet: it ends in the fixed point x = y = √(beta (rho − 1)), z = rho − 1, wherever it ' +
      'began nearby.',
    source: 'Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20 (1963).',
    args: {
      rho: 10,
      x: 5,
      y: 5,
      z: 9,
      initial_error: 0.1,
      time_step: 0.01,
      steps: 4096,
      coordinate: 'z',
      runs: 1024,
    },
    check: ({ last }) => [
      { name: 'z', actual: last.z, expected: 9, tolerance: 1e-4 },
      { name: 'x', actual: last.x, expected: Math.sqrt((8 / 3) * 9), tolerance: 1e-4 },
      { name: 'y', actual: last.y, expected: Math.sqrt((8 / 3) * 9), tolerance: 1e-4 },
    ],
  },
})
